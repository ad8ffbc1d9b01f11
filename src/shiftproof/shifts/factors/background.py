"""The background of an object replaced."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.randomness import SEED_LIMIT, Rng
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.factors.backdrops import DRAWN, IMAGES, TEXTURE, backdrop
from shiftproof.shifts.factors.factor import Factor
from shiftproof.shifts.factors.mask import fill_hole


@dataclass(frozen=True)
class Background(Factor):
    """The background faded into another one; the object is unchanged.

    x' = object on (1 - t) * its background + t * another

    Args:
        share: the weight of the other background, t, in (0, 1]: 1 replaces the original.
        of: "colour" (one random colour), "noise" (independent pixels), "texture" (noise of all scales, the coarse strongest) or
            "images" (backgrounds of other images, given in Python by `with_images`).
        mask: how the object is found: "estimated", "alpha", or given in Python by `with_masks`.

    Params are (t, seed), shape (n, 2); the seed determines the colour, the noise or the image. The average case is a draw at exactly
    `share`, the worst case the worst share up to it and the worst of the draws tried.

    Guarantees:
        t = 0 changes no bit, and pixels of the mask never change. An estimated mask can be wrong.

    Example:
        >>> import torch
        >>> from shiftproof.randomness import SEED_LIMIT, Rng
        >>> x = torch.zeros(1, 1, 9, 9)
        >>> x[..., 4, 4] = 1
        >>> shift = Background(1, of="colour")
        >>> moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, ["a"])))
        >>> float(moved[0, 0, 4, 4]), bool((moved[0, 0, 0] == moved[0, 0, 0, 0]).all()), bool(moved[0, 0, 0, 0] > 0)
        (1.0, True, True)

    Reference: Li et al. 2023, "ImageNet-E" (background); Xiao et al. 2021 [xiao2021noise], "Noise or signal: the role of image backgrounds
    in object recognition".
    """

    name: ClassVar[str] = "background"
    strength: ClassVar[str] = "share"
    random: ClassVar[bool] = True

    share: float
    of: str = TEXTURE
    images: Tensor | None = field(default=None, kw_only=True, repr=False, compare=False)
    """Backgrounds to choose from, shape (m, c, h, w). Set by `with_images`, not by users."""

    def check(self) -> None:
        super().check()
        self.require("share", within="(0, 1]", hint="1 replaces the background.")
        if self.of not in (*DRAWN, IMAGES):
            raise must("of", self.name, "be colour, noise, texture or images", self.of)

    def with_images(self, x: Tensor) -> Background:
        """This shift with the backgrounds of the images x, shape (m, c, h, w); their objects are removed and filled in."""
        mask = self.object_of(x)
        return replace(self, of=IMAGES, images=fill_hole(x, mask))

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0, 0.0), (self.share, SEED_LIMIT - 1.0)

    def sample(self, x: Tensor, rng: Rng) -> Params:
        share = torch.full((len(x),), self.share, dtype=torch.float64)
        return torch.stack([share, rng.seeds()], dim=1).to(x.device)

    def change(self, x: Tensor, params: Params) -> Tensor:
        other = backdrop(self, self.of, self.images, x, Rng.for_seeds(params[:, 1]))
        share = params[:, 0].to(x.dtype)[:, None, None, None]
        return torch.where(self.object_of(x)[:, None], x, torch.lerp(x, other, share)).clamp(self.space.low, self.space.high)
