"""How far groups differ, with intervals that hold for all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from shiftproof.records.audit import Audit, Result
from shiftproof.reports.audit import digest
from shiftproof.reports.number_format import known, percent, plural, points, span
from shiftproof.risks.intervals import clopper_pearson

FEW = 30
"""Examples of a group below which its number says little."""


@dataclass(frozen=True)
class GroupShare:
    """A group's clean accuracy, with its end of the intervals that hold together."""

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
    """All groups of one column, or of the columns crossed, worst first."""

    column: str
    groups: tuple[GroupShare, ...]
    confidence: float

    @property
    def sure(self) -> float:
        """The gap between two of these groups that is there at least, with the stated confidence; 0 where none is."""
        return max(0.0, max(one.low for one in self.groups) - min(other.high for other in self.groups))

    def sentence(self, word: str) -> str:
        """The widest gap, in a sentence; and how many groups are small."""
        large = [share for share in self.groups if not share.few]
        small = len(self.groups) - len(large)
        more = f" {plural(small, 'group')} of fewer than {FEW} examples {'says' if small == 1 else 'say'} little." if small else ""
        if len(large) < _TWO:
            return f"{self.column}: no two groups are large enough to be compared.{more}"
        worst, best = min(large, key=lambda s: s.value), max(large, key=lambda s: s.value)
        told = (
            f"{word} is {percent(worst.value)} for {worst.group} (n = {worst.n}) and {percent(best.value)} for {best.group} (n = {best.n})"
        )
        sure = f"some gap of at least {points(self.sure).removeprefix('+')} is there" if self.sure > 0 else "the gap may be chance"
        return f"{self.column}: {told}; with all groups' intervals together, {sure}.{more}"


_TWO = 2


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
            column = " & ".join(part.partition("=")[0] for part in result.group.split(" & "))
            found.setdefault(column, []).append(result)
    return [_gap(column, results) for column, results in found.items() if len(results) > 1]


def _gap(column: str, results: list[Result]) -> GroupGap:
    confidence = results[0].confidence
    each = 1 - (1 - confidence) / len(results)
    shares: list[GroupShare] = []
    for result in results:
        ends = clopper_pearson(round((result.value or 0.0) * result.n), result.n, confidence=each).one()
        shares.append(GroupShare(result.group or "", result.n, result.value or 0.0, ends.low, ends.high))
    return GroupGap(column, tuple(sorted(shares, key=lambda share: share.high)), confidence)


def gap_lines(audit: Audit) -> list[str]:
    """For the terminal: a line for each column, and one for each of its groups, worst first."""
    said: list[str] = []
    for gap in group_gaps(audit):
        said.append(gap.sentence(audit.judge.word))
        said += [f"  {share.group}: {percent(share.value)} ({span((share.low, share.high))}), n = {share.n}" for share in gap.groups]
    return said
