"""JPEG compression of the input, which may remove the perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences.abstract import Gradient, InputTransformation
from shiftproof.randomness import Rng
from shiftproof.shifts.corruptions.stored import through_jpeg

_LEVELS = 255


@dataclass(frozen=True)
class Jpeg(InputTransformation):
    """Images are written as JPEG and read again before the model sees them.

    Args:
        quality: from 1 to 100; the paper takes 75.

    Guarantees:
        None against a search that knows it: behind the compression an attack follows the identity's gradient (straight through). What it
        gains is against moves made on the undefended model.
    Differentiable: no. Cost: one compression an image on the CPU, and no more passes of the model.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)), name="net")
        >>> Jpeg(75)(model, space=sp.InputSpace(kind="image")).scores(torch.rand(3, 1, 8, 8)).shape
        torch.Size([3, 2])

    Reference: Dziugaite, Ghahramani & Roy 2016, "A study of the effect of JPG compression on adversarial images".
    """

    name: ClassVar[str] = "jpeg"
    family: ClassVar[str] = "transformation"
    gradient: ClassVar[Gradient] = Gradient.NONE
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("dziugaite2016study",)

    quality: int = 75

    def check(self) -> None:
        if not 1 <= self.quality <= 100:
            raise must("quality", self.name, "be from 1 to 100", self.quality, "The paper takes 75.")

    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        del rng
        if x.dim() != 4 or x.shape[1] not in (1, 3):
            raise UsageError(f"The defence {self.name} takes images (n, 1 or 3, height, width), got inputs of shape {tuple(x.shape)}.")
        unit = ((x - space.low) / (space.high - space.low)).clamp(0, 1)
        whole = (unit * _LEVELS).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        read = np.stack([through_jpeg(np.ascontiguousarray(image), self.quality) for image in whole]) if len(whole) else whole
        back = torch.from_numpy(read).permute(0, 3, 1, 2).to(x) / _LEVELS
        return space.low + back * (space.high - space.low)
