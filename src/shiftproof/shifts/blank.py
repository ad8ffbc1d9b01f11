"""A picture that shows nothing: what a model still gets right comes from the question, or from what it expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Boxed, Params


@dataclass(frozen=True)
class Blank(Boxed):
    """Every pixel is the middle of the box. Params are none, shape (n, 0).

    The drop under `on(field=image, inner=blank)` is what the picture adds to a question, in pairs with its interval: the baseline without a
    picture of visual question answering.

    Example:
        >>> import torch
        >>> x = torch.rand(1, 3, 2, 2)
        >>> shift = Blank()
        >>> shift.apply(x, shift.origin(x)).unique()
        tensor([0.5000])

    Reference: Kahl et al. 2025 [kahl2025surevqa], "SURE-VQA: Systematic understanding of robustness evaluation in medical VQA tasks".
    """

    name: ClassVar[str] = "blank"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (), ()

    @property
    def smooth(self) -> bool:
        return False

    def apply(self, x: Tensor, params: Params) -> Tensor:
        del params
        return x.new_full(x.shape, (self.space.low + self.space.high) / 2)
