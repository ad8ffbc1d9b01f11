"""Randomized smoothing as first published: the same number of draws for every example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.abstract import Proof
from shiftproof.certificates.smoothing.noises.gaussian import Gaussian
from shiftproof.certificates.smoothing.smoothing_certificate import SmoothingCertificate
from shiftproof.certificates.smoothing.vote_tests import fixed
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True)
class Cohen(SmoothingCertificate):
    """The procedure CERTIFY of Cohen et al. 2019: `selection` draws pick the decision, `draws` others bound its probability from below.

    The radius is sigma * Phi^-1(p) with p the one-sided Clopper-Pearson bound at confidence 1 - alpha; it abstains where p <= 1/2.

    Args:
        sigma: standard deviation of the Gaussian noise, in the units of eps.
        noise: gaussian; the paper has no other.
        alpha: probability that the claim about one example is false.
        draws: noisy copies for the bound, n in the paper.
        selection: noisy copies for the choice of the decision, n0 in the paper; at most `draws`.

    Guarantees: each radius is true of the smoothed model with probability at least 1 - alpha, as for `smoothing`, which asks far less.
    Cost: selection + draws forwards per example.

    Reference: Cohen et al. 2019, "Certified adversarial robustness via randomized smoothing".
    """

    name: ClassVar[str] = "cohen"
    references: ClassVar[tuple[str, ...]] = ("cohen2019certified",)

    selection: int = 100

    @classmethod
    def examples_for_check(cls) -> list[Cohen]:
        """With few draws."""
        return [cls(sigma=0.25, draws=200, selection=20)]

    def check(self) -> None:
        super().check()
        if type(self.source) is not Gaussian:
            raise must("noise", self.name, "be gaussian", self.noise, "The certificate smoothing takes other noises.")
        if not 1 <= self.selection <= self.draws:
            raise must("selection", self.name, f"be from 1 to draws = {self.draws}", self.selection, "100 is usual.")

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        label, low = fixed(self.votes(model, shift, x, rng), selection=self.selection, draws=self.draws, alpha=self.alpha)
        reach = self.source.reach(shift, int(np.prod(x.shape[1:])))
        radius = torch.from_numpy(np.where(low > 0.5, self.sigma * ndtri(low) / reach, 0.0))
        spent = torch.full((len(x),), self.selection + self.draws, dtype=torch.int64)
        return Proof(torch.from_numpy(label), radius, radius <= 0, spent)
