"""The spread over layouts: closed forms, its interval against planted accuracies, calibration that no order changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from shiftproof._errors import UsageError
from shiftproof.measures.format_spread import calibrated, format_spread


def test_the_spread_is_the_largest_less_the_smallest() -> None:
    found = format_spread([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
    assert found.accuracy.tolist() == [0.5, 0.75, 0.25]
    assert (found.spread, found.n) == (0.5, 4)
    assert found.interval.low == 0.0
    assert format_spread([[1] * 2000, [0] * 2000]).interval.low > 0.99


@pytest.mark.parametrize("truth", [(0.5, 0.5, 0.5), (0.02, 0.02), (0.9, 0.5, 0.7, 0.3, 0.6), (1.0, 0.97)])
@pytest.mark.parametrize("n", [5, 20, 100])
def test_the_interval_holds_the_planted_spread(truth: tuple[float, ...], n: int) -> None:
    rng = np.random.default_rng(0)
    runs = 300
    missed = 0
    for _ in range(runs):
        same = rng.uniform(size=n)  # the same examples in each layout, so that accuracies move together
        found = format_spread([same < p for p in truth], confidence=0.9)
        missed += not found.interval.low <= max(truth) - min(truth) <= found.interval.high
    assert binomtest(missed, runs, 0.1, alternative="greater").pvalue > 0.001


def test_calibration_takes_a_constant_preference_away_and_knows_no_order() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 40, 2))
    moved = values + np.array([5.0, 0.0])
    np.testing.assert_allclose(calibrated(moved), calibrated(values))
    order = rng.permutation(40)
    np.testing.assert_allclose(calibrated(moved[:, order]), calibrated(moved)[:, order])
    holes = moved.copy()
    holes[0, 3, 1] = -np.inf
    assert calibrated(holes)[0, 3].tolist() == holes[0, 3].tolist()
    assert np.isfinite(np.delete(calibrated(holes)[0], 3, axis=0)).all()


def test_what_cannot_be_used_is_told() -> None:
    with pytest.raises(UsageError, match=r"The 'right' of format_spread must be 0 or 1, of shape \(formats, n\)"):
        format_spread([[0.5, 1.0]])
    with pytest.raises(UsageError, match="with at least 2 options"):
        calibrated([[1.0], [2.0]])
