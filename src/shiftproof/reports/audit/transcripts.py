"""Items by variants on a page: each opens, and shows what was asked, what changed in it, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shiftproof.measures.answer_uncertainty import AnswerUncertainty, answer_uncertainty, most_frequent
from shiftproof.measures.perturbation_effects import PerturbationEffect, perturbation_effects
from shiftproof.measures.variants import VariantRobustness, variant_robustness
from shiftproof.records.transcripts import Exchange, Transcripts, read_transcripts
from shiftproof.reports.audit.pictures import TextChange, text_changes

MOST_BYTES, MOST_COLUMNS = 40_000, 24
"""Size of the section, and variants in it: a page stays below 1 MB. The rest is in transcripts.json."""
_LONGEST, _AROUND = 2_000, 60
_MARKUP = 150


@dataclass(frozen=True)
class ShownExchange:
    """One variant of an item, with what changed in its prompt from the item as it is."""

    variant: str
    mark: str
    state: str
    changes: Sequence[TextChange]
    said: str


@dataclass(frozen=True)
class ShownItem:
    """An item with a mark for each variant, and its exchanges."""

    name: str
    target: str
    marks: Sequence[tuple[str, str]]
    exchanges: Sequence[ShownExchange]


@dataclass(frozen=True)
class TranscriptTable:
    """The section of a page."""

    base: str
    variants: Sequence[str]
    items: Sequence[ShownItem]
    total: int
    file: str
    effects: Sequence[PerturbationEffect]
    robustness: VariantRobustness | None
    uncertainty: AnswerUncertainty | None


def transcript_table(folder: Path, confidence: float) -> TranscriptTable | None:
    """The transcripts of a run's folder; None where it has none. Items whose verdict changes come first."""
    found = read_transcripts(folder)
    if found is None or not found.exchanges:
        return None
    items = found.by_item()
    variants = found.variants
    order = sorted(items, key=lambda name: -_changed(items[name], found.base))
    shown: list[ShownItem] = []
    room = MOST_BYTES
    for name in order:
        one = _shown(name, items[name], found.base, variants[:MOST_COLUMNS])
        room -= _size(one)
        if room < 0 and shown:
            break
        shown.append(one)
    effects, robustness, uncertainty = _figures(found, items, confidence)
    total = len(items) + found.left_out
    return TranscriptTable(found.base, variants[:MOST_COLUMNS], shown, total, "transcripts.json", effects, robustness, uncertainty)


def _changed(own: Mapping[str, Exchange], base: str) -> int:
    """How many variants of an item are judged otherwise than the item as it is."""
    first = own.get(base)
    return 0 if first is None else sum(one.score != first.score for one in own.values())


def _size(one: ShownItem) -> int:
    """About how many bytes an item takes."""
    texts = [text for each in one.exchanges for text in (each.said, *(part.text for part in each.changes))]
    return sum(len(text.encode()) for text in texts) + _MARKUP * (1 + len(one.exchanges)) + 40 * len(one.marks)


_STATES = {None: ("–", "absent"), 1.0: ("✓", "good"), 0.0: ("✗", "bad")}


def _mark(one: Exchange | None) -> tuple[str, str]:
    if one is None:
        return "", "absent"
    return _STATES.get(one.score) or (f"{one.score:.2f}", "warn")


def _shown(name: str, own: Mapping[str, Exchange], base: str, variants: Sequence[str]) -> ShownItem:
    first = own.get(base)
    before = _short(first.prompt) if first else ""
    exchanges: list[ShownExchange] = []
    changed = first is not None and any(one.score != first.score for one in own.values())
    for variant in variants:
        one = own.get(variant)
        if one is None or (changed and variant != base and first and one.score == first.score):
            continue
        after = _short(one.prompt)
        changes = _near(text_changes(before, after)) if first and variant != base else [TextChange("same", after)]
        mark, state = _mark(one)
        exchanges.append(ShownExchange(variant, mark, state, changes, _short(one.said)))
    target = next((one.target for one in own.values() if one.target), "")
    return ShownItem(name, _short(target), [_mark(own.get(variant)) for variant in variants], exchanges)


def _near(changes: Sequence[TextChange]) -> list[TextChange]:
    """The changes with what stands near them."""
    last = len(changes) - 1
    return [
        part if part.kind != "same" else TextChange("same", _cut(part.text, head=place > 0, tail=place < last))
        for place, part in enumerate(changes)
    ]


def _cut(text: str, *, head: bool, tail: bool) -> str:
    """A text without its middle: its beginning where something changed before it, its end where something changes after it."""
    if len(text) <= 3 * _AROUND:
        return text
    return f"{text[:_AROUND] if head or not tail else ''} … {text[-_AROUND:] if tail or not head else ''}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text) - _LONGEST} more letters)"


def _figures(
    found: Transcripts, items: Mapping[str, Mapping[str, Exchange]], confidence: float
) -> tuple[Sequence[PerturbationEffect], VariantRobustness | None, AnswerUncertainty | None]:
    """What each variant does, and all together, over the items that were answered in every variant; verdicts only for the former.

    Nothing where items were left out, as these are not left out by chance, and of no variant that was searched for failures.
    """
    variants = [name for name in found.variants if name != found.base and name not in found.searched]
    every = [found.base, *variants]
    whole = [own for own in items.values() if all(name in own and own[name].score is not None for name in every)]
    if not variants or not whole or found.left_out:
        return (), None, None
    table = np.array([[own[name].score for name in every] for own in whole], dtype=np.float64)
    robustness = variant_robustness(table[:, 0], table[:, 1:], confidence=confidence)
    if not np.isin(table, (0.0, 1.0)).all():
        return (), robustness, None
    after = {name: table[:, place] for place, name in enumerate(variants, 1)}
    said = [[" ".join(own[name].said.casefold().split()) for name in every] for own in whole]
    right = table[np.arange(len(said)), most_frequent(said)]
    uncertainty = answer_uncertainty(said, right, confidence=confidence) if any(map(any, said)) else None
    return perturbation_effects(table[:, 0], after, confidence=confidence), robustness, uncertainty
