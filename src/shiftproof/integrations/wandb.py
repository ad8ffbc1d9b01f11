"""A run's numbers, its table and its page in Weights & Biases; offline too."""

from __future__ import annotations

from typing import Any

from shiftproof._errors import MissingExtra, UsageError
from shiftproof.evaluation.audit.report import Report
from shiftproof.integrations._numbers import check_report, facts_of, numbers_of


def log_run(report: Report, run: Any = None, *, step: int | None = None, page: bool = True) -> list[str]:
    """Logs every number over everyone, the table of all numbers, what identifies the run, and the page.

    Args:
        report: of `shiftproof.audit`.
        run: what `wandb.init` returned; the active run where absent. `wandb.init(mode="offline")` needs no network.
        step: the step that the model is of.
        page: whether the HTML page is logged too.

    Returns:
        The names of the numbers, "shiftproof/SHIFT/SEARCH/MEASURE".

    Raises:
        MissingExtra: wandb is not installed.
        UsageError: there is no active run.
    """
    check_report(report, "wandb.log_run")
    try:
        import wandb
    except ImportError as error:
        raise MissingExtra("wandb", "wandb") from error
    active = run or wandb.run
    if active is None:
        raise UsageError("There is no active run of wandb. Start one with wandb.init(mode='offline'), or pass run=.")
    found = numbers_of(report)
    frame = report.to_frame().astype(object)
    table = wandb.Table(dataframe=frame.where(frame.notna(), None), allow_mixed_types=True)
    logged: dict[str, Any] = {**found, "shiftproof/results": table}
    if page:
        logged["shiftproof/page"] = wandb.Html(report.page.read_text(encoding="utf-8"), inject=False)
    active.log(logged, step=step)
    active.config.update(facts_of(report), allow_val_change=True)
    return list(found)
