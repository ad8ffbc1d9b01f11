"""Band pass: only a ring of frequencies, neither the lowest nor the highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.shifts.frequency.radial import Centred, below


@dataclass(frozen=True)
class BandPass(Centred):
    """The frequencies in [low, high), shown around the midpoint of the box and clipped to it.

    Args:
        low: in (0, high), as a share of the Nyquist frequency (half a cycle per pixel).
        high: in (low, 1], in the same unit.
        std: standard deviation that each image is scaled to, as a share of the box's width, in [0, 0.5]; 0 does not scale.

    The mean is below every band, so the rest is shown around the midpoint of the box, as in `high_pass`.

    Guarantees:
        Adjacent bands split the image: the `part`s of low_pass(a), band_pass(a, b) and high_pass(b) sum to it.

    Example:
        >>> import torch
        >>> plain = torch.full((1, 1, 8, 8), 0.9)
        >>> shift = BandPass(0.25, 0.75)
        >>> shift.apply(plain, shift.origin(plain))[0, 0, 0]
        tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000])

    Reference: Wang et al. 2020, "High-frequency component helps explain the generalization of convolutional neural networks";
        Yin et al. 2019, "A Fourier perspective on model robustness in computer vision".
    """

    name: ClassVar[str] = "band_pass"

    low: float
    high: float
    std: float = 0.0

    def check(self) -> None:
        super().check()
        self.check_std(self.std)
        unit = "They are shares of the Nyquist frequency."
        self.require("low", within="(0, 1)", hint=f"{unit} From 0 on, use low_pass.")
        if not self.low < self.high <= 1:
            raise must("high", self.name, f"be in ({self.low:g}, 1]", self.high, f"{unit} Beyond 1, use high_pass.")

    def spread(self) -> float:
        return self.std

    def keeps(self, distance: Tensor) -> Tensor:
        return below(distance, self.high) & ~below(distance, self.low)
