"""Critical-band masking: the frequency band in which noise hurts a model most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._arrays import Floats, Ints
from shiftproof._batches import in_batches, rows_of_a_call
from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.fourier import answers, images_of
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng

REFERENCES: tuple[str, ...] = ("subramanian2023spatial", "gavrikov2024biases")
_TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_MEAN = 0.449
"""To which each image's mean is moved: ImageNet's."""
_GAP = 0.1
"""How far inside the bound a pixel is put that noise moved beyond it, as a share of the box."""
_GREY = (0.299, 0.587, 0.114)


class Channel(NamedTuple):
    """The Gaussian that fits a model's critical band.

    Args:
        centre: its middle, in periods an image; NaN where none fits, or where its middle lies outside the bands.
        bandwidth: its full width at half height, 2 sqrt(ln 4) sigma, in octaves.
        peak: 2^(height - levels): 1 where, at the middle, the least noise suffices, half for each doubling of the noise.
    """

    centre: float
    bandwidth: float
    peak: float


@dataclass(frozen=True, eq=False)
class CriticalBand:
    """The band of frequencies in which noise hurts a model.

    Args:
        centres: the middle of each octave band, in periods an image, coarse first.
        levels: standard deviations of the white noise that bands are cut from, as shares of the box's width, 0 first.
        right: right answers, shape (bands, levels).
        threshold: how many levels, from the strongest down, the model does not bear in each band, shape (bands,).
        n: examples.
        limit: the accuracy that it must stay above, in [0, 1].
        channel: the Gaussian that fits the thresholds; NaN of fewer than three bands, from images below 10 pixels per side.
    """

    centres: Floats
    levels: Floats
    right: Ints
    threshold: Ints
    n: int
    limit: float
    channel: Channel


def critical_band(
    model: Labels,
    *,
    examples: Examples,
    levels: Sequence[float] = (0.02, 0.04, 0.08, 0.16),
    contrast: float = 0.2,
    limit: float = 0.5,
    seed: int = 0,
    batch_size: int = 256,
) -> CriticalBand:
    """Noise in one octave of frequencies at a time: where does a model's critical band lie, how wide is it, how much noise does it bear?

    Images are made grey, their contrast lowered and their means moved to 0.449 of the box. White Gaussian noise is cut into the bands of a
    Laplacian pyramid, an octave each, and each band is given the power of the finest. What noise takes beyond a bound of the box comes to
    lie a tenth of the box inside it. A band's threshold is the number of levels, from the strongest down, under which accuracy is not
    above `limit`; a Gaussian over the bands is fitted to the thresholds.

    Args:
        model: what is measured.
        examples: n labelled images (n, c, h, w), c 1 or 3, in a bounded box.
        levels: standard deviations of the noise as shares of the box's width, ascending, above 0.
        contrast: by which each image is drawn together around its mean, in (0, 1]. 0.2 is the paper's.
        limit: the accuracy that counts as bearing the noise, in (0, 1). 0.5 is the paper's, of 16 classes; where accuracy at low contrast
            is below it, every threshold is the greatest and no band is found.
        seed: of the noise, which is the same in all channels of an image and drawn anew for each band and level.
        batch_size: inputs per call of the model.

    Guarantees:
        Pyramid, contrast, clipping, thresholds and fit are those of the authors' code: on the accuracies that they published the channels
        are
        the same, and the bands equal pyrtools' to rounding. Otherwise in this: where a pixel would lie beyond both bounds at once (noise of
        more than 0.9 of the box) it is put to the nearer one and no noise is drawn again; and a Gaussian whose middle lies outside the
        bands is reported as none. Numbers of images of other sizes or classes than the paper's compare among themselves only.

    Raises:
        UsageError: inputs are not images or too small, the model is right nowhere, or an option is out of range.

    Cost: (bands x levels + 1) forwards per example, with about log2(side) - 1 bands.

    Reference: Subramanian et al. 2023, "Spatial-frequency channels, shape bias, and adversarial robustness"; Gavrikov & Keuper 2024, "Can
    biases in ImageNet models explain generalization?".
    """
    x, y = images_of(examples, "critical_band", batch_size), examples.y.to(model.device)
    side = min(x.shape[2:])
    _check(levels, contrast, limit, side)
    space = examples.space
    low, wide = space.low, space.high - space.low
    faint = _faint((x - low) / wide, contrast).to(model.device)
    rng = Rng.for_ids(seed, examples.ids).child("critical_band")
    bands = len(pyramid(faint[:1, 0]))

    def right(level: float, band: int, place: int) -> int:
        def one(rows: slice) -> int:
            part = faint[rows]
            if level > 0:
                white = rng[rows].child(band).child(place).normal(*part.shape[2:]).to(part) * level
                part = _added(part, _band(white, bands - 1 - band)[:, None])
            return int((answers(model, low + wide * part) == y[rows]).sum())

        return sum(count for count, _ in in_batches(len(faint), rows_of_a_call(faint, batch_size, model.device), one))

    clean = right(0.0, 0, 0)
    if not clean:
        raise UsageError("The model misclassifies every example even without noise. Check labels and preprocessing.")
    counts = np.array([[clean, *(right(level, band, place) for place, level in enumerate(levels))] for band in range(bands)])
    first = side / 2 / 2 ** (bands - 1)
    threshold, channel = channel_of(counts / len(faint), limit=limit, first=first)
    return CriticalBand(first * 2.0 ** np.arange(bands), np.array([0.0, *levels]), counts, threshold, len(faint), limit, channel)


def _check(levels: Sequence[float], contrast: float, limit: float, side: int) -> None:
    if not levels or list(levels) != sorted(set(levels)) or not levels[0] > 0:
        raise must("levels", "critical_band", "be one or more numbers above 0, ascending", list(levels))
    if not 0 < contrast <= 1:
        raise must("contrast", "critical_band", "be in (0, 1]", contrast)
    if not 0 < limit < 1:
        raise must("limit", "critical_band", "be in (0, 1)", limit)
    if side < 8:
        raise UsageError(f"critical_band needs images of at least 8 pixels per side for two bands, got {side}.")


def channel_of(accuracy: npt.ArrayLike, *, limit: float = 0.5, first: float = 1.75) -> tuple[Ints, Channel]:
    """The thresholds and the channel of recorded accuracies, shape (bands, 1 + levels) in [0, 1], coarse bands and weak noise first.

    `first` is the middle of the coarsest band, in periods an image: 1.75 for the seven bands of 224 pixels.

    >>> threshold, channel = channel_of([[1, 0.9, 0.9], [1, 0.9, 0.2], [1, 0.3, 0.2], [1, 0.8, 0.3], [1, 0.9, 0.9]])
    >>> threshold.tolist(), round(channel.centre)
    ([0, 1, 2, 1, 0], 7)
    """
    table = np.asarray(accuracy, dtype=np.float64)
    borne = table[:, ::-1] > limit
    levels = table.shape[1] - 1
    threshold = np.where(borne.any(1), borne.argmax(1), levels).astype(np.int64)
    return threshold, _fitted(threshold.astype(np.float64), levels, first)


def _fitted(threshold: Floats, levels: int, first: float) -> Channel:
    from scipy.optimize import curve_fit

    def bell(at: Floats, height: float, middle: float, width: float) -> Floats:
        shape: Floats = height * np.exp(-((at - middle) ** 2) / (2 * width**2))
        return shape

    nothing = Channel(math.nan, math.nan, math.nan)
    if len(threshold) < 3 or not threshold.any():
        return nothing
    bounds = ([0.0, -np.inf, -np.inf], [float(levels), np.inf, np.inf])
    try:
        (height, middle, width), _ = curve_fit(bell, np.arange(len(threshold)), threshold, p0=(1.0, 0.0, 1.0), bounds=bounds)
    except RuntimeError:
        return nothing
    if not -0.5 < middle < len(threshold) - 0.5:
        return nothing  # it rises to the edge of what was asked, and its top may lie anywhere beyond
    return Channel(float(first * 2**middle), float(2 * math.sqrt(math.log(4)) * abs(width)), float(2 ** (height - levels)))


def _faint(x: Tensor, contrast: float) -> Tensor:
    """Images in [0, 1] made grey and of low contrast, with their means at 0.449; the channels stay as many."""
    grey = (x * torch.tensor(_GREY).to(x)[:, None, None]).sum(1, keepdim=True) if x.shape[1] == len(_GREY) else x.mean(1, keepdim=True)
    return ((grey - grey.mean((2, 3), keepdim=True)) * contrast + _MEAN).expand_as(x).contiguous()


def _added(x: Tensor, noise: Tensor) -> Tensor:
    moved = x + noise
    return torch.where(moved < 0, torch.full_like(moved, _GAP), torch.where(moved > 1, torch.full_like(moved, 1 - _GAP), moved))


def _band(white: Tensor, level: int) -> Tensor:
    """One band of noise (n, h, w), 0 the finest, given the power of the finest."""
    parts = pyramid(white)
    finest, part = (each.flatten(1).square().mean(1).sqrt()[:, None, None] for each in (parts[0], parts[level]))
    return parts[level] * finest / part


def pyramid(x: Tensor) -> list[Tensor]:
    """The bands of the Laplacian pyramid of images (n, h, w), the finest first and what is left last, each of the images' size.

    They sum to the images. Filter [1, 4, 6, 4, 1] / 16, edges reflected, halved until a side is below 5.
    """
    bands, sizes = [], []
    while min(x.shape[1:]) >= len(_TAPS):
        coarse = _smooth(x)[:, ::2, ::2]
        sizes.append((x.shape[1], x.shape[2]))
        bands.append(x - _wider(coarse, *sizes[-1]))
        x = coarse
    found = []
    for place, band in enumerate([*bands, x]):
        for height, width in reversed(sizes[:place]):
            band = _wider(band, height, width)
        found.append(band)
    return found


def _wider(x: Tensor, height: int, width: int) -> Tensor:
    spread = x.new_zeros(len(x), height, width)
    spread[:, ::2, ::2] = x
    return 4 * _smooth(spread)


def _smooth(x: Tensor) -> Tensor:
    taps = x.new_tensor(_TAPS)
    padded = F.pad(x[:, None], (2, 2, 2, 2), mode="reflect")
    return F.conv2d(F.conv2d(padded, taps.view(1, 1, -1, 1)), taps.view(1, 1, 1, -1))[:, 0]
