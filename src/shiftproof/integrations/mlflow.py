"""A run's numbers, its facts and its page in MLflow."""

from __future__ import annotations

from typing import Any

from shiftproof._errors import MissingExtra
from shiftproof.evaluation.audit.report import Report
from shiftproof.integrations._numbers import check_report, facts_of, numbers_of

FOLDER = "shiftproof"
"""Where a run's page and record lie among its artifacts."""


def log_run(report: Report, *, run_id: str | None = None, step: int | None = None) -> list[str]:
    """Logs every number over everyone as a metric, what identifies the run as tags, and `index.html` and `audit.json` as artifacts.

    Args:
        report: of `shiftproof.audit`.
        run_id: an MLflow run; the active one, which is started where there is none.
        step: the step that the model is of.

    Returns:
        The names of the metrics, "shiftproof/SHIFT/SEARCH/MEASURE".

    Raises:
        MissingExtra: mlflow is not installed.
    """
    check_report(report, "mlflow.log_run")
    mlflow = installed()
    found = numbers_of(report)
    mlflow.log_metrics(found, step=step, run_id=run_id)
    if run_id is None:
        mlflow.set_tags(facts_of(report))
    else:
        client = mlflow.MlflowClient()
        for name, value in facts_of(report).items():
            client.set_tag(run_id, name, value)
    for file in (report.page, report.folder / "audit.json"):
        mlflow.log_artifact(str(file), FOLDER, run_id=run_id)
    return list(found)


def installed() -> Any:
    """The package; raises `MissingExtra` where it is not there."""
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtra("mlflow-skinny", "mlflow") from error
    return mlflow
