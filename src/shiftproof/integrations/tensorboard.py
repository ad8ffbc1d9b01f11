"""A run's numbers as scalars of TensorBoard."""

from __future__ import annotations

from pathlib import Path

from shiftproof._errors import MissingExtra
from shiftproof.evaluation.audit.report import Report
from shiftproof.integrations._numbers import check_report, facts_of, numbers_of


def log_run(report: Report, folder: str | Path, *, step: int = 0) -> list[str]:
    """Writes every number over everyone into an event file: one scalar each, and what identifies the run as text.

    Args:
        report: of `shiftproof.audit`.
        folder: of TensorBoard's event files.
        step: the epoch or step that the model is of.

    Returns:
        The tags, "shiftproof/SHIFT/SEARCH/MEASURE".

    Raises:
        MissingExtra: TensorBoard is not installed.
    """
    check_report(report, "tensorboard.log_run")
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError as error:
        raise MissingExtra("tensorboard", "tensorboard") from error
    found = numbers_of(report)
    with SummaryWriter(str(folder)) as writer:
        for tag, value in found.items():
            writer.add_scalar(tag, value, step)
        facts = "\n".join(f"    {name}: {value}" for name, value in facts_of(report).items())
        writer.add_text("shiftproof", f"{report}\n\n{facts}", step)
    return list(found)
