"""Simchowitz et al. 2023: a predictor of two parts withstands a shift of what its simple part reads better than of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.quantity import Quantity
from shiftproof.studies.trial import Trial

TILT = 1.0
"""By how much a shift moves the mean of a column, in its standard deviations: the density ratio is the same for both."""


def fitted(x: Floats, z: Floats, target: Floats, *, ridge: float) -> tuple[float, Floats]:
    """Additive kernel ridge regression f(x) + g(z): the slope of the linear f, and the coefficients of the Gaussian kernel's g.

    The kernel is x x' + exp(-(z - z')^2 / (2 width^2)), so the minimiser is one system of n unknowns: g = K_z a and slope = x . a.
    """
    a: Floats = np.linalg.solve(np.outer(x, x) + bumps(z, z) + ridge * np.eye(len(x)), target).astype(np.float64)
    return float(x @ a), a


def bumps(z: Floats, centres: Floats, width: float = 0.25) -> Floats:
    """The Gaussian kernel between points, shape (n, m)."""
    return np.asarray(np.exp(-((z[:, None] - centres) ** 2) / (2 * width**2)))


def rough(z: Floats) -> Floats:
    """What g has to learn."""
    return np.asarray(np.sin(4 * z) + 0.5 * np.cos(9 * z))


@dataclass(frozen=True)
class HeterogeneousShift(Study):
    """f(x) + g(z) with a linear f and a flexible g is fitted; then the mean of x moves, or that of z, by as much.

    Cost: linear systems of 400 unknowns; seconds.

    Reference: Simchowitz et al. 2023, "Statistical learning under heterogeneous distribution shift".
    """

    name: ClassVar[str] = "heterogeneous_shift"
    references: ClassVar[tuple[str, ...]] = ("simchowitz2023statistical",)
    claim: ClassVar[str] = "Least squares over f(x) + g(z), f of a simpler class than g, withstands a shift of x better than a shift of z."
    paper: ClassVar[str] = "Simchowitz et al. 2023"
    figure: ClassVar[str] = (
        "A bound in which a shift of x multiplies only the error of the simple class, for which the more flexible one need not be learned; "
        "experiments on several tasks agree."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction(
            "log error, shift of z less of x", "a shift of z raises the error by at least half as much again", low=float(np.log(1.5))
        ),
        Prediction("error under shift of x over none", "a shift of x leaves it within a quarter", high=1.25),
    )
    protocol: ClassVar[str] = (
        "x and z are standard normal with a correlation of 0.5, the target is x + sin 4z + cos(9z) / 2 with noise of 0.3, on 400 examples; "
        "kernel ridge with a linear kernel of x and a Gaussian kernel of z. The mean of one of them moves by one standard deviation. "
        "Errors are mean squared distances from the target without noise on 20,000 draws, over 20 samples a seed."
    )
    scaled_down: ClassVar[str] = "One synthetic task with a column for each part."
    seeds: ClassVar[int] = 4

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Mean squared errors with no shift, a shift of x and one of z, and how they compare."""
        errors = np.array([_errors(trial, row) for row in range(trial.pick(quick=5, full=20))])
        none, of_x, of_z = errors.mean(0)
        return {
            "error": Quantity(float(none), unit="amount"),
            "error under shift of x": Quantity(float(of_x), unit="amount"),
            "error under shift of z": Quantity(float(of_z), unit="amount"),
            "error under shift of x over none": Quantity(float(of_x / none), unit="amount"),
            "log error, shift of z less of x": Quantity(float(np.log(of_z / of_x))),
        }


def _errors(trial: Trial, row: int) -> tuple[float, float, float]:
    numbers = trial.numbers(f"sample {row}")
    n = trial.pick(quick=150, full=400)

    def drawn(count: int, move_x: float = 0.0, move_z: float = 0.0) -> tuple[Floats, Floats]:
        x = numbers.normal(size=count)
        z = 0.5 * x + np.sqrt(0.75) * numbers.normal(size=count)
        return x + move_x, z + move_z

    x, z = drawn(n)
    slope, a = fitted(x, z, x + rough(z) + 0.3 * numbers.normal(size=n), ridge=0.1)
    found: list[float] = []
    for move in ((0.0, 0.0), (TILT, 0.0), (0.0, TILT)):
        there_x, there_z = drawn(trial.pick(quick=2000, full=20_000), *move)
        said = slope * there_x + bumps(there_z, z) @ a
        found.append(float(((said - there_x - rough(there_z)) ** 2).mean()))
    return found[0], found[1], found[2]
