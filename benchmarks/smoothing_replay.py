"""How many noisy copies the sequential certificate spares, on certify logs of published models.

`python -m benchmarks.smoothing_replay FOLDER` reads logs of CERTIFY (Cohen et al. 2019) called *noise_SIGMA.tsv.gz, of any SIGMA, with the
columns idx, label, predict, radius, correct and time. The logged radius gives back how many of the 100,000 draws agreed; that share is
taken for the truth, and both procedures are run on draws from it. An abstention gives no share: 1/2 is taken, the hardest.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtr, ndtri
from scipy.stats import binom

import shiftproof
from benchmarks.__main__ import RESULTS
from shiftproof._arrays import Floats, Ints
from shiftproof.certificates.smoothing.smoothing import Smoothing
from shiftproof.risks.intervals import binomial_low
from shiftproof.risks.sequential import SequentialTests, plan_tests
from shiftproof.shifts.norms.l2 import L2

DRAWS, ALPHA, DELTA, RUNS = 100_000, 0.001, 0.01, 5
SELECTION = 40
"""Draws for the choice of the decision, counted for each example: 32, or 128 where the lead is small. The logs say nothing of rivals."""
PAIRS = ((0.12, 0.25), (0.25, 0.25), (0.25, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 0.5), (1.0, 1.0))
SHARES = (0.5, 1.0, 1.5, 2.0)
"""Of sigma: the radii that are asked for in a log of another sigma than those of the paper."""
FOUR = {0.12: (0.1, 0.2, 0.3, 0.4), 0.25: (0.25, 0.5, 0.75, 1.0), 0.5: (0.25, 0.5, 0.75, 1.0), 1.0: (0.25, 0.5, 0.75, 1.0)}


@dataclass(frozen=True)
class Log:
    """One log: the radius of each point, whether its decision was right, and the probability implied; each of shape (n,)."""

    name: str
    sigma: float
    radius: Floats
    correct: npt.NDArray[np.bool_]
    implied: Floats


@dataclass(frozen=True)
class Figure:
    """What one question cost on one log, and what it lost; accuracies in percent, quantiles are those of the draws an example."""

    question: str
    log: str
    sigma: float
    radii: list[float]
    saving: float
    draws_mean: float
    draws_quantiles: dict[str, float]
    logged: list[float]
    cohen_expected: list[float]
    ours: list[float]
    ours_least: list[float]
    ours_most: list[float]
    false_claims: float


def read(path: Path) -> Log:
    """The log at `path`."""
    found = re.search(r"noise_([0-9]*\.?[0-9]+)\.tsv", path.name)
    sigma = float(found.group(1)) if found is not None else 0.0
    if not sigma > 0:
        raise SystemExit(f"The log '{path.name}' must be called *noise_SIGMA.tsv.gz, with a SIGMA above 0, such as noise_0.25.tsv.gz.")
    with gzip.open(path, "rt") as lines:
        columns = np.genfromtxt(lines, delimiter="\t", skip_header=1, usecols=(2, 3, 4))
    counts = np.arange(DRAWS + 1.0)
    low = binomial_low(counts, np.full_like(counts, DRAWS), ALPHA)
    agreed = np.searchsorted(low, ndtr(columns[:, 1] / sigma)).clip(0, DRAWS)
    implied = np.where(columns[:, 0] < 0, 0.5, agreed / DRAWS)
    return Log(path.name.removesuffix(".tsv.gz"), sigma, columns[:, 1], columns[:, 2] > 0, implied)


def radii_of(sigma: float) -> tuple[float, ...]:
    """The four radii that are asked for at once: the paper's for its sigmas, else shares of sigma."""
    return FOUR.get(sigma, tuple(round(share * sigma, 9) for share in SHARES))


def each_radius(sigma: float) -> list[float]:
    """The radii that are asked for one at a time: the paper's for its sigmas, else sigma itself."""
    return [radius for known, radius in PAIRS if known == sigma] or [sigma]


def run(probability: Floats, tests: SequentialTests, enough: int, seed: int) -> tuple[Ints, Ints]:
    """Claims and draws of each example, by the library's tests on draws from its probability."""
    rng = np.random.default_rng(seed)
    successes = np.zeros(len(probability), dtype=np.int64)
    draws = np.full(len(probability), SELECTION)
    verdicts = tests.start(len(probability))
    claims = verdicts.claims
    active = np.flatnonzero(verdicts.undecided > enough)
    before = 0
    for look, after in enumerate(tests.looks.tolist()):
        successes[active] += rng.binomial(after - before, probability[active])
        draws[active] += after - before
        seen = tests.see(verdicts[active], successes[active], look)
        verdicts.passed[active], verdicts.hopeless[active] = seen.passed, seen.hopeless
        claims[active], active, before = seen.claims, active[seen.undecided > enough], after
    return claims, draws


def ask(log: Log, radii: Sequence[float], question: str, enough: int = 0) -> Figure:
    """One question about every point of a log, several times."""
    needed = ndtr(np.asarray(radii) / log.sigma)
    tests = plan_tests(needed, alpha=ALPHA, most=DRAWS)
    runs = [run(log.implied, tests, enough, seed) for seed in range(RUNS)]
    draws = np.concatenate([spent for _, spent in runs])
    ours = np.array([[100 * ((claims > i) & log.correct).mean() for i in range(len(radii))] for claims, _ in runs])
    counts = np.arange(DRAWS + 1.0)
    low = binomial_low(counts, np.full_like(counts, DRAWS), ALPHA)
    passes = [binom.sf(np.searchsorted(low, p, side="right") - 1, DRAWS, log.implied) for p in needed]
    return Figure(
        question,
        log.name,
        log.sigma,
        [float(radius) for radius in radii],
        DRAWS / float(draws.mean()),
        float(draws.mean()),
        _quantiles(draws),
        [float(100 * ((log.radius >= radius) & log.correct).mean()) for radius in radii],
        [float(100 * (chance * log.correct).mean()) for chance in passes],
        ours.mean(0).tolist(),
        ours.min(0).tolist(),
        ours.max(0).tolist(),
        float(np.mean([_false(log, needed, claims) for claims, _ in runs])),
    )


def ask_radius(log: Log) -> dict[str, float | str | dict[str, float]]:
    """The radius to within DELTA of every point: the mean certified radius, and how the radii differ from the logged ones."""
    method = Smoothing(sigma=log.sigma, delta=DELTA, alpha=ALPHA, draws=DRAWS)
    x = torch.zeros(1, 4)  # only its shape is asked for
    radii = method.radii(L2(1.0), x)
    needed = ndtr(np.asarray(radii) / log.sigma)
    claims, draws = run(log.implied, plan_tests(needed, alpha=ALPHA, most=DRAWS), 1, seed=0)
    rng = np.random.default_rng(1)
    again = binomial_low(rng.binomial(DRAWS, log.implied).astype(np.float64), np.full(len(log.implied), float(DRAWS)), ALPHA)
    cohen = np.where(again > 0.5, log.sigma * ndtri(again), 0.0)
    radius = np.concatenate([[0.0], radii])[claims]
    short = np.where(log.correct, cohen - radius, 0.0)
    return {
        "question": f"the radius to within {DELTA}",
        "log": log.name,
        "sigma": log.sigma,
        "saving": DRAWS / float(draws.mean()),
        "draws_mean": float(draws.mean()),
        "draws_quantiles": _quantiles(draws),
        "average_radius_logged": float((log.radius * log.correct).mean()),
        "average_radius_cohen_again": float((cohen * log.correct).mean()),
        "average_radius_ours": float((radius * log.correct).mean()),
        "short_of_cohen_quantiles": _quantiles(short),
        "false_claims": _false(log, needed, claims),
    }


def _false(log: Log, needed: Floats, claims: Ints) -> float:
    """The share of points with a claim that the planted probability does not bear out."""
    most = np.concatenate([[-1.0], needed])[claims]
    return float((most >= log.implied).mean())


def _quantiles(values: npt.NDArray[np.floating] | Ints) -> dict[str, float]:
    return {f"{q:g}": float(np.quantile(values, q)) for q in (0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the logs lie")
    logs = [read(path) for path in sorted(parser.parse_args().folder.glob("*noise_*.tsv.gz"))]
    if not logs:
        raise SystemExit("There is no log called *noise_SIGMA.tsv.gz in this folder.")
    began = time.perf_counter()
    averages = {log.name: float((log.radius * log.correct).mean()) for log in logs}
    one = [ask(log, [radius], "is the radius at least r?") for log in logs for radius in each_radius(log.sigma)]
    four = [ask(log, radii_of(log.sigma), "is it at least each of four?") for log in logs]
    record = {
        "shiftproof": shiftproof.__version__,
        "python": platform.python_version(),
        "draws": DRAWS,
        "alpha": ALPHA,
        "selection_draws_counted": SELECTION,
        "examples": {log.name: len(log.radius) for log in logs},
        "average_certified_radius": averages,
        "one_radius": [asdict(figure) for figure in one],
        "four_radii": [asdict(figure) for figure in four],
        "radius": [ask_radius(log) for log in logs],
        "seconds": time.perf_counter() - began,
    }
    target = RESULTS / shiftproof.__version__ / "smoothing_replay.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=2) + "\n")
    for figure in (*one, *four):
        lost = [round(ours - theirs, 2) for ours, theirs in zip(figure.ours, figure.cohen_expected, strict=True)]
        print(f"{figure.log} radii {figure.radii}: {figure.saving:.1f} times fewer draws, accuracy differs by {lost} points")
    print(target)


if __name__ == "__main__":
    main()
