"""Faster copies of a residual net of 20 layers and of a net of two convolutions against the nets themselves: forward and input gradient.

Weights come from a seed and images are noise: speed depends on neither. Then a whole cascade on the residual net.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

import shiftproof as sp
from benchmarks.timing import Figure, ratio
from shiftproof.models.abstract import Scores
from shiftproof.models.copy_precisions import PRECISIONS
from shiftproof.models.fast_copy import FastCopy
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches.cascade import Cascade

BATCH, EXAMPLES = 128, 24


class Block(nn.Module):
    def __init__(self, channels: int, to: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, to, 3, stride, 1, bias=False), nn.BatchNorm2d(to), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(to, to, 3, 1, 1, bias=False), nn.BatchNorm2d(to))
        self.way = nn.Identity() if stride == 1 and channels == to else nn.Conv2d(channels, to, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)) + self.way(x))


def residual() -> nn.Sequential:
    """The sizes of ResNet-20 on images of 32 pixels (He et al. 2016)."""
    torch.manual_seed(0)
    sizes = [(16, 16, 1)] * 3 + [(16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*stem, *(Block(*size) for size in sizes), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)).eval()


def shallow() -> nn.Sequential:
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(3, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU()]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(2048, 100), nn.ReLU(), nn.Linear(100, 10)).eval()


def measure(repeats: int) -> list[Figure]:
    x = torch.rand(BATCH, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    deep, flat = TorchModule(residual(), name="ResNet-20"), TorchModule(shallow(), name="two convolutions")
    figures = [ratio(f"{deep.name} in {p}", _step(FastCopy(deep, p), x), deep.name, _step(deep, x), repeats) for p in PRECISIONS]
    figures.append(ratio(f"{flat.name} in bfloat16", _step(FastCopy(flat, "bfloat16"), x), flat.name, _step(flat, x), repeats))
    some = sp.examples(x[:EXAMPLES], deep.labels(x[:EXAMPLES]))
    for precision in PRECISIONS:
        ours, theirs = _cascade(deep, some, precision), _cascade(deep, some, "")
        figures.append(ratio(f"cascade on {deep.name} in {precision}", ours, "cascade", theirs, max(1, repeats // 3)))
    return figures


def _step(model: Scores, x: Tensor) -> Callable[[], object]:
    def step() -> object:
        leaf = x.clone().requires_grad_()
        return torch.autograd.grad(model.scores(leaf)[:, 0].sum(), leaf)

    return step


def _cascade(model: TorchModule, examples: sp.Examples, precision: str) -> Callable[[], object]:
    return lambda: sp.confront(model, sp.Linf(0.001), search=Cascade(copy=precision), examples=examples)
