"""Light everywhere except around one star."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions._stars import rays
from shiftproof.shifts.corruptions.constants import Strength, table
from shiftproof.shifts.corruptions.image_by_image import ImageByImage


@dataclass(frozen=True)
class InverseSparkles(ImageByImage[Strength]):
    """Mixed with white, by 1 less the light of one star near the centre to the power 0.13 strength.

    The star has 50 to 199 uneven rays with a radius of a quarter of the shorter side.

    Args:
        severity: in (0, 5].

    Params are (severity, seed), shape (n, 2).

    Example:
        >>> import torch
        >>> from shiftproof.randomness import Rng
        >>> x, shift = torch.zeros(1, 3, 224, 224), InverseSparkles(3)
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> bool(moved[..., 0, 0].mean() > moved[..., 112, 112].mean())
        True

    Reference: Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption robustness".
    """

    name: ClassVar[str] = "inverse_sparkles"
    random: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("mintun2021interaction",)
    published: ClassVar = {
        "imagenet_c_bar": table(Strength, 1.0, 2.0, 4.0, 9.0, 10.0),
        "cifar_10_c_bar": table(Strength, 1.0, 1.5, 2.5, 4.5, 5.0),
    }

    def picture(self, image: Array, c: Strength, draws: Draws) -> Array:
        height, width = image.shape[:2]
        radius = 0.25 * min(height, width)
        place = draws.uniform(2, low=0.25, high=0.75) * (height, width)
        lengths = radius + 0.25 * radius * draws.normal(draws.whole(50, 200))
        clear = rays((height, width), place, lengths, power=c.strength * 6.5 / 50)[..., None]
        return 1 + clear * (image - 1)
