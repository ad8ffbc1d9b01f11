"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.judges.abstract import Answer, Judge, Reading
from shiftproof.judges.choice import Choice
from shiftproof.judges.classify import CLASSIFY, Classify
from shiftproof.judges.contains import Contains
from shiftproof.judges.exact_match import ExactMatch
from shiftproof.judges.graded_by_model import GradedBy
from shiftproof.judges.grader import Grader, graded_by
from shiftproof.judges.number_with_unit import NumberWithUnit
from shiftproof.judges.token_f1 import TokenF1
from shiftproof.judges.within import Within
from shiftproof.registry import Registry

judges: Registry[Judge]
__all__ = [
    "CLASSIFY",
    "Answer",
    "Choice",
    "Classify",
    "Contains",
    "ExactMatch",
    "GradedBy",
    "Grader",
    "Judge",
    "NumberWithUnit",
    "Reading",
    "TokenF1",
    "Within",
    "graded_by",
    "judges",
]
