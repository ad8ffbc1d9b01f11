"""Accuracy on the examples of which so many attributes are uncommon for the label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from shiftproof._errors import UsageError
from shiftproof.measures.abstract import NOTHING, Measure, SampleFacts
from shiftproof.measures.answered import Answered
from shiftproof.measures.uncommon_combinations import FOCUS_SETTINGS
from shiftproof.measures.uncommon_gap import FOCUS, FREQUENCIES, check_table, combinations_of
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.intervals import clopper_pearson

_COLUMNS = tuple(next(iter(FOCUS_SETTINGS.values())))


@dataclass(frozen=True)
class UncommonAccuracy(Measure):
    """Accuracy on the examples of which exactly `count` attributes are uncommon for their label.

    Args:
        count: at least 0; 0 are the examples of which everything is common.
        table: what is uncommon, as for `uncommon_gap`: "frequencies", over all group columns of the sample, or "focus", over its columns
            time, weather and locations.
        below: in (0, 1]; for frequencies.

    Guarantees:
        The exact binomial interval, valid at every n. Under a search it is an upper bound.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, night = np.array([0, 0, 0]), np.array(["day", "night", "night"])
        >>> groups = {"time": night, "weather": np.array(["sunny"] * 3), "locations": np.array(["street", "street", "rocks, snow"])}
        >>> answers = Answered(y, np.array([True, True, False]), ("car",), groups=groups)
        >>> [UncommonAccuracy(count, "focus").measure(answers).value for count in (0, 1, 2)]
        [1.0, 1.0, 0.0]

    Reference: Kattakinda & Feizi 2022, "FOCUS: familiar objects in common and uncommon settings".
    """

    name: ClassVar[str] = "uncommon_accuracy"
    references: ClassVar[tuple[str, ...]] = ("kattakinda2022focus", "clopper1934use")
    worst_case: ClassVar[bool] = True

    count: int
    table: str = FREQUENCIES
    below: float = 0.5

    def check(self) -> None:
        self.require("count", least=0)
        check_table(self.table, self.name)
        self.require("below", within="(0, 1]")

    @classmethod
    def examples_for_check(cls) -> list[UncommonAccuracy]:
        """That of which all is common."""
        return [cls(0)]

    @property
    def label(self) -> str:
        return f"accuracy with {self.count} uncommon attribute{'' if self.count == 1 else 's'}"

    def check_sample(self, facts: SampleFacts) -> None:
        super().check_sample(facts)
        if not facts.groups:
            raise UsageError(
                f"The measure {self.spec()} is about group columns, and the data have none. Name them, for example ?groups=place."
            )
        for column in _COLUMNS if self.table == FOCUS else ():
            facts.require_group(column, f"The measure {self.spec()} takes the columns {', '.join(_COLUMNS)}.")

    def measure(self, answered: Answered, *, confidence: float = 0.95) -> Measurement:
        columns = _COLUMNS if self.table == FOCUS else tuple(answered.groups)
        found = combinations_of(answered, columns, self.table, self.below, confidence).by_count
        if self.count >= len(found) or not found[self.count].n:
            return Measurement(math.nan, NOTHING, 0, notes=(f"no example has {self.count} uncommon attributes",))
        n, accuracy = found[self.count].n, found[self.count].accuracy
        return Measurement(accuracy, clopper_pearson(round(accuracy * n), n, confidence=confidence).one(), n)
