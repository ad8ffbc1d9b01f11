"""No change: the clean sample, or another sample for a natural shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof.data.space import Space
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Boxed, Params


@dataclass(frozen=True)
class Identity(Boxed):
    """Inputs of any kind, unchanged.

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

    def check_kind(self, space: Space) -> None:
        pass

    def sample(self, x: Any, rng: Rng) -> Params:
        return self.origin(x)

    def excess(self, x: Any, params: Params) -> Tensor:
        return params.new_zeros(len(x))

    def origin(self, x: Any) -> Params:
        return torch.zeros(len(x), 0, dtype=torch.float64, device=x.device)

    def apply(self, x: Any, params: Params) -> Any:
        return x
