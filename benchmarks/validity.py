"""Figures of confidence by us and by other libraries on planted truth, in one run: who breaks a promise, how often, and at what price.

Others live in an environment of their own, with the same torch:

    python -m venv .venv-peers
    .venv-peers/bin/pip install -c constraints.txt .
    .venv-peers/bin/pip install --no-deps mapie==1.6.0 crepes==0.9.1 torchmetrics==1.9.0 lightning-utilities
    .venv-peers/bin/pip install --no-deps pytorch-ood==0.4.0 netcal==1.4.0
    .venv-peers/bin/python -m benchmarks.validity [RUNS]

One that is not installed is listed as missing. RUNS (300) plants per figure, 6.7 times as many of thresholds. A promise counts as broken
where a binomial test of its violations, or a z-test of its mean coverage, has p below 1e-5.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm

import shiftproof
from benchmarks import validity_peers as peers
from benchmarks.__main__ import RESULTS
from benchmarks.timing import Figure, not_measured, ratio
from shiftproof.confidence.calibration_gap import calibration_gap, worst_group
from shiftproof.confidence.conformal import split_sets
from shiftproof.confidence.selective import certified_threshold
from shiftproof.confidence.separation import separation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Row = dict[str, float | str | int | bool | None]
BROKEN = 1e-5
OURS: dict[str, peers.Sets] = {
    "shiftproof lac": lambda p, y, q, level: split_sets(p, y, q, level=level, score="lac").sets,
    "shiftproof aps": lambda p, y, q, level: split_sets(p, y, q, level=level, score="aps").sets,
    "shiftproof raps": lambda p, y, q, level: split_sets(p, y, q, level=level, score="raps").sets,
}


def planted(rng: np.random.Generator, n: int, ties: str, classes: int = 5) -> tuple[Floats, Ints]:
    """What a model that is right most of the time says, perhaps with one-hot answers, as a decision tree gives them."""
    y = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), y] += 1.5
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return (np.eye(classes)[p.argmax(1)] if ties == "one_hot" else p), y


def covered(means: list[float], level: float) -> Row:
    """Mean coverage over runs, and whether it lies below the level beyond chance."""
    mean = float(np.mean(means))
    error = float(np.std(means)) / math.sqrt(len(means))
    chance = float(norm.cdf((mean - level) / error)) if error else float(mean >= level)
    return {"promise": level, "found": mean, "error": error, "broken": chance < BROKEN}


def sets(runs: int) -> list[Row]:
    """Coverage and size of prediction sets by size of the calibration sample and ties."""
    rows: list[Row] = []
    for n in (5, 20, 100):
        for ties in ("none", "one_hot"):
            rng = np.random.default_rng(n)
            draws = [(planted(rng, n, ties), planted(rng, 200, ties)) for _ in range(runs)]
            for name, make in {**OURS, **peers.sets()}.items():
                rows.append({"what": f"sets, n = {n}, ties {ties}", "who": name, **_coverage(make, draws, 0.9)})
    return rows


def _coverage(make: peers.Sets | None, draws: list[tuple[tuple[Floats, Ints], tuple[Floats, Ints]]], level: float) -> Row:
    if make is None:
        return {"missing": "not installed"}
    inside, size = [], []
    for (p, y), (q, z) in draws:
        try:
            made = make(p, y, q, level)
        except ValueError as error:
            return {"refused": str(error).splitlines()[0][:120]}
        inside.append(float(made[np.arange(len(z)), z].mean()))
        size.append(float(made.sum(1).mean()))
    return {**covered(inside, level), "size": float(np.mean(size))}


def tree(splits: int) -> list[Row]:
    """A decision tree fitted to half of digits, calibrated and tested apart, at 95 %."""
    from sklearn.datasets import load_digits
    from sklearn.tree import DecisionTreeClassifier

    x, y = load_digits(return_X_y=True)
    draws = []
    for seed in range(splits):
        a, b, c = np.split(np.random.default_rng(seed).permutation(len(x)), [len(x) // 2, 3 * len(x) // 4])
        model = DecisionTreeClassifier(random_state=0).fit(x[a], y[a])
        draws.append(((model.predict_proba(x[b]), y[b]), (model.predict_proba(x[c]), y[c])))
    return [{"what": "sets of a tree on digits", "who": n, **_coverage(make, draws, 0.95)} for n, make in {**OURS, **peers.sets()}.items()]


def calibration(runs: int) -> list[Row]:
    """What is said of a perfectly calibrated model, whose gap is 0."""
    rows: list[Row] = []
    for n in (100, 1000):
        rng = np.random.default_rng(n)
        plants = [(c, rng.random(n) < c) for c in rng.beta(4, 1, (runs, n))]
        gaps = [calibration_gap(c, z) for c, z in plants]
        found = {"shiftproof": float(np.mean([gap.value for gap in gaps]))}
        found |= {name: float(np.mean([gap(c, z) for c, z in plants[:100]])) for name, gap in peers.calibration_errors().items()}
        rows += [{"what": f"calibration error, n = {n}, truth 0", "who": name, "found": value} for name, value in found.items()]
        rows.append({"what": f"calibration test, n = {n}", "who": "shiftproof", **misses([gap.p <= 0.05 for gap in gaps], 0.05)})
        power = [calibration_gap(c, rng.random(n) < c - 0.15).p <= 0.05 for c in rng.uniform(0.6, 1, (runs, n))]
        rows.append({"what": f"power at overconfidence 0.15, n = {n}", "who": "shiftproof", "found": float(np.mean(power))})
    rng = np.random.default_rng(0)
    group = np.arange(1000) % 20
    worst, raw = [], []
    for c in rng.beta(4, 1, (runs // 3, 1000)):
        z = rng.random(1000) < c
        worst.append(worst_group(c, z, {"group": group}).gap.p <= 0.05)
        raw.append(max(calibration_gap(c[group == g], z[group == g], bins=10).raw for g in range(20)))
    rows.append({"what": "worst of 20 calibrated groups of 50 called off", "who": "shiftproof", **misses(worst, 0.05)})
    rows.append({"what": "worst of 20 calibrated groups of 50, 10 bins, truth 0", "who": "plain ECE", "found": float(np.mean(raw))})
    return rows


def misses(broken: list[bool], allowed: float) -> Row:
    """How often a promise was false, and whether that is more than it allows beyond chance."""
    count = sum(broken)
    return {
        "promise": allowed,
        "found": count / len(broken),
        "runs": len(broken),
        "broken": float(binom.sf(count - 1, len(broken), allowed)) < BROKEN,
    }


def selective(runs: int) -> list[Row]:
    """Confidence uniform on (0.6, 1), as often right as it says; at most 5 % wrong is wanted at delta 10 %, which the top quarter meets."""
    names = "naive", "SGR", "LTT fixed sequence", "shiftproof", "shiftproof, 1,000 unlabelled"
    rng = np.random.default_rng(0)
    kept: dict[str, list[float]] = {name: [] for name in names}
    broken: dict[str, list[bool]] = {name: [] for name in names}
    for seed in range(runs):
        c, more = rng.uniform(0.6, 1, (2, 1000))
        right = rng.random(1000) < c
        found = (
            peers.naive_threshold(c, right, 0.05),
            peers.sgr(c, right, 0.05, 0.1),
            peers.fixed_sequence(c, right, 0.05, 0.1),
            certified_threshold(c, right, target=0.05, seed=seed).threshold,
            certified_threshold(c, right, target=0.05, unlabelled=more, seed=seed).threshold,
        )
        for name, threshold in zip(names, found, strict=True):
            kept[name].append(0.0 if threshold is None else min(1.0, (1 - threshold) / 0.4))
            broken[name].append(threshold is not None and (1 - max(threshold, 0.6)) / 2 > 0.05)
    return [
        {"what": "selective, n = 1000, oracle keeps 0.25", "who": name, **misses(broken[name], 0.1), "kept": float(np.mean(kept[name]))}
        for name in names
    ]


def unfamiliar(runs: int) -> list[Row]:
    """AUROC of scores that are no probabilities, AUPR of ties, and how often our intervals miss."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=1000), rng.normal(1.5, 1, 1000)
    rows: list[Row] = []
    for shift in (0.0, 60.0, 800.0, -200.0):
        ours = {"shiftproof": separation(a + shift, b + shift).auroc}
        for name, auroc in {**ours, **{name: make(a + shift, b + shift) for name, make in peers.aurocs().items()}}.items():
            rows.append({"what": f"AUROC of scores near {shift:g}, truth 0.855", "who": name, "found": auroc})
    tied = {"shiftproof": separation(np.ones(50), np.ones(50)).aupr, **{n: f(np.ones(50), np.ones(50)) for n, f in peers.auprs().items()}}
    rows += [{"what": "AUPR of ties, prevalence 0.5", "who": name, "found": value} for name, value in tied.items()]
    truth = float(norm.cdf(1.5 / math.sqrt(2)))
    for n, m in ((20, 20), (200, 50)):
        spans = [separation(rng.normal(size=n), rng.normal(1.5, 1, m)).auroc_interval for _ in range(runs)]
        missed = [not low <= truth <= high for low, high in spans]
        rows.append({"what": f"AUROC interval, n = {n}, {m}", "who": "shiftproof", **misses(missed, 0.05)})
    return rows


def speed(repeats: int) -> list[Figure]:
    """CPU time as a ratio to the peer's, in turn."""
    rng = np.random.default_rng(0)
    (p, y), (q, _) = planted(rng, 100, "none"), planted(rng, 200, "none")
    a, b = rng.normal(size=5000), rng.normal(1.5, 1, 5000)
    c = rng.beta(4, 1, 10000)
    z = rng.random(10000) < c
    pairs: list[tuple[str, Callable[[], object], Mapping[str, Callable[[], object] | None]]] = [
        *(
            (
                f"{name.split()[-1]} sets, n = 100, m = 200",
                lambda make=make: make(p, y, q, 0.9),
                {peer: other and (lambda f=other: f(p, y, q, 0.9))},
            )
            for name, make in OURS.items()
            for peer, other in peers.sets().items()
            if peer.split()[-1] == name.split()[-1] or (peer == "crepes" and name.endswith("lac"))
        ),
        ("AUROC, AUPR, FPR95 with intervals, 10,000", lambda: separation(a, b), {n: partial(f, a, b) for n, f in peers.ood().items()}),
        (
            "calibration with test, 10,000",
            lambda: calibration_gap(c, z),
            {n: partial(f, c, z) for n, f in peers.calibration_errors().items()},  # type: ignore[arg-type]  # 0 and 1 are numbers too
        ),
    ]
    found = []
    for what, ours, others in pairs:
        for name, other in others.items():
            found.append(ratio(what, _often(ours), name, _often(other), repeats) if other else not_measured(what, name))
    return found


def _often(work: Callable[[], object]) -> Callable[[], None]:
    """Twenty times, since one is shorter than a clock's tick."""

    def again() -> None:
        for _ in range(20):
            work()

    return again


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    began = time.process_time()
    figures = speed(7)
    rows = [*tree(20), *sets(runs), *calibration(runs), *unfamiliar(runs), *selective(round(runs * 20 / 3))]
    for row in rows:
        print({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})
    for figure in figures:
        print(f"{figure.what:44} {figure.ratio:7.3f} of {figure.against}   [{figure.low:.3f} to {figure.high:.3f}]")
    record = {
        "schema_version": "1.0",
        "benchmark": "validity",
        "versions": {"shiftproof": shiftproof.__version__, "python": platform.python_version(), **_versions()},
        "cpu_seconds": round(time.process_time() - began),
        "broken": sorted({f"{row['who']}: {row['what']}" for row in rows if row.get("broken")}),
        "rows": rows,
        "speed": [{key: None if value != value else value for key, value in vars(figure).items()} for figure in figures],
    }
    (RESULTS / shiftproof.__version__ / "validity.json").write_text(json.dumps(record, indent=1) + "\n")


def _versions() -> dict[str, str]:
    found = {}
    for package in ("torch", "numpy", "scikit-learn", "mapie", "crepes", "torchmetrics", "pytorch-ood", "netcal"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


if __name__ == "__main__":
    main()
