"""LR-TK0: a network of low-resolution images is held to what the network itself sees at full resolution, from images alone."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.pieces.last_layer import scores_and_features
from shiftproof.training.pieces.resolution_tokens import ResolutionTokens

_AT_FIRST = math.log(1 / 0.07)
"""The logarithm of the scale of cosines at first, as in the authors' code."""


class ResolutionMemory(nn.Module):
    """The network as it was, which teaches, and the learned scale of cosines.

    Args:
        teacher: is frozen here.
    """

    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        self.teacher = teacher.requires_grad_(False).eval()
        self.log_scale = nn.Parameter(torch.tensor(_AT_FIRST))


@dataclass(frozen=True)
class LowResolutionTokens(Method):
    """min over tokens t of E contrast(f_t(x), f(x)) + sum over scales k of contrast(f_t(x_k), f(x)): labels play no part.

    f(x) is what the last Linear layer of the network sees, at length 1, before training and without tokens; contrast(a, b) is the mean of
    the cross-entropies of each a_i among all b_j and of each b_i among all a_j, of cosines times a scale that is learned along. x_k is x
    shrunk to a side drawn evenly from [2^k least, 2^(k+1) least) of its own, and enlarged again, bicubic both ways.

    Args:
        least: the smallest side, as a share of the image's, in (0, 1); 16 of 224 pixels are the authors'.
        scales: how many ranges of sides, each twice the one before, at least 1; the authors' 3 end below 128 pixels.

    The network is a `ResolutionTokens` around the user's frozen transformer, of which only the tokens learn. Any other network learns with
    all its weights: the control.

    Guarantees:
        Tokens, ranges of sides and loss are those of the authors' code (`MS`: without the classes of its made-up images). It trains on
        images that a diffusion model paints; this takes whatever images it is given. Images stay in the box.
    Cost: 2 + scales forwards and 1 + scales backwards per example.

    Raises:
        UsageError: inputs are not images, or the network has no Linear layer.

    Reference: Pathak et al. 2025, "LR0.FM: low-res benchmark and improving robustness for zero-shot classification in foundation models".
    """

    name: ClassVar[str] = "low_resolution_tokens"
    aliases: ClassVar[tuple[str, ...]] = ("lr_tk0",)
    references: ClassVar[tuple[str, ...]] = ("pathak2025lr0fm",)

    least: float = 16 / 224
    scales: int = 3

    def check(self) -> None:
        self.require("least", within="(0, 1)")
        self.require("scales", least=1)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        if examples.space.kind != "image":
            raise UsageError(f"{self.name} needs images, got inputs of kind '{examples.space.kind}'.")
        return ResolutionMemory(copy.deepcopy(net.plain() if isinstance(net, ResolutionTokens) else net))

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        lower = [batch.space.clip(shrunk(batch.x, self.sides(batch, scale))) for scale in range(self.scales)]
        return torch.cat([batch.x, *lower])

    def sides(self, batch: Batch, scale: int) -> list[int]:
        """The side that each image is shrunk to at a scale, in pixels."""
        whole = batch.x.shape[-1]
        ends = [max(1, math.ceil(min(1.0, self.least * 2 ** (scale + more)) * whole - 1e-9)) for more in range(2)]
        count = max(1, ends[1] - ends[0])
        drawn = batch.rng.child(self.name, scale).uniform(1)[:, 0].tolist()
        return [ends[0] + min(int(number * count), count - 1) for number in drawn]

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        assert isinstance(memory, ResolutionMemory)  # `init` made it
        with torch.no_grad():
            _, seen = scores_and_features(memory.teacher, batch.x, owner=self.name)
        scores, features = scores_and_features(net, x, owner=self.name)
        scale = memory.log_scale.exp()
        losses = sum((contrast(each, seen, scale) for each in features.chunk(1 + self.scales)), torch.zeros_like(seen[:, 0]))
        return Step(batch.x, batch.y, losses, torch.ones_like(losses), scores[: len(batch.x)])

    @classmethod
    def examples_for_check(cls) -> list[LowResolutionTokens]:
        """The authors' scales, and one alone."""
        return [cls(), cls(least=0.25, scales=1)]


def contrast(mine: Tensor, theirs: Tensor, scale: Tensor) -> Tensor:
    """Each pair's part of the two-sided contrastive loss, shape (n,), of features of shape (n, width)."""
    alike = scale * F.normalize(mine, dim=1) @ F.normalize(theirs, dim=1).T
    places = torch.arange(len(alike), device=alike.device)
    return (F.cross_entropy(alike, places, reduction="none") + F.cross_entropy(alike.T, places, reduction="none")) / 2


def shrunk(x: Tensor, sides: list[int]) -> Tensor:
    """Square images, shape (n, channels, side, side), each shrunk to a side of its own and enlarged again."""
    found = torch.empty_like(x)
    chosen = torch.tensor(sides, device=x.device)
    for side in sorted(set(sides)):
        rows = chosen == side
        small = F.interpolate(x[rows], size=(side, side), mode="bicubic", antialias=True, align_corners=False)
        found[rows] = F.interpolate(small, size=x.shape[-2:], mode="bicubic", antialias=True, align_corners=False)
    return found
