"""A risk's state is a commutative monoid, to the last bit: shards in any order and grouping give the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.risks import (
    KL,
    ChiSquare,
    ChiSquarePenalised,
    ConditionalCVaR,
    CVaR,
    ExponentialSpectral,
    Extremile,
    GroupMixture,
    Holistic,
    KLPenalised,
    Mean,
    Measurement,
    Risk,
    TotalVariation,
    TotalVariationPenalised,
    Wasserstein,
    WorstGroup,
)
from shiftproof.risks.mmd import MMD
from shiftproof.risks.sinkhorn import Sinkhorn

RISKS: list[Risk[Any]] = [
    Mean(),
    WorstGroup(),
    CVaR(0.3),
    GroupMixture(0.25),
    ConditionalCVaR(0.3),
    ChiSquare(0.5),
    ChiSquarePenalised(0.2),
    KL(0.3),
    KLPenalised(0.2),
    TotalVariation(0.2),
    TotalVariationPenalised(0.3),
    Extremile(2.5),
    ExponentialSpectral(3),
    Holistic(0.1, 0.2),
    Wasserstein(0.1),
    Wasserstein(0.1, order=2),
    Sinkhorn(0.2, 0.5),
    MMD(0.2),
]
ROWS = st.lists(st.tuples(st.one_of(st.sampled_from([0.0, -0.0, 1.0, 0.5]), st.floats(0, 1)), st.sampled_from("abc")), max_size=25)


def state_of(risk: Risk[Any], rows: list[tuple[float, str]]) -> Any:
    groups = np.array([group for _, group in rows], dtype="<U1")
    return risk.update(risk.init(), np.array([value for value, _ in rows], dtype=np.float64), groups)


def said(risk: Risk[Any], state: Any) -> str:
    """All that it says, NaN equal to itself."""
    found: Measurement = risk.compute(state)
    return repr(found)


@pytest.mark.parametrize("risk", RISKS, ids=lambda r: r.spec())
@settings(deadline=None, max_examples=25)
@given(ROWS, ROWS, ROWS, st.randoms(use_true_random=False))
def test_states_are_a_monoid(
    risk: Risk[Any],
    one: list[tuple[float, str]],
    two: list[tuple[float, str]],
    three: list[tuple[float, str]],
    random: np.random.RandomState,
) -> None:
    a, b, c = (state_of(risk, rows) for rows in (one, two, three))
    shuffled = one + two + three
    whole = said(risk, state_of(risk, shuffled))
    random.shuffle(shuffled)
    assert whole == said(risk, state_of(risk, shuffled))
    assert whole == said(risk, risk.merge(risk.merge(a, b), c))
    assert whole == said(risk, risk.merge(a, risk.merge(b, c)))
    assert whole == said(risk, risk.merge(c, risk.merge(a, b)))
    assert said(risk, a) == said(risk, risk.merge(a, risk.init())) == said(risk, risk.merge(risk.init(), a))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_smaller_worst_share_is_worse_and_between_mean_and_largest(values: list[float], one: float, two: float) -> None:
    small, large = (CVaR(alpha).measure(np.array(values)) for alpha in sorted((one, two)))
    assert np.mean(values) - 1e-9 <= large.value <= small.value + 1e-9 <= max(values) + 2e-9
    for m in (small, large):
        assert 0 <= m.interval.low <= m.value <= m.interval.high <= 1 + 1e-12
