"""JPEG compression of the input, which may remove the perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof._errors import must
from shiftproof.defences._rounding import RoundedBlocks, Steps
from shiftproof.defences.compression import Bytes, Compression
from shiftproof.shifts.corruptions.stored import through_jpeg

_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
"""The steps of ITU-T T.81, annex K, at quality 50."""


@dataclass(frozen=True)
class Jpeg(Compression):
    """Images are written as JPEG and read again before the model sees them.

    Args:
        quality: from 1 to 100; the paper takes 75.

    Guarantees:
        None against a search that knows it: behind the compression an attack follows the slope of the rounded coefficients, steepest where
        one is about to tip. What it gains is against moves made on the undefended model. The guide on defences has what each attack leaves.
    Differentiable: no. Cost: one compression an image on the CPU, and no more passes of the model.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)), name="net")
        >>> Jpeg(75)(model, space=sp.InputSpace(kind="image")).scores(torch.rand(3, 1, 8, 8)).shape
        torch.Size([3, 2])

    Reference: Dziugaite, Ghahramani & Roy 2016, "A study of the effect of JPG compression on adversarial images"; Shin & Song
    2017, "JPEG-resistant adversarial images" (the slope).
    """

    name: ClassVar[str] = "jpeg"
    references: ClassVar[tuple[str, ...]] = ("dziugaite2016study", "shin2017jpeg")

    quality: int = 75

    def check(self) -> None:
        if not 1 <= self.quality <= 100:
            raise must("quality", self.name, "be from 1 to 100", self.quality, "The paper takes 75.")

    @property
    def rounding(self) -> RoundedBlocks:
        return RoundedBlocks(8, _steps(_LUMA, self.quality), _steps(_CHROMA, self.quality))

    def coded(self, image: Bytes) -> Bytes:
        return through_jpeg(image, self.quality)


def _steps(at_50: Steps, quality: int) -> Steps:
    """The steps at a quality, as libjpeg scales them."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(tuple(min(255, max(1, (step * scale + 50) // 100)) for step in row) for row in at_50)
