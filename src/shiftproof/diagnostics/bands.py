"""Which frequencies a model needs: its accuracy on images filtered below and above each frequency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._arrays import Floats, Ints
from shiftproof._batches import in_batches, rows_of_a_call
from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.fourier import answers, images_of
from shiftproof.models.abstract import Labels
from shiftproof.risks.intervals import Ends, clopper_pearson
from shiftproof.shifts.frequency.high_pass import HighPass
from shiftproof.shifts.frequency.low_pass import LowPass
from shiftproof.shifts.frequency.radial import RadialFilter

REFERENCES: tuple[str, ...] = ("yin2019fourier", "wang2020high", "gavrikov2024biases")
CUTOFFS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Of the official spectral bias."""


@dataclass(frozen=True, eq=False)
class FrequencyCurves:
    """Accuracy on what is left of n images on either side of each radius.

    Args:
        radii: ascending, as shares of the Nyquist frequency.
        low: right answers on the frequencies below each radius.
        high: on those from there on, unchanged: faint, and grey to the eye.
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
        UsageError: inputs are not images, or an option is out of range.

    Cost: 3 forwards per example and radius, and one.

    Reference: Yin et al. 2019, "A Fourier perspective on model robustness in computer vision"; Wang et al. 2020, "High-frequency component
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

        return sum(count for count, _ in in_batches(len(x), rows_of_a_call(x, batch_size, model.device), one))

    filters = [(LowPass(radius), HighPass(radius), HighPass(radius, std)) for radius in radii]
    low, high, normalised = (np.array([right(each[place]) for each in filters]) for place in range(3))
    return FrequencyCurves(np.asarray(radii, dtype=np.float64), low, high, normalised, right(None), len(x), std, confidence)


@dataclass(frozen=True, eq=False)
class SpectralBias:
    """How a model shares its accuracy between low and high frequencies.

    Args:
        cutoffs: shares of half a side that stay, from the middle for the low and from the edge for the high frequencies.
        low: right answers on what a low-pass leaves, at each cutoff.
        high: on what a high-pass leaves.
        n: examples.
        bias: high / (low + high), each the mean over cutoffs: 0 reads coarse structure alone, 1 fine; NaN where it reads neither.
    """

    cutoffs: Floats
    low: Ints
    high: Ints
    n: int
    bias: float


def spectral_bias(model: Labels, *, examples: Examples, cutoffs: Sequence[float] = CUTOFFS, batch_size: int = 256) -> SpectralBias:
    """The spectral bias HPP / (LPP + HPP): mean accuracies on high and on low frequencies alone, parted by square masks.

    The mask of a low-pass is the square of frequencies within c of half a side around 0; that of a high-pass is all outside the square of
    1 - c. What is left is clipped to the box, so high-passed images, whose mean is gone, lose their dark half.

    Args:
        model: what is measured.
        examples: n labelled images (n, c, h, w), in a bounded box.
        cutoffs: in [0, 1], ascending.
        batch_size: inputs per call of the model.

    Guarantees:
        Masks and formula are those of the authors' code. `frequency_curves` parts by circles and keeps the mean: its numbers are others.

    Raises:
        UsageError: inputs are not images, or an option is out of range.

    Cost: 2 forwards per example and cutoff.

    Reference: Gavrikov & Keuper 2024, "Can biases in ImageNet models explain generalization?".
    """
    x, y, space = images_of(examples, "spectral_bias", batch_size), examples.y.to(model.device), examples.space
    if not cutoffs or list(cutoffs) != sorted(set(cutoffs)) or not 0 <= cutoffs[0] <= cutoffs[-1] <= 1:
        raise must("cutoffs", "spectral_bias", "be one or more numbers in [0, 1], ascending", list(cutoffs))
    wide = space.high - space.low

    def right(cutoff: float, *, low: bool) -> int:
        def one(rows: slice) -> int:
            left = square_pass((x[rows] - space.low) / wide, cutoff, low=low).clamp(0, 1)
            return int((answers(model, (space.low + wide * left).to(model.device)) == y[rows]).sum())

        return sum(count for count, _ in in_batches(len(x), rows_of_a_call(x, batch_size, model.device), one))

    low, high = (np.array([right(cutoff, low=below) for cutoff in cutoffs]) for below in (True, False))
    total = int(low.sum() + high.sum())
    return SpectralBias(np.asarray(cutoffs, dtype=np.float64), low, high, len(x), float(high.sum() / total) if total else math.nan)


def square_pass(x: Tensor, cutoff: float, *, low: bool) -> Tensor:
    """What a square mask leaves of images (n, c, h, w): `cutoff` of half a side from the middle of the spectrum, or from its edge."""
    height, width = x.shape[2:]
    down, right = height // 2, width // 2
    share = cutoff if low else 1 - cutoff
    tall, broad = int(share * down), int(share * right)
    mask = torch.zeros(height, width, dtype=x.dtype, device=x.device)
    mask[down - tall : down + tall, right - broad : right + broad] = 1
    kept = torch.fft.fftshift(torch.fft.fft2(x), dim=(-2, -1)) * (mask if low else 1 - mask)
    part: Tensor = torch.fft.ifft2(torch.fft.ifftshift(kept, dim=(-2, -1))).real
    return part
