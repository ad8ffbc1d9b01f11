"""The object cut out and pasted at a given size, place and angle, on its own background or on another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.randomness import SEED_LIMIT, Rng
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.factors.backdrops import DRAWN, IMAGES, TEXTURE, backdrop
from shiftproof.shifts.factors.factor import Factor, box_of
from shiftproof.shifts.factors.mask import fill_hole
from shiftproof.shifts.geometry.spatial import read_between, rotated

OWN, GIVEN, CHANCE = "own", "given", "chance"
BOX, PIXELS, SIDE = "box", "pixels", "side"


@dataclass(frozen=True)
class PlacedObject(Factor):
    """The object at one size, place and angle, wherever it was before; what leaves the picture is cut off.

    Args:
        share: how large the object is, in (0, 1], in the unit of `counted`.
        counted: "box" (area of the object's box over that of the picture, before it is turned: SI-Score), "pixels" (pixels of the object
            over those of the picture: ImageNet-E) or "side" (side of the box over that of the picture, where it fills the more: at 1 the
            object is as large as it can be whole, "full" in ImageNet-E).
        place: where the centre of its box is: "given" by the next two; "own", where it was, or as near to there as keeps the box inside;
            "chance", anywhere that keeps the box inside. A box that is larger than the picture stays in the middle.
        across, under: the centre that is given, in [0, 1] of the picture's width and height; 0 is the left (upper) edge.
        degrees: its angle, counter-clockwise, in [0, 360); 0 is that of the image.
        on: what is behind it: "own" (its background, the hole filled from around), "colour", "noise", "texture", or in Python
            "images", by `with_images`.
        mask: how the object is found: "estimated", "alpha", or given in Python by `with_masks`.

    Params, shape (n, k), are (across, under) in [0, 1] of the room left, where the place is left to chance, and a seed of the background,
    unless it is the own one; seed 0 is the own one too.

    Guarantees:
        The object has that size and centre up to bilinear reading; the published generators round both down to whole pixels. No image is
        left out, however much of its object is outside: SI-Score's authors left out those with less than 95% inside for size and angle,
        and recommend not to. An image without an object shows the background alone.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 1, 8, 8)
        >>> x[..., 3:5, 3:5] = 1  # the estimated mask is grown by a pixel: a box of 4 x 4, a quarter of the picture
        >>> corner = PlacedObject(0.25, across=0.0, under=0.0, on="own")
        >>> corner.apply(x, torch.zeros(1, 0))[0, 0, :3, :3].tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]

    Reference: Djolonga et al. 2021, "On robustness and transferability of convolutional neural networks" (SI-Score, appendix D); Li et al.
    2023, "ImageNet-E" (size and position).
    """

    name: ClassVar[str] = "placed_object"

    share: float
    counted: str = BOX
    place: str = GIVEN
    across: float = 0.5
    under: float = 0.5
    degrees: float = 0.0
    on: str = TEXTURE
    images: Tensor | None = field(default=None, kw_only=True, repr=False, compare=False)
    """Backgrounds to choose from, shape (m, c, h, w). Set by `with_images`, not by users."""

    def check(self) -> None:
        super().check()
        self.require("share", within="(0, 1]")
        self.require("across", "under", within="[0, 1]")
        self.require("degrees", within="[0, 360)")
        if self.counted not in (BOX, PIXELS, SIDE):
            raise must("counted", self.name, "be box, pixels or side", self.counted)
        if self.place not in (GIVEN, OWN, CHANCE):
            raise must("place", self.name, "be given, own or chance", self.place)
        if self.place != GIVEN and (self.across, self.under) != (0.5, 0.5):
            raise must("across and under", self.name, "be left out where the place is not given", (self.across, self.under))
        if self.on not in (OWN, *DRAWN, IMAGES):
            raise must("on", self.name, "be own, colour, noise, texture or images", self.on)

    def with_images(self, x: Tensor) -> PlacedObject:
        """This shift with the images x, shape (m, c, h, w), as backgrounds: as they are, so they should hold no object."""
        return replace(self, on=IMAGES, images=x)

    @property
    def random(self) -> bool:
        return self.on != OWN

    @property
    def smooth(self) -> bool:
        return False

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        high = (*((1.0, 1.0) if self.place == CHANCE else ()), *((SEED_LIMIT - 1.0,) if self.random else ()))
        return (0.0,) * len(high), high

    def sample(self, x: Tensor, rng: Rng) -> Params:
        found = super().sample(x, rng)
        return torch.cat([found[:, :-1], rng.seeds()[:, None].to(found)], dim=1) if self.random else found

    def origin(self, x: Tensor) -> Params:
        found = super().origin(x)
        if self.place == CHANCE:
            found[:, :2] = 0.5
        return found

    def change(self, x: Tensor, params: Params) -> Tensor:
        mask = self.object_of(x)
        ends = tuple(end[:, None, None] for end in box_of(mask))
        middle, side = ((ends[0] + ends[1]) / 2, (ends[2] + ends[3]) / 2), (ends[1] - ends[0] + 1, ends[3] - ends[2] + 1)
        larger = self._larger(mask, *side)
        rows, columns = (
            torch.arange(size, dtype=torch.float64, device=x.device).reshape(shape) - self._centre(params, axis, size, middle, side, larger)
            for axis, (size, shape) in enumerate(zip(x.shape[2:], ((-1, 1), (1, -1)), strict=True))
        )
        down, aside = rotated(torch.full((len(x),), self.degrees, dtype=torch.float64, device=x.device), rows, columns)
        shape = (len(x), *x.shape[2:])
        at = (down / larger + middle[0]).expand(shape), (aside / larger + middle[1]).expand(shape)
        object_ = read_between(x, at, at, self.space.low)
        share = read_between(mask[:, None].to(x.dtype), at, at, 0.0)
        return torch.lerp(self._behind(x, mask, params), object_, share).clamp(self.space.low, self.space.high)

    def _larger(self, mask: Tensor, tall: Tensor, wide: Tensor) -> Tensor:
        """By how much each object grows along either side, shape (n, 1, 1)."""
        height, width = mask.shape[1:]
        if self.counted == SIDE:
            return self.share / torch.maximum(tall / height, wide / width)
        now = tall * wide if self.counted == BOX else mask.sum((1, 2)).clamp_min(1).double()[:, None, None]
        return (self.share * height * width / now).sqrt()

    def _centre(
        self, params: Params, axis: int, size: int, middle: tuple[Tensor, Tensor], side: tuple[Tensor, Tensor], larger: Tensor
    ) -> Tensor | float:
        """Where the centre of each object goes along an axis (0 down, 1 across), in pixels, shape (n, 1, 1)."""
        if self.place == GIVEN:
            return (self.under, self.across)[axis] * size - 0.5
        angle = torch.deg2rad(torch.tensor(self.degrees, dtype=torch.float64, device=larger.device))
        half = (side[axis] * angle.cos().abs() + side[1 - axis] * angle.sin().abs()) * larger / 2  # of the box around the turned box
        room = (size - 2 * half).clamp_min(0)
        first = (size - 1 - room) / 2
        if self.place == CHANCE:
            return first + room * params[:, 1 - axis, None, None]
        return torch.minimum(torch.maximum(middle[axis], first), first + room)

    def _behind(self, x: Tensor, mask: Tensor, params: Params) -> Tensor:
        own = fill_hole(x, mask) if self.on == OWN or bool((params[:, -1] == 0).any()) else x
        if self.on == OWN:
            return own
        other = backdrop(self, self.on, self.images, x, Rng.for_seeds(params[:, -1]))
        return torch.where((params[:, -1] == 0)[:, None, None, None], own, other)
