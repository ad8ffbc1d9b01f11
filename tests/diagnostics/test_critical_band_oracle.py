"""Critical bands: the authors' pyramid, thresholds and fit on the accuracies that they published, and bands that are planted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.diagnostics.bands import spectral_bias, square_pass
from shiftproof.diagnostics.critical_band import _added, _band, _faint, channel_of, critical_band, pyramid
from shiftproof.models.abstract import Labels
from shiftproof.reports.frequency import _band_in_words

# ajaysub110/critical-band-masking at 6424499, data/network_data/solomon_*: right answers and trials, bands coarse first, noise 0 to 0.16
PUBLISHED = {
    "resnet50": (
        (
            "27/30 27/29 29/33 35/37 25/29  24/28 27/31 26/34 21/24 17/32  29/30 22/31 24/29 15/31 10/30  31/32 21/30 19/29 10/36 3/20  "
            "37/41 20/30 12/27 5/32 1/19  27/28 8/20 3/32 4/32 1/32  29/32 34/36 18/26 10/35 1/23"
        ),
        [0, 0, 2, 2, 3, 4, 2],
        (39.4, 3.99),
    ),
    "densenet121": (
        (
            "24/30 27/29 30/33 32/37 22/29  22/28 25/31 29/34 20/24 14/32  26/30 22/31 20/29 9/31 3/30  29/32 19/30 12/29 6/36 2/20  "
            "34/41 12/30 7/27 2/32 0/19  27/28 9/20 3/32 3/32 2/32  30/32 32/36 12/26 7/35 2/23"
        ),
        [0, 1, 2, 3, 4, 4, 3],
        (38.9, 4.74),
    ),
    "vgg11_bn": (
        (
            "17/30 22/29 23/33 24/37 20/29  14/28 23/31 15/34 13/24 12/32  24/30 19/31 18/29 8/31 5/30  26/32 17/30 8/29 8/36 2/20  "
            "21/41 13/30 6/27 3/32 0/19  23/28 3/20 4/32 7/32 2/32  25/32 17/36 9/26 4/35 1/23"
        ),
        [0, 1, 2, 3, 4, 4, 4],
        (54.7, 5.67),
    ),
}


def _table(words: str) -> list[list[float]]:
    shares = [int(right) / int(n) for right, n in (word.split("/") for word in words.split())]
    return np.reshape(shares, (7, 5)).tolist()


@pytest.mark.parametrize(("words", "threshold", "channel"), PUBLISHED.values(), ids=PUBLISHED)
def test_the_channels_of_published_accuracies_are_the_authors(words: str, threshold: list[int], channel: tuple[float, float]) -> None:
    counts, found = channel_of(_table(words))
    assert counts.tolist() == threshold
    assert (round(found.centre, 1), round(found.bandwidth, 2)) == channel
    assert 0.7 < found.peak <= 1


def test_a_middle_outside_the_bands_is_none() -> None:
    alexnet = [[0.4, 0.45, 0.39, 0.32, 0.28]] * 2 + [[0.4, 0.42, 0.55, 0.1, 0.1]] + [[0.4, 0.3, 0.2, 0.1, 0.1]] * 4
    threshold, found = channel_of(alexnet)  # theirs puts the middle at 17,421 periods in 224 pixels
    assert threshold.tolist() == [4, 4, 2, 4, 4, 4, 4]
    assert all(math.isnan(each) for each in found)


def test_nothing_that_hurts_and_too_few_bands_have_no_channel() -> None:
    assert math.isnan(channel_of([[1, 1, 1]] * 5)[1].centre)
    assert math.isnan(channel_of([[1, 0, 0]] * 2)[1].centre)


def test_the_pyramid_is_that_of_pyrtools() -> None:
    i = torch.arange(12 * 14).reshape(12, 14)
    x = torch.sin((i * i % 17).double()) + i / 100
    # pyrtools 1.1.1: p = pt.pyramids.LaplacianPyramid(x); r = p.recon_pyr(levels=l); r[0, 0], r[5, 7], r[11, 13], (r**2).mean()
    values = [
        (-0.385212830089378, -0.017712382246877212, 0.3870554905597219, 0.30037107469356655),
        (-0.3166012656242826, 0.06294767163728589, 0.15807952490223331, 0.03551390422474786),
        (0.7018140957136605, 1.1449317474362322, 1.5369834697798013, 1.452878958581777),
    ]
    bands = pyramid(x[None])
    assert len(bands) == 3
    for band, value in zip(bands, values, strict=True):
        assert (float(band[0, 0, 0]), float(band[0, 5, 7]), float(band[0, 11, 13]), float(band.square().mean())) == pytest.approx(value)
    torch.testing.assert_close(sum(bands[1:], bands[0])[0], x)


@pytest.mark.parametrize(("side", "bands"), [(224, 7), (64, 5), (32, 4), (28, 4), (8, 2)])
def test_as_many_bands_as_the_authors_and_their_middles(side: int, bands: int) -> None:
    assert len(pyramid(torch.zeros(1, side, side))) == bands
    found = critical_band(_always(), examples=_images(2, side=side), levels=(0.1,))
    np.testing.assert_allclose(found.centres, side / 2 / 2.0 ** np.arange(bands)[::-1])
    if side == 224:
        assert found.centres[0] == 1.75


def test_every_band_has_the_power_of_the_finest() -> None:
    white = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0))
    powers = torch.stack([_band(white, level).square().mean((1, 2)) for level in range(5)])
    torch.testing.assert_close(powers, powers[:1].expand(5, 3))
    spectrum = torch.fft.rfft2(_band(white, 3)).abs().square().mean(0)
    assert float(spectrum[:8, :8].sum() / spectrum.sum()) > 0.4  # coarse noise lies at coarse frequencies


def test_images_are_grey_faint_and_bright_as_imagenet() -> None:
    x = torch.rand(4, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    made = _faint(x, 0.2)
    torch.testing.assert_close(made.mean((2, 3)), torch.full((4, 3), 0.449))
    luma = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    torch.testing.assert_close(made[:, 1], (luma - luma.mean((1, 2), keepdim=True)) * 0.2 + 0.449)
    torch.testing.assert_close(_faint(x[:, :1], 0.5)[:, 0].std(), x[:, 0].std() * 0.5, rtol=0.2, atol=0)


def test_what_noise_takes_beyond_a_wall_lies_a_tenth_inside() -> None:
    x, noise = torch.tensor([0.4, 0.4, 0.4, 0.05]), torch.tensor([-0.5, 0.7, 0.2, -0.05])
    torch.testing.assert_close(_added(x, noise), torch.tensor([0.1, 0.9, 0.6, 0.0]))


class _Same(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.ones(len(x), 1), torch.zeros(len(x), 1)], dim=1)


def _always() -> Labels:
    return sp.as_model(_Same(), name="same")


def _images(n: int = 8, side: int = 32, channels: int = 1) -> sp.Examples:
    x = torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(2))
    return sp.examples(x, torch.zeros(n, dtype=torch.int64), kind="image")


class _Fragile(nn.Module):
    """Right (class 0) where noise in one band stays below a limit."""

    def __init__(self, band: int, limit: float) -> None:
        super().__init__()
        self.band, self.limit = band, limit

    def forward(self, x: Tensor) -> Tensor:
        bands = pyramid(x[:, 0] - x[:, 0].mean((1, 2), keepdim=True))
        near = torch.stack([0.5 ** abs(place - self.band) * part.square().mean((1, 2)).sqrt() for place, part in enumerate(bands)]).sum(0)
        return torch.stack([self.limit - near, near - self.limit], dim=1)


@pytest.mark.parametrize("band", [1, 2, 3])
def test_the_fitted_band_lies_where_it_was_planted(band: int) -> None:
    flat = sp.examples(torch.full((12, 1, 64, 64), 0.5), torch.zeros(12, dtype=torch.int64), kind="image")
    found = critical_band(sp.as_model(_Fragile(band, 0.03), name="fragile"), examples=flat)
    planted = 32 / 2.0**band
    assert found.channel.centre == pytest.approx(planted, rel=0.35)
    assert found.threshold[4 - band] == found.threshold.max() > found.threshold.min()


def test_what_is_said_where_there_is_no_band() -> None:
    assert "no octave up to 0.16" in _band_in_words(critical_band(_always(), examples=_images()))
    half = sp.examples(_images().x, torch.tensor([0, 1] * 4), kind="image")
    assert "not above the limit of 50.0%" in _band_in_words(critical_band(_always(), examples=half))


@pytest.mark.parametrize(
    ("cutoff", "low", "values"),
    [
        (0.3, True, (0.431825, 0.491532, 0.490498, 0.499722)),
        (0.3, False, (0.0, 0.186865, 0.0, 0.117824)),
        (0.5, False, (0.0, 0.225906, 0.0, 0.123889)),
    ],
)
def test_square_masks_are_the_official_ones(cutoff: float, low: bool, values: tuple[float, ...]) -> None:
    x = (torch.arange(3 * 12 * 14).reshape(3, 12, 14) * 37 % 101) / 100.0
    # paulgavrikov/biases_vs_generalization at 360ca57, code/eval_spectral.py: r = bandpass_filter(x, cutoff, low)
    found = square_pass(x[None], cutoff, low=low).clamp(0, 1)[0]
    assert [float(each) for each in (found[0, 0, 0], found[1, 5, 7], found[2, 11, 13], found.mean())] == pytest.approx(values, abs=2e-6)


class _Bright(nn.Module):
    """Class 1 where the mean is above a quarter: only low frequencies hold it."""

    def forward(self, x: Tensor) -> Tensor:
        score = x.mean((1, 2, 3)) - 0.25
        return torch.stack([-score, score], dim=1)


def test_the_spectral_bias_of_a_model_that_reads_the_mean_alone_is_low() -> None:
    y = torch.arange(20) % 2
    x = 0.05 + 0.9 * y[:, None, None, None] * torch.ones(20, 1, 16, 16)
    found = spectral_bias(sp.as_model(_Bright(), name="bright"), examples=sp.examples(x, y, kind="image"), cutoffs=(0.3, 0.5))
    assert (found.low.tolist(), found.high.tolist()) == ([20, 20], [10, 10])  # the rest is black: always class 0
    assert found.bias == pytest.approx(1 / 3)
