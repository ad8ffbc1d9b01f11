"""The page of a training: its curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shiftproof._writing import write_atomic
from shiftproof.outcomes import Bound
from shiftproof.records.defend import Training
from shiftproof.reports._html import render
from shiftproof.reports.defend import training_chart, training_lines
from shiftproof.reports.figure import Figure


def training_figures(training: Training, *, method: str, attack: Mapping[str, str | None]) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    return {"training": training_chart(method, training, _lines(attack))}


def training_page(training: Training, *, method: str, data: str, attack: Mapping[str, str | None]) -> str:
    """The curves of a training run, as one self-contained HTML file; arguments as of `write_training`."""
    return render(
        "training.html.j2",
        charts=training_figures(training, method=method, attack=attack),
        training=training,
        lines=_lines(attack),
        method=method,
        data=data,
        attack=attack,
        flags=training.flags,
    )


def _lines(attack: Mapping[str, str | None]) -> dict[str, str]:
    return training_lines(at_most=attack["kind"] == Bound.AT_MOST)


def write_training(training: Training, folder: Path, *, method: str, data: str, attack: Mapping[str, str | None]) -> Path:
    """Writes the curves of a training run as `folder`/index.html; returns its path.

    Args:
        training: the curves and flags.
        folder: of the run.
        method: the spec of the method.
        data: the training data.
        attack: the threat, the unseen threat, the search and what accuracy under them claims, as `training.json` has it.
    """
    target = folder / "index.html"
    write_atomic(target, training_page(training, method=method, data=data, attack=attack).encode())
    return target
