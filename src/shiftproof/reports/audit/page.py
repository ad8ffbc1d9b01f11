"""The page of one audit."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from shiftproof._writing import write_atomic
from shiftproof.records.audit import Audit, CellRecord, Result, read_audit
from shiftproof.records.trust_row import CalibrationSample, TrustRow
from shiftproof.reports._html import render
from shiftproof.reports.audit import charts, digest
from shiftproof.reports.audit.budgets import budget_chart, curve_tables
from shiftproof.reports.audit.confusion import confusion_views
from shiftproof.reports.audit.group_gaps import FEW, group_gaps, measure_gaps
from shiftproof.reports.audit.masking_checks import ordered, unfinished_extras
from shiftproof.reports.audit.measures import measure_rows
from shiftproof.reports.audit.pictures import Tile, family, how_to_read, tiles
from shiftproof.reports.audit.placements import placement_charts
from shiftproof.reports.audit.proofs import proof_chart, proof_tables
from shiftproof.reports.audit.transcripts import transcript_table
from shiftproof.reports.audit.verdict import named, verdict_line
from shiftproof.reports.cite import cite
from shiftproof.reports.figure import Figure
from shiftproof.reports.notes import missing_answers
from shiftproof.reports.shift_words import family_in
from shiftproof.reports.trust import COLOURS, row_name, sentences, trust_chart


@dataclass(frozen=True)
class CellCard:
    """A cell with its numbers: what stands behind each of them."""

    anchor: str
    cell: CellRecord
    numbers: list[Result]
    file: str


@dataclass(frozen=True)
class FamilyCards:
    """The cards of one family of shifts."""

    family: str
    cards: list[CellCard]

    @property
    def flags(self) -> int:
        """Flags on all its cards."""
        return sum(len(card.cell.flags) for card in self.cards)

    @property
    def unfinished(self) -> int:
        """Cards of cells that failed or never ran."""
        return sum(card.cell.state != "done" for card in self.cards)


@dataclass(frozen=True)
class FamilyTiles:
    """The pictures of one family of shifts."""

    family: str
    tiles: list[Tile]


@dataclass(frozen=True)
class GroupRow:
    """One group, with its number in each column (shift, search, kind) that has groups."""

    group: str
    n: int
    numbers: list[Result | None]


@dataclass(frozen=True)
class TrustView:
    """Whether its confidence can be trusted, as the sections of a trust page take it."""

    rows: list[TrustRow]
    sample: CalibrationSample | None
    sentences: list[str]
    colours: Mapping[str, str]
    name: Callable[[TrustRow], str]


def trust_view(audit: Audit) -> TrustView | None:
    """What the stored answers say of the model's confidence; None where nothing calibrates, or its answers are not there."""
    found = audit.trust
    if found is None or not found.rows:
        return None
    return TrustView(found.rows, found.calibration, sentences(found.calibration, found.rows, audit.data.classes), COLOURS, row_name)


def page(audit: Audit, folder: Path) -> str:
    """The audit as one self-contained HTML file that opens without a network.

    Args:
        audit: the records.
        folder: the run's folder, for gallery/*.npz; pictures that are not there are named as missing.

    Returns:
        The file's text. Names from models, data and files are escaped; a content security policy lets no script run but the page's own.
    """
    shown = figures(audit)
    gallery = tiles(audit, folder)
    columns, rows, groups_left = group_table(audit)
    chance, attacked = digest.worst_by_chance(audit), digest.worst_attacked(audit)
    cards = _cards(audit, folder)
    return render(
        "page.html.j2",
        charts=shown,
        audit=audit,
        word=audit.judge.word,
        sentences=digest.sentences(audit),
        chance=chance,
        chance_lowered=digest.lowered(audit, chance) if chance else "",
        attacked=attacked,
        attacked_lowered=digest.lowered(audit, attacked) if attacked else "",
        proven=digest.best_proven(audit),
        verdict=verdict_line(audit),
        named=named,
        families=digest.worst_of_each_family(audit),
        gaps=group_gaps(audit),
        threats=digest.by_damage(audit),
        unfinished=digest.unfinished(audit),
        missing=missing_answers(audit),
        extras=unfinished_extras(audit),
        budgets=curve_tables(audit),
        proof_tables=proof_tables(audit),
        diagnoses=[(diagnosis, ordered(diagnosis)) for diagnosis in audit.diagnoses if diagnosis.state == "done"],
        unknowns=digest.unknowns(audit),
        curve_names=[name.removeprefix("curve:") for name in shown if name.startswith("curve:")],
        placements=placement_charts(audit),
        measures=measure_rows(audit),
        measure_gaps=measure_gaps(audit),
        confusions=confusion_views(audit),
        FEW=FEW,
        trust=trust_view(audit),
        filters=sorted(
            (r for r in digest.plain(audit) if r.family in digest.FILTERS),
            key=lambda r: (digest.FILTERS.index(r.family), r.strength or 0.0),
        ),
        group_columns=columns,
        group_rows=rows,
        groups_left=groups_left,
        picture_families=_picture_families(gallery),
        how_to_read_pictures=how_to_read(gallery),
        pictures_left=len(audit.gallery) - len(gallery),
        card_families=_card_families(cards),
        transcripts=transcript_table(folder, audit.provenance.confidence),
        anchors=_anchors(audit, cards),
        raised=sorted({*digest.flag_counts(audit), *(flag.name for curve in audit.curves for flag in curve.flags)}),
        command=shlex.join(audit.provenance.command),
        bibtex=cite(audit),
        several_data=len({r.data for r in audit.results}) > 1,
    )


def write_page(folder: Path) -> Path:
    """Reads `folder`/audit.json and writes `folder`/index.html beside it; returns the page's path."""
    target = folder / "index.html"
    write_atomic(target, page(read_audit(folder), folder).encode())
    return target


def group_table(audit: Audit) -> tuple[list[Result], list[GroupRow], int]:
    """Groups in rows; in columns the sample as it is and the numbers of the first picture, by one of their results, each of one kind.

    The third is how many further (shift, search) have groups.
    """
    found = digest.groups(audit)
    shown = {(r.shift, r.search) for threat in digest.worst_of_each_family(audit) for r in threat.numbers}
    columns = {_column(r): r for r in reversed(found) if r.shift == "identity" or (r.shift, r.search) in shown}
    order = list(reversed(columns))
    by_group: dict[str, dict[tuple[str, str, str], Result]] = {}
    for result in found:
        by_group.setdefault(result.group or "", {})[_column(result)] = result
    rows = [GroupRow(group, max(r.n for r in own.values()), [own.get(column) for column in order]) for group, own in by_group.items()]
    return [columns[column] for column in order], rows, len({_column(r) for r in found} - set(order))


def _column(result: Result) -> tuple[str, str, str]:
    return (result.shift, result.search, result.kind)


def figures(audit: Audit) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    made: Mapping[str, Figure | None] = {
        "headline": charts.headline(audit),
        "groups": charts.group_chart(audit),
        "frequency": charts.frequency_chart(audit),
        "natural": charts.natural_chart(audit),
        "trust": trust_chart(audit.trust.rows) if audit.trust and audit.trust.rows else None,
        **{each.name: budget_chart(audit, each.curve) for each in curve_tables(audit)},
        **{each.name: proof_chart(audit, each) for each in proof_tables(audit)},
        **{each.name: each.figure for each in placement_charts(audit)},
        **{f"curve:{family}": figure for family, figure in charts.curves(audit)},
    }
    return {name: figure.named(audit.judge.word) for name, figure in made.items() if figure is not None}


def _cards(audit: Audit, folder: Path) -> list[CellCard]:
    """One card a cell; a number of several cells together (keys joined by +) is on each of theirs."""
    by_cell: dict[str, list[Result]] = {}
    for result in audit.results:
        for key in result.cell.split("+"):
            by_cell.setdefault(key, []).append(result)
    return [
        CellCard(f"card-{place}", cell, by_cell.get(cell.key, []), _table_file(cell.key, folder))
        for place, cell in enumerate(audit.cells, 1)
    ]


def _card_families(cards: list[CellCard]) -> list[FamilyCards]:
    card_families: dict[str, list[CellCard]] = {}
    for card in cards:
        card_families.setdefault(family_in(card.cell.shift), []).append(card)
    return [FamilyCards(family, found) for family, found in card_families.items()]


def _table_file(key: str, folder: Path) -> str:
    """The address of a cell's table beside the page; empty where it is not one file, as for a sample in shards."""
    plain = key.isalnum() and (folder / "cells" / f"{key}.parquet").is_file()
    return f"cells/{quote(key, safe='')}.parquet" if plain else ""


def _picture_families(gallery: list[Tile]) -> list[FamilyTiles]:
    picture_families: dict[str, list[Tile]] = {}
    for tile in gallery:
        picture_families.setdefault(family(tile.picture), []).append(tile)
    return [FamilyTiles(name, found) for name, found in picture_families.items()]


def _anchors(audit: Audit, cards: list[CellCard]) -> dict[str, str]:
    """By a result's cell the card to open: that of its first cell where it has several."""
    by_key = {card.cell.key: card.anchor for card in cards}
    return {r.cell: by_key[first] for r in audit.results if (first := r.cell.split("+")[0]) in by_key}
