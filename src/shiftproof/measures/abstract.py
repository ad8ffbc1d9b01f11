"""The base class of measures: one number with its interval, made of stored answers."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from shiftproof._errors import UsageError, unknown
from shiftproof._part import Part
from shiftproof.confidence.checked import Refused
from shiftproof.confidence.separation import chernoff_interval
from shiftproof.measures.answered import Answered, Floats, class_place
from shiftproof.outcomes import Interval
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import Difference, paired_difference, unpaired_difference

Needs = Literal["right", "said", "rank", "scores"]
NOTHING = Interval(math.nan, math.nan)


class SampleFacts(NamedTuple):
    """What is known of a run before any work.

    Args:
        class_names: the classes of the sample, in label order.
        groups: per column of groups its values.
        scores: whether the model gives scores.
        calibrated: whether there are calibration examples.
    """

    class_names: tuple[str, ...]
    groups: Mapping[str, Collection[str]]
    scores: bool
    calibrated: bool

    def require_group(self, column: str, hint: str) -> None:
        """Raises `UsageError` where the sample has no such column of groups; the hint ends the message."""
        if column not in self.groups:
            raise unknown("group column", column, self.groups, hint)


@dataclass(frozen=True)
class Measure(Part):
    """A figure of a sample of classes, made of stored answers without asking the model."""

    needs: ClassVar[Needs] = "right"
    """The least that must be stored: whether answers are right, the class said, the label's rank, or the scores of all classes."""
    worst_case: ClassVar[bool] = False
    """Whether a search that looks for wrong answers looks for its worst case: it is then an upper bound there, else an estimate."""

    @property
    def range(self) -> tuple[float, float]:
        """The least and greatest value that it can have."""
        return 0.0, 1.0

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name.replace("_", " ")

    def check_sample(self, facts: SampleFacts) -> None:
        """Raises `UsageError` where it cannot be measured on such a sample."""
        if self.needs in ("rank", "scores") and not facts.scores:
            raise UsageError(
                f"The measure {self.spec()} is made of scores, and the model gives labels only. Choose recall, precision or f1."
            )

    @abstractmethod
    def measure(self, answered: Answered, *, confidence: float = 0.95) -> Measurement:
        """The figure with its two-sided interval at `confidence` in (0, 1); NaN where nothing is there to be measured.

        Raises:
            Refused: no true figure can be given; the message is the reason.
        """

    def change(self, clean: Answered, moved: Answered, *, paired: bool, confidence: float = 0.95) -> Difference:
        """The figure of `moved` minus that of `clean`.

        `paired`: both are of the same examples in the same order. Without a better way the interval is made of both figures' intervals,
        each at (1 + confidence) / 2: valid whatever the dependence between the two.
        """
        del paired
        one, two = (self.measure(each, confidence=(1 + confidence) / 2) for each in (clean, moved))
        ends = Interval(two.interval.low - one.interval.high, two.interval.high - one.interval.low)
        return Difference(two.value - one.value, ends)


@dataclass(frozen=True)
class MeanMeasure(Measure):
    """The mean of one number per example."""

    @abstractmethod
    def values(self, answered: Answered) -> Floats:
        """One number in `range` per example that counts, in their order; which count depends on the labels alone."""

    def notes(self, answered: Answered) -> tuple[str, ...]:
        """What a reader must know."""
        del answered
        return ()

    def measure(self, answered: Answered, *, confidence: float = 0.95) -> Measurement:
        low, high = self.range
        values = self.values(answered)
        if not len(values):
            return Measurement(math.nan, NOTHING, 0, notes=self.notes(answered))
        found = Mean().measure((values - low) / (high - low), confidence=confidence)
        ends = Interval(*(low + (high - low) * end for end in found.interval))
        return Measurement(float(values.mean()), ends, found.n, notes=self.notes(answered))

    def change(self, clean: Answered, moved: Answered, *, paired: bool, confidence: float = 0.95) -> Difference:
        low, high = self.range
        one, two = ((self.values(each) - low) / (high - low) for each in (clean, moved))
        if not len(one) or not len(two):
            return Difference(math.nan, NOTHING)
        found = (paired_difference if paired else unpaired_difference)(one, two, confidence=confidence)
        return Difference((high - low) * found.value, Interval(*((high - low) * end for end in found.interval)))


@dataclass(frozen=True)
class ClassMeasure(Measure):
    """A figure of one class against all others, or its mean over the classes."""

    class_: str = ""

    def __post_init__(self) -> None:
        given: object = self.class_
        if isinstance(given, int) and not isinstance(given, bool):
            object.__setattr__(self, "class_", str(given))  # classes may be called by whole numbers
        super().__post_init__()

    @property
    def label(self) -> str:
        return f"{super().label} of class {self.class_}" if self.class_ else f"{super().label}, mean over classes"

    def check_sample(self, facts: SampleFacts) -> None:
        super().check_sample(facts)
        if self.class_:
            class_place(self.class_, facts.class_names)

    @abstractmethod
    def of_class(self, answered: Answered, label: int, *, confidence: float) -> Measurement:
        """The figure of one class."""

    def spec(self) -> str:
        number = self.class_.isascii() and self.class_.isdecimal() and str(int(self.class_)) == self.class_  # needs no quotes
        return f"{self.name}(class={self.class_})" if number else super().spec()

    def over(self, answered: Answered) -> list[int]:
        """The classes whose mean is taken where none is named: those of which the figure exists."""
        return list(range(answered.classes))

    def worth(self, answered: Answered, labels: Sequence[int]) -> int:
        """So many equally weighted independent examples bound the mean over these classes as Chernoff does; 0 where nothing is known."""
        del answered, labels
        return 0

    def measure(self, answered: Answered, *, confidence: float = 0.95) -> Measurement:
        if self.class_:
            return self.of_class(answered, answered.place(self.class_), confidence=confidence)
        labels = self.over(answered)
        if not labels:
            return Measurement(math.nan, NOTHING, 0)
        worth = self.worth(answered, labels)
        tail = (1 - confidence) / len(labels) / (2 if worth else 1)  # with a second bound each of the two may miss half as often
        tried = {label: self.of_class(answered, label, confidence=1 - tail) for label in labels}
        each = {label: found for label, found in tried.items() if not math.isnan(found.value)}
        if not each:
            return Measurement(math.nan, NOTHING, 0)
        value, ends = float(np.mean([found.value for found in each.values()])), mean_ends([found.interval for found in each.values()])
        if worth:
            ends = both(ends, chernoff_interval(value, worth, level=(1 + confidence) / 2))
        left = [name for label, name in enumerate(answered.class_names) if label not in each and not self._exists(answered, label)]
        notes = (
            (f"the mean is over {len(each)} of {answered.classes} classes: it does not exist for {', '.join(left[:8])}",) if left else ()
        )
        return Measurement(value, ends, len(answered), notes=notes)

    def _exists(self, answered: Answered, label: int) -> bool:
        return not math.isnan(self.of_class(answered, label, confidence=0.5).value)


def mean_ends(intervals: Sequence[Interval]) -> Interval:
    """The means of their ends: an interval for the mean of what they hold, where they hold it all together."""
    return Interval(*(float(np.mean([interval[end] for interval in intervals])) for end in (0, 1)))


def both(one: Interval, other: Interval) -> Interval:
    """What both intervals hold."""
    return Interval(max(one.low, other.low), min(one.high, other.high))


def finite_scores(answered: Answered, owner: str) -> Floats:
    """The scores of all classes, shape (n, k).

    Raises:
        Refused: they are not stored, or not finite numbers.
    """
    if answered.scores is None:
        raise Refused(f"{owner} is made of the scores of all classes, which are not stored here")
    bad = int((~np.isfinite(answered.scores).all(1)).sum())
    if bad:
        raise Refused(f"the model's scores are NaN or infinite for {bad} of {len(answered)} examples")
    return answered.scores
