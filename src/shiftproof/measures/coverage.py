"""Coverage of conformal prediction sets: how often the set calibrated elsewhere holds the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast, get_args

import numpy as np

from shiftproof._errors import UsageError, unknown
from shiftproof.confidence.checked import Refused, positive_probabilities
from shiftproof.confidence.conformal import split_sets
from shiftproof.confidence.set_scores import SetScore
from shiftproof.measures.abstract import MeanMeasure, Needs, SampleFacts, finite_scores
from shiftproof.measures.answered import Answered, Floats


@dataclass(frozen=True)
class Coverage(MeanMeasure):
    """The share of labels inside their prediction sets, which calibration examples were used to make.

    Args:
        level: what the sets promise on examples like the calibration sample, in (0, 1).
        sets: lac (the smallest), aps or raps.

    Guarantees:
        The exact binomial interval of the share, for the sets of this calibration sample. On examples like it the share is at least `level`
        on average over calibration samples; under a shift nothing is promised, which is why it is measured. Refused where calibration
        and clean test examples do not look alike to the model. Under a search it is an estimate.

    Reference: Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a random world".
    """

    name: ClassVar[str] = "coverage"
    references: ClassVar[tuple[str, ...]] = ("vovk2005algorithmic", "clopper1934use")
    needs: ClassVar[Needs] = "scores"

    level: float
    sets: str = "lac"

    @classmethod
    def examples_for_check(cls) -> list[Coverage]:
        """One of the usual level."""
        return [cls(0.9)]

    def check(self) -> None:
        self.require("level", within="(0, 1)")
        if self.sets not in get_args(SetScore):
            raise unknown("set score", self.sets, get_args(SetScore))

    @property
    def label(self) -> str:
        return f"coverage of {self.level:.4g} prediction sets ({self.sets})"

    def check_sample(self, facts: SampleFacts) -> None:
        super().check_sample(facts)
        if not facts.calibrated:
            raise UsageError(
                f"The measure {self.spec()} needs calibration examples: add --calibrate 0.3, which splits the data, or --calibrate-on URI."
            )

    def values(self, answered: Answered) -> Floats:
        own = answered.calibration
        if own is None or answered.uncalibrated:
            raise Refused(answered.uncalibrated or "there are no calibration answers")
        if not len(answered):
            return np.zeros(0)
        p, q = (positive_probabilities(finite_scores(each, self.name)) for each in (own, answered))
        made = split_sets(p, own.y, q, level=self.level, score=cast("SetScore", self.sets))
        return made.sets[np.arange(len(q)), answered.y].astype(np.float64)
