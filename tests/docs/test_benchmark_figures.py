"""The figures in README are those that the benchmarks stored, losses among them."""

from __future__ import annotations

import json
import re
from typing import Any

from repository import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "0.1.0"
CALLS = "80 bare calls of the model"


def stored(benchmark: str) -> list[dict[str, Any]]:
    """The figures of a benchmark."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{benchmark}--x86_64--cpu.json").read_text(encoding="utf-8"))["figures"]
    return found


def figures(benchmark: str, *words: str, against: str = "", field: str = "ratio") -> list[float]:
    """That field of the stored figures whose text holds all words."""
    chosen = [each for each in stored(benchmark) if all(word in each["what"] for word in words) and against in each["against"]]
    assert chosen, (benchmark, words)
    return [each["seconds"] / each["their_seconds"] if field == "seconds" else each[field] for each in chosen]


def row(what: str, against: str, ratios: list[float]) -> str:
    """A line of the table, in italics where ours is the larger at one end at least."""
    low, high = f"{min(ratios):.2f}", f"{max(ratios):.2f}"
    said = low if low == high else f"{low} to {high}"
    return f"| {what} | {against} | {said} |"


def loss(what: str, against: str, ratios: list[float]) -> str:
    """A line of ours that the other wins."""
    assert max(ratios) > 1
    what, against, said = row(what, against, ratios).strip("| ").split(" | ")
    return f"| *{what}* | {against} | *{said}* |"


def expected() -> list[str]:
    """Every line of README's table."""
    strength, taken = figures("strength"), figures("strength", field="seconds")
    weaker = [ratio for ratio in strength if ratio > 1.005]
    slower = [ratio for ratio in taken if ratio > 1]
    alone = [each["ratio"] for each in stored("corruptions") if each["what"] != "the 15 in total"]
    by, aa = "peers_gradient_ascent", "AutoAttack standard"
    networks, images, missed, _ = re.findall(r"\d+", stored("economy")[0]["what"])
    return [
        row(f"`cascade`'s economy, in the sum over {networks} networks: forwards", aa, figures("economy", "forwards")),
        row("the same: backwards", aa, figures("economy", "backwards")),
        row(f"the same: CPU time; {missed} of {images} images missed", aa, figures("economy", "CPU time")),
        loss("the economy's time, with its small batches", "its own passes in full batches", figures("cascade")),
        loss("gradient ascent in the l2 ball, on 256 and on 8 images", "its own passes", figures("euclidean", "gradient ascent, l2")),
        loss("`square` under linf and l2, on 256 images", "its own passes", figures("euclidean", "square")),
        row(
            "forward and gradient of a faster copy of ResNet-20 (bfloat16, float32)", "ResNet-20", figures("fast_copy", against="ResNet-20")
        ),
        row("the economy on such copies", "the economy on ResNet-20", figures("fast_copy", "cascade", against="cascade")),
        row("forward and gradient of a copy of two convolutions", "the network", figures("fast_copy", against="two convolutions")),
        loss("40 steps of gradient ascent, nothing dropped", CALLS, figures(by, "shiftproof, contiguous")),
        row("the same by default: broken examples are dropped", CALLS, figures(by, "dropping broken")),
        *(
            row(f"the same by {name}, nothing dropped", CALLS, figures(by, f": {key} "))
            for name, key in (
                ("torchattacks", "torchattacks"),
                ("adversarial-library", "adversarial-library"),
                ("Foolbox", "foolbox"),
                ("ART", "adversarial-robustness-toolbox"),
                ("secml-torch", "secml-torch"),
            )
        ),
        row(
            f"accuracy or least move that {len(strength)} searches leave, at equal passes", "the reference implementation of each", strength
        ),
        loss(f"of these, the {len(weaker)} that are weaker by more than 0.5 %", "the reference implementation of each", weaker),
        loss(f"CPU time of the {len(slower)} searches that are slower", "the reference implementation of each", slower),
        loss("training by PGD with `shiftproof.train`", "the same recipe in plain torch", figures("training_step", "shiftproof.train's")),
        row("the same by ART's trainer", "the same recipe in plain torch", figures("training_step", "Trainer")),
        row("the 15 corruptions of ImageNet-C together", "imagecorruptions", figures("corruptions", "the 15 in total")),
        row(f"each of {len(alone)} corruptions by itself", "imagecorruptions", alone),
        loss("robust linear estimators", "torch L-BFGS", figures("robust_estimators", against="torch L-BFGS")),
        loss("a CVaR fit of theirs", "scikit-learn's plain logistic regression", figures("plain_fit")),
        loss("one of them from a memory map", "all in memory", figures("robust_estimators", "from a memory map")),
        loss("whole audits of small grey images: `quick` on 16 and on 2,000", "`import torch`", figures("audits", "quick")),
        loss("`standard` on 50", "`import torch`", figures("audits", "standard")),
        loss("`import shiftproof`", "`python -c pass`", figures("start_up", "import")),
    ]


def table() -> list[str]:
    """The lines of README's table of figures."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## Figures")[1].split("\n## ")[0]
    return [line for line in text.splitlines() if line.startswith("| ")][1:]


def test_readme_has_every_figure_and_no_other() -> None:
    assert table() == expected()


def test_losses_are_shown() -> None:
    assert sum(line.startswith("| *") for line in table()) >= 6
