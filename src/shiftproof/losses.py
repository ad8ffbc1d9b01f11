"""What a search climbs: one number per example, larger where the model is more wrong."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import unknown

Loss = Callable[[Tensor, Tensor], Tensor]
"""(scores (n, classes), labels (n,)) -> (n,)."""


def cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
    """Minus the log-probability of the label; in nats, shape (n,)."""
    return F.cross_entropy(scores, y, reduction="none")


def margin(scores: Tensor, y: Tensor) -> Tensor:
    """Best other score minus the label's score, shape (n,): positive exactly where the model is wrong (Carlini & Wagner 2017)."""
    label = scores.gather(1, y[:, None])[:, 0]
    others = scores.scatter(1, y[:, None], torch.finfo(scores.dtype).min)
    return others.amax(1) - label


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "margin": margin}


def loss_named(name: str) -> Loss:
    """The loss called `name`; an unknown name lists the nearest."""
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name]
