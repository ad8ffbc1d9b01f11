"""What proofs by smoothing over words share: votes on noisy copies, a bound on the decision's probability, and the edits that it proves."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch

from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.certificates.smoothing.vote_tests import fixed
from shiftproof.certificates.smoothing.votes import Votes
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.text.rewrite import Rewrite


@dataclass(frozen=True)
class WordSmoothing(Certificate):
    """Randomized smoothing of texts. A subclass says which `noise` it adds, and how many edits a probability proves, `proven`.

    Args:
        alpha: probability that the claim about one example is false, in (0, 1).
        draws: copies of a text for the bound, at least 1.
        selection: copies for the choice of the decision, at least 1.

    The bound on the probability is the one-sided one of Clopper and Pearson, on draws of their own. Each radius is true of the *smoothed*
    model with probability at least 1 - alpha, for every model that answers the same text the same way. It says nothing of the model itself.
    """

    alpha: float = 0.001
    draws: int = 1000
    selection: int = 100

    def check(self) -> None:
        self.require("alpha", within="(0, 1)")
        self.require("draws", "selection", least=1)

    @property
    def confidence(self) -> float:
        return 1 - self.alpha

    @abstractmethod
    def noise(self, shift: Rewrite) -> Noise:
        """How copies of a text are made."""

    @abstractmethod
    def proven(self, low: float, shift: Rewrite, text: str) -> int:
        """The edits of `text` under which an answer of probability above `low`, more than 1/2, stands."""

    def certify(self, model: Labels, shift: Shift, x: Any, rng: Rng) -> Proof:
        assert isinstance(shift, Rewrite)  # `objection` has said so
        votes = Votes(model, self.noise(shift), shift.space, x, rng)
        label, bounds = fixed(votes, selection=self.selection, draws=self.draws, alpha=self.alpha)
        proven = [self.proven(float(low), shift, str(one)) if low > 0.5 else 0 for low, one in zip(bounds, x, strict=True)]
        radius = torch.tensor(proven, dtype=torch.float64)
        spent = torch.full((len(x),), self.selection + self.draws, dtype=torch.int64)
        return Proof(torch.from_numpy(label), radius, radius <= 0, spent)
