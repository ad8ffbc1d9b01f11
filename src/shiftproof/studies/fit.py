"""Training without held-out examples, for studies of samples too small to spare any; a network of its own seed for each call."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def made(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A network with the random weights of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def fit(
    net: nn.Module, x: Tensor, y: Tensor, *, steps: int, seed: int, batch_size: int = 32, rate: float = 1e-3, weights: Tensor | None = None
) -> nn.Module:
    """The network itself, trained by Adam on the cross-entropy, the weights of the last step kept, in evaluation mode.

    Args:
        net: trained in place.
        x: inputs, shape (n, ...).
        y: labels, shape (n,).
        steps: of batches, which pass through all examples in random order, again and again; the last batch of a pass may be smaller.
        seed: of the order.
        batch_size: at most.
        rate: of Adam.
        weights: of each example's loss, shape (n,), of any scale; None weighs all alike.
    """
    chance, optimiser = torch.Generator().manual_seed(seed), torch.optim.Adam(net.parameters(), lr=rate)
    each = torch.ones(len(x)) if weights is None else weights / weights.mean()
    net.train()
    left: list[Tensor] = []
    for _ in range(steps):
        left = left or list(torch.split(torch.randperm(len(x), generator=chance), batch_size))
        rows = left.pop(0)
        optimiser.zero_grad()
        (each[rows] * F.cross_entropy(net(x[rows]), y[rows], reduction="none")).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return net.eval()
