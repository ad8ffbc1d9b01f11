"""Which values of which columns carry the weight: slices of a sample, ranked, with intervals that pay for the search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.data.labels import MISSING
from shiftproof.outcomes import Interval
from shiftproof.records.stress import Slice
from shiftproof.risks.intervals import binomial_low, tail_of

if TYPE_CHECKING:
    from shiftproof.data.source import Source

Names = npt.NDArray[np.str_]
Positions = npt.NDArray[np.intp]
_BINS = 4
_MOST_VALUES = 400
_AND = " & "


def find_slices(
    columns: Mapping[str, Names],
    *,
    wrong: npt.ArrayLike,
    weights: npt.ArrayLike,
    least: int = 20,
    most: int = 20,
    confidence: float = 0.95,
    label: str = "label",
) -> tuple[Slice, ...]:
    """Conjunctions of up to two column values that carry more weight than their share of the sample.

    First those whose error rate is above the whole's beyond chance, and of either kind those first that gain most weight. Slices that hold
    a value of the label are ranked apart, after the others: a classifier that errs more on one class would leave no room for these. Of
    slices that hold the same examples the first is shown.

    Args:
        columns: per name, one value for each of n examples.
        wrong: 1 where wrong, shape (n,).
        weights: of the examples, >= 0, shape (n,).
        least: slices with fewer examples are not looked at, at least 1.
        most: how many of either are returned at most.
        confidence: in (0, 1).
        label: the column that is known only afterwards, where there is one of that name.

    Guarantees:
        The intervals of error rates are exact binomial ones, at 1 - (1 - confidence) / (M + 1) for the M slices that are large enough,
        whether they are shown or not (Bonferroni): given the columns, all cover together with probability at least `confidence`. Which
        slices are looked at depends on the columns alone, never on outcomes. The lift is a description of this sample, and has none.
        A pair is shown only where its lift is above that of both of its parts. A slice is a place where errors gather, not their cause.
    Cost: O(n V^2) for V values over all columns; at most 400 values, the most frequent ones.

    Reference: Chung et al. 2019 [chung2019slice], "Slice Finder: automated data slicing for model validation".
    """
    bad, mass = _read(columns, wrong, weights, least)
    tail = tail_of(confidence)
    names, of_column, member = _values(columns, least)
    if not names or not mass.sum() > 0:
        return ()
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names)) if i == j or of_column[i] != of_column[j]]
    first, second = np.array(pairs).T
    both = [(member.T * row) @ member for row in (np.ones(len(bad)), bad, mass / mass.sum())]
    n, errors, weight = (table[first, second] for table in both)
    n, errors = np.rint(n), np.rint(errors)
    enough = n >= least
    each = tail / (int(enough.sum()) + 1)
    whole_high = 1 - float(binomial_low(np.float64(len(bad) - bad.sum()), np.float64(len(bad)), each))
    low, high = binomial_low(errors, n, each), 1 - binomial_low(n - errors, n, each)
    lift = weight / np.where(n > 0, n / len(bad), 1.0)
    alone = lift[first == second]
    gains = (first == second) | (lift > np.maximum(alone[first], alone[second]) * (1 + 1e-9))
    shown = np.flatnonzero(enough & gains & (lift > 1))
    ranked = shown[np.lexsort((-lift[shown], low[shown] <= whole_high))]
    of_label = np.array([column == label for column in columns])[of_column]
    late = of_label[first] | of_label[second]
    chosen = [k for which in (False, True) for k in _distinct(ranked[late[ranked] == which], member, first, second, most=most)]
    return tuple(
        Slice(
            what=_AND.join(dict.fromkeys((names[first[k]], names[second[k]]))),
            n=int(n[k]),
            share=float(n[k] / len(bad)),
            weight=float(weight[k]),
            lift=float(lift[k]),
            error=float(errors[k] / n[k]),
            interval=Interval(float(low[k]), float(high[k])),
            beyond_chance=bool(low[k] > whole_high),
            beforehand=not late[k],
        )
        for k in chosen
    )


def _read(columns: Mapping[str, Names], wrong: npt.ArrayLike, weights: npt.ArrayLike, least: int) -> tuple[Floats, Floats]:
    bad, mass = np.asarray(wrong, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if least < 1:
        raise must("least", "find_slices", "be at least 1", least)
    if bad.ndim != 1 or mass.shape != bad.shape:
        raise must("weights", "find_slices", f"have shape {bad.shape}", mass.shape)
    for column, values in columns.items():
        if len(values) != len(bad):
            raise must(f"columns[{column}]", "find_slices", f"have one value per example ({len(bad)})", len(values))
    return bad, mass


def _distinct(ranked: Positions, member: Floats, first: Positions, second: Positions, *, most: int) -> list[int]:
    """The first `most` that do not hold the same examples as one before."""
    seen: dict[bytes, int] = {}
    for k in ranked.tolist():
        if len(seen) == most:
            break
        seen.setdefault((member[:, first[k]] * member[:, second[k]] > 0).tobytes(), k)
    return list(seen.values())


def _values(columns: Mapping[str, Names], least: int) -> tuple[list[str], list[int], Floats]:
    """Every value that enough examples have, the column it is of, and who has it, shape (n, V)."""
    found: list[tuple[int, str, int, Floats]] = []
    for place, (column, values) in enumerate(columns.items()):
        kinds, codes, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
        for code in np.flatnonzero(counts >= least):
            if len(kinds) > 1:  # a column with one value says nothing
                found.append((int(counts[code]), f"{column}={kinds[code]}", place, (codes == code).astype(np.float64)))
    found = sorted(found, key=lambda one: -one[0])[:_MOST_VALUES]
    found.sort(key=lambda one: one[2])
    member = np.stack([one[3] for one in found], axis=1) if found else np.zeros((0, 0))
    return [one[1] for one in found], [one[2] for one in found], member


def columns_of(source: Source) -> dict[str, Names]:
    """The columns in which slices of a source are looked for: its groups, its labels, and of a table every column, numbers in quarters."""
    names = source.class_names
    label = np.array([names[y] if y < len(names) else str(y) for y in source.y.tolist()])
    found: dict[str, Names] = {**source.groups, "label": label}
    if source.space.kind != "table" or not source.space.columns:
        return found
    x = source.take(slice(None)).x.numpy()
    missing = {column.marks: x[:, place] == 1 for place, column in enumerate(source.space.columns) if column.marks}
    for place, column in enumerate(source.space.columns):
        if column.name in found or column.marks:
            continue
        values = x[:, place]
        if column.categories:
            found[column.name] = np.array([column.categories[int(code)] for code in values])
        else:
            gaps = missing.get(column.name, np.zeros(len(x), dtype=bool))
            ranges = quarters(values[~gaps])
            found[column.name] = np.full(len(x), MISSING, dtype=np.result_type(ranges.dtype, np.dtype("U9")))
            found[column.name][~gaps] = ranges
    return found


def quarters(values: npt.ArrayLike, *, bins: int = _BINS) -> Names:
    """Numbers as names of ranges that hold about as many examples each, shape (n,); few distinct numbers are kept as they are.

    A range ends below the next one's start: whole numbers say so, "1 to 4" and "5 to 8"; of others the end belongs to the next. Where most
    numbers are the least or the greatest, as amounts that are mostly 0, that number is a range of its own.

    >>> quarters([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], bins=2).tolist()[3:5]
    ['1 to 4', '5 to 8']
    >>> quarters([0.1, 0.2, 0.3, 0.4], bins=2).tolist()[1:3]
    ['0.1 to 0.25', '0.25 to 0.4']
    >>> quarters([0.0, 0.0, 0.0, 5.0, 99_999.0], bins=2).tolist()[2:]
    ['0', '5 to 99999', '5 to 99999']
    """
    x = np.asarray(values, dtype=np.float64)
    whole = bool((x == np.floor(x)).all())
    distinct, counts = np.unique(x, return_counts=True)
    if len(distinct) <= bins:
        return np.array([_written(v, whole) for v in x])
    common = distinct[counts.argmax()]
    if 2 * counts.max() > len(x) and common in distinct[[0, -1]] and bins > 1:
        others = quarters(x[x != common], bins=bins - 1)
        names = np.full(len(x), _written(common, whole), dtype=np.result_type(others.dtype, np.dtype("U24")))
        names[x != common] = others
        return names
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    if whole:
        edges = np.unique([*np.ceil(edges[:-1]), edges[-1]])
    ends = [*(edges[1:-1] - whole), edges[-1]]
    pairs = [(_written(a, whole), _written(b, whole)) for a, b in zip(edges[:-1], ends, strict=True)]
    ranges = np.array([a if a == b else f"{a} to {b}" for a, b in pairs])
    return ranges[np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(ranges) - 1)]


def _written(value: float, whole: bool) -> str:
    return f"{value:.12g}" if whole else f"{value:.4g}"
