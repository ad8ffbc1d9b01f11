"""Randomized smoothing with sequential tests that stop early."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.certificates.abstract import Proof
from shiftproof.certificates.smoothing.smoothing_certificate import SmoothingCertificate
from shiftproof.certificates.smoothing.vote_tests import claimed, sequential
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.risks.sequential import plan_tests
from shiftproof.shifts.abstract import Shift

_MOST_RADII = 2000


@dataclass(frozen=True)
class Smoothing(SmoothingCertificate):
    """Proves decisions of the smoothed model g(x), the most frequent answer of the base model under noise around x.

    If the answer has probability p under Gaussian noise, g holds within sigma * Phi^-1(p) in L2 (the other noises have formulas of their
    own). p is tested on noisy copies, in looks of some 15 % more each time, until the question is answered:

    - is the radius at least eps? At eps / points, 2 eps / points, ..., eps, all at once: the default, with 4 points.
    - what is the radius, to within `delta`? Where `delta` is not 0. It goes on beyond eps, and costs more.

    Args:
        sigma: standard deviation of the noise, in the units of eps (for tables, shares of a column's range).
        noise: gaussian, uniform or laplace; or ablation(keep=...), which needs no sigma.
        alpha: probability that the claim about one example is false.
        draws: noisy copies of an example at most.
        points: how many radii up to eps are asked about, from 1 on.
        delta: where not 0, how precisely the radius itself is wanted.
        together: how many examples must all be right at once. Each then gets alpha / together.

    Guarantees:
        Each radius is true of the *smoothed* model with probability at least 1 - alpha (per example; with `together` = n, of all n at
        once), for every model that answers the same input the same way. No alpha is lost by stopping early, nor by asking about many
        radii: a radius is claimed only with all smaller ones (`SequentialTests`). It says nothing of the base model, and giving up on an
        example says nothing at all. The noise's rounding to float32 is taken for exact.
    Cost: from 50 to `draws` forwards per example. On a ResNet-110 for CIFAR-10, 60 to 102 times fewer than the 100,000 of `cohen` for one
    radius, at most 0.1 point of certified accuracy below it (`benchmarks/smoothing_replay.py`).

    Example:
        >>> import shiftproof as sp
        >>> from shiftproof.certificates import Smoothing
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(3, 4)
        >>> proof = Smoothing(sigma=0.5, draws=2000).certify(model, sp.L2(0.1), x, Rng.for_ids(0, ["a", "b", "c"]))
        >>> bool((proof.radius <= 0.1).all())
        True

    Reference: Cohen et al. 2019, "Certified adversarial robustness via randomized smoothing"; for L1 Yang et al. 2020, for L0 Levine &
    Feizi 2020.
    """

    name: ClassVar[str] = "smoothing"
    aliases: ClassVar[tuple[str, ...]] = ("randomized_smoothing",)
    references: ClassVar[tuple[str, ...]] = ("cohen2019certified", "yang2020randomized", "levine2020robustness")

    points: int = 4
    delta: float = 0.0
    together: int = 1

    @classmethod
    def examples_for_check(cls) -> list[Smoothing]:
        """One of each question."""
        return [cls(sigma=0.25, draws=400), cls(sigma=0.25, draws=200, delta=0.1), cls(sigma=0.3, noise="laplace", draws=200, points=1)]

    def check(self) -> None:
        super().check()
        if self.points < 1:
            raise must("points", self.name, "be at least 1", self.points, "It is the number of radii asked about.")
        if not 0 <= self.delta < math.inf:
            raise must("delta", self.name, "be 0 or more", self.delta, "It is the precision of the radius, in the units of eps.")
        if self.together < 1:
            raise must("together", self.name, "be at least 1", self.together, "It is a number of examples.")

    @property
    def confidence(self) -> float:
        return 1 - self.alpha / self.together

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        radii = self.radii(shift, x)
        tests = plan_tests([self.needed(shift, radius, x) for radius in radii], alpha=self.alpha / self.together, most=self.draws)
        proven = sequential(self.votes(model, shift, x, rng), tests, enough=1 if self.delta and not self.source.whole else 0)
        radius = torch.from_numpy(claimed(proven, radii))
        return Proof(torch.from_numpy(proven.label), radius, radius == 0, torch.from_numpy(proven.draws))

    def radii(self, shift: Shift, x: Tensor) -> list[float]:
        """The radii that are asked about, ascending, in units of the shift's strength."""
        eps = shift.full_strength
        if not self.delta:
            asked = [eps * point / self.points for point in range(1, self.points + 1)]
            return sorted({float(math.ceil(radius)) for radius in asked}) if self.source.whole else asked
        step = max(1.0, float(math.floor(self.delta))) if self.source.whole else self.delta / 2
        most = self.alpha / self.together
        found: list[float] = []
        # No more than what unanimous votes could prove.
        while self.needed(shift, step * (len(found) + 1), x) < float(np.exp(np.log(most) / self.draws)):
            found.append(step * (len(found) + 1))
            if len(found) > _MOST_RADII:
                raise UsageError(
                    f"The 'delta' of {self.name} asks about more than {_MOST_RADII} radii, got {self.delta!r}. Make it larger: radii up to "
                    f"{found[-1]:.3g} and beyond can be proven here."
                )
        return found
