"""Findings: outcomes as values, and parts joined to the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shiftproof.finding import Finding, join
from shiftproof.outcomes import Abstained, Bound, Broken, Certified, Flag, Held, Skipped


def finding(*outcomes: str, flags: tuple[Flag, ...] = (), seconds: float = 1.0) -> Finding:
    n = len(outcomes)
    return Finding(
        ids=np.array([f"{name}{i}" for i, name in enumerate(outcomes)], dtype=np.str_),
        outcome=np.array(outcomes, dtype="<U9"),
        prediction=np.arange(n),
        loss=np.linspace(0, 1, n),
        probability=np.full(n, 0.5),
        confidence=np.full(n, 0.6),
        radius=np.full(n, 0.25),
        params=np.arange(2.0 * n).reshape(n, 2),
        forwards=np.full(n, 3),
        backwards=np.full(n, 2),
        bound=Bound.AT_MOST,
        flags=flags,
        seconds=seconds,
    )


def test_outcomes_are_values() -> None:
    found = finding("skipped", "broken", "held", "certified", "abstained")
    assert [type(found[row]) for row in range(5)] == [Skipped, Broken, Held, Certified, Abstained]
    broken, certified, abstained = found[1], found[3], found[4]
    assert isinstance(broken, Broken)
    assert broken.params.tolist() == [2.0, 3.0]
    assert certified == Certified(0.25)
    assert isinstance(abstained, Abstained)
    assert abstained.reason


def test_accuracy_counts_what_is_still_right() -> None:
    found = finding("skipped", "broken", "held", "certified", "abstained")
    assert found.correct.tolist() == [False, False, True, True, True]  # an attack without a verdict broke nothing
    assert found.accuracy == 0.6
    assert len(found) == 5
    assert np.isnan(finding().accuracy)


def test_join_keeps_order_and_adds_time() -> None:
    parts = [finding("held", "broken"), finding("skipped", seconds=0.5), finding("held")]
    whole = join(parts)
    assert whole.outcome.tolist() == ["held", "broken", "skipped", "held"]
    assert whole.ids.tolist() == [*parts[0].ids, *parts[1].ids, *parts[2].ids]
    assert whole.params.shape == (4, 2)
    assert whole.seconds == 2.5
    assert whole.bound is Bound.AT_MOST
    assert whole.accuracy == 0.5


def test_shares_are_weighed_by_the_parts() -> None:
    blind, loud = Flag("blind", "Which.", 0.5), Flag("loud", "What.")
    parts = [
        finding("held", "held", "held", flags=(blind, loud)),
        finding("held", flags=(replace(blind, share=1.0),)),
        finding("held", "held", "held", "held"),
    ]
    first, second = join(parts).flags
    assert (first.name, first.detail) == ("blind", "Which.")
    assert first.share == pytest.approx((0.5 * 3 + 1.0) / 8)
    assert second == loud
    assert join([finding("held")]).flags == ()
