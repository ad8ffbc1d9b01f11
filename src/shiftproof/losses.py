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
    """Minus the log-probability of the label; in nats, shape (n,).

    Written as softplus(logsumexp of the other scores - the label's): its gradient keeps its direction where the label's probability rounds
    to 1, from a score difference of 17 on in float32, where that of the log-softmax loses the label's part and a search is led astray.
    """
    return F.softplus(_others(scores, y).logsumexp(1) - _label(scores, y))


def margin(scores: Tensor, y: Tensor) -> Tensor:
    """Best other score minus the label's score, shape (n,): positive exactly where the model is wrong (Carlini & Wagner 2017)."""
    return _others(scores, y).amax(1) - _label(scores, y)


def _label(scores: Tensor, y: Tensor) -> Tensor:
    return scores.gather(1, y[:, None])[:, 0]


def _others(scores: Tensor, y: Tensor) -> Tensor:
    """The scores with the label's left out: at the least number there is."""
    return scores.scatter(1, y[:, None], torch.finfo(scores.dtype).min)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "margin": margin}


def loss_named(name: str) -> Loss:
    """The loss called `name`; an unknown name lists the nearest."""
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name]
