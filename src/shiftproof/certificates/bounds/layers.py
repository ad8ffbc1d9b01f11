"""Affine layers: their values, how far they spread an interval, and their transposes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, ...]
FLUSHED = 2.0**-102
"""What each sum of absolute values is taken to have beside its terms, so that rounding includes what float32 loses below 2^-126 = FLUSHED
times its unit roundoff; far more than float64 loses."""
LARGEST, _BEYOND = torch.finfo(torch.float32).max * (1 + 2.0**-25), 1e300
"""Beyond the first, float32 gives infinity, and no bound holds."""


def measured(size: Tensor) -> Tensor:
    """A sum of absolute values as it counts for rounding: see `FLUSHED`; where float32 cannot hold it, too large to prove anything."""
    return (size + FLUSHED).masked_fill(size > LARGEST, _BEYOND)


class Box(NamedTuple):
    """Least and greatest value of every entry, both (n, *shape)."""

    low: Tensor
    high: Tensor

    @property
    def most(self) -> Tensor:
        """The largest absolute value that each entry can take."""
        return torch.maximum(self.low.abs(), self.high.abs())

    def meet(self, other: Box) -> Box:
        """The part that both share; where rounding leaves none, a point of either."""
        low, high = torch.maximum(self.low, other.low), torch.minimum(self.high, other.high)
        return Box(torch.minimum(low, high), torch.maximum(low, high))

    def at(self, rows: Tensor | slice) -> Box:
        """The boxes of some examples."""
        return Box(self.low[rows], self.high[rows])

    def with_(self, other: Box) -> Box:
        """These boxes and others."""
        return Box(torch.cat([self.low, other.low]), torch.cat([self.high, other.high]))

    def expand(self, n: int) -> Box:
        """One box n times, without copies."""
        return Box(self.low.expand(n, *self.low.shape[1:]), self.high.expand(n, *self.high.shape[1:]))


class Layer(ABC):
    """One step of a network, on values of shape (n, *shape) in float64.

    `terms` is how many roundings each output goes through, for the bound gamma_terms * size on what rounding does to it.
    """

    terms: int = 0
    mixes: bool = False
    """Whether an output depends on several inputs, so that intervals lose their correlation."""

    @abstractmethod
    def __call__(self, *x: Tensor) -> Tensor:
        """The values."""

    @abstractmethod
    def interval(self, *boxes: Box) -> Box:
        """The least box around the values of all inputs in `boxes`, rounding aside."""

    @abstractmethod
    def size(self, *most: Tensor) -> Tensor:
        """The sum of absolute values of all that is added up, at inputs of absolute value at most `most`, `measured`."""


class Affine(Layer):
    """A step W x + b."""

    offset: Tensor | None = None
    """b, broadcastable against one value; None for 0."""
    moves_ends: bool = False
    """Whether W has no negative entry and b is 0, so that ends of intervals are mapped to ends."""

    @abstractmethod
    def spread(self, *radius: Tensor) -> Tensor:
        """|W| r for radii r >= 0."""

    @abstractmethod
    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        """A W for each input, for rows a of shape (m, *out); the inputs have these shapes."""

    def interval(self, *boxes: Box) -> Box:
        if self.moves_ends:
            return Box(self(*(box.low for box in boxes)), self(*(box.high for box in boxes)))
        middle = self(*((box.low + box.high) / 2 for box in boxes))
        reach = self.spread(*((box.high - box.low) / 2 for box in boxes))
        return Box(middle - reach, middle + reach)

    def size(self, *most: Tensor) -> Tensor:
        spread, ground = self.spread(*most), self.ground
        return measured(spread if ground is None else spread + ground)

    @property
    def ground(self) -> Tensor | None:
        """What is added whatever the inputs, in absolute values: |b|, and what cancelled in it."""
        return None if self.offset is None else self.offset.abs()


class Folded(NamedTuple):
    """A scale that was made part of the step before it: its roundings, and what the two add whatever the inputs, in absolute values."""

    terms: int
    ground: Tensor


@dataclass(frozen=True, eq=False)
class LinearLayer(Affine):
    """W x + b over the last axis, W of shape (out, in)."""

    weight: Tensor
    offset: Tensor | None = None
    folded: Folded | None = None
    mixes = True

    @property
    def terms(self) -> int:  # type: ignore[override]
        return self.weight.shape[1] + 1 + (self.folded.terms if self.folded else 0)

    @property
    def ground(self) -> Tensor | None:
        return self.folded.ground if self.folded else super().ground

    def __call__(self, *x: Tensor) -> Tensor:
        return F.linear(x[0], self.weight, self.offset)

    def spread(self, *radius: Tensor) -> Tensor:
        return F.linear(radius[0], self.weight.abs())

    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        return (a @ self.weight,)


@dataclass(frozen=True, eq=False)
class Convolution(Affine):
    """A convolution over one to three axes, weight (out, in / groups, *kernel)."""

    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    folded: Folded | None = None
    mixes = True

    @property
    def offset(self) -> Tensor | None:  # type: ignore[override]
        return None if self.bias is None else self.bias.reshape(-1, *[1] * len(self.stride))

    @property
    def terms(self) -> int:  # type: ignore[override]
        return self.weight[0].numel() + 1 + (self.folded.terms if self.folded else 0)

    @property
    def ground(self) -> Tensor | None:
        return self.folded.ground if self.folded else super().ground

    def _run(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        function: Callable[..., Tensor] = (F.conv1d, F.conv2d, F.conv3d)[len(self.stride) - 1]
        return function(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def __call__(self, *x: Tensor) -> Tensor:
        return self._run(x[0], self.weight, self.bias)

    def spread(self, *radius: Tensor) -> Tensor:
        return self._run(radius[0], self.weight.abs(), None)

    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        function: Callable[..., Tensor] = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[len(self.stride) - 1]
        geometry = zip(shapes[0][1:], a.shape[2:], self.weight.shape[2:], self.stride, self.padding, self.dilation, strict=True)
        left = tuple(size - ((out - 1) * s - 2 * p + d * (k - 1) + 1) for size, out, k, s, p, d in geometry)
        return (function(a, self.weight, None, self.stride, self.padding, left, self.groups, self.dilation),)


@dataclass(frozen=True, eq=False)
class ScaleLayer(Affine):
    """scale * x + offset, entry by entry: constants added or multiplied, normalisation, batch normalisation.

    `inner` is the absolute value of what is added before the scale, which may cancel against the offset and rounds all the same.
    """

    scale: Tensor
    inner: Tensor
    offset: Tensor
    terms = 8

    def __call__(self, *x: Tensor) -> Tensor:
        return x[0] * self.scale + self.offset

    def spread(self, *radius: Tensor) -> Tensor:
        return radius[0] * self.scale.abs()

    def size(self, *most: Tensor) -> Tensor:
        return measured((most[0] + self.inner) * self.scale.abs() + self.offset.abs())

    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        return (a * self.scale,)


@dataclass(frozen=True, eq=False)
class Reshape(Affine):
    """The same entries in another shape."""

    shape: Shape
    moves_ends = True

    def __call__(self, *x: Tensor) -> Tensor:
        return x[0].reshape(len(x[0]), *self.shape)

    def spread(self, *radius: Tensor) -> Tensor:
        return self(*radius)

    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        return (a.reshape(len(a), *shapes[0]),)


@dataclass(frozen=True, eq=False)
class Positive(Affine):
    """A linear map of one input without negative weights: average pooling, means, zero padding, slices, transpositions.

    `apply` takes any batch; the transpose is its derivative.
    """

    apply: Callable[[Tensor], Tensor]
    terms: int = 0
    mixes: bool = False
    moves_ends = True

    def __call__(self, *x: Tensor) -> Tensor:
        return self.apply(x[0])

    def spread(self, *radius: Tensor) -> Tensor:
        return self.apply(radius[0])

    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        with torch.enable_grad():
            zero = a.new_zeros(len(a), *shapes[0], requires_grad=True)
            return torch.autograd.grad(self.apply(zero), zero, a, create_graph=a.requires_grad)


@dataclass(frozen=True, eq=False)
class Sum(Affine):
    """Branches of one shape, added or subtracted."""

    signs: tuple[int, ...]
    mixes = True

    @property
    def terms(self) -> int:  # type: ignore[override]
        return len(self.signs) - 1

    def __call__(self, *x: Tensor) -> Tensor:
        return torch.stack([sign * each for sign, each in zip(self.signs, x, strict=True)]).sum(0)

    def spread(self, *radius: Tensor) -> Tensor:
        return torch.stack(radius).sum(0)

    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        return tuple(sign * a for sign in self.signs)


@dataclass(frozen=True, eq=False)
class Concatenate(Affine):
    """Branches one after the other along an axis (0 is the first after the examples')."""

    axis: int
    moves_ends = True

    def __call__(self, *x: Tensor) -> Tensor:
        return torch.cat(x, dim=self.axis + 1)

    def spread(self, *radius: Tensor) -> Tensor:
        return self(*radius)

    def transpose(self, a: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
        return torch.split(a, [shape[self.axis] for shape in shapes], dim=self.axis + 1)


def numel(shape: Shape) -> int:
    """Entries of one value of this shape."""
    return math.prod(shape)
