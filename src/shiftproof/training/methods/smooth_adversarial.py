"""SmoothAdv: adversarial training of the smoothed classifier, for larger certified radii."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import must
from shiftproof.models.abstract import Gradients
from shiftproof.models.torch_module import TorchModule
from shiftproof.training.inner_search import worst
from shiftproof.training.methods.abstract import Batch, Step
from shiftproof.training.pieces.moved_inputs import MovedInputs


@dataclass(frozen=True)
class SmoothAdversarial(MovedInputs):
    """Adversarial training under noise: min_f E mean_j cross_entropy(f(x' + sigma z_j), y).

    x' is the worst move against the smoothed network, -log mean_j p_y(x' + sigma z_j).

    Args:
        shift: the spec of the moves defended against: an l2 ball.
        search: the spec of the search, which sees the mean probabilities over the draws.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.
        sigma: spread of the noise in input units, in (0, inf).
        draws: m, noises an example, at least 1. The same ones serve the search and the training pass.

    Guarantees:
        x' stays in the shift; the noise on top is not put back into the box, as the certificate's is not.
    Cost: draws * (steps + 1) forwards and backwards per example.

    Reference: Salman et al. 2019, "Provably robust deep learning via adversarially trained smoothed classifiers".
    """

    name: ClassVar[str] = "smooth_adversarial"
    aliases: ClassVar[tuple[str, ...]] = ("smoothadv",)
    references: ClassVar[tuple[str, ...]] = ("salman2019provably",)

    shift: str = "l2(eps=1)"
    sigma: float = 0.5
    draws: int = 2

    def check(self) -> None:
        super().check()
        if not 0 < self.sigma < math.inf:
            raise must("sigma", self.name, "be in (0, inf)", self.sigma, "Units are those of the inputs.")
        if self.draws < 1:
            raise must("draws", self.name, "be at least 1", self.draws)

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        noises = [self.sigma * batch.rng.child("noise", j).normal(*batch.x.shape[1:]).to(batch.x) for j in range(self.draws)]
        shift, x = self.grown(batch), batch.x
        if shift is not None:
            noisy = NoisyModel(TorchModule(net, name="net", device=x.device), noises)
            x = worst(noisy, shift, self._search(), x=x, y=batch.y, rng=batch.rng.child("move"))
        return torch.cat([x + noise for noise in noises])

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores, y = net(x), batch.y.repeat(self.draws)
        losses = F.cross_entropy(scores, y, reduction="none")
        return Step(x, y, losses, torch.ones_like(losses), scores)


class NoisyModel(Gradients):
    """A network whose answer is the logarithm of its mean probabilities over given noises of the shape of its inputs."""

    def __init__(self, model: TorchModule, noises: list[Tensor]) -> None:
        self._model, self._noises = model, noises

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def device(self) -> torch.device:
        return self._model.device

    def fingerprint(self) -> str:
        return self._model.fingerprint()

    def scores(self, x: Tensor) -> Tensor:
        answers = [self._model.scores(x + noise).log_softmax(1) for noise in self._noises]
        return torch.stack(answers).logsumexp(0) - math.log(len(answers))
