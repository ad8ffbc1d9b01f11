"""Colours faded to grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._grey import GREY
from shiftproof.shifts.corruptions.constants import MIXED, Blend
from shiftproof.shifts.corruptions.corruption import Corruption


@dataclass(frozen=True)
class GreyScale(Corruption[Blend]):
    """x + share * (grey(x) - x), with grey = 0.299 red + 0.587 green + 0.114 blue and share = severity / 5: at 5 the image is grey.

    Args:
        severity: in (0, 5]. The scale is ours, not published.

    Params are (severity,), shape (n, 1). Differentiable.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
        >>> GreyScale(5).apply(x, torch.tensor([[5.0]])).flatten()
        tensor([0.2990, 0.2990, 0.2990])

    Reference: ITU-R recommendation BT.601 for the weights.
    """

    name: ClassVar[str] = "grey_scale"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    smallest: ClassVar[int] = 1
    colour: ClassVar[str] = "grey images have no colours to lose"
    published: ClassVar = {"own": MIXED}

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        grey = (x * x.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True)
        return (x + self.amount(x, params).to(x.dtype) * (grey - x)).clamp(self.space.low, self.space.high)
