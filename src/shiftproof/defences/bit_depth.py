"""Bit-depth reduction of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences.abstract import Gradient, InputTransformation
from shiftproof.randomness import Rng


def rounded(x: Tensor, bits: int, space: InputSpace) -> Tensor:
    """The inputs on 2 ** bits even levels of the box, the nearest each."""
    width, steps = space.high - space.low, 2**bits - 1
    unit: Tensor = ((x - space.low) / width * steps).round() / steps
    return space.low + unit * width


@dataclass(frozen=True)
class BitDepth(InputTransformation):
    """Values are rounded to 2 ** bits levels of the box.

    Args:
        bits: from 1 to 8; the paper takes 1 for MNIST, and 4 or 5 for colour.

    Guarantees:
        Moves smaller than half a level change nothing where the input lies on one. Against a search that knows it (the identity's gradient
        straight through the rounding) that is little.
    Differentiable: no, its derivative is zero. Cost: one rounding.

    Reference: Xu, Evans & Qi 2018, "Feature squeezing: detecting adversarial examples in deep neural networks".
    """

    name: ClassVar[str] = "bit_depth"
    family: ClassVar[str] = "squeezing"
    gradient: ClassVar[Gradient] = Gradient.ZERO
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "vector"})
    references: ClassVar[tuple[str, ...]] = ("xu2018feature",)

    bits: int = 4

    def check(self) -> None:
        if not 1 <= self.bits <= 8:
            raise must("bits", self.name, "be from 1 to 8", self.bits)

    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        del rng
        return rounded(x, self.bits, space)
