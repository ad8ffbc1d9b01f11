"""Published claims, re-measured with the library's own parts: one file, one claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.studies.abstract import Prediction, Study
    from shiftproof.studies.quantity import Quantity, difference, share
    from shiftproof.studies.record import StudyRecord
    from shiftproof.studies.run import read_studies, run_study
    from shiftproof.studies.trial import Trial

_HOME = "shiftproof.studies"
studies: Registry[Study] = Registry(
    "study",
    f"{_HOME}.abstract:Study",
    {
        "learning_from_errors": f"{_HOME}.learning_from_errors:LearningFromErrors",
    },
)

__all__ = ["Prediction", "Quantity", "Study", "StudyRecord", "Trial", "difference", "read_studies", "run_study", "share", "studies"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Prediction": "abstract",
        "Study": "abstract",
        "Quantity": "quantity",
        "difference": "quantity",
        "share": "quantity",
        "StudyRecord": "record",
        "read_studies": "run",
        "run_study": "run",
        "Trial": "trial",
    },
)
