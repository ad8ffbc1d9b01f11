"""Noise with a given spectrum."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from shiftproof.shifts.corruptions._draws import Array, Draws


def noise_of_power(size: tuple[int, int], power: int, draws: Draws) -> Array:
    """Noise (height, width) of standard deviation 1 whose amplitude at frequency f is f (power 1) or 1 / (f^2 + 1) (power -2).

    As published, phases are drawn for half of the columns; the other half is the same rotated by 180 degrees.
    """
    from scipy import fft

    height, width = size
    phases = draws.rough(height, (width + 1) // 2) * np.float32(2 * np.pi)
    both = np.concatenate((phases, phases[::-1, ::-1][:, : width - phases.shape[1]]), axis=1)
    spectrum = np.empty(size, np.complex64)
    amplitude = _amplitude(size, power)
    spectrum.real, spectrum.imag = amplitude * np.cos(both), amplitude * np.sin(both)
    rolled = np.roll(spectrum, (height // 2, width // 2), axis=(0, 1))
    noise = np.ascontiguousarray(fft.ifft2(rolled, workers=1).real)
    return np.asarray(noise / noise.std(dtype=np.float64), dtype=np.float32)


@lru_cache(maxsize=16)
def _amplitude(size: tuple[int, int], power: int) -> Array:
    frequency = np.hypot(np.arange(size[0])[:, None] - size[0] / 2, np.arange(size[1]) - size[1] / 2)
    return np.asarray(frequency if power == 1 else 1 / (frequency**2 + 1), dtype=np.float32)
