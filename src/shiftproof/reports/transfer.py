"""The page of a transfer matrix."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from shiftproof._writing import write_atomic
from shiftproof.records.transfer import TransferPair, TransferRecord
from shiftproof.reports._html import render
from shiftproof.reports.number_format import cost, percent, points, printable


@dataclass(frozen=True)
class MatrixEntry:
    """One entry: a model's accuracy on moves made on one, with how dark it is shown, in percent."""

    value: float
    interval: tuple[float, float]
    own: bool
    heat: int


def transfer_page(record: TransferRecord) -> str:
    """The matrix as one self-contained HTML file: rows made on, columns tried on, and in words which pairs transfer."""
    size = range(len(record.models))
    rows = [[_entry(record, i, j) for j in size] for i in size]
    return render(
        "transfer.html.j2",
        charts={},
        record=record,
        names=[model.name for model in record.models],
        rows=rows,
        sentences=[sentence(pair) for pair in record.pairs],
        command=shlex.join(record.provenance.command),
    )


def write_transfer(record: TransferRecord, folder: Path) -> Path:
    """Writes the page as `folder`/index.html; returns its path."""
    target = folder / "index.html"
    write_atomic(target, transfer_page(record).encode())
    return target


def _entry(record: TransferRecord, i: int, j: int) -> MatrixEntry:
    value = record.accuracy[i][j]
    lost = 0.0 if record.clean[j] == 0 else max(0.0, record.clean[j] - value) / record.clean[j]
    return MatrixEntry(value, (record.low[i][j], record.high[i][j]), i == j, round(60 * lost))


def sentence(pair: TransferPair) -> str:
    """What one pair came to."""
    if pair.transfers == "nothing to compare":
        return f"Neither moves made on {pair.made_on} nor its own break {pair.tried_on} measurably."
    lost = points(pair.drop).removeprefix("+") if pair.drop > 0 else "nothing"
    share = "" if pair.share is None or pair.drop <= 0 else f", {percent(pair.share)} of what its own search takes"
    said = f"Moves made on {pair.made_on} transfer {pair.transfers} to {pair.tried_on}: they take {lost}{share}."
    if pair.transfers == "not measurably":
        said = f"Moves made on {pair.made_on} do not measurably transfer to {pair.tried_on}: they take {lost}{share}."
    if pair.beats_own:
        said += f" That is more than {pair.tried_on}'s own search finds: its gradients are likely masked (run shiftproof audit --diagnose)."
    return said


def summary(record: TransferRecord) -> str:
    """The matrix and its sentences as plain text."""
    names = [printable(model.name) for model in record.models]
    width = max(len("made on"), *map(len, names))
    cells = [[f"<= {percent(value)}" for value in row] for row in record.accuracy]
    columns = [max(len(name), 9) for name in names]
    head = "  ".join(["made on".ljust(width), *(name.rjust(w) for name, w in zip(names, columns, strict=True))])
    clean = "  ".join(["(unmoved)".ljust(width), *(percent(v).rjust(w) for v, w in zip(record.clean, columns, strict=True))])
    body = [
        "  ".join([name.ljust(width), *(c.rjust(w) for c, w in zip(row, columns, strict=True))])
        for name, row in zip(names, cells, strict=True)
    ]
    lines = [f"Accuracy on {record.shift} by {record.search}, n = {record.n}; columns are the models tried on", head, clean, *body]
    doubts = [f"{model.name}: {flag.detail}" for model in record.models for flag in model.flags]
    said = map(printable, (*doubts, *map(sentence, record.pairs)))
    return "\n".join([*lines, "", *said, f"Cost: {cost(record.asked, record.sent)}."])
