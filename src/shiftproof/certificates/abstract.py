"""The base class of certificates: proofs that no move inside a shift changes the decision."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor

from shiftproof._part import Part
from shiftproof.models.abstract import Labels
from shiftproof.outcomes import Bound, Flag
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift


class Proof(NamedTuple):
    """What a certificate says of n examples.

    `prediction` is the decision that is proven, shape (n,); `radius` is the strength up to which it holds, in the units of the shift's
    strength, 0 where nothing is proven, shape (n,); `abstained` marks examples without a verdict, shape (n,). `flags` are what is to be
    said of the proofs, each with its share of the n examples.
    """

    prediction: Tensor
    radius: Tensor
    abstained: Tensor
    forwards: Tensor
    flags: tuple[Flag, ...] = ()

    @property
    def parts(self) -> dict[str, Tensor]:
        """What has one entry for each example, by name."""
        return {"prediction": self.prediction, "radius": self.radius, "abstained": self.abstained, "forwards": self.forwards}


@dataclass(frozen=True)
class Certificate(Part):
    """A way to prove that decisions hold. Accuracy over its verdicts is a lower bound (`Bound.AT_LEAST`)."""

    bound: ClassVar[Bound] = Bound.AT_LEAST
    lenient: ClassVar[bool] = False
    """Whether a run goes on where it certifies none of its shifts; of others, which were named, that is an error."""

    @property
    def confidence(self) -> float:
        """The probability with which all it says of one example is true; 1 for a deterministic proof."""
        return 1.0

    @property
    def subject(self) -> str | None:
        """What its proofs are of, where that is not the model itself but another made from it ("the model smoothed with ... noise")."""
        return None

    @abstractmethod
    def objection(self, model: Labels, shift: Shift) -> str | None:
        """Why it cannot certify this model against this shift, as half a sentence; None where it can."""

    @abstractmethod
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        """Proofs for x of shape (n, ...). It never sees the labels."""
