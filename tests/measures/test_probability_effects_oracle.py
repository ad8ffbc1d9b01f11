"""Effects on probabilities: the paper's formulas where all is known, and bounds that hold for whatever lies in them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.measures.probability_effects import Bounded, effect_of_other_result, effect_of_same_result, probability_bounds


def exact(value: float) -> Bounded:
    return Bounded(value, value)


def test_the_formulas_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        p, q, r, s = (float(value) for value in rng.uniform(0.01, 0.99, 4))
        same = effect_of_same_result(exact(p), exact(q))
        assert same.low == pytest.approx(max((p - q) / q, (q - p) / p)) == pytest.approx(same.high)
        other = effect_of_other_result(exact(p), exact(q), exact(r), exact(s))
        assert other.low == pytest.approx(p * s / (q * r) - 1) == pytest.approx(other.high)
    assert effect_of_other_result(exact(0.3), exact(0.1), exact(0.3), exact(0.1)).low == pytest.approx(0.0)


@pytest.mark.parametrize("effect", [effect_of_same_result, effect_of_other_result])
def test_bounds_hold_for_whatever_lies_in_them_and_are_reached(effect: Callable[..., Bounded]) -> None:
    rng = np.random.default_rng(1)
    count = 2 if effect is effect_of_same_result else 4
    for _ in range(100):
        given = [Bounded(*sorted(map(float, rng.uniform(0.01, 0.99, 2)))) for _ in range(count)]
        found = effect(*given)
        ends = [effect(*map(exact, chosen)).low for chosen in _corners(given)]
        inner = [effect(*(exact(float(rng.uniform(*one))) for one in given)).low for _ in range(30)]
        assert min(inner) >= found.low - 1e-9
        assert max(inner) <= found.high + 1e-9
        assert max(ends) == pytest.approx(found.high)
        if effect is effect_of_other_result:
            assert min(ends) == pytest.approx(found.low)


def _corners(given: list[Bounded]) -> list[list[float]]:
    corners: list[list[float]] = [[]]
    for one in given:
        corners = [[*corner, end] for corner in corners for end in one]
    return corners


def test_a_token_that_is_not_listed_is_bounded() -> None:
    top = {"7": math.log(0.6), " 7": math.log(0.1), "8": math.log(0.25)}
    assert [*probability_bounds(top, "7")] == pytest.approx([0.7, 0.7])
    assert [*probability_bounds(top, "9")] == pytest.approx([0.0, 0.05]), "what the listed leave"
    assert probability_bounds({}, "9") == (0.0, 1.0)
    hidden = effect_of_same_result(exact(0.5), probability_bounds(top, "9"))
    assert hidden.low == pytest.approx(0.5 / 0.05 - 1)
    assert hidden.high == math.inf
    assert effect_of_same_result(Bounded(0.0, 0.2), Bounded(0.0, 0.1)) == (0.0, math.inf)
    with pytest.raises(UsageError, match=r"be two bounds in \[0, 1\], in order"):
        effect_of_same_result(Bounded(0.5, 0.4), exact(0.1))
