"""Mean corruption error (mCE), relative mCE, and accuracy by corruption and by category of corruption."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shiftproof._errors import must
from shiftproof.measures.corruption_table import CorruptionTable
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson, tail_of
from shiftproof.shifts.corruptions.suites import BLUR, COMMON, DIGITAL, EXTRA, NOISE, WEATHER

REFERENCES: tuple[str, ...] = ("hendrycks2019benchmarking",)
SEVERITIES = (1, 2, 3, 4, 5)
CATEGORIES: Mapping[str, tuple[str, ...]] = {"noise": NOISE, "blur": BLUR, "weather": WEATHER, "digital": DIGITAL}
"""The categories of the published fifteen corruptions."""


@dataclass(frozen=True)
class Baseline:
    """The errors that a model's errors are divided by.

    Args:
        name: its name in the result.
        error: corruption -> mean error rate over severities 1 to 5, in [0, 1].
        clean: error rate on clean data, in [0, 1].
    """

    name: str
    error: Mapping[str, float]
    clean: float


ALEXNET = Baseline(
    "standard AlexNet table of Hendrycks & Dietterich 2019",
    {
        **dict(zip(NOISE, (0.886428, 0.894468, 0.922640), strict=True)),
        **dict(zip(BLUR, (0.819880, 0.826268, 0.785948, 0.798360), strict=True)),
        **dict(zip(WEATHER, (0.866816, 0.826572, 0.819324, 0.564592), strict=True)),
        **dict(zip(DIGITAL, (0.853204, 0.646056, 0.717840, 0.606500), strict=True)),
        **dict(zip(EXTRA, (0.8454, 0.7871, 0.7175, 0.6582), strict=True)),
    },
    0.435,
)
"""Published error rates of AlexNet on ImageNet-C; those of the four held-out corruptions are given to two digits of a percent only."""


@dataclass(frozen=True)
class CorruptionError:
    """A model's errors under corruptions, divided by those of a baseline.

    Args:
        mean: the mean corruption error; 1 if the model is as bad as the baseline. Often reported times 100.
        relative: the relative mean corruption error, from the rise above the clean error; NaN if a clean error is not known.
        by_corruption: corruption -> its corruption error.
        relative_by_corruption: corruption -> its relative corruption error.
        baseline: the name of the baseline.
        model: the name of the table.
    """

    mean: float
    relative: float
    by_corruption: Mapping[str, float]
    relative_by_corruption: Mapping[str, float]
    baseline: str
    model: str

    def __str__(self) -> str:
        relative = "" if math.isnan(self.relative) else f", relative {100 * self.relative:.2f}"
        return f"mCE {100 * self.mean:.2f}{relative} over {len(self.by_corruption)} corruptions, against the {self.baseline}"


def mean_corruption_error(
    table: CorruptionTable,
    *,
    baseline: Baseline | CorruptionTable = ALEXNET,
    corruptions: tuple[str, ...] = COMMON,
    severities: tuple[int, ...] = SEVERITIES,
) -> CorruptionError:
    """The mean corruption error (mCE) and its relative form.

    CE_c = sum_s E_{s,c} / sum_s B_{s,c} and relative CE_c = sum_s (E_{s,c} - E_clean) / sum_s (B_{s,c} - B_clean), with the error rates E
    of the model and B of the baseline, summed over severities; both are averaged over corruptions.

    Args:
        table: the model's accuracies.
        baseline: the published AlexNet table, or another model's row measured in the same way. They differ: resizing and decoding alone
            change AlexNet's own mCE by several points, so the result names the baseline.
        corruptions: the corruptions to average over; by default the published fifteen.
        severities: the severities to sum over; the published table has sums over 1 to 5 only.

    Raises:
        UsageError: corruptions or severities are missing (all are named); the published table is used with other severities; or an error
            of the baseline is 0 (or not above its clean error), so that it cannot be divided by.

    Example:
        >>> from shiftproof.measures.corruption_table import CorruptionTable
        >>> half = CorruptionTable({"fog": {1: 0.6, 2: 0.4}}, clean=0.9)
        >>> base = CorruptionTable({"fog": {1: 0.5, 2: 0.1}}, clean=0.8, name="other")
        >>> found = mean_corruption_error(half, baseline=base, corruptions=("fog",), severities=(1, 2))
        >>> round(found.mean, 4), round(found.relative, 4), found.baseline
        (0.7143, 0.8, 'other')

    Reference: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations".
    """
    if not corruptions or not severities:
        raise must("corruptions" if not corruptions else "severities", "mean_corruption_error", "name at least one", ())
    table.needs(corruptions, severities)
    errors = {c: table.mean_error(c, severities) for c in corruptions}
    base, base_clean = _errors_of(baseline, corruptions, severities)
    for corruption, error in base.items():
        if not error > 0:
            raise must("baseline", "mean_corruption_error", f"have an error above 0 under {corruption}", error)
    single = {c: errors[c] / base[c] for c in corruptions}
    relative = dict.fromkeys(corruptions, math.nan)
    if not math.isnan(base_clean) and not math.isnan(table.clean):
        for corruption, error in base.items():
            if not error > base_clean:
                raise must("baseline", "mean_corruption_error", f"err more under {corruption} than its clean {base_clean:g}", error)
        relative = {c: (errors[c] - (1 - table.clean)) / (base[c] - base_clean) for c in corruptions}
    return CorruptionError(_mean(single), _mean(relative), single, relative, baseline.name, table.name)


def _errors_of(
    baseline: Baseline | CorruptionTable, corruptions: tuple[str, ...], severities: tuple[int, ...]
) -> tuple[dict[str, float], float]:
    if isinstance(baseline, CorruptionTable):
        baseline.needs(corruptions, severities)
        return {c: baseline.mean_error(c, severities) for c in corruptions}, 1 - baseline.clean
    if tuple(sorted(severities)) != SEVERITIES:
        hint = "Give a row of AlexNet measured at these severities as baseline=."
        raise must("severities", f"the {baseline.name}", "be 1 to 5, which its errors are means over", severities, hint)
    absent = [c for c in corruptions if c not in baseline.error]
    if absent:
        raise must("corruptions", f"the {baseline.name}", f"be of {', '.join(baseline.error)}", absent, "Give a measured row as baseline=.")
    return {c: baseline.error[c] for c in corruptions}, baseline.clean


def _mean(values: Mapping[str, float]) -> float:
    return float(np.mean(list(values.values())))


@dataclass(frozen=True)
class AverageAccuracy:
    """A mean accuracy over several severities or corruptions of the same examples, with its interval."""

    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class CorruptionAccuracy:
    """Accuracies under corruptions; each interval is valid separately.

    Args:
        cells: (corruption, severity) -> accuracy, with an exact interval.
        by_corruption: mean over severities.
        by_category: mean over the corruptions of a category that the table contains.
        overall: mean over all.
        left_out: names of corruptions without a category.
        confidence: of the intervals, which are NaN if the table does not give the number of examples.
    """

    cells: Mapping[tuple[str, int], AverageAccuracy]
    by_corruption: Mapping[str, AverageAccuracy]
    by_category: Mapping[str, AverageAccuracy]
    overall: AverageAccuracy
    left_out: tuple[str, ...]
    confidence: float


def corruption_accuracy(table: CorruptionTable, *, confidence: float = 0.95) -> CorruptionAccuracy:
    """Accuracy by corruption and severity, by corruption, by category (noise, blur, weather, digital) and overall.

    Guarantees:
        Cells have exact binomial intervals. Means are over the same examples under several corruptions. Their intervals (Hoeffding's bound
        by relative entropy) assume only that examples are independent and that each example's mean lies in [0, 1], so they are valid for
        any dependence between corruptions, and wide if corruptions are nearly independent.

    Example:
        >>> from shiftproof.measures.corruption_table import CorruptionTable
        >>> found = corruption_accuracy(CorruptionTable({"fog": {1: 0.8, 5: 0.6}, "snow": {1: 0.5}}, n=1000))
        >>> found.by_category["weather"].accuracy, [round(end, 3) for end in found.by_corruption["fog"].interval]
        (0.6, [0.66, 0.738])

    Reference: Hoeffding 1963 [hoeffding1963probability], "Probability inequalities for sums of bounded random variables", Theorem 1.
    """
    tail_of(confidence)

    def average(values: list[float]) -> AverageAccuracy:
        mean = float(np.mean(values)) if values else math.nan
        return AverageAccuracy(mean, entropy_interval(mean, table.n, confidence=confidence))

    cells = {(c, s): _cell(value, table.n, confidence) for c, levels in table.accuracy.items() for s, value in levels.items()}
    means = {c: float(np.mean(list(levels.values()))) for c, levels in table.accuracy.items()}
    by_category = {kind: average([means[c] for c in members if c in means]) for kind, members in CATEGORIES.items()}
    known = {c for members in CATEGORIES.values() for c in members}
    return CorruptionAccuracy(
        cells,
        {c: average(list(levels.values())) for c, levels in table.accuracy.items()},
        {kind: found for kind, found in by_category.items() if not math.isnan(found.accuracy)},
        average(list(means.values())),
        tuple(sorted(set(means) - known)),
        confidence,
    )


def _cell(value: float, n: int, confidence: float) -> AverageAccuracy:
    if not n:
        return AverageAccuracy(value, Interval(math.nan, math.nan))
    return AverageAccuracy(value, clopper_pearson(round(value * n), n, confidence=confidence).one())


def entropy_interval(mean: float, n: int, *, confidence: float = 0.95) -> Interval:
    """A confidence interval for the mean of n independent values in [0, 1], from their sample mean only; NaN for no values.

    It contains the m with n KL(mean || m) <= ln(2 / (1 - confidence)), KL between Bernoulli distributions.
    """
    room = -math.log(tail_of(confidence))
    if not n or math.isnan(mean):
        return Interval(math.nan, math.nan)

    def divergence(m: float) -> float:
        first = mean * math.log(mean / m) if mean > 0 else 0.0
        return n * (first + ((1 - mean) * math.log((1 - mean) / (1 - m)) if mean < 1 else 0.0))

    def end(edge: float) -> float:
        inside, outside = mean, edge
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if divergence(middle) <= room else (inside, middle)
        return outside

    return Interval(end(0.0) if mean > 0 else 0.0, end(1.0) if mean < 1 else 1.0)
