"""A photograph of a print of the image: rotated, scaled, moved, blurred, and under other light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.data.space import Kind
from shiftproof.shifts._in_cache import in_cache
from shiftproof.shifts._spaces import check_bounded
from shiftproof.shifts.abstract import Boxed, Params

_AMOUNTS = ("degrees", "zoom", "offset", "brightness", "contrast", "blur", "colour")
_MOST_POINTS = 100_000
_SHARP = 1e-3
"""In pixels: at a blur this narrow the weight of every neighbour is exactly 0."""


@dataclass(frozen=True)
class Physical(Boxed):
    """Rotation, scaling, translation, blur, contrast, colour and brightness changed together, each by up to its option.

    x' = gain * (middle + (1 + contrast) (blurred(x at the rotated and scaled position) - middle)) + brightness

    Args:
        amount: multiplies all other options, in (0, inf); for curves.
        degrees: largest angle, either way.
        zoom: largest change of size as a share; 0.1 runs from 1/1.1 to 1.1.
        offset: largest offset down and to the right, as a share of the image's sides.
        brightness: largest change of all pixels, as a share of the box.
        contrast: largest change of distances from the midpoint of the box, as a share.
        blur: largest standard deviation of the blur, in pixels.
        colour: largest gain or loss of each channel, as a share, as from printers and lamps.

    Params, shape (n, 10), float64: angle, log of the size over log(1 + zoom), down, right, brightness, contrast, blur, and the gains of
    three channels (images of more keep theirs).

    Guarantees:
        The accuracy of `one_draw` estimates the mean over examples of the expectation over transformations. Differentiable in every number,
        so searches find the worst case too. Reads are bilinear in float32: with all amounts at 0 an image of 224 pixels is reproduced to
        within 3e-5. What enters from outside is black (the box's least).

    Example:
        >>> import torch
        >>> x = torch.rand(2, 3, 8, 8)
        >>> shift = Physical(degrees=10)
        >>> bool(torch.allclose(shift.apply(x, shift.origin(x)), x, atol=1e-5))
        True

    Reference: Athalye et al. 2018, "Synthesizing robust adversarial examples" (expectation over transformation); Kurakin et al. 2017,
    "Adversarial examples in the physical world".
    """

    name: ClassVar[str] = "physical"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    strength: ClassVar[str] = "amount"
    references: ClassVar[tuple[str, ...]] = (
        "athalye2018synthesizing",
        "kurakin2017physical",
    )

    amount: float = 1.0
    degrees: float = 15.0
    zoom: float = 0.1
    offset: float = 0.05
    brightness: float = 0.1
    contrast: float = 0.2
    blur: float = 0.7
    colour: float = 0.05

    @classmethod
    def examples_for_check(cls) -> list[Physical]:
        """Geometry, and light: all ten numbers together would make a grid of 3**10 points."""
        return [cls(brightness=0.0, colour=0.0), cls(degrees=0.0, zoom=0.0, offset=0.0)]

    def check(self) -> None:
        self.require("amount", within="(0, inf)", hint="1 takes the other options as they are.")
        self.require(*_AMOUNTS, within="[0, inf)")
        if not any(self.options()[option] for option in _AMOUNTS):
            raise UsageError(f"Every amount of {self.name} is 0, so nothing would move. Leave one above 0, such as degrees=15.")
        check_bounded(self.name, self.space)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        size = self.amount
        turn, offset, light = size * self.degrees, size * self.offset, size * self.brightness
        contrast, gain = (min(size * share, 1.0) for share in (self.contrast, self.colour))
        both = (turn, 1.0 if self.zoom else 0.0, offset, offset, light, contrast)
        return (*(-end for end in both), 0.0, *[-gain] * 3), (*both, size * self.blur, *[gain] * 3)

    def grid(self, points: int) -> Tensor:
        low, high = self.limits()
        free = sum(a < b for a, b in zip(low, high, strict=True))
        if points**free > _MOST_POINTS:
            advice = "Use best_of_n or gradient_ascent, or set some of its amounts to 0."
            raise UsageError(f"A grid of {points} values of each of the {free} numbers of {self.name} has {points**free} points. {advice}")
        return super().grid(points)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return in_cache(self._photograph, x, params)

    def _photograph(self, x: Tensor, params: Params) -> Tensor:
        low, width = self.space.low, self.space.high - self.space.low
        p = params.to(x)
        seen = _blurred(self._placed((x - low) / width, p), p[:, 6], self.amount * self.blur)
        by_pixel = [value[:, None, None, None] for value in (p[:, 4], p[:, 5])]
        lit = 0.5 + (1 + by_pixel[1]) * (seen - 0.5)
        if x.shape[1] <= 3:
            lit = lit * (1 + p[:, 7 : 7 + x.shape[1], None, None])
        return (low + width * (lit + by_pixel[0])).clamp(self.space.low, self.space.high)

    def _placed(self, x: Tensor, p: Tensor) -> Tensor:
        """Rotated counter-clockwise, enlarged and moved; x in [0, 1] with 0 outside."""
        height, width = x.shape[2:]
        angle, scale = torch.deg2rad(p[:, 0]), torch.exp(-p[:, 1] * math.log1p(self.amount * self.zoom))
        down = (torch.arange(height, device=x.device) - (height - 1) / 2).to(x)[:, None] - (p[:, 2] * height)[:, None, None]
        right = (torch.arange(width, device=x.device) - (width - 1) / 2).to(x) - (p[:, 3] * width)[:, None, None]
        cos, sin = (part[:, None, None] * scale[:, None, None] for part in (angle.cos(), angle.sin()))
        row, column = down * cos + right * sin, right * cos - down * sin
        # The units of grid_sample: -1 and 1 are the centres of the outermost pixels.
        grid = torch.stack([column * (2 / max(width - 1, 1)), row * (2 / max(height - 1, 1))], dim=3)
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def _blurred(x: Tensor, sigma: Tensor, most: float) -> Tensor:
    """Each image blurred by a Gaussian of its own sigma, shape (n,), in pixels and at most `most`; edges repeat."""
    reach = max(1, math.ceil(3 * most))  # of the shift, not of the batch: an example must not depend on the others
    offset = torch.arange(-reach, reach + 1, device=x.device).to(x)
    weight = torch.exp(-0.5 * (offset / sigma.clamp_min(_SHARP)[:, None]).square())
    weight = weight / weight.sum(1, keepdim=True)
    n, channels, height, width = x.shape
    for shape, padding in (((1, 2 * reach + 1), (reach, reach, 0, 0)), ((2 * reach + 1, 1), (0, 0, reach, reach))):
        kernel = weight.repeat_interleave(channels, 0).reshape(n * channels, 1, *shape)
        padded = F.pad(x.reshape(1, n * channels, height, width), padding, mode="replicate")
        x = F.conv2d(padded, kernel, groups=n * channels).reshape(n, channels, height, width) if n else x
    return x
