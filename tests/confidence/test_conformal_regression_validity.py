"""Prediction intervals for numbers cover as often as they say, with heavy tails and ties too."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.confidence.checked import Refused
from shiftproof.confidence.conformal_regression import quantile_intervals, residual_intervals
from validity import SIZES, assert_covers


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("rounded", [False, True])
def test_residuals_and_quantiles_cover(n: int, rounded: bool) -> None:
    rng = np.random.default_rng(n)
    missed: dict[str, list[bool]] = {"residual": [], "scaled": [], "quantile": []}
    for _ in range(600):
        x = rng.random(n + 1)
        y = x + (0.1 + x) * rng.standard_cauchy(n + 1)
        y = np.round(y) if rounded else y
        hard = 0.1 + x
        ends = x - hard, x + hard
        made = {
            "residual": residual_intervals(x[:n], y[:n], x[n:]),
            "scaled": residual_intervals(x[:n], y[:n], x[n:], scale=(hard[:n], hard[n:])),
            "quantile": quantile_intervals((ends[0][:n], ends[1][:n]), y[:n], (ends[0][n:], ends[1][n:])),
        }
        for name, found in made.items():
            missed[name].append(not found.low[0] <= y[n] <= found.high[0])
    for each in missed.values():
        assert_covers(each, 0.1)
        assert n < 100 or np.mean(each) > 0.05


def test_known_weights_cover_under_the_shift() -> None:
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(600):
        x = np.append(rng.random(200), rng.beta(3, 1))
        y = x**2 * rng.normal(size=201) * 3
        w = 3 * x**2
        found = residual_intervals(np.zeros(200), y[:200], [0.0], weights=(w[:200], w[200:]))
        missed.append(not found.low[0] <= y[200] <= found.high[0])
    assert_covers(missed, 0.1)


def test_coverage_and_messages() -> None:
    found = residual_intervals([0.0] * 3, [1.0, 2.0, 3.0], [0.0, 0.0], level=0.5)
    assert found.high.tolist() == [2, 2]
    assert found.coverage([1.5, 5.0])[0] == 0.5
    with pytest.raises(UsageError, match="The 'scale' of conformal regression must be above 0, got 0.0"):
        residual_intervals([0.0], [1.0], [0.0], scale=([0.0], [1.0]))
    with pytest.raises(UsageError, match="The 'y' of conformal regression must have one entry per example"):
        residual_intervals([0.0, 1.0], [1.0], [0.0])
    with pytest.raises(UsageError, match="be finite"):
        residual_intervals([np.nan], [1.0], [0.0])
    with pytest.raises(Refused, match="worth 1.0 calibration examples"):
        quantile_intervals(([0.0], [1.0]), [0.5], ([0.0], [1.0]), weights=([1.0], [1.0]))
