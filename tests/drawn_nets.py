"""Random networks in boxes of their own, for attacks on what is proven of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof.data.space import Column, InputSpace
from shiftproof.models.torch_module import TorchModule


class Skip(nn.Module):
    """inner(x) with x added or taken off, in place or not."""

    def __init__(self, inner: nn.Module, sign: int, in_place: bool) -> None:
        super().__init__()
        self.inner, self.sign, self.in_place = inner, sign, in_place

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        if self.in_place:
            y += self.sign * x
        else:
            y = y + x if self.sign > 0 else y - x
        return y  # type: ignore[no-any-return]


class SharedInPlace(nn.Module):
    """An activation works in place on what the skip carries."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.act = inner, nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        h = x * 1.5
        return self.inner(self.act(h)) - h  # type: ignore[no-any-return]


class Twice(nn.Module):
    """One layer, applied twice."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(F.relu(self.inner(x)))  # type: ignore[no-any-return]


class Joined(nn.Module):
    """Two branches, one after the other along the first axis after the examples'."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.right(x)], dim=1)


class Padded(nn.Module):
    """Zeros around an image, unevenly, then a slice of it."""

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (1, 0, 0, 2))[:, :, 1:, :-1]


class Cast(nn.Module):
    """Values rounded to bfloat16 on the way."""

    def forward(self, x: Tensor) -> Tensor:
        return x.to(torch.bfloat16).float()


class Constants(nn.Module):
    """(x - minus) * times + plus - less: what is added and taken off again rounds."""

    minus: Tensor
    times: Tensor

    def __init__(self, minus: Tensor, times: Tensor, plus: float = 0.0, less: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("minus", minus)
        self.register_buffer("times", times)
        self.plus, self.less = plus, less

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.minus) * self.times
        return x + self.plus - self.less if self.plus else x


class Masked(nn.Module):
    """-1e9 on one class, as for one that does not count."""

    mask: Tensor

    def __init__(self, classes: int, at: int) -> None:
        super().__init__()
        self.register_buffer("mask", torch.zeros(classes))
        self.mask[at] = -1e9

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mask


C = TypeVar("C")


class Draw:
    """Choices of one seed."""

    def __init__(self, seed: int) -> None:
        self.source = torch.Generator().manual_seed(seed)

    def number(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.source, dtype=torch.float64))

    def one(self, *choices: C) -> C:
        return choices[int(torch.randint(len(choices), (), generator=self.source))]

    def whole(self, low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=self.source))

    def chance(self, share: float) -> bool:
        return self.number(0, 1) < share


@dataclass(frozen=True)
class Subject:
    """A model with its space, and inputs."""

    model: TorchModule
    space: InputSpace
    x: Tensor


LINEAR = 10
"""One network in so many is linear."""


def subject(seed: int, *, inputs: int = 24) -> Subject:
    """The network of a seed: dense or convolutional, in a box of its own, float32 or float64, its decisions spread over its classes."""
    draw = Draw(seed)
    image = draw.chance(0.4)
    shape = (draw.whole(1, 2), draw.whole(3, 5), draw.whole(3, 5)) if image else (draw.whole(1, 5),)
    space = _space(draw, shape)
    x = _inputs(draw, space, (inputs, *shape))
    low, high = space.bounds(x) if space.columns or space.bounded else (x.new_tensor(-1.0), x.new_tensor(1.0))
    low, high = torch.as_tensor(low), torch.as_tensor(high)
    many = _inputs(draw, space, (400, *shape))
    if seed % LINEAR == LINEAR - 1:
        layers: list[nn.Module] = [nn.Flatten(), nn.Linear(many[0].numel(), draw.whole(2, 6)), nn.Dropout()]
    else:
        layers = [Constants((low + high) / 2, 2 / (high - low)), *(_images(draw, shape) if image else [])]
        layers += [nn.Flatten(), *_dense(draw, nn.Sequential(*layers).eval()(many[:1]).flatten(1).shape[1])]
    net = nn.Sequential(*layers)
    _settle(draw, net)
    classes = draw.whole(2, 4)
    last = nn.Linear(net.eval()(many[:1]).shape[1], classes)
    net.append(last)
    _balance(net, last, many)
    for end in [] if seed % LINEAR == LINEAR - 1 else _ends(draw, classes):
        net.append(end)
    dtype = torch.float64 if draw.chance(0.15) and not any(isinstance(part, Cast) for part in net.modules()) else torch.float32
    net = net.to(dtype).eval().requires_grad_(False)
    return Subject(TorchModule(net, name=f"net {seed}"), space, x.to(dtype))


def _space(draw: Draw, shape: tuple[int, ...]) -> InputSpace:
    low, high = draw.one((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-3.0, 0.5), (100.0, 101.0), (-math.inf, math.inf))
    if len(shape) == 1 and draw.chance(0.25):
        columns = tuple(
            Column(f"{i}", "categorical", 0, 1, ("a", "b")) if i and draw.chance(0.2) else Column(f"{i}", "real", -(10.0**i), 3 * 10.0**i)
            for i in range(shape[0])
        )
        return InputSpace(kind="table", columns=columns)
    return InputSpace(low, high, "image" if len(shape) == 3 else "vector", f"[{low}, {high}]")


def _inputs(draw: Draw, space: InputSpace, shape: tuple[int, ...]) -> Tensor:
    if not space.columns and not space.bounded:
        return torch.randn(shape, generator=draw.source)
    share = torch.rand(shape, generator=draw.source).mul(1.2).sub(0.1).clamp(0, 1)  # some at the walls
    low, high = space.bounds(share)
    x = low + share * (high - low)
    fixed = [i for i, column in enumerate(space.columns) if column.kind == "categorical"]
    x[:, fixed] = x[:, fixed].round()
    return space.clip(x)


def _act(draw: Draw) -> nn.Module:
    return draw.one(nn.ReLU(), nn.ReLU(), nn.ReLU(inplace=True), nn.Tanh(), nn.Sigmoid())


def _images(draw: Draw, shape: tuple[int, ...]) -> list[nn.Module]:
    channels, side = shape[0], min(shape[1:])
    groups = channels if draw.chance(0.3) else 1
    out = 2 * groups
    paddings: tuple[int | str, ...] = (0, 1, 1, "same")
    pad = draw.one(*paddings)
    kernel = draw.whole(2, 3)
    stride = 1 if pad == "same" else draw.whole(1, 2)
    layers: list[nn.Module] = [Padded()] if draw.chance(0.2) else []
    layers.append(nn.Conv2d(channels, out, kernel, stride=stride, padding=pad, groups=groups, bias=draw.chance(0.7)))
    if draw.chance(0.4):
        layers.append(nn.BatchNorm2d(out, eps=1e-5))
    layers.append(_act(draw))
    if draw.chance(0.3):
        layers.append(Skip(nn.Conv2d(out, out, 3, padding=1), int(draw.chance(0.5)) * 2 - 1, draw.chance(0.5)))
    if draw.chance(0.3):
        layers.append(Joined(nn.Conv2d(out, 1, 1), nn.Conv2d(out, out, 3, padding=1)))
    if side > 3 and stride == 1 and draw.chance(0.6):
        layers.append(draw.one(nn.MaxPool2d(2), nn.MaxPool2d(2, stride=1), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1)))
    return layers


def _dense(draw: Draw, width: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(draw.whole(0, 2)):
        out = draw.whole(3, 7)
        layers += [nn.Linear(width, out), _act(draw)]
        width = out
        kind = draw.whole(0, 11)
        if kind == 0:
            layers.append(nn.BatchNorm1d(width, eps=1e-5))
        elif kind in (1, 2):
            layers.append(Skip(nn.Linear(width, width), 1 if kind == 1 else -1, draw.chance(0.5)))
        elif kind == 3:
            layers += [nn.Linear(width, width), SharedInPlace(nn.Linear(width, width))]
        elif kind == 4:
            layers.append(Twice(nn.Linear(width, width)))
        elif kind == 5:
            layers.append(Joined(nn.Linear(width, 2), nn.Sequential(nn.Linear(width, width), _act(draw))))
            width += 2
        elif kind == 6:
            amount = 10.0 ** draw.whole(2, 6)
            layers.append(Constants(torch.zeros(()), torch.ones(()), amount, amount))
        elif kind == 7:
            layers.append(Cast())
        elif kind == 8:
            layers.append(nn.Dropout(0.5))
    return layers


def _ends(draw: Draw, classes: int) -> list[nn.Module]:
    ends: list[nn.Module] = []
    if draw.chance(0.2):
        ends.append(draw.one(nn.Sigmoid(), nn.Tanh()))
    if draw.chance(0.2):
        ends.append(Constants(torch.zeros(()), torch.tensor(10.0 ** draw.whole(-4, 4))))
    if draw.chance(0.15):
        amount = 10.0 ** draw.whole(3, 6)
        ends.append(Constants(torch.zeros(()), torch.ones(()), amount, amount))
    elif draw.chance(0.08):
        ends.append(Cast())
    if classes > 2 and draw.chance(0.4):
        ends.append(Masked(classes, draw.whole(0, classes - 1)))
    return ends


def _settle(draw: Draw, net: nn.Module) -> None:
    with torch.no_grad():
        for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
            if name.endswith("running_var"):
                tensor.copy_(10.0 ** torch.empty_like(tensor).uniform_(-8, 0, generator=draw.source))
            elif tensor.is_floating_point() and not name.endswith(("minus", "times")):
                fan = max(1, tensor[0].numel()) if tensor.dim() > 1 else 4
                tensor.copy_(torch.randn(tensor.shape, generator=draw.source) * 1.5 / fan**0.5)


def _balance(net: nn.Sequential, last: nn.Linear, x: Tensor) -> None:
    """Weights of the last layer by which every class is decided for some inputs."""
    with torch.no_grad():
        hidden = net[:-1](x.clone())
        last.weight.copy_(
            torch.randn(last.weight.shape, generator=torch.Generator().manual_seed(len(last.weight))) / len(last.weight[0]) ** 0.5
        )
        last.bias.copy_(-(hidden @ last.weight.T).median(0).values)
