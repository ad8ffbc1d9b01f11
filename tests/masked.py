"""Small nets on the handwritten digits: three trained honestly, five that hide their gradients."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.models.torch_module import TorchModule

EPS = 0.2
Augment = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]


@cache
def digits() -> tuple[Tensor, Tensor]:
    """All 1797 images, shape (1797, 1, 8, 8), in [0, 1], shuffled, and their labels."""
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    x = torch.from_numpy(bunch.images[order]).float()[:, None] / 16
    return x, torch.from_numpy(bunch.target[order]).long()


def examples(n: int = 60) -> Examples:
    """Images that no net is trained on."""
    x, y = digits()
    return Examples(x[-n:], y[-n:], np.array([f"digit {i}" for i in range(n)]), space=InputSpace(kind="image"))


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10))


def trained(augment: Augment, *, body: nn.Module | None = None, epochs: int = 10) -> nn.Module:
    """A net trained on all but the last 200 images, each batch as `augment` makes it."""
    x, y = (part[:-200] for part in digits())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = body or net()
        generator = torch.Generator().manual_seed(0)
        optimiser = torch.optim.Adam(model.parameters(), 2e-3)
        for _ in range(epochs):
            for rows in torch.split(torch.randperm(len(x), generator=generator), 100):
                optimiser.zero_grad()
                F.cross_entropy(model(augment(model, x[rows], y[rows], generator)), y[rows]).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    return model.eval().requires_grad_(False)


def plainly(model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    return x


def with_noise(model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    return (x + 0.25 * torch.randn(x.shape, generator=generator)).clamp(0, 1)


def adversarially(model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    move = (2 * torch.rand(x.shape, generator=generator) - 1) * EPS
    for _ in range(3):
        leaf = move.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(model((x + leaf).clamp(0, 1)), y), leaf)
        move = (leaf.detach() + EPS / 2 * gradient.sign()).clamp(-EPS, EPS)
    return (x + move.detach()).clamp(0, 1)


@cache
def honest(name: str) -> TorchModule:
    """ "plain", "noise" or "adversarial"."""
    ways: dict[str, Augment] = {"plain": plainly, "noise": with_noise, "adversarial": adversarially}
    return TorchModule(trained(ways[name]), name=name)


class Before(nn.Module):
    """A net behind a step that hides its gradient."""

    def __init__(self, step: nn.Module, body: nn.Module) -> None:
        super().__init__()
        self.step, self.body = step, body

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(self.step(x))
        return out


class Quantise(nn.Module):
    """Five grey levels."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * 4).round() / 4


class Times(nn.Module):
    """Scores so large that the softmax is exactly 0 and 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 1e4


class RandomResize(nn.Module):
    """Another size and place for every image at every call (Xie et al. 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        ways = [(size, top, left) for size in (6, 7, 8) for top in range(9 - size) for left in range(9 - size)]
        small = {size: F.interpolate(x, (size, size), mode="bilinear", antialias=True) for size in (6, 7, 8)}
        every = torch.stack([F.pad(small[size], (left, 8 - size - left, top, 8 - size - top)) for size, top, left in ways])
        return every[torch.randint(len(ways), (len(x),)), torch.arange(len(x))]


class Steps(nn.Module):
    """An activation that rounds, and so has no gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return (x.relu() * 2).round() / 2


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        pictures = (x[:, 0] * 255).round().byte().numpy()
        return torch.from_numpy(np.stack([_jpeg(picture) for picture in pictures])).float()[:, None] / 255

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return torch.zeros_like(gradient)


def _jpeg(picture: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=30)
    return np.asarray(Image.open(file))


class Jpeg(nn.Module):
    """The picture as a JPEG file of quality 30 holds it; no gradient passes."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = _Encode.apply(x)  # type: ignore[no-untyped-call]
        return out


@cache
def masked(name: str) -> TorchModule:
    """ "quantised", "saturated", "random", "steps" or "jpeg"."""
    plain = honest("plain").module
    assert isinstance(plain, nn.Sequential)
    match name:
        case "quantised":
            module: nn.Module = Before(Quantise(), plain)
        case "saturated":
            module = Before(plain, Times())
        case "random":
            module = trained(plainly, body=Before(RandomResize(), net()), epochs=25)
        case "steps":
            module = nn.Sequential(*list(plain)[:4], Steps(), *list(plain)[5:])
        case _:
            module = Before(Jpeg(), plain)
    return TorchModule(module.eval(), name=name)
