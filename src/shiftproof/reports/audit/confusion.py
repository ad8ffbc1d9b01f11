"""Confusions on the page: a table of true and answered classes, or of many classes the pairs that are mistaken most often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shiftproof.records.audit import Audit
from shiftproof.records.confusion import ConfusedPair, Confusion
from shiftproof.reports.audit import digest
from shiftproof.reports.number_format import percent, plural
from shiftproof.reports.shift_words import in_shift_words

_MOST_COLUMNS = 12
"""Classes for whose square there is room on the page."""
_LISTED = 10


@dataclass(frozen=True)
class ConfusionEntry:
    """One entry of the square: a count, and how dark it is shown, in percent."""

    count: int
    own: bool
    heat: int


@dataclass(frozen=True)
class ConfusionRow:
    """One true class with all answers to it."""

    label: str
    n: int
    entries: list[ConfusionEntry]


@dataclass(frozen=True)
class ConfusionView:
    """One confusion as the page shows it."""

    title: str
    search: str
    at_most: bool
    sentence: str
    said: list[str]
    rows: list[ConfusionRow]
    """Empty where there are more classes than there is room for."""
    top: list[tuple[ConfusedPair, int | None]]
    """The pairs mistaken most often, each with how often in the sample as it is; None where that is not known."""


def confusion_views(audit: Audit) -> tuple[list[ConfusionView], list[ConfusionView]]:
    """First the sample as it is, other samples and each kind of shift where it is worst; second all others."""
    unmoved = next((c for c in audit.confusions if c.shift == "identity" and c.data == audit.data.uri), None)
    worst = {(r.shift, r.search) for threat in digest.worst_of_each_family(audit) for r in threat.numbers}
    first = [c for c in audit.confusions if c.shift == "identity" or (c.shift, c.search) in worst]
    return [_view(audit, c, unmoved) for c in first], [_view(audit, c, unmoved) for c in audit.confusions if c not in first]


def _view(audit: Audit, found: Confusion, unmoved: Confusion | None) -> ConfusionView:
    there = found.data if found.data != audit.data.uri else ""
    title = there if found.shift == "identity" and there else in_shift_words(found.shift)
    said = _answered(found)
    wide = not found.classes or len(said) > _MOST_COLUMNS
    wrong = [pair for pair in found.pairs if pair.label != pair.said]
    return ConfusionView(
        title=title,
        search="" if found.search == "one_draw" else found.search,
        at_most=found.kind == "at_most",
        sentence=sentence(found),
        said=said,
        rows=[] if wide else [_row(found, label, said) for label in _labels(found)],
        top=[(pair, None if unmoved is None or unmoved is found else _times(unmoved, pair)) for pair in wrong[:_LISTED]],
    )


def sentence(found: Confusion) -> str:
    """How many answers are wrong, and which pair is mistaken most often."""
    wrong = [pair for pair in found.pairs if pair.label != pair.said]
    counted = f"{found.wrong} of {plural(found.n, 'answer')} {'is' if found.wrong == 1 else 'are'} wrong"
    if not wrong:
        return f"{counted}."
    most = wrong[0]
    times = f"{most.count} of {plural(most.of, 'example')} ({percent(most.count / most.of)})"
    return f"{counted}; most often {most.label} is taken for {most.said}: {times}."


def _labels(found: Confusion) -> list[str]:
    """The true classes that occur, in label order."""
    present = {pair.label for pair in found.pairs}
    return [name for name in found.classes if name in present]


def _answered(found: Confusion) -> list[str]:
    """The columns: every class, and what is none of them where it occurs."""
    others = dict.fromkeys(pair.said for pair in found.pairs if pair.said not in found.classes)
    return [*found.classes, *others] if found.classes else []


def _row(found: Confusion, label: str, said: Sequence[str]) -> ConfusionRow:
    own = {pair.said: pair for pair in found.pairs if pair.label == label}
    n = next(pair.of for pair in own.values())
    counts = {name: own[name].count if name in own else 0 for name in said}
    return ConfusionRow(label, n, [ConfusionEntry(count, name == label, round(70 * count / n)) for name, count in counts.items()])


def _times(unmoved: Confusion, pair: ConfusedPair) -> int | None:
    """How often the same pair was mistaken in the sample as it is."""
    same = next((p.count for p in unmoved.pairs if (p.label, p.said) == (pair.label, pair.said)), None)
    return same if same is not None or unmoved.unlisted else 0
