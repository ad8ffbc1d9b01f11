"""AUPR: the area under precision against recall (average precision)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.confidence.separation import separation
from shiftproof.measures.abstract import NOTHING, ClassMeasure, Needs
from shiftproof.measures.answered import Answered
from shiftproof.measures.auroc import sides
from shiftproof.risks.abstract import Measurement


@dataclass(frozen=True)
class Aupr(ClassMeasure):
    """The mean over a class's examples of the precision at their own odds; without a class the mean over classes.

    Args:
        class_: its name, written `class`; of classes without names their number.

    Examples with the same odds enter together, so that the figure does not depend on their order: where all tie, it is the share of the
    class. It depends on that share, and its interval is that of the figure at the sample's.

    Guarantees:
        Least and greatest area over all pairs of distribution functions within bands around the sample's (Dvoretzky, Kiefer, Wolfowitz,
        Massart), valid at every n and whatever the ties. Of all classes the mean of intervals that hold for all together (Bonferroni).
        Under a search it is an estimate: the moves were found to break single answers, not this figure.

    Example:
        >>> import numpy as np
        >>> from shiftproof.measures import Answered
        >>> y, scores = np.array([0, 0, 1]), np.zeros((3, 2))
        >>> round(Aupr("1").measure(Answered(y, y == 0, ("0", "1"), scores=scores)).value, 3)
        0.333
    """

    name: ClassVar[str] = "aupr"
    references: ClassVar[tuple[str, ...]] = ("massart1990tight",)
    needs: ClassVar[Needs] = "scores"

    @property
    def label(self) -> str:
        return super().label.replace("aupr", "AUPR")

    def of_class(self, answered: Answered, label: int, *, confidence: float) -> Measurement:
        others, own = sides(answered, label, self.name)
        if not len(own) or not len(others):
            return Measurement(math.nan, NOTHING, 0)
        found = separation(others, own, level=confidence)
        return Measurement(found.aupr, found.aupr_interval, len(answered))
