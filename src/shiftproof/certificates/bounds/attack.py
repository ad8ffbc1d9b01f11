"""Searches for inputs that violate a property: random points, then projected gradient steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network

Excess = Callable[[Tensor], Tensor]
"""Of scores (m, classes): how far each is from violating each case, (m, cases), <= 0 where it does."""


def sharpened(network: Network, box: Box, excess: Excess, points: Tensor, *, most: int, steps: int) -> Tensor:
    """The best of these points, each moved by gradients inside a box of its own, best first, (most, *shape).

    Args:
        network: what is asked; its float64 values decide.
        box: a box for each point, (m, *shape).
        excess: what is made small, of the case that is nearest to happening.
        points: where to start, (m, *shape).
        most: how many are moved.
        steps: sign steps, from a half of a box's width down to a hundredth of that.
    """
    with torch.no_grad():
        value, case = excess(network(points)).min(1)
        chosen = value.topk(min(most, len(points)), largest=False).indices
    x, case, low, high = points[chosen], case[chosen, None], box.low[chosen], box.high[chosen]
    best, least = x, value[chosen]
    for step in range(steps + 1):
        x = x.requires_grad_(True)
        with torch.enable_grad():
            now = excess(network(x)).gather(1, case)[:, 0]
            (slope,) = torch.autograd.grad(now.sum(), x)
        with torch.no_grad():
            x, now = x.detach(), now.detach()
            better = now < least
            best, least = torch.where(better.reshape(-1, *[1] * (x.dim() - 1)), x, best), torch.where(better, now, least)
            length = 0.5 * 0.01 ** (step / steps)
            x = torch.minimum(torch.maximum(x - length * (high - low) * slope.sign(), low), high)
    return best[least.argsort()]


def descend(
    network: Network,
    box: Box,
    excess: Excess,
    *,
    generator: torch.Generator,
    starts: int = 64,
    steps: int = 50,
    deadline: Deadline | None = None,
    seeds: Tensor | None = None,
) -> Tensor:
    """The inputs found with the least excess, one for each case, best first, (cases, *shape).

    Args:
        network: what is asked; its float64 values decide.
        box: one box, (1, *shape).
        excess: what is made small.
        generator: the source of chance.
        starts: points for each case, drawn evenly from the box; the better half of twice as many are climbed from.
        steps: sign steps, from a quarter of the box's width down to a thousandth.
        deadline: when it stops at the latest.
        seeds: more points to start from, (m, *shape).
    """
    shape = box.low.shape[1:]
    width = box.high - box.low
    with torch.no_grad():
        points = box.low + width * torch.rand(8 * starts, *shape, generator=generator, dtype=torch.float64).to(box.low.device)
        extra = [] if seeds is None else [seeds]
        points = torch.cat([points, (box.low + box.high) / 2, *extra])
        value = excess(network(points))
    cases = value.shape[1]
    chosen = value.topk(min(starts, len(points)), dim=0, largest=False).indices  # (starts, cases)
    x = points[chosen.T.reshape(-1)].clone()
    case = torch.arange(cases, device=x.device).repeat_interleave(len(chosen))
    best, least = x.clone(), value.T.gather(1, chosen.T).reshape(-1).clone()
    momentum = torch.zeros_like(x)
    for step in range(steps):
        if (deadline is not None and deadline.over) or bool((least <= 0).any()):
            break
        x.requires_grad_(True)
        with torch.enable_grad():
            now = excess(network(x)).gather(1, case[:, None])[:, 0]
            (slope,) = torch.autograd.grad(now.sum(), x)
        with torch.no_grad():
            x = x.detach()
            better = now < least
            best[better], least[better] = x[better], now.detach()[better]
            size = slope.flatten(1).abs().mean(1).clamp_min(1e-300).reshape(-1, *[1] * len(shape))
            momentum = 0.75 * momentum + slope / size
            length = 0.25 * 0.005 ** (step / max(1, steps - 1))
            x = torch.minimum(torch.maximum(x - length * width * momentum.sign(), box.low), box.high)
    with torch.no_grad():
        now = excess(network(x.detach())).gather(1, case[:, None])[:, 0]
        better = now < least
        best[better], least[better] = x.detach()[better], now[better]
    each = least.reshape(cases, -1)
    winner = each.argmin(1)
    rows = winner + torch.arange(cases, device=x.device) * each.shape[1]
    order = least[rows].argsort()
    return best[rows][order]
