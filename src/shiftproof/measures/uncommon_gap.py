"""How much less often a model is right where an attribute is uncommon for the label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from shiftproof._errors import must
from shiftproof.confidence.checked import Refused
from shiftproof.measures.abstract import NOTHING, Measure, SampleFacts
from shiftproof.measures.answered import Answered
from shiftproof.measures.uncommon_combinations import FOCUS_SETTINGS, Settings, UncommonCombinations, uncommon_combinations
from shiftproof.risks.abstract import Measurement

FREQUENCIES, FOCUS = "frequencies", "focus"


def check_table(table: str, owner: str) -> None:
    """Raises `UsageError` where nothing says what is uncommon by this name."""
    if table not in (FREQUENCIES, FOCUS):
        raise must("table", owner, "be frequencies or focus", table)


def combinations_of(answered: Answered, columns: tuple[str, ...], table: str, below: float, confidence: float) -> UncommonCombinations:
    """Common and uncommon combinations of a sample's labels with these columns.

    Raises:
        Refused: the sample lacks a column.
    """
    absent = [column for column in columns if column not in answered.groups]
    if absent or not columns:
        raise Refused(f"this sample has no group column{f' {absent[0]!r}' if absent else ''}")
    names = [answered.class_names[label] for label in answered.y]
    settings: Settings | None = FOCUS_SETTINGS if table == FOCUS else None
    groups = {column: answered.groups[column] for column in columns}
    return uncommon_combinations(answered.right, names, groups, settings=settings, below=below, confidence=confidence)


@dataclass(frozen=True)
class UncommonGap(Measure):
    """Accuracy on uncommon combinations of label and attribute, minus that on common ones: below 0 where a model leans on the attribute.

    Args:
        by: the column of the attribute.
        table: what is uncommon: "frequencies" (a combination that occurs less than `below` times as often in this sample as if label and
            attribute were independent) or "focus" (the table of FOCUS, whose ten classes and the columns time, weather and locations it
            needs).
        below: in (0, 1].

    Guarantees:
        The interval of a difference of two proportions. Under a search it is an estimate. A gap does not prove that the attribute is its
        cause: uncommon combinations may differ in other ways.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, place = np.array([0] * 6 + [1] * 6), np.array(["grass"] * 5 + ["sand"] + ["sand"] * 5 + ["grass"])
        >>> right = np.array([True] * 5 + [False] + [True] * 6)
        >>> UncommonGap("place").measure(Answered(y, right, ("cow", "camel"), groups={"place": place})).value
        -0.5

    Reference: Kattakinda & Feizi 2022, "FOCUS: familiar objects in common and uncommon settings".
    """

    name: ClassVar[str] = "uncommon_gap"
    references: ClassVar[tuple[str, ...]] = ("kattakinda2022focus",)

    by: str
    table: str = FREQUENCIES
    below: float = 0.5

    def check(self) -> None:
        check_table(self.table, self.name)
        self.require("below", within="(0, 1]")

    @classmethod
    def examples_for_check(cls) -> list[UncommonGap]:
        """One by the column that the checks have, where about half of the combinations are uncommon."""
        return [cls("sex", below=1.0)]

    @property
    def range(self) -> tuple[float, float]:
        return -1.0, 1.0

    @property
    def label(self) -> str:
        return f"uncommon minus common {self.by}"

    def check_sample(self, facts: SampleFacts) -> None:
        super().check_sample(facts)
        facts.require_group(self.by, f"In the measure {self.spec()}; name columns with ?groups=.")

    def measure(self, answered: Answered, *, confidence: float = 0.95) -> Measurement:
        (found,) = combinations_of(answered, (self.by,), self.table, self.below, confidence).columns
        if math.isnan(found.gap):
            return Measurement(math.nan, NOTHING, 0, notes=(f"no combination of label and {self.by} is uncommon, or none is common",))
        pairs = ", ".join(f"{label} with {value}" for label, value in found.combinations[:6])
        more = f" and {len(found.combinations) - 6} more" if len(found.combinations) > 6 else ""
        note = f"uncommon: {pairs}{more} ({found.uncommon.n} examples)"
        return Measurement(found.gap, found.interval, found.common.n + found.uncommon.n, notes=(note,))
