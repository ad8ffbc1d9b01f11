"""PGD-40 on 512 images: time over the floor, which is the same number of the model's own forwards and input gradients in a plain loop."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from benchmarks.timing import Figure, ratio

STEPS, IMAGES, BATCH = 40, 512, 256


def conv_net(widths: tuple[int, int, int]) -> nn.Sequential:
    """A small MNIST network with random weights: speed does not depend on their values."""
    torch.manual_seed(0)
    a, b, hidden = widths
    return nn.Sequential(
        nn.Conv2d(1, a, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(a, b, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(b * 49, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    ).eval()


def floor(net: nn.Module, x: Tensor, y: Tensor, forwards: int, backwards: int) -> None:
    """The bare passes, in the same batches."""
    for rows in range(0, len(x), BATCH):
        batch, labels = x[rows : rows + BATCH], y[rows : rows + BATCH]
        for _ in range(backwards):
            leaf = batch.clone().requires_grad_()
            torch.autograd.grad(F.cross_entropy(net(leaf), labels, reduction="sum"), leaf)
        with torch.no_grad():
            for _ in range(forwards - backwards):
                net(batch)


def measure(repeats: int) -> list[Figure]:
    figures: list[Figure] = []
    x = torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    for label, widths in (("conv 16-32-100", (16, 32, 100)), ("conv 32-64-128", (32, 64, 128))):
        net = conv_net(widths)
        model = sp.as_model(net, name=label)
        examples = sp.examples(x, model.labels(x))

        def bare(net: nn.Module = net, examples: sp.Examples = examples) -> None:
            floor(net, examples.x, examples.y, STEPS + 3, STEPS)

        for eps, drop in ((0.001, False), (0.001, True), (0.1, True)):

            def ours(eps: float = eps, drop: bool = drop, model: object = model, examples: sp.Examples = examples) -> sp.Finding:
                search = sp.GradientAscent(steps=STEPS, drop=drop)
                return sp.confront(model, sp.Linf(eps), search=search, examples=examples, batch_size=BATCH)  # type: ignore[arg-type]

            held = ours().accuracy
            what = f"{label}, {held:.0%} hold, " + ("dropping broken" if drop else "dropping off")
            figures.append(ratio(what, ours, "bare passes", bare, repeats))
    return figures
