"""A violation planted in a sound risk turns the check red that is about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pytest

from shiftproof._arrays import Floats
from shiftproof.conformance import check_part
from shiftproof.outcomes import Interval
from shiftproof.risks.abstract import Measurement, Names, Risk

State = list[float]


@dataclass(frozen=True)
class Average(Risk[State]):
    """Sound: the mean, with Hoeffding's interval. The state is [sum, count]."""

    name: ClassVar[str] = "average"

    def init(self) -> State:
        return [0.0, 0.0]

    def update(self, state: State, values: Floats, groups: Names | None = None) -> State:
        return [state[0] + float(values.sum()), state[1] + len(values)]

    def merge(self, left: State, right: State) -> State:
        return [left[0] + right[0], left[1] + right[1]]

    def compute(self, state: State, *, confidence: float = 0.95) -> Measurement:
        total, n = state[:2]
        if not n:
            return Measurement(float("nan"), Interval(float("nan"), float("nan")), 0)
        value = total / n
        return Measurement(value, self.interval(value, float(np.sqrt(np.log(2 / (1 - confidence)) / (2 * n)))), int(n))

    def interval(self, value: float, reach: float) -> Interval:
        return Interval(max(0.0, value - reach), min(1.0, value + reach))


class ZeroForNothing(Average):
    def compute(self, state: State, *, confidence: float = 0.95) -> Measurement:
        return super().compute(state, confidence=confidence) if state[1] else Measurement(0.0, Interval(0.0, 1.0), 0)


class InventsOne(Average):
    def update(self, state: State, values: Floats, groups: Names | None = None) -> State:
        return super().update([max(state[0], 1.0), max(state[1], 1.0)], values)


class Percent(Average):
    def compute(self, state: State, *, confidence: float = 0.95) -> Measurement:
        m = super().compute(state, confidence=confidence)
        return Measurement(m.value * 100, m.interval, m.n)


class LooseInterval(Average):
    def interval(self, value: float, reach: float) -> Interval:
        return Interval(value - reach, value + reach)


class BesideItself(Average):
    def interval(self, value: float, reach: float) -> Interval:
        return Interval(min(value + 0.1, 0.95), 1.0) if value < 0.9 else Interval(0.0, 0.5)


class BackwardsInterval(Average):
    def interval(self, value: float, reach: float) -> Interval:
        return super().interval(value, 0.05 / reach)


class MeanOfMeans(Average):
    def merge(self, left: State, right: State) -> State:
        if not left[1] or not right[1]:
            return left if left[1] else right
        value = (left[0] / left[1] + right[0] / right[1]) / 2
        return [value * (left[1] + right[1]), left[1] + right[1]]


class KeepsLeft(Average):
    def merge(self, left: State, right: State) -> State:
        return left


class FirstCounts(Average):
    """Hangs on the order: it looks at the first value only."""

    def update(self, state: State, values: Floats, groups: Names | None = None) -> State:
        return state if state[1] or not len(values) else [float(values[0]), 1.0]

    def merge(self, left: State, right: State) -> State:
        return left if left[1] else right


class InPlace(Average):
    def merge(self, left: State, right: State) -> State:
        left[0] += right[0]
        left[1] += right[1]
        return left


class ChangesValues(Average):
    def update(self, state: State, values: Floats, groups: Names | None = None) -> State:
        state = super().update(state, values)
        values *= 0.5
        return state


class Flipped(Average):
    worse: ClassVar[Literal["lower", "higher"]] = "higher"


@dataclass(frozen=True)
class Unpicklable(Risk[Callable[[], Floats]]):
    name: ClassVar[str] = "unpicklable"

    def init(self) -> Callable[[], Floats]:
        return lambda: np.zeros(0)

    def update(self, state: Callable[[], Floats], values: Floats, groups: Names | None = None) -> Callable[[], Floats]:
        kept = np.concatenate([state(), values])
        return lambda: kept

    def merge(self, left: Callable[[], Floats], right: Callable[[], Floats]) -> Callable[[], Floats]:
        return self.update(left, right())

    def compute(self, state: Callable[[], Floats], *, confidence: float = 0.95) -> Measurement:
        sound = Average()
        return sound.compute(sound.update(sound.init(), state()), confidence=confidence)


PLANTED: list[tuple[type, str, str]] = [
    (ZeroForNothing, "no_examples_give_nan", "Without examples it returns 0.0"),
    (InventsOne, "no_examples_give_nan", "After an update without examples it returns 1.0"),
    (Percent, "value_is_in_range", "outside [0, 1]"),
    (LooseInterval, "value_is_in_range", "Clip it to [0, 1]"),
    (BesideItself, "value_is_in_range", "lies outside its own interval"),
    (BackwardsInterval, "interval_grows_with_confidence", "At confidence 0.8 its interval is"),
    (MeanOfMeans, "parts_merge_to_the_whole", "With merge(merge(a, b), c) it returns"),
    (KeepsLeft, "parts_merge_to_the_whole", "With merge("),
    (FirstCounts, "parts_merge_to_the_whole", "With "),
    (InPlace, "states_are_immutable_and_pickle", "the same state, after update and merge"),
    (ChangesValues, "states_are_immutable_and_pickle", "changed the values in place"),
    (Unpicklable, "states_are_immutable_and_pickle", "It raised"),
    (Flipped, "worse_outcomes_give_worse_values", "which is better (worse is higher)"),
]


def test_sound_risk_passes() -> None:
    report = check_part(Average)
    assert report.passed, f"\n{report}"


@pytest.mark.parametrize(("part", "check", "message"), PLANTED, ids=[p.__name__ for p, _, _ in PLANTED])
def test_planted_violation_is_caught(part: type, check: str, message: str) -> None:
    report = check_part(part)
    assert not report.passed
    said = [result.message for result in report.failures if result.check == check]
    assert any(message in line for line in said), f"\n{report}"
