"""Frequency filters on plain waves, as parts of a whole, and against the loops of the paper's definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import BandPass, HighPass, LowPass
from shiftproof.shifts.frequency.radial import RadialFilter

IMAGE = InputSpace(kind="image")
FILTERS = (LowPass(0.5), HighPass(0.5), BandPass(0.2, 0.6))


def picture(height: int = 28, width: int = 28) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(4))


def wave(down: int, right: int, size: int = 32) -> Tensor:
    """A plain wave of so many periods a side around mid-grey; its distance is 2 hypot(down, right) / size."""
    i, j = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (0.5 + 0.3 * torch.cos(2 * math.pi * (down * i + right * j) / size))[None, None]


def filtered(shift: RadialFilter, x: Tensor) -> Tensor:
    shift = shift.within(IMAGE)
    return shift.apply(x, shift.sample(x, Rng.for_ids(0, [str(i) for i in range(len(x))])))


@pytest.mark.parametrize(
    ("down", "right", "low", "band", "high"),
    [
        (2, 1, True, False, False),  # 0.14
        (3, 0, True, False, False),  # 0.19
        (0, 5, True, True, False),  # 0.31
        (4, -5, True, True, False),  # 0.40
        (0, 8, False, True, True),  # 0.5, at the radius: above it
        (-6, 6, False, True, True),  # 0.53
        (0, 10, False, False, True),  # 0.63
        (16, 16, False, False, True),  # 1.41, the corner
    ],
)
def test_a_wave_in_the_band_stays_and_one_outside_goes(down: int, right: int, low: bool, band: bool, high: bool) -> None:
    x = wave(down, right)
    grey = torch.full_like(x, 0.5)
    for shift, stays in zip((LowPass(0.5), BandPass(0.2, 0.6), HighPass(0.5)), (low, band, high), strict=True):
        torch.testing.assert_close(filtered(shift, x), x if stays else grey, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (33, 20), (2, 7), (64, 65)])
@pytest.mark.parametrize("radius", [0.1, 0.5, 1.0])
def test_low_and_high_are_the_image(height: int, width: int, radius: float) -> None:
    x = picture(height, width)
    torch.testing.assert_close(LowPass(radius).part(x) + HighPass(radius).part(x), x, atol=1e-6, rtol=0)


def test_meeting_bands_are_the_image() -> None:
    x = picture()
    parts = LowPass(0.25).part(x) + BandPass(0.25, 0.7).part(x) + HighPass(0.7).part(x)
    torch.testing.assert_close(parts, x, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("size", "radius"), [(28, 4), (28, 5), (28, 10), (32, 8), (32, 13)])
def test_masks_are_those_of_the_paper(size: int, radius: int) -> None:
    """Wang et al.'s mask: in the centred spectrum, 1 where hypot(i - n/2, j - n/2) < r; so 3-4-5 triangles count as outside 5."""
    x = picture(size, size)
    mask = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            mask[i, j] = (i - size // 2) ** 2 + (j - size // 2) ** 2 < radius**2
    spectrum = np.fft.fftshift(np.fft.fft2(x.numpy()), axes=(2, 3))
    low = np.fft.ifft2(np.fft.ifftshift(spectrum * mask, axes=(2, 3))).real
    high = np.fft.ifft2(np.fft.ifftshift(spectrum * (1 - mask), axes=(2, 3))).real
    share = radius / (size / 2)
    np.testing.assert_allclose(LowPass(share).part(x).numpy(), low, atol=1e-6)
    if share < 1:
        np.testing.assert_allclose(HighPass(share).part(x).numpy(), high, atol=1e-6)


def test_low_pass_keeps_the_mean_and_the_others_put_it_at_mid_grey() -> None:
    x = 0.4 + 0.1 * picture()
    torch.testing.assert_close(filtered(LowPass(0.3), x).mean((2, 3)), x.mean((2, 3)))
    for shift in (HighPass(0.3), BandPass(0.2, 0.6)):
        torch.testing.assert_close(filtered(shift, x).mean((2, 3)), torch.full((2, 3), 0.5))


@pytest.mark.parametrize("shift", FILTERS)
def test_other_boxes_are_the_unit_box_stretched(shift: RadialFilter) -> None:
    x = picture()
    wide = shift.within(InputSpace(-3.0, 7.0, "image", "[-3, 7]"))
    moved = wide.apply(10 * x - 3, wide.origin(x))
    torch.testing.assert_close((moved + 3) / 10, filtered(shift, x), atol=2e-6, rtol=0)
    assert float(moved.min()) >= -3
    assert float(moved.max()) <= 7


@pytest.mark.parametrize("shift", FILTERS)
def test_there_is_one_move_only(shift: RadialFilter) -> None:
    x = picture()
    assert shift.fixed
    params = shift.sample(x, Rng.for_ids(0, ["a", "b"]))
    assert params.shape == (2, 0)
    assert torch.equal(shift.excess(x, shift.project(x, params)), torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("kind", [LowPass, HighPass])
@pytest.mark.parametrize("radius", [0, -0.1, 1.1, 8, math.nan])
def test_radius_out_of_range(kind: type[LowPass] | type[HighPass], radius: float) -> None:
    with pytest.raises(UsageError, match=rf"The 'radius' of {kind.name} must be in \(0, 1\], got .*share of the Nyquist frequency"):
        kind(radius)


def test_bands_out_of_range() -> None:
    with pytest.raises(UsageError, match=r"The 'low' of band_pass must be in \(0, 1\), got 0\. .*use low_pass"):
        BandPass(0, 0.5)
    with pytest.raises(UsageError, match=r"The 'high' of band_pass must be in \(0.5, 1\], got 0.5\. .*use high_pass"):
        BandPass(0.5, 0.5)
    with pytest.raises(UsageError, match=r"The 'high' of band_pass must be in \(0.5, 1\], got 1.2"):
        BandPass(0.5, 1.2)


def test_a_band_without_a_frequency_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"band_pass\(low=0.26, high=0.27\) keeps no frequency of images of 8x8 pixels. Widen the band"):
        filtered(BandPass(0.26, 0.27), torch.rand(1, 1, 8, 8))


@pytest.mark.parametrize("shift", FILTERS)
def test_other_data_are_refused(shift: RadialFilter) -> None:
    with pytest.raises(UsageError, match=rf"{shift.name} moves image data, and these inputs are of kind 'vector'"):
        shift.within(InputSpace())
    with pytest.raises(UsageError, match=rf"{shift.name} moves by shares of the inputs' range, and any is unbounded"):
        shift.within(InputSpace(0, math.inf, "image", "any"))
