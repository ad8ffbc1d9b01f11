"""The page of a training: its curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shiftproof.records.defend import Training
from shiftproof.reports._html import render
from shiftproof.reports.defend import training_chart, training_lines
from shiftproof.runs.store import write_atomic


def write_training(training: Training, folder: Path, *, method: str, data: str, attack: Mapping[str, str | None]) -> Path:
    """Writes the curves of a training as `folder`/index.html; returns its path.

    Args:
        training: the curves and flags.
        folder: of the run.
        method: the spec of the method.
        data: what was trained on.
        attack: the threat, the unseen threat, the search and what accuracy under them claims, as `training.json` has it.
    """
    lines = training_lines(at_most=attack["kind"] == "at_most")
    page = render(
        "training.html.j2",
        charts={"training": training_chart(method, training, lines)},
        training=training,
        lines=lines,
        method=method,
        data=data,
        attack=attack,
        flags=training.flags,
    )
    target = folder / "index.html"
    write_atomic(target, page.encode())
    return target
