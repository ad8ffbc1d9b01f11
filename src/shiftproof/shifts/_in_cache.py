"""Work on a batch in pieces that fit the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

_CACHE = 2**20
"""Bytes of input moved at a time on a CPU. Measured: most shifts are slower on whole batches, by up to three times."""


def slices(rows: Tensor) -> Iterator[slice]:
    """Rows of shape (n, ...) in even parts, two arrays of which fit: all at once where they are not on a CPU."""
    most = _examples(rows, 2) if rows.device.type == "cpu" else max(1, len(rows))
    size = math.ceil(len(rows) / math.ceil(len(rows) / most)) if len(rows) else 1
    yield from (slice(start, start + size) for start in range(0, len(rows), size))


def _examples(like: Tensor, arrays: int = 1) -> int:
    return max(1, _CACHE // (arrays * max(1, math.prod(like.shape[1:])) * like.element_size()))


def in_cache(move: Callable[[Tensor, Tensor], Tensor], x: Tensor, params: Tensor) -> Tensor:
    """`move(x, params)`, computed a few examples at a time on a CPU; `move` must treat examples independently."""
    if not len(x):
        return x
    size = _examples(x)
    if x.device.type != "cpu" or len(x) <= size:
        return move(x, params)
    return torch.cat([move(some, theirs) for some, theirs in zip(torch.split(x, size), torch.split(params, size), strict=True)])
