"""JPEG compression of the input, which may remove the perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof._errors import must
from shiftproof.defences.compression import Bytes, Compression
from shiftproof.shifts.corruptions.stored import through_jpeg


@dataclass(frozen=True)
class Jpeg(Compression):
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
    references: ClassVar[tuple[str, ...]] = ("dziugaite2016study",)

    quality: int = 75

    def check(self) -> None:
        if not 1 <= self.quality <= 100:
            raise must("quality", self.name, "be from 1 to 100", self.quality, "The paper takes 75.")

    def coded(self, image: Bytes) -> Bytes:
        return through_jpeg(image, self.quality)
