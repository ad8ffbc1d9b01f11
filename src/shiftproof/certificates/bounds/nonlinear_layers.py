"""Nonlinear layers (ReLU, sigmoid, tanh, max pooling), each relaxed to two linear bounds.

On an interval [l, u] every curve lies between a lower and an upper line. `choice` in [0, 1] picks one line of a family where several are
sound, entry by entry: all of them hold, so it can be optimised freely.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from shiftproof.certificates.bounds.layers import FLUSHED, Box, Layer

_ROUNDS = 60
"""Halvings that find where a tangent touches: enough for float64."""


class Relaxation(NamedTuple):
    """low_slope * x + low_offset <= f(x) <= high_slope * x + high_offset, all broadcastable to (n, specs, *shape)."""

    low_slope: Tensor
    low_offset: Tensor
    high_slope: Tensor
    high_offset: Tensor


class BackwardStep(NamedTuple):
    """Rows a of a bound a f(x) >= a' x + constant: a' of shape (n, specs, *shape), constant (n, specs).

    `size` is the sum of absolute values that were added up, (n, specs), for the bound on rounding; None where it was not asked for.
    """

    rows: Tensor
    constant: Tensor
    size: Tensor | None


class Nonlinearity(Layer):
    """A curved step of one input."""

    terms = 8  # what libraries promise of exp and tanh, with room
    optimised: bool = True
    """Whether `choice` changes anything."""

    @abstractmethod
    def wanted(self, box: Box) -> Tensor:
        """Where tighter input intervals would make tighter lines, bool like box."""

    @abstractmethod
    def start(self, box: Box) -> Tensor:
        """The choice that is good before any optimisation, in [0, 1], like box."""

    def cut(self, box: Box) -> Tensor:
        """Where branch and bound cuts an input's interval in two, like box."""
        return (box.low + box.high) / 2

    @abstractmethod
    def backward(self, a: Tensor, box: Box, choice: Tensor, *, measured: bool = True) -> BackwardStep:
        """Puts lines in the place of the curve, for rows a of shape (n, specs, *out), inputs in `box`, `choice` (n, specs or 1, ...)."""

    @property
    def floor(self) -> float:
        """What rounding is at least a share of, at every entry."""
        return FLUSHED

    def size(self, *most: Tensor) -> Tensor:
        return self(most[0]).abs() + self.floor


class Elementwise(Nonlinearity):
    """A curve of one number, applied to every entry; it does not fall."""

    @abstractmethod
    def lines(self, box: Box, choice: Tensor) -> Relaxation:
        """Sound lines over `box` of shape (n, 1, *shape)."""

    def interval(self, *boxes: Box) -> Box:
        return Box(self(boxes[0].low), self(boxes[0].high))

    def backward(self, a: Tensor, box: Box, choice: Tensor, *, measured: bool = True) -> BackwardStep:
        lines = self.lines(Box(box.low[:, None], box.high[:, None]), choice)
        down = a.clamp_max(0)  # a f >= a * lower + (upper - lower) where a < 0; few passes over a, which is what costs
        rows = torch.addcmul(a * lines.low_slope, down, lines.high_slope - lines.low_slope)
        constant = _dot(down, lines.high_offset - lines.low_offset)
        if bool((lines.low_offset != 0).any()):
            constant = constant + _dot(a, lines.low_offset)
        if not measured:
            return BackwardStep(rows, constant, None)
        with torch.no_grad():
            slope = torch.maximum(lines.low_slope.abs(), lines.high_slope.abs())
            reach = slope * box.most[:, None] + torch.maximum(lines.low_offset.abs(), lines.high_offset.abs()) + self.floor
            return BackwardStep(rows, constant, _dot(a.abs(), reach))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Sums of products over all but the first two axes, (n, specs); b has (n, specs or 1, *shape)."""
    if b.shape[1] == 1:
        return torch.bmm(a.flatten(2), b.flatten(2).transpose(1, 2))[..., 0]
    return (a * b).flatten(2).sum(2)


@dataclass(frozen=True)
class Relu(Elementwise):
    """max(x, 0). Where its sign is open, the upper line joins the ends; lower lines are choice * x.

    Reference: Zhang et al. 2018 [zhang2018efficient]; Xu et al. 2021 [xu2021fast].
    """

    terms = 0  # the model rounds nothing here; the lines' own rounding is counted with the rest of ours

    def __call__(self, *x: Tensor) -> Tensor:
        return x[0].clamp_min(0)

    def wanted(self, box: Box) -> Tensor:
        return (box.low < 0) & (box.high > 0)

    def start(self, box: Box) -> Tensor:
        return (box.high >= -box.low).to(box.low)

    def cut(self, box: Box) -> Tensor:
        return torch.zeros_like(box.low)

    def lines(self, box: Box, choice: Tensor) -> Relaxation:
        low, high = box.low.clamp_max(0), box.high.clamp_min(0)
        slope = high / (high - low).clamp_min(torch.finfo(low.dtype).tiny)
        open_ = (low < 0) & (high > 0)
        least = torch.where(open_, choice, (low >= 0).to(low))
        slope = torch.where(open_, slope, (low >= 0).to(low))
        return Relaxation(least, torch.zeros_like(low), slope, -slope * low)


@dataclass(frozen=True)
class Sigmoidal(Elementwise):
    """An s-shaped curve: it bends up below 0 and down above, and f(-x) = total - f(x): the sigmoid (total 1) and tanh (total 0).

    Upper lines: where the curve bends up, the chord; else a tangent at a point at or right of where the tangent through the left end
    touches. Lower lines by symmetry.
    """

    function: Callable[[Tensor], Tensor]
    steepness: Callable[[Tensor], Tensor]
    """The derivative where the curve has this value."""
    total: float

    def derivative(self, x: Tensor) -> Tensor:
        return self.steepness(self.function(x))

    @property
    def floor(self) -> float:
        return max(self.total, FLUSHED)  # ONNX Runtime's sigmoid is off by three units of 1 where it is nearly 0

    def __call__(self, *x: Tensor) -> Tensor:
        return self.function(x[0])

    def wanted(self, box: Box) -> Tensor:
        return torch.ones_like(box.low, dtype=torch.bool)

    def start(self, box: Box) -> Tensor:
        return 0.5 * ((box.low >= 0) | (box.high <= 0)).to(box.low)

    def cut(self, box: Box) -> Tensor:
        """At 0, where the curve is steepest and its bend turns, or as near to it as leaves each part a quarter."""
        quarter = (box.high - box.low) / 4
        return torch.minimum(torch.maximum(torch.zeros_like(box.low), box.low + quarter), box.high - quarter)

    def lines(self, box: Box, choice: Tensor) -> Relaxation:
        high_slope, high_offset = self._above(box.low, box.high, choice)
        slope, offset = self._above(-box.high, -box.low, choice)  # of -f(-x) = f(x) - total
        return Relaxation(slope, self.total - offset, high_slope, high_offset)

    def _above(self, low: Tensor, high: Tensor, choice: Tensor) -> tuple[Tensor, Tensor]:
        chord = (self(high) - self(low)) / (high - low).clamp_min(1e-9)
        chord = torch.where(high - low > 1e-9, chord, self.derivative(torch.maximum(low, -high)))
        bends_up = (high <= 0) | (self.derivative(high) >= chord)
        touch = self._touch(low, high)
        at = touch + choice * (high - touch).clamp_min(0)
        slope = torch.where(bends_up, chord, self.derivative(at))
        offset = torch.where(bends_up, torch.maximum(self(low) - chord * low, self(high) - chord * high), self(at) - slope * at)
        flat = high - low <= 1e-9  # a line of slope 0 through the right end holds everywhere on it
        return torch.where(flat, 0.0, slope), torch.where(flat, self(high), offset)

    def _touch(self, low: Tensor, high: Tensor) -> Tensor:
        """The least point at which the tangent still lies above the left end; the end of the search that is sure to."""
        with torch.no_grad():
            sure, short = high.clamp_min(0).clone(), low.clamp_min(0).clone()
            end = self(low)
            for _ in range(_ROUNDS):
                middle = (sure + short) / 2
                value = self(middle)
                above = value + self.steepness(value) * (low - middle) >= end
                sure, short = torch.where(above, middle, sure), torch.where(above, short, middle)
            return torch.where(low >= 0, low, sure)


def _sigmoid_slope(value: Tensor) -> Tensor:
    return value * (1 - value)


def _tanh_slope(value: Tensor) -> Tensor:
    return 1 - value**2


SIGMOID = Sigmoidal(torch.sigmoid, _sigmoid_slope, 1.0)
TANH = Sigmoidal(torch.tanh, _tanh_slope, 0.0)


@dataclass(frozen=True, eq=False)
class MaxPool(Nonlinearity):
    """The greatest entry of each window.

    It is at least the entry whose lower end is greatest, and at most the greatest upper end; where one entry beats all others for sure, it
    is that entry.

    Args:
        pool: the pooling itself.
        windows: for each output place the flat places of its inputs, (places, window); -1 is padding. Channels are pooled apart.
    """

    pool: Callable[[Tensor], Tensor]
    windows: Tensor
    mixes = True
    optimised = False
    terms = 0

    def __call__(self, *x: Tensor) -> Tensor:
        return self.pool(x[0])

    def interval(self, *boxes: Box) -> Box:
        return Box(self(boxes[0].low), self(boxes[0].high))

    def wanted(self, box: Box) -> Tensor:
        return torch.ones_like(box.low, dtype=torch.bool)

    def start(self, box: Box) -> Tensor:
        return torch.zeros_like(box.low)

    def backward(self, a: Tensor, box: Box, choice: Tensor, *, measured: bool = True) -> BackwardStep:
        low, high = self.gathered(box.low), self.gathered(box.high)  # (n, channels, places, window)
        best = low.argmax(-1, keepdim=True)
        rivals = high.scatter(-1, best, -torch.inf).amax(-1)
        sure = (low.gather(-1, best)[..., 0] >= rivals)[:, None]
        ceiling = high.amax(-1)[:, None]
        flat = a.flatten(3)  # (n, specs, channels, places)
        up, down = flat.clamp_min(0), flat.clamp_max(0)
        place = self.windows.expand(*low.shape[:2], *self.windows.shape).gather(-1, best)[..., 0][:, None].expand_as(flat)
        given = up + torch.where(sure, down, 0.0)
        rows = a.new_zeros(*a.shape[:3], box.low[0, 0].numel()).scatter_add(-1, place, given)
        constant = torch.where(sure, 0.0, down * ceiling).flatten(2).sum(2)
        rows = rows.reshape(*a.shape[:2], *box.low.shape[1:])
        if not measured:
            return BackwardStep(rows, constant, None)
        with torch.no_grad():
            most = torch.maximum(low.masked_fill(low.isinf(), 0).abs().amax(-1), high.masked_fill(high.isinf(), 0).abs().amax(-1))
            size = (flat.abs() * most[:, None]).flatten(2).sum(2)
        return BackwardStep(rows, constant, size)

    def gathered(self, x: Tensor) -> Tensor:
        """The entries of every window, (n, channels, places, window); padding is -inf."""
        flat = x.flatten(2)[..., self.windows.clamp_min(0)]
        return flat.masked_fill(self.windows < 0, -torch.inf)
