"""Which band of frequencies a model needs, and noise in which band it cannot bear."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._batches import in_batches
from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.fourier import answers, images_of
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.risks.intervals import Ends, clopper_pearson
from shiftproof.shifts.frequency.high_pass import HighPass
from shiftproof.shifts.frequency.low_pass import LowPass
from shiftproof.shifts.frequency.radial import RadialFilter

REFERENCES: tuple[str, ...] = ("subramanian2023spatial",)
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_EDGE = 0.01
"""A fitted centre so near to the end of the octaves, in octaves, is at the end."""


@dataclass(frozen=True, eq=False)
class FrequencyCurves:
    """Accuracy on what is left of n images on either side of each radius.

    Args:
        radii: ascending, as shares of the Nyquist frequency.
        low: right answers on the frequencies below each radius.
        high: on those from there on, as they are: faint, and grey to the eye.
        high_normalised: on the same with the spread of each image raised to `std`.
        clean: right answers on whole images.
        n: examples.
        std: the spread of `high_normalised`, as a share of the box's width.
        confidence: of the intervals.
    """

    radii: Floats
    low: Ints
    high: Ints
    high_normalised: Ints
    clean: int
    n: int
    std: float
    confidence: float

    def interval(self, right: npt.ArrayLike) -> Ends:
        """The exact interval of the accuracy of each count, each by itself."""
        return clopper_pearson(right, self.n, confidence=self.confidence)

    @property
    def crossing(self) -> float:
        """The first radius at which the low frequencies carry as much as the high ones do (normalised or not, whichever is better).

        Infinite where they never do. The smaller, the more the model lives on coarse structure.
        """
        ahead = self.low >= np.maximum(self.high, self.high_normalised)
        return float(self.radii[ahead.argmax()]) if ahead.any() else math.inf


def frequency_curves(
    model: Labels,
    *,
    examples: Examples,
    radii: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    std: float = 0.2,
    batch_size: int = 256,
    confidence: float = 0.95,
) -> FrequencyCurves:
    """Accuracy on the low and on the high frequencies of the same images, radius by radius.

    Args:
        model: what is measured.
        examples: n labelled images (n, c, h, w), in a bounded box.
        radii: in (0, 1], ascending, as shares of the Nyquist frequency.
        std: to which the spread of each high-passed image is raised for the second curve, as a share of the box's width, in (0, 0.5].
        batch_size: inputs per call of the model.
        confidence: of the intervals.

    Raises:
        UsageError: inputs are no images, or an option is out of range.

    Cost: 3 forwards an example and radius, and one.

    Reference: Yin et al. 2019 [yin2019fourier], "A Fourier perspective on model robustness in computer vision"; Wang et al. 2020
    [wang2020high], "High-frequency component
        helps explain the generalization of convolutional neural networks".
    """
    x, y = images_of(examples, "frequency_curves", batch_size).to(model.device), examples.y.to(model.device)
    if not radii or list(radii) != sorted(set(radii)):
        raise must("radii", "frequency_curves", "be one or more numbers, ascending", list(radii))
    if not 0 < std <= 0.5:
        raise must("std", "frequency_curves", "be in (0, 0.5]", std)

    def right(shift: RadialFilter | None) -> int:
        put = shift.within(examples.space) if shift is not None else None

        def one(rows: slice) -> int:
            part = x[rows]
            moved = part if put is None else put.apply(part, put.origin(part))
            return int((answers(model, moved) == y[rows]).sum())

        return sum(count for count, _ in in_batches(len(x), batch_size, one))

    filters = [(LowPass(radius), HighPass(radius), HighPass(radius, std)) for radius in radii]
    low, high, normalised = (np.array([right(each[place]) for each in filters]) for place in range(3))
    return FrequencyCurves(np.asarray(radii, dtype=np.float64), low, high, normalised, right(None), len(x), std, confidence)


@dataclass(frozen=True, eq=False)
class CriticalBand:
    """The band of frequencies in which noise hurts a model.

    Args:
        centres: the middle of each octave band, in periods an image.
        levels: standard deviations of the noise, as shares of the box's width, 0 first.
        right: right answers, shape (bands, levels).
        threshold: the standard deviation at which accuracy falls to half of that without noise, by linear interpolation; infinite where no
            level made it fall so far.
        n: examples.
        centre: the middle of the Gaussian that fits sensitivity, 1 / threshold, over octaves, in periods an image; NaN where none
            fits, or where sensitivity rises up to the first or the last octave.
        bandwidth: its full width at half height, in octaves.
        peak: its height: the greatest sensitivity.
    """

    centres: Floats
    levels: Floats
    right: Ints
    threshold: Floats
    n: int
    centre: float
    bandwidth: float
    peak: float


def critical_band(
    model: Labels,
    *,
    examples: Examples,
    levels: Sequence[float] = (0.02, 0.04, 0.08, 0.16, 0.32),
    contrast: float = 1.0,
    seed: int = 0,
    batch_size: int = 256,
) -> CriticalBand:
    """Noise in one octave of frequencies at a time: where does a model's critical band lie, how wide is it, how much noise does it bear?

    White Gaussian noise is filtered to an octave around each centre, given the standard deviation of the level, added and clipped. The
    noise at which accuracy halves is the band's threshold; a Gaussian over octaves is fitted to 1 / threshold.

    Args:
        model: what is measured.
        examples: n labelled images (n, c, h, w), in a bounded box.
        levels: standard deviations of the noise as shares of the box's width, ascending, above 0.
        contrast: by which images are first drawn together around the middle of the box, in (0, 1]. The paper has 0.2, on grey images.
        seed: of the noise, which is the same in all channels of an image.
        batch_size: inputs per call of the model.

    Guarantees:
        As in the paper in the octaves, the noise and the fit. Otherwise in this: colours stay, contrast stays unless asked for, and the
        threshold is at half of the accuracy without noise, so that models of any accuracy and number of classes have one. Bands whose
        threshold lies beyond the last level enter the fit with sensitivity 0. Clipping takes some of the strongest noise away.

    Raises:
        UsageError: inputs are no images or too small, the model is right nowhere, or an option is out of range.

    Cost: (bands x levels + 1) forwards an example, with about log2(side) - 1 bands.

    Reference: Subramanian et al. 2023, "Spatial-frequency channels, shape bias, and adversarial robustness".
    """
    x, y = images_of(examples, "critical_band", batch_size), examples.y.to(model.device)
    if not levels or list(levels) != sorted(set(levels)) or not levels[0] > 0:
        raise must("levels", "critical_band", "be one or more numbers above 0, ascending", list(levels))
    if not 0 < contrast <= 1:
        raise must("contrast", "critical_band", "be in (0, 1]", contrast)
    side = min(x.shape[2:])
    if side < 8:
        raise UsageError(f"critical_band needs images of at least 8 pixels a side for two octaves, got {side}.")
    space = examples.space
    middle, wide = (space.low + space.high) / 2, space.high - space.low
    x = (middle + contrast * (x - middle)).to(model.device)
    edges = 2.0 ** np.arange(0, math.ceil(math.log2(side / 2)) + 1)  # 1, 2, 4, ... periods an image
    rng = Rng.for_ids(seed, examples.ids).child("critical_band")

    def right(level: float, low: float, high: float, place: int) -> int:
        def one(rows: slice) -> int:
            part = x[rows]
            if level > 0:
                noise = _octave(rng[rows].child(place).normal(*part.shape[2:]).to(part), low, high)
                part = space.clip(part + level * wide * noise[:, None])
            return int((answers(model, part) == y[rows]).sum())

        return sum(count for count, _ in in_batches(len(x), batch_size, one))

    clean = right(0.0, 1, 2, 0)
    if not clean:
        raise UsageError("The model is right on none of these examples, so noise has nothing to take. Check labels and preprocessing.")
    bands = list(itertools.pairwise(edges))
    counts = np.array(
        [[clean, *(right(level, float(low), float(high), place) for level in levels)] for place, (low, high) in enumerate(bands)]
    )
    stops = np.array([0.0, *levels])
    threshold = np.array([_halved(stops, row) for row in counts])
    centres = np.sqrt(edges[:-1] * edges[1:])
    return CriticalBand(centres, stops, counts, threshold, len(x), *_gaussian(np.log2(centres), 1 / threshold))


def _octave(white: Tensor, low: float, high: float) -> Tensor:
    """The part of noise (n, h, w) from `low` on and below `high` periods an image, each image's spread made 1."""
    height, width = white.shape[1:]
    down = torch.fft.fftfreq(height, 1 / height, dtype=torch.float64, device=white.device)
    right = torch.fft.rfftfreq(width, 1 / width, dtype=torch.float64, device=white.device)
    distance = torch.hypot(down[:, None], right)
    mask = (distance >= low) & (distance < high)
    part: Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * mask, s=(height, width))
    return part / part.flatten(1).square().mean(1).sqrt()[:, None, None]


def _halved(levels: Floats, right: Ints) -> float:
    """The level at which the count first falls to half of the first one, interpolated."""
    goal = right[0] / 2
    below = np.flatnonzero(right <= goal)
    if not len(below):
        return math.inf
    k = int(below[0])
    share = (right[k - 1] - goal) / (right[k - 1] - right[k])
    return float(levels[k - 1] + share * (levels[k] - levels[k - 1]))


def _gaussian(octaves: Floats, sensitivity: Floats) -> tuple[float, float, float]:
    """Centre (in periods), full width at half height (in octaves) and height of the Gaussian that fits; NaN where nothing can be told."""
    from scipy.optimize import curve_fit

    nothing = (math.nan, math.nan, math.nan)
    if (sensitivity > 0).sum() < 1 or len(octaves) < 3:
        return nothing

    def bell(at: Floats, middle: float, width: float, height: float) -> Floats:
        shape: Floats = height * np.exp(-((at - middle) ** 2) / (2 * width**2))
        return shape

    start = (float(octaves[sensitivity.argmax()]), 1.0, float(sensitivity.max()))
    edges = octaves[0] - 0.5, octaves[-1] + 0.5
    bounds = ([edges[0], 0.2, 0.0], [edges[1], 5.0, 4 * float(sensitivity.max())])
    try:
        (middle, width, height), _ = curve_fit(bell, octaves, sensitivity, p0=start, bounds=bounds)
    except RuntimeError:
        return nothing
    if not edges[0] + _EDGE < middle < edges[1] - _EDGE:
        return nothing  # it rises to the edge of what was asked, and its top may lie anywhere beyond
    return float(2**middle), float(2 * math.sqrt(2 * math.log(2)) * width), float(height)
