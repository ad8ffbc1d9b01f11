"""Compression of the input by WebP, JPEG 2000 or AVIF, which may remove the perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar

import numpy as np

from shiftproof._errors import UsageError, must
from shiftproof.defences._rounding import RoundedBlocks
from shiftproof.defences.compression import Bytes, Compression

_FORMATS = {"webp": ("WEBP", "webp"), "jpeg2000": ("JPEG2000", "jpg_2000"), "avif": ("AVIF", "avif")}
"""By our name, what Pillow calls the format and the feature."""
_ROUNDING = {"webp": RoundedBlocks(4), "avif": RoundedBlocks(4), "jpeg2000": None}
"""WebP transforms blocks of 4 x 4; AVIF chooses among sizes from there; JPEG 2000 rounds wavelets."""


@dataclass(frozen=True)
class Codec(Compression):
    """Images are written by a lossy codec and read again before the model sees them.

    Args:
        of: "webp", "jpeg2000" or "avif", as Pillow writes them; `jpeg` is a defence of its own.
        quality: from 1 to 100; more is closer to the image. Of JPEG 2000 it is the signal-to-noise ratio in decibels.

    Guarantees:
        None against a search that knows it: it sees the exact answers, and for WebP and AVIF the slope of rounded blocks, whose errors it
        reads off from what the codec gave back; for JPEG 2000, which rounds wavelets, the identity's. What a codec gains is against moves
        made on the undefended model. The guide on defences has what each attack leaves.
    Differentiable: no. Cost: one compression an image on the CPU (milliseconds for AVIF), and no more passes of the model.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2)), name="net")
        >>> Codec("webp", 50)(model, space=sp.InputSpace(kind="image")).scores(torch.rand(3, 3, 8, 8)).shape
        torch.Size([3, 2])

    Reference: Dziugaite, Ghahramani & Roy 2016, "A study of the effect of JPG compression on adversarial images" (compression against
    attacks); Athalye, Carlini & Wagner 2018, "Obfuscated gradients give a false sense of security" (the attack through it); Shin & Song
    2017, "JPEG-resistant adversarial images" (the slope).
    """

    name: ClassVar[str] = "codec"
    references: ClassVar[tuple[str, ...]] = ("dziugaite2016study", "athalye2018obfuscated", "shin2017jpeg")

    of: str = "webp"
    quality: int = 50

    def check(self) -> None:
        if self.of not in _FORMATS:
            raise must("of", self.name, "be webp, jpeg2000 or avif", self.of, "For JPEG take the defence jpeg.")
        if not 1 <= self.quality <= 100:
            raise must("quality", self.name, "be from 1 to 100", self.quality)

    @property
    def rounding(self) -> RoundedBlocks | None:
        return _ROUNDING[self.of]

    def coded(self, image: Bytes) -> Bytes:
        return through(image, self.of, self.quality)


def through(image: Bytes, of: str, quality: int) -> Bytes:
    """An image (h, w, 1 or 3) written by a codec and read again; grey ones go through as three equal channels and are averaged.

    Raises:
        UsageError: the Pillow that is installed cannot write the format.
    """
    from PIL import Image, features

    name, feature = _FORMATS[of]
    if not features.check(feature):
        raise UsageError(f"The Pillow that is installed cannot write {of}. Install a build that can (pip's wheels), or take another.")
    options: dict[str, Any] = {"quality": quality}
    if of == "jpeg2000":
        options = {"quality_mode": "dB", "quality_layers": [float(quality)], "irreversible": True}
    file = BytesIO()
    Image.fromarray(np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image).save(file, name, **options)
    with Image.open(file) as stored:
        back = np.array(stored.convert("RGB"), dtype=np.uint8)
    return back if image.shape[2] == 3 else np.asarray(back.mean(2, keepdims=True).round(), dtype=np.uint8)
