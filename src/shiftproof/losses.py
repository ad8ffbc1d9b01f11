"""Losses that searches maximise: one number per example, larger where the model is more wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from shiftproof._errors import unknown

Loss = Callable[[Tensor, Tensor], Tensor]
"""(scores (n, classes), labels (n,)) -> (n,)."""


def cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
    """Minus the log-probability of the label; in nats, shape (n,).

    Computed as softplus(logsumexp of the other scores - the label's score). Its gradient keeps its direction where the label's probability
    rounds to 1 (a score difference of 17 or more in float32), where that of the log-softmax loses the label's part and misleads a search.
    Computed in double: in float32 the last bit of an exponential depends on the position in the batch, and a verdict must not. The gradient
    is computed with the value, as automatic differentiation of many small operations is slow compared with a small model.
    """
    value: Tensor = _CrossEntropy.apply(scores, y)  # type: ignore[no-untyped-call]  # `apply` is untyped in torch
    return value


class _CrossEntropy(torch.autograd.Function):
    """log(1 + sum over the others of exp(z_j - z_y)), and its gradient once."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, y: Tensor) -> Tensor:
        place = y[:, None]
        ahead = scores.double()
        ahead = (ahead - ahead.gather(1, place)).scatter_(1, place, -torch.inf)
        top = ahead.amax(1, keepdim=True).clamp_min_(0.0)
        parts = ahead.sub_(top).exp_()
        others = parts.sum(1, keepdim=True)
        beyond = others + torch.expm1(-top)  # the sum of all minus 1, in units of exp(top)
        every = beyond + 1
        share = parts.div_(every)
        ctx.save_for_backward(share.scatter_(1, place, others.neg_().div_(every)))
        return (top + beyond.log1p())[:, 0].to(scores.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (share,) = ctx.saved_tensors
        return (share * grads[0][:, None]).to(grads[0].dtype), None


def margin(scores: Tensor, y: Tensor) -> Tensor:
    """Best other score minus the label's score, shape (n,): positive iff the model is wrong.

    Reference: Carlini & Wagner 2017 [carlini2017towards].
    """
    return _others(scores, y).amax(1) - _label(scores, y)


def _label(scores: Tensor, y: Tensor) -> Tensor:
    return scores.gather(1, y[:, None])[:, 0]


def _others(scores: Tensor, y: Tensor) -> Tensor:
    """The scores, with the label's replaced by the least finite number."""
    return scores.scatter(1, y[:, None], torch.finfo(scores.dtype).min)


def dlr(scores: Tensor, y: Tensor) -> Tensor:
    """The difference of logits ratio: the margin over the distance from the best to the third-best score, shape (n,).

    (max_{j != y} z_j - z_y) / (z_(1) - z_(3)), which is invariant to shift and scale of the scores (Croce & Hein 2020
    [croce2020reliable], ICML). With two classes there is no third score, and the ratio would be 1 or -1 everywhere, without a gradient;
    then it is the margin.
    """
    gap = margin(scores, y)
    return gap if scores.shape[1] < _DLR_LEAST else gap / _spread(scores, 2, 2)


def margin_to(target: Tensor) -> Loss:
    """The targeted margin for the classes `target`, shape (n,): the target's score minus the label's."""

    def loss(scores: Tensor, y: Tensor) -> Tensor:
        return _label(scores, target) - _label(scores, y)

    return loss


def dlr_to(target: Tensor) -> Loss:
    """The targeted difference of logits ratio for the classes `target`, shape (n,).

    (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2). With three classes the last two are averaged, since with z_(1) - z_(3) alone a target in
    third place would have no gradient. With two classes it is the margin.
    """
    towards = margin_to(target)

    def loss(scores: Tensor, y: Tensor) -> Tensor:
        classes = scores.shape[1]
        if classes < _DLR_LEAST:
            return towards(scores, y)
        return towards(scores, y) / _spread(scores, *((1, 2) if classes == _DLR_LEAST else (2, 3)))

    return loss


def cross_entropy_to(target: Tensor) -> Loss:
    """The targeted cross-entropy: minus the cross-entropy of the classes `target`, shape (n,)."""

    def loss(scores: Tensor, _: Tensor) -> Tensor:
        return -cross_entropy(scores, target)

    return loss


_DLR_LEAST = 3
"""The least number of classes for which the ratio is defined."""


def _spread(scores: Tensor, first: int, last: int) -> Tensor:
    """The best score minus the mean of those ranked `first` and `last` (the best is 0), never 0."""
    ranked = scores.topk(last + 1, dim=1).values
    return (ranked[:, 0] - (ranked[:, first] + ranked[:, last]) / 2).clamp_min(1e-12)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "margin": margin, "dlr": dlr}

Towards = Callable[[Tensor], Loss]
"""Makes the targeted loss for given classes, shape (n,)."""
TARGETED: dict[str, Towards] = {"cross_entropy": cross_entropy_to, "margin": margin_to, "dlr": dlr_to}


def loss_named(name: str) -> Loss:
    """The loss called `name`; an unknown name lists the nearest."""
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name]


def targeted_named(name: str) -> Towards:
    """The targeted form of the loss called `name`; an unknown name lists the nearest."""
    if name not in TARGETED:
        raise unknown("loss", name, TARGETED)
    return TARGETED[name]
