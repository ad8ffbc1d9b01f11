"""Prediction intervals for numbers that contain the truth as often as they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.confidence.checked import Floats, checked_scores
from shiftproof.confidence.conformal import conformal_quantile, effective_sample, enough_or_refuse, weighted_quantiles
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson

_OWNER = "conformal regression"


@dataclass(frozen=True, eq=False)
class PredictionIntervals:
    """For each of m examples the interval in which its number lies; infinite ends where nothing narrower can be promised.

    Args:
        low: shape (m,).
        high: shape (m,).
        level: the coverage that is promised, in (0, 1).
    """

    low: Floats
    high: Floats
    level: float

    def coverage(self, y: npt.ArrayLike, *, confidence: float = 0.95) -> tuple[float, Interval]:
        """The share of numbers (m,) inside, with its exact interval."""
        truth = _like(y, self.low, "y")
        inside = int(((self.low <= truth) & (truth <= self.high)).sum())
        return inside / len(truth), clopper_pearson(inside, len(truth), confidence=confidence).one()


def residual_intervals(
    prediction: npt.ArrayLike,
    y: npt.ArrayLike,
    new: npt.ArrayLike,
    *,
    level: float = 0.9,
    scale: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    weights: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> PredictionIntervals:
    """Intervals new +- q scale, with q the conformal quantile of |y - prediction| / scale.

    Args:
        prediction: of calibration examples, shape (n,).
        y: their numbers, shape (n,).
        new: predictions of new examples, shape (m,).
        level: in (0, 1).
        scale: how hard each calibration (n,) and new example (m,) is, above 0; 1 without.
        weights: density ratio of the shift at each calibration (n,) and new example (m,), as for `weighted_quantiles`.

    Guarantees: those of `split_sets`, or of `weighted_quantiles` with weights.

    Raises:
        Refused: the weights are worth fewer than 1 / (1 - level) examples.

    >>> found = residual_intervals([0.0] * 9, [1.0, -2, 3, -4, 5, -6, 7, -8, 9], [10.0], level=0.9)
    >>> found.low.tolist(), found.high.tolist()
    ([1.0], [19.0])

    Reference: Lei et al. 2018 [lei2018distribution], "Distribution-free predictive inference for regression".
    """
    made = checked_scores(prediction, _OWNER, name="prediction")
    at = checked_scores(new, _OWNER, name="new")
    mine, theirs = (np.ones(len(made)), np.ones(len(at))) if scale is None else (_scale(scale[0], made), _scale(scale[1], at))
    off = np.abs(_like(y, made, "y") - made) / mine
    reach = _limits(off, len(at), level, weights) * theirs
    return PredictionIntervals(at - reach, at + reach, level)


def quantile_intervals(
    ends: tuple[npt.ArrayLike, npt.ArrayLike],
    y: npt.ArrayLike,
    new_ends: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    level: float = 0.9,
    weights: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> PredictionIntervals:
    """The ends of a quantile regression, moved by the conformal quantile of max(low - y, y - high) (CQR).

    Args:
        ends: predicted low and high quantiles of calibration examples, shape (n,) each.
        y: their numbers, shape (n,).
        new_ends: the same of new examples, shape (m,) each.
        level: in (0, 1).
        weights: as for `residual_intervals`.

    Guarantees: as `residual_intervals`, however bad the quantiles are; intervals are narrow where these are good. An interval whose ends
    cross is empty.

    Reference: Romano, Patterson & Candès 2019 [romano2019conformalized], "Conformalized quantile regression".
    """
    low, new_low = (checked_scores(each[0], _OWNER, name="ends") for each in (ends, new_ends))
    high, new_high = _like(ends[1], low, "ends"), _like(new_ends[1], new_low, "new_ends")
    truth = _like(y, low, "y")
    limit = _limits(np.maximum(low - truth, truth - high), len(new_low), level, weights)
    return PredictionIntervals(new_low - limit, new_high + limit, level)


def _limits(off: Floats, m: int, level: float, weights: tuple[npt.ArrayLike, npt.ArrayLike] | None) -> Floats:
    if weights is None:
        return np.full(m, conformal_quantile(off, level=level))
    enough_or_refuse(effective_sample(weights[0]), level)
    return weighted_quantiles(off, weights[0], weights[1], level=level)


def _like(values: npt.ArrayLike, other: Floats, name: str) -> Floats:
    x = checked_scores(values, _OWNER, name=name)
    if len(x) != len(other):
        raise must(name, _OWNER, f"have one entry per example ({len(other)})", len(x))
    return x


def _scale(values: npt.ArrayLike, other: Floats) -> Floats:
    x = _like(values, other, "scale")
    if not bool((x > 0).all()):
        raise must("scale", _OWNER, "be above 0", float(x.min()))
    return x
