"""Accuracy on common and on uncommon combinations of label and attribute: does the model rely on the attribute?"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson, proportion_difference, simultaneous

Names = npt.NDArray[np.str_]
Settings = Mapping[str, Mapping[str, Collection[str]]]
"""By label and column the values that are uncommon for it."""

_RARE_WEATHER = frozenset({"foggy", "raining", "snowing"})
_RARE_PLACES = {
    "truck": "indoors, rocks, snow, water",
    "car": "indoors, rocks, snow, water",
    "plane": "forest, indoors, rocks, sand, snow, water",
    "ship": "forest, grass, indoors, rocks, sand, street, snow",
    "cat": "forest, rocks, sand, snow, water",
    "dog": "forest, rocks, snow",
    "horse": "indoors, rocks, street, snow, water",
    "deer": "indoors, rocks, sand, street, snow, water",
    "frog": "indoors, street, snow",
    "bird": "indoors, street, snow",
}
FOCUS_SETTINGS: Settings = {
    label: {
        "time": frozenset() if label == "frog" else frozenset({"night"}),
        "weather": _RARE_WEATHER,
        "locations": frozenset(places.split(", ")),
    }
    for label, places in _RARE_PLACES.items()
}
"""What Kattakinda & Feizi call uncommon for the ten classes of FOCUS, as their evaluation has it."""


@dataclass(frozen=True)
class GroupAccuracy:
    """The accuracy on `n` examples with its interval; NaN for no examples."""

    n: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class AccuracyGap:
    """Accuracy on common and on uncommon combinations of label and attribute.

    Args:
        column: the group column.
        common, uncommon: both accuracies; each interval is valid separately.
        gap: accuracy on uncommon combinations minus that on common ones; NaN if one of them has no examples.
        interval: confidence interval of the gap (`proportion_difference`).
        combinations: the uncommon (label, attribute) pairs.
    """

    column: str
    common: GroupAccuracy
    uncommon: GroupAccuracy
    gap: float
    interval: Interval
    combinations: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class UncommonCombinations:
    """The gap of each column, and accuracy by the number of an example's attributes that are uncommon for its label.

    Args:
        columns: one gap per column, the largest loss first.
        by_count: accuracy for 0, 1, ... uncommon attributes, with simultaneous intervals (Sidak).
        below: a combination is uncommon if its frequency, relative to independence, is below this.
        confidence: of the intervals.
    """

    columns: tuple[AccuracyGap, ...]
    by_count: tuple[GroupAccuracy, ...]
    below: float
    confidence: float


def uncommon_combinations(
    right: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: Mapping[str, npt.ArrayLike],
    *,
    known: tuple[npt.ArrayLike, Mapping[str, npt.ArrayLike]] | None = None,
    settings: Settings | None = None,
    below: float = 0.5,
    confidence: float = 0.95,
) -> UncommonCombinations:
    """Accuracy on common and on uncommon combinations of label and attribute, for each group column.

    A combination (y, a) is uncommon if #(y, a) < below * #y * #a / n: it occurs less than `below` times as often as if label and attribute
    were independent. So an attribute that is rare for all labels is not uncommon for one of them. FOCUS itself has a table made by people
    (`settings=FOCUS_SETTINGS`) in place of frequencies.

    Args:
        right: 1 if the model is correct, 0 if it is wrong, shape (n,): `finding.correct`, clean or under any shift.
        labels: of each example, shape (n,).
        groups: for each column of attributes, one value per example: `examples.groups`.
        known: labels and groups of the data that define what is common, such as the training set; by default these data. A combination
            that does not occur there is uncommon if both its label and its attribute do, and is left out otherwise.
        settings: by label and column the values that are uncommon for it, in place of frequencies. A value of several, split at ", ",
            is uncommon if one of them is; labels that it does not have are left out.
        below: in (0, 1].
        confidence: of the intervals, in (0, 1).

    Guarantees:
        Which combinations are uncommon does not depend on the model. Intervals cover sampling error only: a gap does not prove that the
        attribute is its cause, since uncommon combinations may differ in other ways.

    Raises:
        UsageError: no column is given, lengths differ, `below` is out of range, or both `known` and `settings` are given.

    Example:
        >>> labels = ["cow"] * 6 + ["camel"] * 6
        >>> place = ["grass"] * 5 + ["sand"] + ["sand"] * 5 + ["grass"]
        >>> found = uncommon_combinations([1] * 5 + [0] + [1] * 6, labels, {"place": place})
        >>> found.columns[0].combinations, found.columns[0].gap
        ((('camel', 'grass'), ('cow', 'sand')), -0.5)

    Reference: Kattakinda & Feizi 2022 [kattakinda2022focus], "FOCUS: familiar objects in common and uncommon settings".
    """
    if not groups:
        raise UsageError("The data have no group column. Name one, for example ?groups=place.")
    if not 0 < below <= 1:
        raise must("below", "uncommon_combinations", "be in (0, 1]", below)
    if known is not None and settings is not None:
        raise UsageError("Both known and settings say what is uncommon for uncommon_combinations. Give one of them.")
    verdict, names = np.asarray(right, dtype=np.float64), _names(labels)
    if verdict.ndim != 1 or not bool(np.isin(verdict, (0.0, 1.0)).all()):
        raise must("right", "uncommon_combinations", "be 0 or 1 per example, shape (n,)", verdict.tolist()[:8])
    columns = {column: _entries(column, values, names) for column, values in groups.items()}
    if len(names) != len(verdict):
        raise must("labels", "uncommon_combinations", f"have one entry per verdict ({len(verdict)})", len(names))
    known_labels, known_groups = (names, columns) if known is None else _reference(known, columns)
    gaps: list[AccuracyGap] = []
    counts, judged = np.zeros(len(names), dtype=np.int64), np.ones(len(names), dtype=bool)
    for column, values in columns.items():
        if settings is None:
            uncommon, seen, pairs = _uncommon(names, values, known_labels, known_groups[column], below)
        else:
            uncommon, seen, pairs = _listed(names, values, settings, column)
        counts += uncommon
        judged &= seen
        gaps.append(_gap(column, verdict, uncommon & seen, ~uncommon & seen, pairs, confidence))
    n = np.array([int((judged & (counts == k)).sum()) for k in range(len(columns) + 1)])
    hits = np.array([int(verdict[judged & (counts == k)].sum()) for k in range(len(columns) + 1)])
    ends = simultaneous(hits, n, confidence=confidence)
    by_count = tuple(_share(int(h), int(m), Interval(float(a), float(b))) for h, m, a, b in zip(hits, n, *ends, strict=True))
    ranked = sorted(gaps, key=lambda gap: (math.isnan(gap.gap), gap.gap))
    return UncommonCombinations(tuple(ranked), by_count, below, confidence)


def _names(values: npt.ArrayLike) -> Names:
    return np.asarray(values).astype(np.str_)


def _entries(column: str, values: npt.ArrayLike, labels: Names) -> Names:
    names = _names(values)
    if len(names) != len(labels):
        raise must(f"groups[{column}]", "uncommon_combinations", f"have one entry per label ({len(labels)})", len(names))
    return names


def _reference(known: tuple[npt.ArrayLike, Mapping[str, npt.ArrayLike]], columns: Mapping[str, Names]) -> tuple[Names, dict[str, Names]]:
    labels = _names(known[0])
    missing = sorted(set(columns) - set(known[1]))
    if missing:
        raise must("known", "uncommon_combinations", f"have the columns of the data ({', '.join(columns)})", sorted(known[1]))
    return labels, {column: _entries(column, known[1][column], labels) for column in columns}


def _uncommon(
    labels: Names, values: Names, known_labels: Names, known_values: Names, below: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], tuple[tuple[str, str], ...]]:
    """Which examples are uncommon combinations, which ones the known data cover, and the uncommon pairs among the examples."""
    n = len(known_labels)
    uncommon, seen = np.zeros(len(labels), dtype=bool), np.zeros(len(labels), dtype=bool)
    pairs: list[tuple[str, str]] = []
    for label, value in sorted(set(zip(labels.tolist(), values.tolist(), strict=True))):
        mine = (labels == label) & (values == value)
        of_label, of_value = int((known_labels == label).sum()), int((known_values == value).sum())
        together = int(((known_labels == label) & (known_values == value)).sum())
        seen[mine] = of_label > 0 and of_value > 0
        if of_label and of_value and together * n < below * of_label * of_value:
            uncommon[mine] = True
            pairs.append((label, value))
    return uncommon, seen, tuple(pairs)


def _listed(
    labels: Names, values: Names, settings: Settings, column: str
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], tuple[tuple[str, str], ...]]:
    """As `_uncommon`, by a table of the settings."""
    listed = {label: settings[label][column] for label in set(labels.tolist()) if column in settings.get(label, {})}
    pairs = sorted(set(zip(labels.tolist(), values.tolist(), strict=True)))
    rare = {(label, value) for label, value in pairs if label in listed and not set(value.split(", ")).isdisjoint(listed[label])}
    uncommon = np.array([pair in rare for pair in zip(labels.tolist(), values.tolist(), strict=True)], dtype=bool)
    return uncommon, np.isin(labels, list(listed)), tuple(pair for pair in pairs if pair in rare)


def _gap(
    column: str,
    right: npt.NDArray[np.float64],
    uncommon: npt.NDArray[np.bool_],
    common: npt.NDArray[np.bool_],
    pairs: tuple[tuple[str, str], ...],
    confidence: float,
) -> AccuracyGap:
    (k1, n1), (k2, n2) = ((int(right[rows].sum()), int(rows.sum())) for rows in (common, uncommon))
    one, two = (_share(k, n, clopper_pearson(k, n, confidence=confidence).one()) for k, n in ((k1, n1), (k2, n2)))
    interval = proportion_difference((k1, n1), (k2, n2), confidence=confidence).one()
    return AccuracyGap(column, one, two, two.accuracy - one.accuracy, interval, pairs)


def _share(right: int, n: int, interval: Interval) -> GroupAccuracy:
    return GroupAccuracy(n, right / n if n else math.nan, interval)
