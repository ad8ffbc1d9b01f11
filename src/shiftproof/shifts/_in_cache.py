"""Work on a batch in pieces that fit the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

_CACHE = 2**20
"""Bytes of input moved at a time on a CPU. Measured: most shifts are slower on whole batches, by up to three times."""


def blocks(rows: Tensor, like: Tensor) -> Iterator[Tensor | slice]:
    """Positions of rows of `like`, shape (n, ...), in parts of which four arrays fit: all at once where it is not on a CPU."""
    size = _examples(like, 4) if like.device.type == "cpu" else max(1, len(rows))
    if len(rows) == len(like):  # slices need no copy
        yield from (slice(start, start + size) for start in range(0, len(rows), size))
    else:
        yield from torch.split(rows, size)


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
