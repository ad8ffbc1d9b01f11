"""Feldman et al. 2023: regions for several numbers at once are smaller where they may have any shape, and cover as often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.confidence.conformal import conformal_quantile
from shiftproof.confidence.quantile_region import QuantileRegion
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.quantity import Quantity, share
from shiftproof.studies.trial import Trial

LEVEL = 0.9
_NEAR = 0.02
"""Of the level, what coverage measured on so few examples is told to."""


class Outcomes(NamedTuple):
    """Features x (n, features) and the numbers y (n, d) that came out."""

    x: Floats
    y: Floats

    def rows(self, start: int, stop: int) -> Outcomes:
        """Those from `start` to `stop`."""
        return Outcomes(self.x[start:stop], self.y[start:stop])


@dataclass(frozen=True)
class QuantileRegions(Study):
    """The area of regions that may have any shape over that of rectangles, both calibrated to hold 90 % of outcomes.

    A rectangle is made of a low and a high quantile of each number, by boosted trees, and widened on every side by one conformal quantile.

    Cost: two trainings of small networks and eight of trees a seed; a minute or two on one core in the full form.

    Reference: Feldman, Bates & Romano 2023 [feldman2023calibrated], "Calibrated multiple-output quantile regression with representation
    learning".
    """

    name: ClassVar[str] = "quantile_regions"
    references: ClassVar[tuple[str, ...]] = ("feldman2023calibrated",)
    claim: ClassVar[str] = (
        "Quantile regions drawn in a learned representation of several outputs hold as many outcomes as promised, and are much smaller "
        "than those of existing methods."
    )
    paper: ClassVar[str] = "Feldman, Bates & Romano 2023"
    figure: ClassVar[str] = "Stated in words by the paper's abstract: significantly smaller on real and synthetic data, at 90 % coverage."
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("banana, covered", "of made outcomes 90 % lie inside, to two points", low=LEVEL - _NEAR, high=LEVEL + _NEAR),
        Prediction("house, covered", "of prices and latitudes too", low=LEVEL - _NEAR, high=LEVEL + _NEAR),
        Prediction("banana, area over rectangle", "at most four fifths of a rectangle's area for made outcomes", high=0.8),
        Prediction("house, area over rectangle", "at most four fifths for prices and latitudes", high=0.8),
    )
    protocol: ClassVar[str] = (
        "Made outcomes: x uniform, t normal with spread 0.5 + x, y = (t, t^2 + noise of 0.15). Houses of King County: the logarithm of "
        "the price and the latitude, from the other columns, standardised. 6,000 examples to fit, 2,000 to calibrate, 2,000 to test, "
        "others for each seed; the area is the mean over 100 test inputs, by draws from a box around each region."
    )
    scaled_down: ClassVar[str] = (
        "One real set in place of several. The region grows by the distance to its points alone, where the paper's also shrinks by that to "
        "its outside. Rectangles are by boosted trees, where the paper's are by networks. Prices are in logarithms, as areas would be "
        "those of the most expensive houses. The quick form has 1,500 made outcomes in place of houses, and less training."
    )
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook("Regions for made outcomes of the same kind were seen to take less than 0.8 of a rectangle, in a test.", changed=False),
    )
    needs: ClassVar[tuple[str, ...]] = ("house.train",)

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Coverage and area of regions and of rectangles, on made outcomes and on houses."""
        numbers = trial.numbers("outcomes")
        n = trial.pick(quick=1500, full=10000)
        samples = {"banana": banana(numbers, n), "house": banana(numbers, n) if trial.quick else _houses(trial, n)}
        found: dict[str, Quantity] = {}
        for name, sample in samples.items():
            trial.say(f"regions of the {name}")
            fitted, own, new = sample.rows(0, 6 * n // 10), sample.rows(6 * n // 10, 8 * n // 10), sample.rows(8 * n // 10, n)
            steps, points = trial.pick(quick=(300, 500), full=(1500, 2000))
            region = QuantileRegion.fit(*fitted, level=LEVEL, points=points, steps=steps, seed=trial.seed).calibrate(*own)
            asked = new.rows(0, trial.pick(quick=10, full=100))
            area = region.volume(asked.x, draws=trial.pick(quick=2000, full=20000), seed=trial.seed)
            covered, rectangle = rectangles(fitted, own, new, trial.seed)
            found[f"{name}, covered"] = share(region.contains(*new))
            found[f"{name}, covered by rectangles"] = share(covered)
            found[f"{name}, area over rectangle"] = _ratio(area, rectangle[: len(asked.x)])
        return found


def banana(numbers: np.random.Generator, n: int) -> Outcomes:
    """Outcomes along a parabola, the longer the larger x."""
    x = numbers.random((n, 1))
    t = numbers.normal(size=n) * (0.5 + x[:, 0])
    return Outcomes(x, np.stack([t, t**2 + 0.15 * numbers.normal(size=n)], 1))


def rectangles(fitted: Outcomes, own: Outcomes, new: Outcomes, seed: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Floats]:
    """Whether calibrated rectangles hold the outcomes of `new`, and their areas; shapes (n,)."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    d = fitted.y.shape[1]
    scale = fitted.y.std(0)

    def side(column: int, share: float) -> HistGradientBoostingRegressor:
        trees = HistGradientBoostingRegressor(loss="quantile", quantile=share, random_state=seed)
        return trees.fit(fitted.x, fitted.y[:, column])

    tail = (1 - LEVEL) / (2 * d)
    sides = [(side(k, tail), side(k, 1 - tail)) for k in range(d)]

    def ends(x: Floats) -> tuple[Floats, Floats]:
        low, high = (np.stack([pair[end].predict(x) for pair in sides], 1) for end in (0, 1))
        return np.minimum(low, high), np.maximum(low, high)

    def beyond(sample: Outcomes) -> Floats:
        low, high = ends(sample.x)
        return np.asarray((np.maximum(low - sample.y, sample.y - high) / scale).max(1))

    reach = conformal_quantile(beyond(own), level=LEVEL)
    low, high = ends(new.x)
    return beyond(new) <= reach, np.maximum(high - low + 2 * reach * scale, 0).prod(1)


def _houses(trial: Trial, n: int) -> Outcomes:
    given = trial.sample("house.train")
    names = [column.name for column in given.space.columns]
    table = given.x.double().numpy()
    order = trial.numbers("houses").permutation(len(table))[:n]
    at = names.index("lat")
    y = np.stack([np.log(given.y.double().numpy()), table[:, at]], 1)
    x = np.delete(table, at, axis=1)
    return Outcomes(((x - x.mean(0)) / np.maximum(x.std(0), 1e-12))[order], y[order])


def _ratio(area: Floats, rectangle: Floats) -> Quantity:
    """Of means of the same inputs, with the error of their linearised ratio."""
    ratio = float(area.mean() / rectangle.mean())
    off = (area - ratio * rectangle) / rectangle.mean()
    return Quantity(ratio, float(off.std(ddof=1) / np.sqrt(len(off))), "amount")
