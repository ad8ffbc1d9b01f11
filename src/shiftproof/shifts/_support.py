"""What shifts of several families share: work in pieces that fit the processor's cache, and the spaces they can move at all."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace

_CACHE = 2**20
"""Bytes of input moved at a time on a CPU. Measured: whole batches are slower than this on most shifts, by up to three times."""


def in_cache(move: Callable[[Tensor, Tensor], Tensor], x: Tensor, params: Tensor) -> Tensor:
    """`move(x, params)`, computed a few examples at a time on a CPU; `move` must treat examples independently."""
    if not len(x):
        return x
    size = max(1, _CACHE // (math.prod(x.shape[1:]) * x.element_size()))
    if x.device.type != "cpu" or len(x) <= size:
        return move(x, params)
    return torch.cat([move(some, theirs) for some, theirs in zip(torch.split(x, size), torch.split(params, size), strict=True)])


def check_bounded(name: str, space: InputSpace) -> None:
    """Raises `UsageError` where amounts are shares of a range and there is no range."""
    ends = [(c.low, c.high) for c in space.columns if c.kind != "categorical"] or [(space.low, space.high)]
    if not all(math.isfinite(low) and math.isfinite(high) for low, high in ends):
        raise UsageError(
            f"{name} moves by shares of the inputs' range, and {space.units} has no ends. Declare the box, for example --box 0,1."
        )


def check_movable(name: str, space: InputSpace) -> None:
    """Raises `UsageError` for a table without a column of numbers: nothing could move, and every model would look robust."""
    if space.columns and all(c.kind == "categorical" for c in space.columns):
        raise UsageError(f"{name} moves numbers, and every column of this table is categorical: nothing could move.")
