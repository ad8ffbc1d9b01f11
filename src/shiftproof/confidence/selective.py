"""A threshold of confidence above which the error rate is certified, and a plan of tests that keeps as many answers as it can."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, expit, logit

from shiftproof._errors import must
from shiftproof.confidence.checked import Bools, Floats, checked_confidences, checked_flags, checked_share

_OWNER = "certified_threshold"
_RATIO = 1.05
"""From one tested threshold to the next, so many times as many answers are kept."""
_DRAWS = 400
_PILOT = 0.1
_EDGE = 1e-6
_PRIOR = (40.0, 10.0)
"""How strongly slope and offset of the pilot's calibration are held to 1 and 0: as many examples as say so."""


@dataclass(frozen=True)
class CertifiedThreshold:
    """Answers of at least this confidence are wrong at most so often.

    Args:
        threshold: keep answers of at least this confidence; None where nothing could be certified.
        target: the error rate that is promised among answers kept.
        delta: the promise is false with at most this probability, over the choice of the calibration examples.
        kept: calibration examples at or above the threshold among those tested on.
        wrong: of those.
        tested: calibration examples that the tests were made on.
        reason: why there is no threshold; "" where there is one.
    """

    threshold: float | None
    target: float
    delta: float
    kept: int
    wrong: int
    tested: int
    reason: str = ""


def certified_threshold(
    confidence: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    target: float,
    delta: float = 0.1,
    unlabelled: npt.ArrayLike | None = None,
    pilot: float | None = None,
    seed: int = 0,
) -> CertifiedThreshold:
    """The lowest threshold t for which P(wrong | confidence >= t) <= target could be shown.

    Thresholds are tested one after the other, from a start downwards, each with the exact binomial test at level delta; the first that
    fails ends it. Starting at the top wastes everything, as a handful of answers proves nothing. So the start is planned: the walk is
    simulated from every start, with labels drawn from the confidences (calibrated on the pilot), and the start that kept most on average
    is taken.

    Args:
        confidence: of calibration examples, shape (n,), in [0, 1].
        right: whether each of their answers is right, shape (n,).
        target: error rate among answers kept, in (0, 1).
        delta: in (0, 1).
        unlabelled: confidences of other inputs of the same kind, shape (m,), whose labels nobody needs: the plan is better for them.
        pilot: share of the calibration examples that only plan, in [0, 1). By default 0.1, and 0 with `unlabelled`, where the plan takes
            confidences at their word: an overconfident model then loses coverage, never validity.
        seed: of the pilot's choice and of the simulation.

    Guarantees:
        P(threshold exists and P(wrong | confidence >= threshold) > target) <= delta for every n, every joint law of confidence and
        correctness, ties included, if calibration examples are independent of each other and of `unlabelled`. It covers inputs of the
        same distribution only: under a shift it must be measured again (`kept_risk`).
    Cost: one sort, and 400 simulated walks of some 60 steps.

    >>> found = certified_threshold([0.99] * 300 + [0.6] * 100, [True] * 300 + [True, False] * 50, target=0.05, delta=0.1)
    >>> found.threshold, found.wrong
    (0.99, 0)

    Reference: Geifman & El-Yaniv 2017 [geifman2017selective], "Selective classification for deep neural networks"; Angelopoulos et al. 2025
    [angelopoulos2025learn], "Learn then test" (fixed sequence). Planning the start is ours.
    """
    checked_share(target, "target", _OWNER)
    checked_share(delta, "delta", _OWNER)
    c = checked_confidences(confidence, _OWNER)
    z = checked_flags(right, len(c), _OWNER)
    share = (_PILOT if unlabelled is None else 0.0) if pilot is None else pilot
    if not 0 <= share < 1 or (share == 0 and unlabelled is None):
        raise must("pilot", _OWNER, "be in (0, 1), or 0 with unlabelled confidences", share)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(c))
    planning, testing = np.split(order, [math.ceil(share * len(c))])
    pool = c[planning] if unlabelled is None else np.append(c[planning], checked_confidences(unlabelled, _OWNER))
    least = math.ceil(math.log(delta) / math.log1p(-target))
    if len(testing) < least:
        reason = f"{len(testing)} examples to test on cannot show an error rate of {target:g} even without an error: it takes {least}"
        return CertifiedThreshold(None, target, delta, 0, 0, len(testing), reason)
    grid = _grid(pool, least / len(testing))
    start = _start(grid, pool, _calibrated(c[planning], z[planning], pool), len(testing), target, delta, rng)
    return _walk(grid[start:], c[testing], z[testing], target, delta)


def _grid(pool: Floats, least: float) -> Floats:
    """Thresholds that keep from `least` of the pool to all of it, descending."""
    coverage = np.minimum(least * _RATIO ** np.arange(math.ceil(-math.log(least) / math.log(_RATIO)) + 1), 1.0)
    ordered = np.sort(pool)[::-1]
    return np.unique(ordered[np.ceil(coverage * len(pool)).astype(np.intp) - 1])[::-1]


def _calibrated(c: Floats, right: Bools, pool: Floats) -> Floats:
    """The probability of being right at each confidence of the pool, from the pilot: logistic in its log-odds, near the confidence."""
    from scipy.optimize import minimize  # late: it takes a fifth of a second

    x, slope, offset = logit(np.clip(c, _EDGE, 1 - _EDGE)), *_PRIOR

    def loss(at: npt.NDArray[np.float64]) -> float:
        odds = at[0] * x + at[1]
        return float(np.logaddexp(0, np.where(right, -odds, odds)).sum() + slope * (at[0] - 1) ** 2 + offset * at[1] ** 2)

    a, b = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B").x if len(c) else (1.0, 0.0)
    found: Floats = expit(a * logit(np.clip(pool, _EDGE, 1 - _EDGE)) + b)
    return found


def _start(grid: Floats, pool: Floats, right: Floats, n: int, target: float, delta: float, rng: np.random.Generator) -> int:
    """From which threshold on the simulated walk keeps most, on average."""
    place = np.searchsorted(-grid, -pool)  # between which thresholds; the last place is below all of them
    mass = np.bincount(place, minlength=len(grid) + 1).astype(np.float64)
    wrong = np.bincount(place, 1 - right, minlength=len(grid) + 1) / np.maximum(mass, 1)
    new = rng.multinomial(n, mass / mass.sum(), size=_DRAWS)[:, :-1]
    kept, errors = new.cumsum(1), rng.binomial(new, np.clip(wrong[:-1], 0, 1)).cumsum(1)
    passed = (kept > 0) & (bdtr(errors.astype(np.float64), np.maximum(kept, 1), target) <= delta)
    reached = np.zeros((_DRAWS, len(grid) + 1))
    for at in range(len(grid) - 1, -1, -1):  # what is kept in the end where the walk stands at this threshold
        reached[:, at] = np.where(passed[:, at], np.maximum(kept[:, at], reached[:, at + 1]), 0)
    return int(reached[:, :-1].mean(0).argmax())


def _walk(grid: Floats, c: Floats, right: Bools, target: float, delta: float) -> CertifiedThreshold:
    """Tests each threshold in turn, until one fails."""
    found = CertifiedThreshold(None, target, delta, 0, 0, len(c), "")
    for threshold in grid.tolist():
        keep = c >= threshold
        kept, wrong = int(keep.sum()), int((keep & ~right).sum())
        if not kept or bdtr(float(wrong), kept, target) > delta:
            reason = f"{wrong} of the {kept} answers of confidence {threshold:.4g} or more are wrong, too many to show {target:g}"
            return found if found.threshold is not None else CertifiedThreshold(None, target, delta, kept, wrong, len(c), reason)
        found = CertifiedThreshold(threshold, target, delta, kept, wrong, len(c))
    return found
