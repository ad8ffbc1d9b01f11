"""Colours fade to grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions.corruption import Corruption, column
from shiftproof.shifts.corruptions.snow import LIGHT


@dataclass(frozen=True)
class GreyScale(Corruption):
    """x + c * (grey(x) - x), grey = 0.299 red + 0.587 green + 0.114 blue, c = severity / 5: at 5 nothing but grey is left.

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
    colour: ClassVar[str] = "grey images have no colours to lose"
    published: ClassVar = {"own": column(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)}

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        grey = (x * x.new_tensor(LIGHT)[:, None, None]).sum(1, keepdim=True)
        return (x + self.amount(x, params).to(x.dtype) * (grey - x)).clamp(self.space.low, self.space.high)
