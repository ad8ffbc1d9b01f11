"""The bootstrap intervals of planted lines cover what was planted as often as they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from shiftproof.measures.effective_robustness import effective_robustness

TRIALS, MODELS, SLOPE, INTERCEPT = 200, 25, 0.9, -0.5


def sample(draw: np.random.Generator, uneven: bool) -> pd.DataFrame:
    """Models around a planted line, the spread growing along it where uneven; the last one lies 0.5 above it, outside of the fit."""
    x = draw.uniform(0, 2, MODELS + 1)
    spread = 0.1 * (0.3 + x if uneven else np.ones_like(x))
    y = INTERCEPT + SLOPE * x + spread * draw.normal(size=MODELS + 1)
    x[-1], y[-1] = 1.2, INTERCEPT + SLOPE * 1.2 + 0.5
    return pd.DataFrame({"home": expit(x), "away": expit(y)}, index=[f"m{i}" for i in range(MODELS + 1)])


@pytest.mark.parametrize("uneven", [False, True])
def test_slopes_and_effective_robustness_are_covered(uneven: bool) -> None:
    draw = np.random.default_rng(7 + uneven)
    hits = np.zeros(2, dtype=int)
    truth = float(expit(INTERCEPT + SLOPE * 1.2 + 0.5) - expit(INTERCEPT + SLOPE * 1.2))
    for trial in range(TRIALS):
        table = sample(draw, uneven)
        line = effective_robustness(table, inside="home", outside="away", fit=list(table.index[:-1]), confidence=0.9, draws=400, seed=trial)
        above = next(model for model in line.models if not model.fitted)
        slope = line.slope_intervals[0]
        hits += [slope.low <= SLOPE <= slope.high, above.interval.low <= truth <= above.interval.high]
    for hit in hits:
        assert binomtest(int(hit), TRIALS, 0.9).pvalue > 0.005, f"{hit / TRIALS:.3f} of intervals at 0.9 cover"


def test_intervals_that_are_too_narrow_would_be_seen() -> None:
    assert binomtest(round(0.8 * TRIALS), TRIALS, 0.9).pvalue < 0.005
