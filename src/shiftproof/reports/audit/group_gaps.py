"""How far groups differ, with intervals that hold for all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shiftproof.records.audit import Audit, Result
from shiftproof.records.set_measure import SetMeasure
from shiftproof.reports.audit import digest
from shiftproof.reports.number_format import known, percent, plural, points, span
from shiftproof.risks.intervals import clopper_pearson

FEW = 30
"""Examples of a group below which its number says little."""


@dataclass(frozen=True)
class GroupShare:
    """The number of a group or a class, with its ends of the intervals that hold together."""

    group: str
    n: int
    value: float
    low: float
    high: float

    @property
    def few(self) -> bool:
        """Whether it is too small to be ranked."""
        return self.n < FEW


@dataclass(frozen=True)
class GroupGap:
    """All groups of one column, or of the columns crossed, or all classes, worst first."""

    column: str
    groups: tuple[GroupShare, ...]
    confidence: float
    what: Literal["group", "class"] = "group"

    @property
    def sure(self) -> float:
        """The gap between two of these groups that is there at least, with the stated confidence; 0 where none is."""
        return max(0.0, max(one.low for one in self.groups) - min(other.high for other in self.groups))

    def sentence(self, word: str) -> str:
        """The widest gap, in a sentence; and how many groups are small."""
        large = [share for share in self.groups if not share.few]
        small = len(self.groups) - len(large)
        several = "groups" if self.what == "group" else "classes"
        more = f" {small} {self.what if small == 1 else several} of fewer than {FEW} examples {'says' if small == 1 else 'say'} little."
        more = more if small else ""
        if len(large) < _TWO:
            return f"{self.column}: no two {several} are large enough to be compared by {word}.{more}"
        worst, best = min(large, key=lambda s: s.value), max(large, key=lambda s: s.value)
        told = (
            f"{word} is {percent(worst.value)} for {worst.group} (n = {worst.n}) and {percent(best.value)} for {best.group} (n = {best.n})"
        )
        sure = f"some gap of at least {points(self.sure).removeprefix('+')} is there" if self.sure > 0 else "the gap may be chance"
        return f"{self.column}: {told}; with all {several}' intervals together, {sure}.{more}"


_TWO = 2
_OF_CLASS = " of class "
SHARE = (0.0, 1.0)


def group_gaps(audit: Audit) -> list[GroupGap]:
    """The groups of each column, and of the columns crossed, on the sample as it is.

    The intervals are Clopper-Pearson's at 1 - (1 - confidence) / k for k groups, so that all of a column hold together with the stated
    confidence. None where answers are right in part.
    """
    if audit.judge.graded:
        return []
    found: dict[str, list[Result]] = {}
    for result in digest.groups(audit):
        if result.shift == "identity" and known(result.value) is not None and result.group and result.n:
            found.setdefault(_column_of(result.group), []).append(result)
    return [_gap(column, results) for column, results in found.items() if len(results) > 1]


def measure_gaps(audit: Audit) -> list[tuple[str, GroupGap]]:
    """Of every measure that is a share and was asked for: its groups by column, and where it is reported of several classes these.

    Each comes with what people call the measure, in the sample as it is. Its intervals were made so that those of all groups of a column,
    or of all classes, hold together.
    """
    own = [m for m in audit.measures if m.shift == "identity" and m.data == audit.data.uri and m.range == SHARE]
    joint = [m for m in own if m.together is not None and m.value is not None]
    classes: dict[str, list[tuple[str, SetMeasure]]] = {}
    for m in joint:
        name, told, which = m.label.partition(_OF_CLASS)
        if m.group is None and told:
            classes.setdefault(name, []).append((which, m))
    found = [(name, _measured_gap("By class", each, "class")) for name, each in classes.items() if len(each) > 1]
    for label in dict.fromkeys(m.label for m in joint if m.group is not None):
        columns: dict[str, list[tuple[str, SetMeasure]]] = {}
        for m in joint:
            if m.label == label and m.group is not None:
                columns.setdefault(_column_of(m.group), []).append((m.group, m))
        found += [(label, _measured_gap(column, each, "group")) for column, each in columns.items() if len(each) > 1]
    return found


def _measured_gap(column: str, found: list[tuple[str, SetMeasure]], what: Literal["group", "class"]) -> GroupGap:
    shares = [GroupShare(name, m.n, m.value or 0.0, *(m.together or SHARE)) for name, m in found]
    return GroupGap(column, tuple(sorted(shares, key=lambda share: share.high)), found[0][1].confidence, what)


def _column_of(group: str) -> str:
    return " & ".join(part.partition("=")[0] for part in group.split(" & "))


def _gap(column: str, results: list[Result]) -> GroupGap:
    confidence = results[0].confidence
    each = 1 - (1 - confidence) / len(results)
    shares: list[GroupShare] = []
    for result in results:
        ends = clopper_pearson(round((result.value or 0.0) * result.n), result.n, confidence=each).one()
        shares.append(GroupShare(result.group or "", result.n, result.value or 0.0, ends.low, ends.high))
    return GroupGap(column, tuple(sorted(shares, key=lambda share: share.high)), confidence)


def gap_lines(audit: Audit) -> list[str]:
    """For the terminal: a line for each column, one for each of its groups, worst first, and one for each sure gap of a measure."""
    said: list[str] = []
    for gap in group_gaps(audit):
        said.append(gap.sentence(audit.judge.word))
        said += [f"  {share.group}: {percent(share.value)} ({span((share.low, share.high))}), n = {share.n}" for share in gap.groups]
    gaps = measure_gaps(audit)
    sure = [gap.sentence(label) for label, gap in gaps if gap.sure > 0]
    rest = len(gaps) - len(sure)
    more = [f"{plural(rest, 'more comparison')} of a measure by group or class, whose gap may be chance, on the page."] if rest else []
    return [*said, *sure, *more]
