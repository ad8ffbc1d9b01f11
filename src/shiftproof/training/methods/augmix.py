"""AugMix: mixed chains of simple augmentations, with a consistency loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.randomness import Rng
from shiftproof.shifts.geometry.rotation import Rotation
from shiftproof.shifts.geometry.shear import Shear
from shiftproof.shifts.geometry.translation import Translation
from shiftproof.training.methods.abstract import Batch, Method, Step

Operation = Callable[[Tensor, Rng], Tensor]
"""Images in [0, 1], shape (n, c, h, w), each changed at random."""


@dataclass(frozen=True)
class AugMix(Method):
    """One answer to an image and to mixes of it: min_f E cross_entropy(f(x), y) + weight JS(f(x), f(a), f(b)).

    a and b are two independent mixes of x. A mix is m x + (1 - m) sum_i w_i chain_i(x), with w from Dirichlet(1, ..., 1), m
    uniform, and each chain one to three operations: the published autocontrast, equalize, posterize, solarize, rotate, shear and translate,
    up to their published strengths; the last two go both ways at once, bilinearly.

    Args:
        weight: of the Jensen-Shannon divergence, at least 0; 12 is the paper's.
        width: chains, at least 1.
        depth: most operations of a chain, at least 1.
        severity: of the operations, in (0, 10]; 3 is the paper's.

    Guarantees:
        Mixes lie in the box. None of the operations is a corruption of ImageNet-C.
    Cost: 3 forwards and 3 backwards per example, and the operations.

    Reference: Hendrycks et al. 2020, "AugMix: a simple data processing method to improve robustness and uncertainty".
    """

    name: ClassVar[str] = "augmix"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2020augmix",)

    weight: float = 12.0
    width: int = 3
    depth: int = 3
    severity: float = 3.0

    def check(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise must("weight", self.name, "be in [0, inf)", self.weight)
        self.require("width", "depth", least=1)
        if not 0 < self.severity <= 10:
            raise must("severity", self.name, "be in (0, 10]", self.severity)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        space = examples.space
        if space.kind != "image" or not space.bounded:
            raise UsageError(f"{self.name} needs images in a bounded box, got inputs of kind '{space.kind}' in {space.units}.")
        return nn.Module()

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        low, width = batch.space.low, batch.space.high - batch.space.low
        unit = (batch.x - low) / width
        mixes = [low + width * self.mix(unit, batch.rng.child("mix", number)) for number in range(2)]
        return torch.cat([batch.x, *mixes])

    def mix(self, x: Tensor, rng: Rng) -> Tensor:
        """One mix of each image in [0, 1]."""
        exponential = -(1 - rng.child("weights").uniform(self.width)).log()
        weights = (exponential / exponential.sum(1, keepdim=True)).to(x)
        share = rng.child("share").uniform(1).to(x)[:, :, None, None]
        total = torch.zeros_like(x)
        for number in range(self.width):
            total += weights[:, number][:, None, None, None] * self._chain(x, rng.child("chain", number))
        return (share * x + (1 - share) * total).clamp(0, 1)

    def _chain(self, x: Tensor, rng: Rng) -> Tensor:
        operations = _operations(self.severity, x)
        length = 1 + (rng.child("length").uniform(1)[:, 0] * self.depth).long()
        for place in range(self.depth):
            here = rng.child("place", place)
            which = (here.uniform(1)[:, 0] * len(operations)).long().where(length > place, -1)
            moved = x.clone()
            for number, operation in enumerate(operations):
                rows = (which == number).nonzero()[:, 0]
                if len(rows):
                    moved[rows] = operation(x[rows], here[rows.numpy()].child("strength")).to(x)
            x = moved
        return x

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        scores = net(x)
        clean, *mixed = scores.chunk(3)
        losses = F.cross_entropy(clean, batch.y, reduction="none") + self.weight * jensen_shannon([clean, *mixed])
        return Step(batch.x, batch.y, losses, torch.ones_like(losses), clean)


def jensen_shannon(scores: list[Tensor]) -> Tensor:
    """The mean divergence of several answers (n, classes) from their mean probabilities, shape (n,)."""
    logs = [each.log_softmax(1) for each in scores]
    mean = (torch.stack(logs).logsumexp(0) - math.log(len(logs))).clamp_min(math.log(1e-7))  # as published
    return torch.stack([F.kl_div(mean, each, reduction="none", log_target=True).sum(1) for each in logs]).mean(0)


def _operations(severity: float, x: Tensor) -> tuple[Operation, ...]:
    """The published operations on images like x; strengths are drawn between a thirtieth and all of what the severity allows."""
    share, side = severity / 10, x.shape[-1]

    def level(rng: Rng) -> Tensor:
        return rng.child("level").uniform(1, low=0.1 / severity, high=1.0).to(x)[:, :, None, None] * share

    def posterize(images: Tensor, rng: Rng) -> Tensor:
        shades = 2.0 ** (4 - (4 * level(rng)).floor())  # 4 bits and fewer
        return ((images * 255).round() / 256 * shades).floor() * (256 / shades) / 255

    def solarize(images: Tensor, rng: Rng) -> Tensor:
        return torch.where(images < 1 - level(rng), images, 1 - images)

    turn, lean, slide = Rotation(30 * share), Shear(math.degrees(math.atan(0.3 * share))), Translation(side / 3 * share)
    return (
        _autocontrast,
        _equalize,
        posterize,
        solarize,
        lambda images, rng: turn.apply(images, turn.sample(images, rng)),
        lambda images, rng: lean.apply(images, lean.sample(images, rng)),
        lambda images, rng: slide.apply(images, slide.sample(images, rng)),
    )


def _autocontrast(images: Tensor, _: Rng) -> Tensor:
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) / (high - low).clamp_min(1e-12), images)


def _equalize(images: Tensor, _: Rng) -> Tensor:
    """Grey values by the share of the image's pixels that are darker, the brightest at 1: Pillow's equalize, in 256 levels."""
    levels = (images * 255).round().long().flatten(2)
    counts = torch.zeros(*levels.shape[:2], 256, device=images.device).scatter_add_(2, levels, torch.ones_like(levels, dtype=torch.float32))
    darker = (counts.cumsum(2) - counts).gather(2, levels)
    most = darker.amax(2, keepdim=True)
    return torch.where(most > 0, darker / most.clamp_min(1), images.flatten(2)).reshape(images.shape)
