"""No change: the clean sample, or another sample for a natural shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Boxed, Params


@dataclass(frozen=True)
class Identity(Boxed):
    """Inputs unchanged.

    Example:
        >>> import torch
        >>> x = torch.rand(2, 3)
        >>> shift = Identity()
        >>> bool((shift.apply(x, shift.origin(x)) == x).all())
        True
    """

    name: ClassVar[str] = "identity"

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (), ()

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return x
