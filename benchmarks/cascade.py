"""The cascade's `economy`: time over the bare passes that it makes itself.

The bare passes run in full batches. The cascade's own shrink as examples break, and a pass over a few images costs two to three times as
much an image, so that the ratio holds its bookkeeping and its small batches: it is largest where few examples are left to work on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from benchmarks.gradient_ascent import conv_net
from benchmarks.timing import Figure, ratio
from shiftproof.searches.cascade import Cascade

IMAGES = 64
EPS = (0.001, 0.02, 0.05)
"""All, most and few hold."""


def passes(net: nn.Module, x: Tensor, y: Tensor, forwards: int, backwards: int) -> None:
    """So many forwards and backwards of single images, in batches as large as the images allow."""
    for rows in _batches(backwards, len(x)):
        leaf = x[:rows].detach().requires_grad_()
        torch.autograd.grad(F.cross_entropy(net(leaf), y[:rows], reduction="sum"), leaf)
    with torch.no_grad():
        for rows in _batches(forwards - backwards, len(x)):
            net(x[:rows])


def _batches(total: int, size: int) -> list[int]:
    return [size] * (total // size) + ([total % size] if total % size else [])


def measure(repeats: int) -> list[Figure]:
    figures: list[Figure] = []
    net = conv_net((16, 32, 100))
    model = sp.as_model(net, name="conv 16-32-100", memory_format="contiguous")
    x = torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    examples = sp.examples(x, model.labels(x))
    for eps in EPS:

        def ours(eps: float = eps) -> sp.Finding:
            return sp.confront(model, sp.Linf(eps), search=Cascade(), examples=examples)

        found = ours()
        forwards, backwards = int(found.forwards.sum()), int(found.backwards.sum())

        def bare(forwards: int = forwards, backwards: int = backwards) -> None:
            passes(net, examples.x, examples.y, forwards, backwards)

        each = f"{forwards / IMAGES:.0f} forwards and {backwards / IMAGES:.0f} backwards an image"
        figures.append(
            ratio(f"eps {eps:g}, {found.accuracy:.0%} hold, {each}", ours, "the same passes bare, in full batches", bare, repeats)
        )
    return figures
