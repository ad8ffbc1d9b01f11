"""When an answer is wrong, and how right it is: one file, one way."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

judges, __all__, __getattr__ = package_of_parts(
    __name__,
    "judge",
    base="abstract:Judge",
    parts={
        "classify": "classify:Classify",
        "within": "within:Within",
        "exact_match": "exact_match:ExactMatch",
        "contains": "contains:Contains",
        "choice": "choice:Choice",
        "token_f1": "token_f1:TokenF1",
        "number_with_unit": "number_with_unit:NumberWithUnit",
        "graded_by": "graded_by_model:GradedBy",
    },
    also=("abstract:Answer", "abstract:Reading", "classify:CLASSIFY", "grader:Grader", "grader:graded_by"),
)
