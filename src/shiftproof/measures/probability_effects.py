"""What an intervention on a question does to the probabilities of results, where some probabilities are known only up to a bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from shiftproof._errors import must


class Bounded(NamedTuple):
    """A number that lies in [low, high]."""

    low: float
    high: float


def probability_bounds(top: Mapping[str, float], token: str) -> Bounded:
    """The probability of a token, from the likeliest tokens that an endpoint gives.

    Args:
        top: log-probabilities in nats by token, as in `TextReply.top`.
        token: which; of several that differ in spaces around them alone, their sum.

    Guarantees: a token that is not listed has at most the probability of the least likely listed one, and at most what the listed leave.

    >>> probability_bounds({"7": math.log(0.5), "8": math.log(0.25)}, "9")
    Bounded(low=0.0, high=0.25)
    """
    if not top:
        return Bounded(0.0, 1.0)
    own = [math.exp(value) for name, value in top.items() if name.strip() == token.strip()]
    if own:
        return Bounded(min(1.0, sum(own)), min(1.0, sum(own)))
    listed = [math.exp(value) for value in top.values()]
    return Bounded(0.0, max(0.0, min(min(listed), 1 - sum(listed))))


def effect_of_same_result(before: Bounded, after: Bounded) -> Bounded:
    """The effect on the probability P of a result that should stay: max((P - P') / P', (P' - P) / P), from 0 on.

    Args:
        before: P, in [0, 1].
        after: P', the same after the intervention.

    Returns:
        The least and the largest effect that the bounds allow; the largest is infinite where a probability may be 0.

    >>> effect_of_same_result(Bounded(0.5, 0.5), Bounded(0.25, 0.25))
    Bounded(low=1.0, high=1.0)

    Reference: Stolfo et al. 2023 [stolfo2023causal], "A causal framework to quantify the robustness of mathematical reasoning with language
    models"; they leave out results that are not listed, which are bounded here.
    """
    _check(before, after)
    apart = max(_ratio(before.low, after.high), _ratio(after.low, before.high), 1.0)
    return Bounded(apart - 1, max(_ratio(before.high, after.low), _ratio(after.high, before.low), 1.0) - 1)


def effect_of_other_result(first: Bounded, other: Bounded, first_after: Bounded, other_after: Bounded) -> Bounded:
    """The effect where the result should change: P(first) P'(other) / (P(other) P'(first)) - 1, from -1 on; 0 where nothing moves.

    Args:
        first: before the intervention, the probability of the result that is right there.
        other: before it, that of the result that is right after it.
        first_after: of the first result, after it.
        other_after: of the other result, after it.

    Returns:
        The least and the largest effect that the bounds allow.

    >>> round(effect_of_other_result(Bounded(0.5, 0.5), Bounded(0.1, 0.1), Bounded(0.1, 0.1), Bounded(0.5, 0.5)).low, 9)
    24.0

    Reference: Stolfo et al. 2023 [stolfo2023causal], "A causal framework to quantify the robustness of mathematical reasoning with language
    models".
    """
    _check(first, other, first_after, other_after)
    low = _ratio(first.low * other_after.low, other.high * first_after.high)
    return Bounded(low - 1, _ratio(first.high * other_after.high, other.low * first_after.low) - 1)


def _ratio(top: float, under: float) -> float:
    """The quotient; of two zeros 0 as the least that it may be, infinite over 0."""
    return top / under if under > 0 else math.inf if top > 0 else 0.0


def _check(*given: Bounded) -> None:
    for one in given:
        if not 0 <= one.low <= one.high <= 1:
            raise must("probability", "an effect", "be two bounds in [0, 1], in order", tuple(one))
