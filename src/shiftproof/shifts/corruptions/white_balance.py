"""A wrong white balance: the image too warm or too cold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor

from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import Draws
from shiftproof.shifts.corruptions.constants import table
from shiftproof.shifts.corruptions.corruption import Corruption


class Tint(NamedTuple):
    """The logarithm of the gain of red, and of the loss of blue."""

    tint: float


@dataclass(frozen=True)
class WhiteBalance(Corruption[Tint]):
    """Red times exp(tint) and blue times exp(-tint), or the other way round at random.

    Args:
        severity: in (0, 5]. The scale is ours, not published: 5 is about daylight taken with the setting for a lamp.

    Params are (severity, seed), shape (n, 2). Differentiable in the severity.

    Example:
        >>> import torch
        >>> x = torch.full((1, 3, 1, 1), 0.5)
        >>> moved = WhiteBalance(5).apply(x, torch.tensor([[5.0, 0.0]])).flatten()
        >>> bool(moved[1] == 0.5), round(float(moved[0] * moved[2]), 4)
        (True, 0.25)

    Reference: Afifi & Brown 2019, "What else can fool deep learning? Addressing color constancy errors on deep neural network performance"
    (the problem; its errors are rendered otherwise).
    """

    name: ClassVar[str] = "white_balance"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    smallest: ClassVar[int] = 1
    random: ClassVar[bool] = True
    colour: ClassVar[str] = "grey images have no red and blue to weigh"
    references: ClassVar[tuple[str, ...]] = ("afifi2019what",)
    published: ClassVar = {"own": table(Tint, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5)}

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        warm = [1.0 if Draws(seed).number() < 0.5 else -1.0 for seed in params[:, 1].detach().cpu().tolist()]
        sides = params.new_tensor(warm)[:, None, None, None] * params.new_tensor([1.0, 0.0, -1.0])[:, None, None]
        gain = (self.amount(x, params) * sides).exp().to(x.dtype)
        return (x + (x - self.space.low) * (gain - 1)).clamp(self.space.low, self.space.high)
