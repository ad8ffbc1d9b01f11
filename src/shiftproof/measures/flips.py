"""Stability of predictions along perturbation sequences: flip probability (mFP, mFR) and top-5 distance (mT5D)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must
from shiftproof.outcomes import Interval
from shiftproof.risks.betting_intervals import betting_interval

_TOP = 5
_MOST = 19.0
"""The largest possible top-5 distance: 5 + 4 + 3 + 3 + 4."""


@dataclass(frozen=True)
class PredictionStability:
    """How much predictions change along sequences.

    Args:
        mean: over perturbations, unnormalised (the mFP, or the unnormalised mT5D).
        rate: the mean over perturbations of value / baseline (the mFR, or the mT5D); NaN without a baseline.
        by_perturbation: perturbation -> value.
        intervals: perturbation -> confidence interval, for independent sequences.
        baseline: the name of the baseline; "" for none.
    """

    mean: float
    rate: float
    by_perturbation: Mapping[str, float]
    intervals: Mapping[str, Interval]
    baseline: str


def mean_flip_probability(
    predictions: Mapping[str, npt.ArrayLike],
    *,
    baseline: Mapping[str, float] | None = None,
    baseline_name: str = "given row",
    confidence: float = 0.95,
) -> PredictionStability:
    """The mean flip probability (mFP), and the mean flip rate (mFR) against a baseline.

    FP = mean over sequences and frames j >= 2 of [f(x_j) != f(x_{j-1})]; noise frames are not consecutive, so they are
    compared with the first frame. mFP is the mean over perturbations, mFR that of FP / FP of the baseline.

    Args:
        predictions: perturbation -> predicted classes, shape (sequences, frames), frames >= 2. A name that contains "noise" is noise.
        baseline: perturbation -> flip probability of the baseline (AlexNet in the paper; its table is not included).
        baseline_name: its name in the result.
        confidence: of the intervals over sequences (`betting_interval`).

    Raises:
        UsageError: there are no sequences, shapes are wrong, or the baseline lacks a perturbation or has one that is not above 0.

    Example:
        >>> found = mean_flip_probability({"tilt": [[1, 1, 2, 1]], "shot_noise": [[1, 1, 2, 2]]}, baseline={"tilt": 0.5, "shot_noise": 0.5})
        >>> round(found.mean, 4), round(found.rate, 4)
        (0.6667, 1.3333)

    Reference: Hendrycks & Dietterich 2019 [hendrycks2019benchmarking], "Benchmarking neural network robustness to common corruptions and
    perturbations".
    """

    def one(name: str, values: npt.ArrayLike) -> Floats:
        seen = np.asarray(values)
        if seen.ndim != 2 or seen.shape[1] < 2 or not len(seen):
            raise must(f"predictions[{name}]", "mean_flip_probability", "have shape (sequences, frames), frames >= 2", seen.shape)
        before = seen[:, :1] if "noise" in name else seen[:, :-1]
        flips: Floats = (seen[:, 1:] != before).mean(1)
        return flips

    return _compared("mean_flip_probability", predictions, one, 1.0, (baseline, baseline_name), confidence)


def mean_top5_distance(
    scores: Mapping[str, npt.ArrayLike],
    *,
    baseline: Mapping[str, float] | None = None,
    baseline_name: str = "given row",
    confidence: float = 0.95,
) -> PredictionStability:
    """The mean top-5 distance (mT5D), which also measures changes in the order of the first five classes.

    d = sum over i = 1..5 of |min(i, 6) - min(s(i), 6)|, with s(i) the rank in the later frame of the class with rank i in the earlier one.
    Frames are compared as in `mean_flip_probability`. Classes with equal scores keep their order.

    Args:
        scores: perturbation -> scores, shape (sequences, frames, classes), frames >= 2.
        baseline: perturbation -> unnormalised distance of the baseline.
        baseline_name: its name in the result.
        confidence: of the intervals over sequences.

    Raises:
        UsageError: as `mean_flip_probability`.

    Example:
        >>> first, second = [6.0, 5, 4, 3, 2, 1, 0], [5.0, 6, 4, 3, 2, 1, 0]
        >>> mean_top5_distance({"tilt": [[first, second, second]]}).mean  # two classes exchange ranks, then nothing changes
        1.0

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """

    def one(name: str, values: npt.ArrayLike) -> Floats:
        seen = np.asarray(values, dtype=np.float64)
        if seen.ndim != 3 or seen.shape[1] < 2 or not len(seen):
            raise must(f"scores[{name}]", "mean_top5_distance", "have shape (sequences, frames, classes), frames >= 2", seen.shape)
        order = np.argsort(-seen, axis=2, kind="stable")
        places = np.minimum(np.argsort(order, axis=2), _TOP)  # of each class, counted from 0
        top = order[:, :, :_TOP]
        before = np.broadcast_to(top[:, :1], top[:, 1:].shape) if "noise" in name else top[:, :-1]
        after = np.take_along_axis(places[:, 1:], before, axis=2)
        distances: Floats = np.abs(after - np.arange(top.shape[2])).sum(2).mean(1)
        return distances

    return _compared("mean_top5_distance", scores, one, _MOST, (baseline, baseline_name), confidence)


def _compared(
    owner: str,
    given: Mapping[str, npt.ArrayLike],
    one: Callable[[str, npt.ArrayLike], Floats],
    most: float,
    against: tuple[Mapping[str, float] | None, str],
    confidence: float,
) -> PredictionStability:
    if not given:
        raise UsageError(f"{owner} needs the sequences of at least one perturbation, got none.")
    base, base_name = against
    absent = sorted(set(given) - set(base)) if base is not None else []
    if absent:
        raise must("baseline", owner, "have every perturbation", f"none for {', '.join(absent)}")
    for name, value in (base or {}).items():
        if not value > 0:
            raise must(f"baseline[{name}]", owner, "be above 0", value)
    each = {name: one(name, values) for name, values in given.items()}
    means = {name: float(values.mean()) for name, values in each.items()}
    intervals = {name: _spread(values, most, confidence) for name, values in each.items()}
    rate = float(np.mean([means[name] / base[name] for name in means])) if base is not None else math.nan
    return PredictionStability(float(np.mean(list(means.values()))), rate, means, intervals, base_name if base is not None else "")


def _spread(values: Floats, most: float, confidence: float) -> Interval:
    low, high = betting_interval(values / most, confidence=confidence).one()
    return Interval(most * low, most * high)
