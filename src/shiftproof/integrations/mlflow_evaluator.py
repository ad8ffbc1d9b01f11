"""shiftproof as an evaluator of `mlflow.models.evaluate(..., evaluators="shiftproof")`, which finds it by its entry point."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models.evaluation import EvaluationResult, ModelEvaluator
from mlflow.models.evaluation.artifacts import TextEvaluationArtifact

from shiftproof._errors import UsageError
from shiftproof.data.arrays import examples
from shiftproof.evaluation.audit.audit import run_audit
from shiftproof.evaluation.config import make_config
from shiftproof.integrations._numbers import numbers_of
from shiftproof.integrations.mlflow import log_run

_KINDS = ("classifier",)


class ShiftproofEvaluator(ModelEvaluator):  # type: ignore[misc]  # mlflow has no types
    """Audits a classifier of numbers on the data of the evaluation, and logs the numbers and the page into its run.

    `evaluator_config` takes the options of `shiftproof.audit`: suite, shifts, searches, limit, ... and `box`, the least and greatest legal
    value of a feature, [0, 1] where it is not given.
    """

    @classmethod
    def can_evaluate(cls, *, model_type: str, evaluator_config: Any, **kwargs: Any) -> bool:
        """Classifiers only."""
        del evaluator_config, kwargs
        return model_type in _KINDS

    def evaluate(
        self, *, model_type: str, dataset: Any, run_id: str, evaluator_config: Any, model: Any = None, **kwargs: Any
    ) -> EvaluationResult:
        """As MLflow calls it: an audit of `model` on `dataset`."""
        del model_type, kwargs
        if model is None or not dataset.has_targets:
            raise UsageError("The evaluator shiftproof needs a model and labels: mlflow.models.evaluate(model, data, targets=...).")
        options = dict(evaluator_config or {})
        rows = np.asarray(dataset.features_data)
        shown = examples(rows, np.asarray(dataset.labels_data), box=tuple(options.pop("box", (0.0, 1.0))))
        folder = options.pop("out", None) or tempfile.mkdtemp(prefix="shiftproof-")
        config = make_config(
            {"model": _PyfuncAnswers(model, dataset), "data": shown, "name": "mlflow model", "out": str(folder), **options}
        )
        report = run_audit(config, progress=False)
        log_run(report, run_id=run_id)
        page = TextEvaluationArtifact(uri=Path(report.page).as_uri(), content=str(report))
        return EvaluationResult(metrics=numbers_of(report), artifacts={"shiftproof": page})


class _PyfuncAnswers:
    """A pyfunc model as a function of arrays: it is given the columns that the evaluation's data have."""

    def __init__(self, model: Any, dataset: Any) -> None:
        self._model = model
        self._columns = getattr(dataset.features_data, "columns", None)  # data of arrays have none

    def __call__(self, x: np.ndarray[Any, Any]) -> Any:
        if self._columns is None:
            return np.asarray(self._model.predict(x))
        import pandas as pd

        return np.asarray(self._model.predict(pd.DataFrame(x, columns=self._columns)))
