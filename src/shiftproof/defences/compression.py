"""What the defences by compression have in common: images are written as bytes and read again before the model sees them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences._rounding import RoundedBlocks
from shiftproof.defences.abstract import Gradient, InputTransformation
from shiftproof.defences.context import DefenceContext
from shiftproof.randomness import Rng

Bytes = npt.NDArray[np.uint8]
_LEVELS = 255


@dataclass(frozen=True)
class Compression(InputTransformation):
    """A lossy codec before a model. A new one writes `coded`, and `rounding` where it is known what the codec rounds."""

    family: ClassVar[str] = "transformation"
    gradient: ClassVar[Gradient] = Gradient.NONE
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})

    @property
    def rounding(self) -> RoundedBlocks | None:
        """What it is known to round, for the gradient of the adaptive form; None for the identity's."""
        return None

    @property
    def adaptive(self) -> str:
        if self.rounding is None:
            return super().adaptive
        return (
            "straight through: exact forward pass, in the backward pass the slope of rounded blocks, read off from what the codec gave back"
        )

    @property
    def slope(self) -> str:
        return "" if self.rounding is None else "rounded_blocks"

    @abstractmethod
    def coded(self, image: Bytes) -> Bytes:
        """An image (h, w, 1 or 3), written by the codec and read again."""

    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        del rng
        if x.dim() != 4 or x.shape[1] not in (1, 3):
            raise UsageError(f"The defence {self.name} takes images (n, 1 or 3, height, width), got inputs of shape {tuple(x.shape)}.")
        unit = ((x - space.low) / (space.high - space.low)).clamp(0, 1)
        whole = (unit * _LEVELS).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        read = np.stack([self.coded(np.ascontiguousarray(image)) for image in whole]) if len(whole) else whole
        back = torch.from_numpy(read).permute(0, 3, 1, 2).to(x) / _LEVELS
        return space.low + back * (space.high - space.low)

    def transformed(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        rounding, space = self.rounding, behind.space
        if rounding is None or not x.requires_grad:
            return super().transformed(behind, x, rng)
        with torch.no_grad():
            seen = self.step(x.detach(), space, rng)
        size = space.high - space.low
        unit = rounding.carried((x - space.low) / size, (seen - space.low) / size)
        return behind.carried(seen, space.low + unit * size)
