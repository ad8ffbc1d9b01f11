"""Leaderboards as a page and as tables for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shiftproof._writing import write_atomic
from shiftproof.records.audit import UNION, ClaimKind
from shiftproof.records.leaderboard import Board, Entry, Leaderboard, Number, Place, Section
from shiftproof.reports._html import render
from shiftproof.reports.number_format import KIND_HEADS, KIND_SIGNS, confidence, known, percent, plural, printable, span
from shiftproof.reports.shift_words import spelled
from shiftproof.reports.terminal_fit import FirstThatFits, Sentence, text
from shiftproof.reports.threat_matrix import ModelRow, ThreatMatrix, threat_matrices

if TYPE_CHECKING:
    import pandas as pd

CLAIMS = {"measured": "measured here", "published": "as published, not re-measured"}
_STYLES: dict[ClaimKind, str] = {"at_least": "green", "estimate": "blue", "at_most": "red"}
_CLAIMED: dict[ClaimKind, str] = {"at_least": "proven", "estimate": "by chance", "at_most": "attacked"}
_HEADS: dict[ClaimKind, str] = {"at_least": "Proven: at least", "estimate": "Average: estimate", "at_most": "Attacked: at most"}
_WIDTH = 160.0


def leaderboard(found: Leaderboard, *, left_out: Sequence[str] = ()) -> str:
    """A leaderboard as one self-contained HTML file that opens without a network.

    One table for each set of entries that can be compared; in it no column holds two kinds of claim. Names are escaped, and only http and
    https addresses become links.

    Args:
        found: what `make_leaderboard` gives.
        left_out: what a reader must know is not there.
    """
    return render(
        "leaderboard.html.j2",
        charts={},
        found=found,
        matrices=[matrix for matrix in threat_matrices(found) if len(matrix.rows) > 1],
        left_out=left_out,
        models=len({(entry.model, entry.origin.fingerprint) for entry in found.entries()}),
        CLAIMS=CLAIMS,
        heading=heading,
        rules=rules,
        rank=rank,
        figure=figure,
        lower=lower,
        columns=columns,
        link=link,
        bracket=bracket,
        where=where,
    )


def write_leaderboard(found: Leaderboard, out: Path, *, left_out: Sequence[str] = ()) -> Path:
    """Writes leaderboard.html into the folder `out`, which is made; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "leaderboard.html"
    write_atomic(target, leaderboard(found, left_out=left_out).encode())
    return target


def heading(board: Board) -> str:
    """What the entries of a table have in common, in a line."""
    if board.claim == "published":
        return "Entries of RobustBench's format"
    sample = "Nothing that could be ranked" if board.n is None else plural(board.n, "example")
    return f"{sample} under {', '.join(short(board))}" if short(board) else sample


def short(board: Board) -> list[str]:
    """The searches of a table as people write them; `made_by` has them with every option."""
    first = board.places[0].entry
    numbers: dict[ClaimKind, list[Number | None]] = {"at_most": [*first.attacked], "estimate": [first.average], "at_least": [first.proven]}
    return list(dict.fromkeys(n.search for n in numbers[board.basis] if n is not None and n.search != UNION))


def rules(board: Board) -> str:
    """How a table's ranks came about."""
    by = {"at_most": "what attacks left, at most", "estimate": "the mean over chance moves", "at_least": "what is proven, at least"}
    said = f"Ranked by {by[board.basis]}."
    tests = {place.test for place in board.places}
    if board.confidence is not None and "paired" in tests:
        said += (
            f" A rank is shared unless the same examples tell the models apart: paired intervals that hold for all pairs of this table "
            f"together at {confidence(board.confidence)}."
        )
    elif "intervals" in tests or "paired" in tests:
        said += " A rank is shared unless intervals do not overlap; where the same examples are at hand, pairs of them decide."
    elif board.claim == "published" and len(board.places) > 1:
        said += " The format has neither intervals nor numbers of examples, so near ranks may be chance, and nothing was tested."
    external = sum(place.entry.bound is not None and place.entry.bound.search == "external" for place in board.places)
    if external:
        said += f" {plural(external, 'number')} from another, stronger evaluation than AutoAttack: marked external."
    return said


def columns(board: Board) -> list[str]:
    """The optional columns that some entry of a table fills."""
    entries = [place.entry for place in board.places]
    tests = {
        "at_least": any(e.proven for e in entries),
        "at_most": any(e.bound for e in entries),
        "estimate": any(e.average for e in entries),
        "mce": any(e.mean_corruption_error is not None for e in entries),
        "average_3d": any(e.average_3d is not None for e in entries),
        "search": len({e.basis.search for e in entries if e.basis}) > 1,
        "architecture": any(e.architecture for e in entries),
        "extra_data": any(e.extra_data is not None for e in entries),
        "venue": any(e.paper.venue for e in entries),
        "cost": any(e.basis and e.basis.forwards_per_example is not None for e in entries),
    }
    return [name for name, shown in tests.items() if shown]


def link(entry: Entry) -> str | None:
    """The paper's address where it is one that a page may link to."""
    address = entry.paper.link or ""
    return address if address.startswith(("https://", "http://")) else None


def where(entry: Entry) -> str:
    """Where an entry comes from."""
    source = Path(entry.origin.source).name if entry.origin.source else ""
    return f"run {source}" if entry.origin.claim == "measured" and source else source


def bracket(entry: Entry) -> Markup:
    """What is known of an entry on a line from 0 to 1: from proven to attacked, the average, and clean accuracy as a tick.

    The line is dotted down to 0 where nothing is proven.
    """
    low, high, mean, clean = (_share(n) for n in (entry.proven, entry.bound, entry.average, entry.clean))
    parts = [f'<line class="axis" x1="0" x2="{_WIDTH:g}" y1="13" y2="13"/>']
    if high is not None:
        dotted = "" if low is not None else ' class="open"'
        parts.append(f'<line{dotted} x1="{_x(low or 0.0)}" x2="{_x(high)}" y1="8" y2="8"/>')
    if entry.bound and entry.bound.interval:
        parts.append(_bar("at_most", entry.bound.interval))
    if low is not None:
        parts.append(f'<path class="at_least" d="M{_x(low)} 4l7 4l-7 4z"/>')
    if mean is not None:
        parts.append(f'<circle class="estimate" cx="{_x(mean)}" cy="8" r="3"/>')
    if high is not None:
        parts.append(f'<path class="at_most" d="M{_x(high)} 4l-7 4l7 4z"/>')
    if clean is not None:
        parts.append(f'<line class="clean" x1="{_x(clean)}" x2="{_x(clean)}" y1="2" y2="14"/>')
    shape = f'<svg class="bracket" viewBox="-8 0 {_WIDTH + 16:g} 16" aria-hidden="true">{"".join(parts)}</svg>'
    return Markup(shape)  # noqa: S704  # numbers and words of ours alone


def bracket_frame(board: Board) -> pd.DataFrame:
    """The numbers that the brackets of a table draw: one row per entry, NaN where it has no such number."""
    import pandas as pd

    rows = []
    for entry in (place.entry for place in board.places):
        low, high = entry.bound.interval if entry.bound and entry.bound.interval else (None, None)
        numbers = (entry.clean, entry.proven, entry.average, entry.bound)
        rows.append((entry.model, *map(_share, numbers), low, high))
    columns = ["model", "clean accuracy", "proven", "average", "attacked", "attacked low", "attacked high"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))


def _bar(kind: str, interval: tuple[float, float]) -> str:
    return f'<line class="{kind} span" x1="{_x(interval[0])}" x2="{_x(interval[1])}" y1="8" y2="8"/>'


def _x(share: float) -> str:
    return f"{_WIDTH * min(1.0, max(0.0, share)):.1f}"


def _share(number: Number | None) -> float | None:
    return None if number is None else known(number.value)


def terminal_leaderboard(found: Leaderboard) -> Group:
    """For the terminal: a matrix for each sample with several threats, and a ranking of whatever is in none."""
    matrices = threat_matrices(found)
    shown = {(matrix.fingerprint, matrix.n) for matrix in matrices}
    tables = [table for matrix in matrices for table in _terminal_matrix(matrix)]
    return Group(*tables, *(table for section in found.sections for table in _tables(section, shown)))


def _terminal_matrix(matrix: ThreatMatrix) -> list[RenderableType]:
    """Models in columns, as many side by side as there is room for, and threats in rows: names of threats are long, and models many."""
    title = f"{matrix.dataset}, {plural(matrix.n, 'example')}, {CLAIMS['measured']}: accuracy, and = where a rank is shared"
    legend = [Sentence(f"{place}  {row.model}{_runs(row)}") for place, row in enumerate(matrix.rows, 1)]
    places = range(len(matrix.rows))
    sizes = [size for size in range(len(places), 0, -1) if size <= _MOST_MODELS]
    layouts = [
        partial(_matrix_tables, matrix, [places[at : at + size] for at in places[::size]], width)
        for size in sizes
        for width in (None, _THREAT)
    ]
    mixed = [column.threat for column in matrix.columns if not column.alike]
    note = f"Searched by different searches, of which a stronger one leaves less: {', '.join(dict.fromkeys(mixed))}."
    return [text("\n" + title), *legend, FirstThatFits(*layouts), *([Sentence(note)] if mixed else []), Sentence(_MORE)]


_MORE = "Searches, tests and ranks of one threat: add --threat SPEC; all of them on the page: add --out FOLDER."


_MOST_MODELS = 8
_THREAT = 18
"""Columns of the terminal in which names of threats are broken where that makes room for one more model."""


def _runs(row: ModelRow) -> str:
    return f" ({', '.join(row.sources)})" if any(row.sources) else ""


def _matrix_tables(matrix: ThreatMatrix, parts: Sequence[Sequence[int]], width: int | None) -> Group:
    return Group(*(_matrix_table(matrix, part, width) for part in parts))


def _matrix_table(matrix: ThreatMatrix, places: Sequence[int], width: int | None) -> Table:
    table = Table()
    table.add_column("Threat", overflow="fold", width=width)
    for place in places:
        table.add_column(str(place + 1), justify="right", no_wrap=True)
    table.add_row("as collected", *(_stacked(matrix.rows[place].clean, None) for place in places))
    for at, column in enumerate(matrix.columns):
        found = [matrix.rows[place].numbers[at] for place in places]
        numbers = [_stacked(one.number, one.place) if one else Text("–", style="dim") for one in found]
        table.add_row(text(f"{spelled(column.threat)}\n  {_CLAIMED[column.kind]}"), *numbers)
    return table


def _stacked(number: Number | None, place: Place | None) -> Text:
    """A number over its interval, with its rank."""
    if number is None or known(number.value) is None:
        return Text("–", style="dim")
    if number.kind == "at_least" and not number.value:
        return Text("none", style="dim")
    ranked = f"  #{rank(place)}" if place is not None and place.rank is not None else ""
    below = f"\n({span(number.interval)})" if number.interval else ""
    return Text(f"{KIND_SIGNS[number.kind]}{figure(number)}{' ⚑' if number.flags else ''}{ranked}{below}", style=_STYLES[number.kind])


def _tables(section: Section, shown: Collection[tuple[str, int]]) -> list[RenderableType]:
    """The rankings of a threat but those of samples that a matrix shows."""
    boards = [board for board in section.boards if not all(_in_matrix(place.entry, shown) for place in board.places)]
    if not boards:
        return []
    made: list[RenderableType] = [Text("\n" + printable(f"{section.threat} on {section.dataset}"), style="bold")]
    if section.differences:
        made.append(Sentence(f"Not ranked together: {'; '.join(section.differences)}."))
    return [*made, *(FirstThatFits(partial(_table, board, " "), partial(_table, board, "\n")) for board in boards)]


def _in_matrix(entry: Entry, shown: Collection[tuple[str, int]]) -> bool:
    return entry.origin.claim == "measured" and entry.sample is not None and (entry.sample.fingerprint, entry.sample.n) in shown


def _table(board: Board, joint: str) -> Table:
    claims = columns(board)
    kinds = [kind for kind in KIND_HEADS if kind in claims]
    table = Table(title=Text(printable(f"{heading(board)}, {CLAIMS[board.claim]}"), style="italic"), title_justify="left")
    table.add_column("Rank", justify="right", no_wrap=True)
    table.add_column("Model", overflow="fold")
    table.add_column("Clean: estimate".replace(": ", f":{joint}"), justify="right", style="blue", no_wrap=True)
    for kind in kinds:
        table.add_column(_HEADS[kind].replace(": ", f":{joint}"), justify="right", style=_STYLES[kind], no_wrap=True)
    for place in board.places:
        entry = place.entry
        name = printable(entry.model + (f" ({lower(place)})" if place.lower else ""))
        table.add_row(rank(place), Text(name), _cell(entry.clean, joint), *(_cell(entry.of_kind(kind), joint) for kind in kinds))
    return table


def lower(place: Place) -> str:
    """What another table of the section says of the same model."""
    number = place.lower
    return "" if number is None else f"{KIND_SIGNS[number.kind]}{figure(number)} under {number.search}, in another table"


def figure(number: Number) -> str:
    """A number as it is shown: to 0.1 points where an interval says how sure it is, else as it was published."""
    return percent(number.value) if number.interval or number.value is None else f"{100 * number.value:.2f}%"


def rank(place: Place) -> str:
    """A rank as it is shown: = where it is shared."""
    return "–" if place.rank is None else f"{'=' if place.tied else ''}{place.rank}"


def _cell(number: Number | None, joint: str) -> Text:
    if number is None or known(number.value) is None:
        return Text("–", style="dim")
    shown = KIND_SIGNS[number.kind] + figure(number)
    shown += f"{joint}({span(number.interval)})" if number.interval else ""
    return text(shown + (" ⚑" if number.flags else ""))
