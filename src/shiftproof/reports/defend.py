"""The page of a comparison of defences."""

from __future__ import annotations

import shlex
from pathlib import Path

from shiftproof.evaluation.defend_records import DefendRecord, Row, Share
from shiftproof.evaluation.store import write_atomic
from shiftproof.reports._html import render
from shiftproof.reports.words import percent, points, points_span, printable


def defend_page(record: DefendRecord) -> str:
    """Every defence with what it is worth, what it costs and what is claimed of its family, as one self-contained HTML file."""
    return render(
        "defend.html.j2",
        charts={},
        record=record,
        standard=record.rows[0],
        others=record.rows[1:],
        sentences=sentences(record),
        collapsed=[row.name for row in record.rows if row.collapses],
        corruptions=list(record.rows[0].corruptions),
        detectors=[row for row in record.rows if row.detector],
        command=shlex.join(record.provenance.command),
    )


def write_defend(record: DefendRecord, folder: Path) -> Path:
    """Writes the page as `folder`/index.html; returns its path."""
    target = folder / "index.html"
    write_atomic(target, defend_page(record).encode())
    return target


def sentences(record: DefendRecord) -> list[str]:
    """What the comparison came to: the strongest, and each that hides its gradient."""
    found: list[str] = []
    gaining = [row for row in record.rows[1:] if row.gain.interval and row.gain.interval[0] > 0]
    if gaining:
        best = max(gaining, key=lambda row: row.gain.value or 0.0)
        also = f" {len(gaining)} of {len(record.rows) - 1} gain measurably." if len(record.rows) > 2 else ""
        found.append(f"{best.name} gains most: {_gain(best.gain)} of robust accuracy over the standard model.{also}")
    else:
        found.append("None gains measurably under the attack that knows it.")
    found += [masked(row) for row in record.rows[1:] if row.collapses]
    return found


def masked(row: Row) -> str:
    """What is said of a defence that only hides its gradient."""
    loss = row.gain.interval is not None and row.gain.interval[1] < 0
    what = "is a loss" if loss else "cannot be told from none"
    return (
        f"{row.name} collapses under its adaptive attack, from {percent(row.plain.value)} along the gradient that it leaves to "
        f"{percent(row.robust.value)} under all attacks: a gain of {_gain(row.gain)}, which {what}."
    )


def _gain(share: Share) -> str:
    return f"{points(share.value)} ({points_span(share.interval)})"


def summary(record: DefendRecord) -> str:
    """The table and its sentences as plain text."""
    names = [printable(row.name) for row in record.rows]
    width = max(len("defence"), *map(len, names))
    heads = ("clean", "transfer", "plain", "adaptive", "robust", "gain")
    lines = [f"On {record.threat} by {record.search}, n = {record.n}; all but clean are at most", _line("defence", heads, width)]
    for name, row in zip(names, record.rows, strict=True):
        values = [percent(share.value) for share in (row.clean, row.transfer, row.plain, row.adaptive, row.robust)]
        lines.append(_line(name, (*values, points(row.gain.value).removesuffix(" points")), width))
    return "\n".join([*lines, "", *(printable(line) for line in sentences(record))])


def _line(name: str, values: tuple[str, ...], width: int) -> str:
    return "  ".join([name.ljust(width), *(value.rjust(8) for value in values)])
