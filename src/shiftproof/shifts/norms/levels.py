"""Moved inputs rounded to levels, as 8-bit pixels are."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_UP_FROM = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds above which a fraction of a level is rounded up, tried in turn until the move is inside its budget."""


def on_levels(x: Tensor, moved: Tensor, *, levels: int, box: tuple[float, float], legal: Callable[[Tensor], Tensor]) -> Tensor:
    """`moved` with every feature that moves rounded to one of `levels` evenly spaced values of the box, for x of shape (n, ...).

    Features are rounded to the nearest level if the whole move then stays inside its budget (`legal` maps moves to booleans, shape (n,));
    else fewer of them are rounded up, and finally all towards x, which never lengthens a move. A feature of x that lies between two levels
    and would not reach the next one is unchanged, so all results are on levels only if all data are.
    """
    low, width = box[0], box[1] - box[0]
    unit = width / (levels - 1)
    here, there = (x - low) / unit, (moved - low) / unit
    step = there - here
    # Levels that are whole up to float rounding count as whole: 8/255 is 8 levels.
    slack = 2 * torch.finfo(x.dtype).eps * (x.abs() + moved.abs() + abs(low)) / unit
    nearest = there.round()
    towards = torch.where((there - nearest).abs() <= slack, nearest, torch.where(step > 0, there.floor(), there.ceil()))
    fraction = (there - towards).abs()
    passed = (towards - here) * step.sign() < -slack  # no level between x and the moved input

    def at(level: Tensor) -> Tensor:
        value = low + level.clamp(0, levels - 1) * width / (levels - 1)
        return torch.where((step == 0) | passed, x, value)

    best = at(towards)
    todo = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for least in _UP_FROM:
        tried = at(towards + step.sign() * (fraction >= least).to(x))
        good = todo & legal(tried - x)
        best = torch.where(good.reshape(-1, *[1] * (x.dim() - 1)), tried, best)
        todo &= ~good
        if not bool(todo.any()):
            break
    return best
