"""Suites of images: balls, noise, corruptions, turns, frequencies."""

from __future__ import annotations

from shiftproof.data.space import InputSpace
from shiftproof.suites.common import AVERAGE, SuiteRuns, balls, scaled, severities

WORST = {"quick": "best_of_n(n=10)", "standard": "best_of_n(n=20)", "thorough": "best_of_n(n=100)"}
"""The adversary of shifts that are no balls."""


def wanted(name: str, space: InputSpace, shape: tuple[int, ...]) -> SuiteRuns:
    """What the suite asks of images of shape (channels, height, width)."""
    quick, levels = name == "quick", severities(name)
    found = balls(_radii(name, space, shape), [] if quick else _lengths(space, shape))
    noises = ("gaussian_noise", "gaussian_blur", "brightness", "contrast")
    found += [(f"{noise}(severity={level})", (AVERAGE,)) for noise in noises for level in levels]
    found += [(f"rotation(degrees={d})", (AVERAGE, WORST[name])) for d in ((30,) if quick else (10, 20, 30, 45))]
    if not quick:
        found += [("translation(pixels=3)", (AVERAGE, "grid(points=7)"))]
    radii = (0.25, 0.5) if quick else (0.1, 0.25, 0.5, 0.75)
    return found + [(f"{band}(radius={radius})", (AVERAGE,)) for band in ("low_pass", "high_pass") for radius in radii]


def _radii(name: str, space: InputSpace, shape: tuple[int, ...]) -> list[float]:
    """The field's usual L-inf budgets as shares of the box: 0.1 to 0.3 for grey digits, 1/255 to 8/255 for colour."""
    grey = shape[0] == 1
    usual = [0.05, 0.1, 0.2, 0.3] if grey else [1 / 255, 2 / 255, 4 / 255, 8 / 255]
    return scaled((usual[1:2] if grey else usual[-1:]) if name == "quick" else usual, space)


def _lengths(space: InputSpace, shape: tuple[int, ...]) -> list[float]:
    """The usual L2 budgets: 1 and 2 for grey digits, 0.5 and 1 for colour."""
    return scaled([1.0, 2.0] if shape[0] == 1 else [0.5, 1.0], space)
