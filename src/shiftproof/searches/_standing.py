"""How searches drop examples that need no more work."""

from __future__ import annotations

from typing import cast

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
