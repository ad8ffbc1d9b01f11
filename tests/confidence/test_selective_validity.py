"""The certified threshold breaks its promise as seldom as it says, and keeps more than the rules before it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import bdtr

from shiftproof._errors import UsageError
from shiftproof.confidence.risk_coverage import kept_risk, risk_coverage
from shiftproof.confidence.selective import certified_threshold
from validity import assert_covers

Floats = npt.NDArray[np.float64]


def plant(rng: np.random.Generator, n: int, bent: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    c = rng.uniform(0.6, 1, n)
    return c, rng.random(n) < c**bent


def true_risk(threshold: float, bent: float) -> float:
    grid = np.linspace(max(threshold, 0.6), 1, 4001)
    return float(1 - np.mean(grid**bent))


@pytest.mark.parametrize(("n", "bent", "target"), [(100, 0.3, 0.1), (300, 1.0, 0.1), (300, 2.0, 0.2), (1000, 1.0, 0.05)])
@pytest.mark.parametrize("unlabelled", [False, True])
def test_the_promise_is_broken_at_most_as_often_as_stated(n: int, bent: float, target: float, unlabelled: bool) -> None:
    rng = np.random.default_rng(n)
    broken = []
    for seed in range(120):
        c, right = plant(rng, n, bent)
        more = rng.uniform(0.6, 1, 500) if unlabelled else None
        found = certified_threshold(c, right, target=target, delta=0.1, unlabelled=more, seed=seed)
        broken.append(found.threshold is not None and true_risk(found.threshold, bent) > target + 1e-6)
    assert_covers(broken, 0.1)


def test_a_constant_risk_just_above_the_target_is_certified_at_most_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    broken = []
    for seed in range(400):
        c = np.round(rng.uniform(0.9, 1, 200), 2)
        found = certified_threshold(c, rng.random(200) >= 0.1001, target=0.1, delta=0.2, seed=seed)
        broken.append(found.threshold is not None)
    assert_covers(broken, 0.2)
    assert np.mean(broken) > 0.05  # it is not merely timid


def sgr(c: Floats, right: npt.NDArray[np.bool_], target: float, delta: float) -> float | None:
    """Geifman & El-Yaniv 2017, algorithm 1: a binary search, its error split over the steps."""
    ordered, best = np.sort(c), None
    low, high, steps = 0, len(c) - 1, math.ceil(math.log2(len(c)))
    for _ in range(steps):
        middle = (low + high + 1) // 2
        keep = c >= ordered[middle]
        if bdtr(float((keep & ~right).sum()), int(keep.sum()), target) <= delta / steps:
            high, best = middle, float(ordered[middle])
        else:
            low = middle
    return best


def fixed_sequence(c: Floats, right: npt.NDArray[np.bool_], target: float, delta: float) -> float | None:
    """Learn then test from the most confident on, in steps of a twentieth of the examples."""
    ordered, best = np.sort(c)[::-1], None
    for share in range(1, 21):
        threshold = float(ordered[math.ceil(share * len(c) / 20) - 1])
        keep = c >= threshold
        if bdtr(float((keep & ~right).sum()), int(keep.sum()), target) > delta:
            break
        best = threshold
    return best


@pytest.mark.slow
def test_it_keeps_more_than_sgr_and_fixed_sequence() -> None:
    rng = np.random.default_rng(5)
    kept: dict[str, list[float]] = {"ours": [], "sgr": [], "ltt": []}
    for seed in range(1000):
        c, right = plant(rng, 1000, 1.0)
        more = rng.uniform(0.6, 1, 1000)
        found = {
            "ours": certified_threshold(c, right, target=0.05, delta=0.1, unlabelled=more, seed=seed).threshold,
            "sgr": sgr(c, right, 0.05, 0.1),
            "ltt": fixed_sequence(c, right, 0.05, 0.1),
        }
        for name, threshold in found.items():
            kept[name].append(0.0 if threshold is None else (1 - threshold) / 0.4)
    assert np.mean(kept["ours"]) > 1.1 * np.mean(kept["ltt"]) > np.mean(kept["sgr"])


def test_the_curve_is_brute_force() -> None:
    rng = np.random.default_rng(1)
    c, right = np.round(rng.random(50), 1), rng.random(50) < 0.7
    curve = risk_coverage(c, right)
    for threshold, coverage, risk in zip(curve.threshold, curve.coverage, curve.risk, strict=True):
        assert coverage == (c >= threshold).mean()
        assert risk == pytest.approx((~right)[c >= threshold].mean())
    assert curve.coverage[-1] == 1


def test_kept_risk_of_nothing_is_not_zero() -> None:
    found = kept_risk([0.1, 0.2], [True, False], threshold=0.5)
    assert found.kept == 0
    assert math.isnan(found.risk)
    assert math.isnan(found.interval.low)


def test_too_few_examples_get_a_reason() -> None:
    found = certified_threshold([0.99] * 20, [True] * 20, target=0.05)
    assert found.threshold is None
    assert found.reason == "18 examples to test on cannot show an error rate of 0.05 even without an error: it takes 45"


def test_a_hopeless_model_gets_a_reason() -> None:
    found = certified_threshold([0.99] * 200, [False] * 200, target=0.05)
    assert found.threshold is None
    assert "too many to show 0.05" in found.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": 0.0}, "The 'target' of certified_threshold must be in"),
        ({"delta": 1.0}, "The 'delta' of certified_threshold must be in"),
        ({"pilot": 0.0}, "be in \\(0, 1\\), or 0 with unlabelled confidences"),
    ],
)
def test_messages(change: dict[str, float], message: str) -> None:
    options: dict[str, float] = {"target": 0.1, **change}
    with pytest.raises(UsageError, match=message):
        certified_threshold([0.9, 0.8], [True, False], **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="The 'confidence' of certified_threshold must lie in \\[0, 1\\], got 1.5"):
        certified_threshold([1.5], [True], target=0.1)
    with pytest.raises(UsageError, match="be 2 booleans, one per example"):
        certified_threshold([0.5, 0.5], [True], target=0.1)
