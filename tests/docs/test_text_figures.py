"""The figures of speed in the guide of texts are those that the benchmarks stored, losses among them."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

from repository import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "0.1.0"
GUIDE = " ".join((ROOT / "docs" / "guide" / "text-classifiers.md").read_text(encoding="utf-8").split())


def stored(name: str) -> list[dict[str, Any]]:
    """The figures of a benchmark."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["figures"]
    return found


def test_searches_beside_textattack() -> None:
    words = stored("text_attacks_tfidf")
    ours, theirs = ([str(sum(run["broken"] for run in each[side])) for each in words] for side in ("ours", "textattack"))
    attacks = sum(run["right"] for run in words[0]["ours"])
    assert f"{attacks} attacks each {ours[0]}, {ours[1]} and {ours[2]} at 25, 50 and 100 questions" in GUIDE
    assert f"against {theirs[0]}, {theirs[1]} and {theirs[2]})" in GUIDE
    assert {round(each["times_textattack"]) for each in words} == {11}
    assert "11 times as many questions per CPU-second" in GUIDE
    bare = [each["of_bare"] for each in words]
    assert f"{min(bare):.2f} to {max(bare):.2f} of the bare model's rate" in GUIDE
    most = [median(each["bare_per_second"]) / median(run["per_second"] for run in each["textattack"]) for each in words]
    assert f"answers {min(most):.0f} to {max(most):.0f} times" in GUIDE


def test_the_loss_on_a_transformer_is_stated() -> None:
    (one,) = stored("text_attacks_minilm")
    ours, theirs = one["ours"][0], one["textattack"][0]
    assert f"ours takes {1 / one['of_bare']:.2f} times as long as the bare model" in GUIDE
    assert "*TextAttack is faster*" in GUIDE
    assert f"{theirs['per_second']:.0f} questions per CPU-second against {ours['per_second']:.0f}" in GUIDE
    assert f"for {theirs['broken']} broken of {ours['right']} against {ours['broken']}" in GUIDE


def test_edits_beside_nlpaug() -> None:
    ratios = [f"{each['ratio']:.1f}" for each in stored("text_edits")]
    for at, what in enumerate(("keyboard slips", "errors of character recognition", "swapped letters")):
        one, four, ten = ratios[3 * at : 3 * at + 3]
        assert f"{what} {one}, {four} and {ten}" in GUIDE
