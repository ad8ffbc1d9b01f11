"""Nets for the masking checks: honest ones of many kinds on the embedded digits, and ten ways to hide a gradient."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof.data.examples import Examples

Make = Callable[[], nn.Module]
Ready = Callable[[Tensor, nn.Module, Tensor, torch.Generator], Tensor]
"""What is learned in the place of a batch: of its images (n, 1, 8, 8), the net, the labels and a source of chance."""


def _head(width: int, *hidden: nn.Module) -> list[nn.Module]:
    return [*hidden, nn.Flatten(), nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 10)]


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = F.relu(x + self.body(x))
        return out


BODIES: dict[str, Make] = {
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
    "dense": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
    "deep": lambda: nn.Sequential(nn.Flatten(), *[part for _ in range(4) for part in (nn.Linear(64, 64), nn.ReLU())], nn.Linear(64, 10)),
    "tanh": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10)),
    "conv": lambda: nn.Sequential(*_head(1024, nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())),
    "strided": lambda: nn.Sequential(*_head(128, nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())),
    "pooled": lambda: nn.Sequential(*_head(256, nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))),
    "normalised": lambda: nn.Sequential(*_head(256, nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())),
    "gelu": lambda: nn.Sequential(*_head(256, nn.Conv2d(1, 16, 3, 2, 1), nn.GELU())),
    "residual": lambda: nn.Sequential(*_head(128, nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), Residual(8))),
}


def _plain(x: Tensor, net: nn.Module, y: Tensor, chance: torch.Generator) -> Tensor:  # noqa: ARG001
    return x


def _noise(x: Tensor, net: nn.Module, y: Tensor, chance: torch.Generator) -> Tensor:  # noqa: ARG001
    return (x + 0.25 * torch.randn(x.shape, generator=chance)).clamp(0, 1)


def _shifted(x: Tensor, net: nn.Module, y: Tensor, chance: torch.Generator) -> Tensor:  # noqa: ARG001
    left, top = torch.randint(-1, 2, (2,), generator=chance).tolist()
    return torch.roll(x, (top, left), (2, 3))


def _erased(x: Tensor, net: nn.Module, y: Tensor, chance: torch.Generator) -> Tensor:  # noqa: ARG001
    return x * (torch.rand(x.shape, generator=chance) > 0.2)


def _adversarial(eps: float, way: Callable[[Tensor], Tensor], radius: Callable[[Tensor], Tensor]) -> Ready:
    """Moves of three steps: `way` is the steepest direction, `radius` scales a move back into the ball of size 1."""

    def moved(x: Tensor, net: nn.Module, y: Tensor, chance: torch.Generator) -> Tensor:  # noqa: ARG001
        move = torch.zeros_like(x)
        for _ in range(3):
            leaf = move.requires_grad_()
            (gradient,) = torch.autograd.grad(F.cross_entropy(net((x + leaf).clamp(0, 1)), y), leaf)
            move = radius((leaf.detach() + eps / 2 * way(gradient)) / eps) * eps
        return (x + move).clamp(0, 1)

    return moved


def _unit(move: Tensor) -> Tensor:
    return move / move.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]


def _in_ball(move: Tensor) -> Tensor:
    return move / move.flatten(1).norm(dim=1).clamp_min(1.0)[:, None, None, None]


WAYS: dict[str, Ready] = {
    "plain": _plain,
    "long": _plain,
    "noise": _noise,
    "shifted": _shifted,
    "erased": _erased,
    "smoothed labels": _plain,
    "linf 0.1": _adversarial(0.1, torch.sign, lambda move: move.clamp(-1, 1)),
    "linf 0.2": _adversarial(0.2, torch.sign, lambda move: move.clamp(-1, 1)),
    "l2 1": _adversarial(1.0, _unit, _in_ball),
}
HONEST = tuple(product(BODIES, WAYS))


def trained(body: Make, way: str, examples: Examples, seed: int) -> nn.Module:
    """A new net, trained on the examples in this way: 10 epochs by Adam, or 40."""
    chance = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = body().train()
        optimiser = torch.optim.Adam(net.parameters(), 3e-3, weight_decay=1e-4)
        for _ in range(40 if way == "long" else 10):
            for rows in torch.split(torch.randperm(len(examples), generator=chance), 100):
                x, y = examples.x[rows], examples.y[rows]
                shown = WAYS[way](x, net, y, chance)
                optimiser.zero_grad()
                loss = F.cross_entropy(net(shown), y, label_smoothing=0.1 if way == "smoothed labels" else 0.0)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    return net.eval().requires_grad_(False)


class Before(nn.Module):
    """A net behind a step that hides its gradient."""

    def __init__(self, step: Callable[[Tensor], Tensor], body: nn.Module) -> None:
        super().__init__()
        self.step, self.body = step, body

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(self.step(x))
        return out


class After(nn.Module):
    """A net before a step that hides its gradient."""

    def __init__(self, body: nn.Module, step: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.body, self.step = body, step

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self.body(x))


def quantised(x: Tensor) -> Tensor:
    """Five grey levels."""
    return (x * 4).round() / 4


def thermometer(x: Tensor) -> Tensor:
    """The mean of ten comparisons: a staircase (Buckman et al. 2018)."""
    return torch.stack([(x > level / 10).to(x.dtype) for level in range(10)]).mean(0)


def shattered(x: Tensor) -> Tensor:
    """A ripple that is hardly seen, and of a hundred times the image's slope."""
    return x + 0.05 * torch.sin(2000 * x)


def resized(x: Tensor) -> Tensor:
    """Another size and place for every image at every call (Xie et al. 2018)."""
    sizes = (6, 7, 8)
    ways = [(size, top, left) for size in sizes for top in range(9 - size) for left in range(9 - size)]
    small = {size: F.interpolate(x, (size, size), mode="bilinear", antialias=True) for size in sizes}
    every = torch.stack([F.pad(small[size], (left, 8 - size - left, top, 8 - size - top)) for size, top, left in ways])
    return every[torch.randint(len(ways), (len(x),)), torch.arange(len(x))]


def noisy(x: Tensor) -> Tensor:
    """Noise at every call."""
    return x + 0.2 * torch.randn_like(x)


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:  # noqa: ARG004  # torch's signature
        pictures = (x.detach()[:, 0].clamp(0, 1) * 255).round().byte().numpy()
        return torch.from_numpy(np.stack([_jpeg(picture) for picture in pictures])).to(x.dtype)[:, None] / 255

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return torch.zeros_like(gradient)


def _jpeg(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=30)
    return np.asarray(Image.open(file))


def jpeg(x: Tensor) -> Tensor:
    """The picture as a JPEG file of quality 30 holds it; no gradient passes."""
    out: Tensor = _Encode.apply(x)  # type: ignore[no-untyped-call]
    return out


MASKED: dict[str, Callable[[nn.Module], nn.Module]] = {
    "quantised input": lambda net: Before(quantised, net),
    "thermometer": lambda net: Before(thermometer, net),
    "jpeg": lambda net: Before(jpeg, net),
    "shattered": lambda net: Before(shattered, net),
    "random resizing": lambda net: Before(resized, net),
    "noise": lambda net: Before(noisy, net),
    "saturated": lambda net: After(net, lambda scores: scores * 1e4),
    "softmax at temperature 0.01": lambda net: After(net, lambda scores: (scores * 100).softmax(1)),
    "rounded scores": lambda net: After(net, lambda scores: scores.round()),
    "random scores": lambda net: After(net, lambda scores: scores + torch.randn_like(scores)),
}
"""Ways to hide the gradient of an honest net: it is not there, it is another function's, it vanishes, or each call has its own."""
