"""No move at all: the clean sample, or one collected elsewhere (a natural shift is simply another sample)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Boxed, Params


@dataclass(frozen=True)
class Identity(Boxed):
    """Inputs as they are.

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
