"""Noise2Net: images sent through a small network of random weights, another one for every image and step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.randomness import Rng
from shiftproof.training.methods.abstract import Batch, Method, Step, plain_step

BLOCKS, SCALES, PLANES = 4, 4, 16
"""Blocks in a row; parts of each, of which the last is passed on as it is; channels of a part."""


class RandomBlock(NamedTuple):
    """A Res2Net block for n images, each with weights of its own; c channels.

    Args:
        enter: shape (n, 64, c, 1, 1).
        inner: three of shape (n, 16, 16, k, k), k 1 or 3.
        biases: of each, shape (n, 16).
        dilations: of each, 1 to 3.
        leave: shape (n, c, 64, 1, 1).
    """

    enter: Tensor
    inner: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    dilations: tuple[int, ...]
    leave: Tensor


def random_block(rng: Rng, channels: int) -> RandomBlock:
    """Weights as torch draws those of a convolution: evenly within 1 / sqrt(fan in). Sizes and dilations are those of the first image.

    Args:
        rng: a stream an image.
        channels: of the images.
    """
    drawn = (rng[:1].child("form").uniform(2 * (SCALES - 1))[0]).tolist()
    sizes = [1 if each < 0.5 else 3 for each in drawn[: SCALES - 1]]
    dilations = tuple(1 + int(3 * each) for each in drawn[SCALES - 1 :])

    def weights(name: str, out: int, into: int, size: int) -> Tensor:
        edge = 1 / math.sqrt(into * size**2)
        return rng.child(name).uniform(out * into * size**2, low=-edge, high=edge).reshape(-1, out, into, size, size)

    inner = tuple(weights(f"inner {place}", PLANES, PLANES, size) for place, size in enumerate(sizes))
    edges = [1 / math.sqrt(PLANES * size**2) for size in sizes]
    biases = tuple(rng.child(f"bias {place}").uniform(PLANES, low=-edge, high=edge) for place, edge in enumerate(edges))
    wide = PLANES * SCALES
    return RandomBlock(weights("enter", wide, channels, 1), inner, biases, dilations, weights("leave", channels, wide, 1))


def through_block(x: Tensor, block: RandomBlock) -> Tensor:
    """Images (n, c, h, w) after the block: every convolution is followed by a normalisation of each channel over its image's pixels."""
    wide = _convolved(x, block.enter)
    parts = torch.split(F.relu(_normal(wide)), PLANES, dim=1)
    kept: list[Tensor] = []
    for place, (weight, bias, dilation) in enumerate(zip(block.inner, block.biases, block.dilations, strict=True)):
        part = parts[place] if place == 0 else kept[-1] + parts[place]
        kept.append(F.relu(_normal(_convolved(part, weight, bias, dilation))))
    return _normal(_convolved(torch.cat([*kept, parts[-1]], 1), block.leave))


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None, dilation: int = 1) -> Tensor:
    """Each image by its own weights."""
    n, out, into, size, _ = weight.shape
    flat = None if bias is None else bias.to(x).flatten()
    found = F.conv2d(
        x.reshape(1, n * into, *x.shape[2:]),
        weight.to(x).flatten(0, 1),
        flat,
        padding=(size - 1) // 2 * dilation,
        dilation=dilation,
        groups=n,
    )
    return found.reshape(n, out, *x.shape[2:])


def _normal(x: Tensor) -> Tensor:
    return F.instance_norm(x)


class ChannelScale(nn.Module):
    """The mean and standard deviation of each channel in all training images, shape (c, 1, 1)."""

    mean: Tensor
    spread: Tensor

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        dims = (0, 2, 3)
        self.register_buffer("mean", x.mean(dims)[:, None, None])
        self.register_buffer("spread", x.std(dims, correction=0)[:, None, None].clamp_min(1e-6))


@dataclass(frozen=True)
class Noise2Net(Method):
    """Training on images that random networks have changed: min_f E cross_entropy(f(x'), y).

    For the first `share` of a batch x' comes from x, in standard deviations from the mean of its channel, by x <- x + eps block(x) four
    times, each block a Res2Net block of random weights; eps is drawn evenly from [max_eps / 2, max_eps]. The rest stay as they are.

    Args:
        max_eps: the largest strength, in [0, inf); 0 changes nothing. 0.75 is the authors' default.
        share: of each batch that is changed, in (0, 1]; one half is the authors'.

    Guarantees:
        Blocks are those of the authors' code: each image has weights of its own at each step, strength and form of the network are one for
        the batch. They draw the form once an epoch, and here it is drawn at every step. As theirs, changed images may leave the box.
        None of the operations is a corruption of ImageNet-C.
    Cost: 1 forward and 1 backward per example, and 20 small convolutions for each that is changed.

    Raises:
        UsageError: inputs are not images.

    Reference: Hendrycks et al. 2021, "The many faces of robustness: a critical analysis of out-of-distribution generalization".
    """

    name: ClassVar[str] = "noise2net"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2021many",)

    max_eps: float = 0.75
    share: float = 0.5

    def check(self) -> None:
        if not 0 <= self.max_eps < math.inf:
            raise must("max_eps", self.name, "be in [0, inf)", self.max_eps)
        if not 0 < self.share <= 1:
            raise must("share", self.name, "be in (0, 1]", self.share)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        if examples.space.kind != "image":
            raise UsageError(f"{self.name} needs images, got inputs of kind '{examples.space.kind}' in {examples.space.units}.")
        return ChannelScale(examples.x)

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        count = int(self.share * len(batch.x))
        if not isinstance(memory, ChannelScale) or not count:
            return batch.x
        x = (batch.x[:count] - memory.mean) / memory.spread
        rng = batch.rng[:count].child(self.name)
        eps = self.max_eps * (0.5 + 0.5 * float(rng[:1].child("eps").uniform(1)))
        with torch.no_grad():
            for number in range(BLOCKS):
                x = x + eps * through_block(x, random_block(rng.child("block", number), x.shape[1]))
        return torch.cat([memory.mean + memory.spread * x, batch.x[count:]])

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        return plain_step(net, x, batch.y)
