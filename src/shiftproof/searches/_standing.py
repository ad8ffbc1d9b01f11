"""How searches drop examples that need no more work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor
from typing_extensions import TypeVarTuple, Unpack

Aligned = TypeVarTuple("Aligned")


def keep(mask: Tensor, *parts: Unpack[Aligned]) -> tuple[Unpack[Aligned]]:
    """Each part at the examples where `mask`, shape (n,), is True; a part is anything with one row per example.

    >>> keep(Tensor([1, 0]).bool(), Tensor([3, 4]), Tensor([[5], [6]]))
    (tensor([3.]), tensor([[5.]]))
    """
    kept = tuple(part[mask] for part in parts)  # type: ignore[index]
    return cast("tuple[Unpack[Aligned]]", kept)


def turns(rows: Tensor) -> Iterator[Tensor]:
    """The positions in `rows`, where an example may be several times, in parts that hold each once: all first times, all second, ...

    >>> [part.tolist() for part in turns(torch.tensor([7, 5, 7]))]
    [[1, 0], [2]]
    """
    ordered, order = rows.sort(stable=True)
    before = torch.arange(len(rows), device=rows.device) - torch.searchsorted(ordered, ordered)  # how often it has been there
    for number in range(int(before.max()) + 1 if len(rows) else 0):
        yield order[before == number]
