"""The smoothed model itself, by voting over noisy copies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import must
from shiftproof.data.space import Kind
from shiftproof.defences.abstract import Gradient, RandomDefence, mean_log_probability
from shiftproof.defences.context import DefenceContext
from shiftproof.randomness import Rng

_HALF = 0.5


@dataclass(frozen=True)
class RandomizedSmoothing(RandomDefence):
    """The model's most frequent decision under Gaussian noise: scores are the logarithms of the vote shares.

    Args:
        sigma: standard deviation of the noise, in the units of the inputs.
        votes: noisy copies for an answer, at least 1.
        draws, seed: as of every random defence; a few draws do, as each is a mean already.

    Guarantees:
        Of this model with few votes none. Of the model with all votes there are, `smoothing` of the same sigma proves radii.
    Differentiable: votes are not; the adaptive form follows the mean probability under the same noise (Salman et al. 2019).
    Cost: `votes` passes for an answer.

    Reference: Cohen, Rosenfeld & Kolter 2019, "Certified adversarial robustness via randomized smoothing".
    """

    name: ClassVar[str] = "randomized_smoothing"
    family: ClassVar[str] = "smoothing"
    gradient: ClassVar[Gradient] = Gradient.ZERO
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "vector"})
    references: ClassVar[tuple[str, ...]] = (
        "cohen2019certified",
        "salman2019provably",
    )

    sigma: float = 0.25
    votes: int = 16

    def check(self) -> None:
        super().check()
        if not 0 < self.sigma < math.inf:
            raise must(
                "sigma", self.name, "be in (0, inf)", self.sigma, "It is the standard deviation of the noise, in the units of the inputs."
            )
        if self.votes < 1:
            raise must("votes", self.name, "be at least 1", self.votes)

    @property
    def passes(self) -> int:
        return self.votes

    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        noise = rng.normal(self.votes, *x.shape[1:]).to(x)
        noisy = (x[:, None] + self.sigma * noise).transpose(0, 1)  # votes first
        scores = behind.scores(noisy.reshape(-1, *x.shape[1:])) if len(x) else behind.scores(x)
        each = list(torch.split(scores, len(x))) if len(x) else [scores]
        classes = scores.shape[1]
        cast = torch.stack([F.one_hot(one.detach().argmax(1), classes) for one in each]).sum(0).to(scores.dtype)
        shares = ((cast + _HALF) / (len(each) + _HALF * classes)).log()
        return behind.carried(shares, mean_log_probability(each))
