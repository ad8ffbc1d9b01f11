"""What each of several perturbations does to the same items: paired tests, corrected for their number, and what could have been seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.risks.paired import matched_interval, mcnemar


@dataclass(frozen=True)
class PerturbationEffect:
    """One perturbation against the items as they are.

    Args:
        name: of the perturbation.
        n: items.
        lost: items that were right and are wrong.
        gained: items that were wrong and are right.
        drop: accuracy before minus accuracy after.
        interval: of the true drop.
        p_value: of McNemar's exact test that as many are lost as gained.
        adjusted: that p-value corrected by Benjamini and Hochberg for all perturbations tested together.
        smallest: the least drop that would have been significant at 1 - confidence, alone, with as many items gained; NaN where none.
    """

    name: str
    n: int
    lost: int
    gained: int
    drop: float
    interval: Interval
    p_value: float
    adjusted: float
    smallest: float


@dataclass(frozen=True)
class WorstPerturbation:
    """Accuracy where an item must be right as it is and under every perturbation; over `of` of them, so no one perturbation's figure."""

    of: int
    n: int
    accuracy: float
    interval: Interval


def perturbation_effects(
    before: npt.ArrayLike,
    after: Mapping[str, npt.ArrayLike],
    *,
    confidence: float = 0.95,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> tuple[PerturbationEffect, ...]:
    """Each perturbation's effect on the same items.

    Args:
        before: whether each item is right as it is, shape (n,).
        after: by name, whether it is right perturbed, shape (n,), in the same order.
        confidence: of the intervals, in (0, 1).
        clusters: what items belong together, such as the source of several sentences, shape (n,). The interval is then a bootstrap over
            clusters, and the p-value stays that of items, which is too small where items of a cluster fail together.
        seed: of the bootstrap.

    Guarantees: without clusters the interval and the test are exact for independent items; a bootstrap interval is not.

    >>> found = perturbation_effects([1] * 10, {"typos": [0] * 6 + [1] * 4, "case": [1] * 10})
    >>> [(one.name, one.lost, one.p_value, one.adjusted) for one in found]
    [('typos', 6, 0.03125, 0.0625), ('case', 0, 1.0, 1.0)]
    """
    from scipy.stats import false_discovery_control

    first = _verdicts("before", before)
    rows = {name: _verdicts(name, values, n=len(first)) for name, values in after.items()}
    if not rows:
        raise must("after", "perturbation_effects", "name at least one perturbation", 0)
    if not 0 < confidence < 1:
        raise must("confidence", "perturbation_effects", "be in (0, 1)", confidence)
    pairs = {name: (int((first & ~moved).sum()), int((~first & moved).sum())) for name, moved in rows.items()}
    p = np.array([float(mcnemar(lost, gained)) for lost, gained in pairs.values()])
    adjusted = false_discovery_control(p) if len(p) > 1 else p
    found: list[PerturbationEffect] = []
    for (name, (lost, gained)), value, corrected in zip(pairs.items(), p.tolist(), adjusted.tolist(), strict=True):
        n = len(first)
        if clusters is None:
            low, high = matched_interval(lost, gained, n, confidence=confidence).one()
            interval = Interval(-high, -low)
        else:
            interval = _bootstrap(first.astype(float) - rows[name], clusters, confidence, seed)
        drop = (lost - gained) / n
        found.append(PerturbationEffect(name, n, lost, gained, drop, interval, value, corrected, _smallest(gained, n, 1 - confidence)))
    return tuple(found)


def worst_perturbation(before: npt.ArrayLike, after: Mapping[str, npt.ArrayLike], *, confidence: float = 0.95) -> WorstPerturbation:
    """Accuracy over the worst of all perturbations of each item.

    >>> worst_perturbation([1, 1, 1, 0], {"a": [1, 0, 1, 1], "b": [1, 1, 0, 0]}).accuracy
    0.25
    """
    right = _verdicts("before", before)
    for name, values in after.items():
        right = right & _verdicts(name, values, n=len(right))
    interval = clopper_pearson(int(right.sum()), len(right), confidence=confidence).one()
    return WorstPerturbation(len(after), len(right), float(right.mean()), interval)


def _verdicts(name: str, values: npt.ArrayLike, *, n: int | None = None) -> npt.NDArray[np.bool_]:
    found = np.asarray(values)
    if found.ndim != 1 or not len(found) or (n is not None and len(found) != n):
        raise must(name, "perturbation_effects", "be one verdict an item, in the same order" + (f" ({n})" if n else ""), found.shape)
    if not np.isin(found, [0, 1]).all():
        raise must(name, "perturbation_effects", "be 1 for right and 0 for wrong", sorted(set(found.tolist()))[:3])
    return found.astype(bool)


def _smallest(gained: int, n: int, alpha: float) -> float:
    """The least significant drop with so many items gained."""
    lost = np.arange(gained, n - gained + 1)
    seen = lost[np.asarray(mcnemar(lost, np.full(len(lost), gained))) <= alpha] if len(lost) else lost
    return float(seen[0] - gained) / n if len(seen) else float("nan")


def _bootstrap(lost: npt.NDArray[np.float64], clusters: Sequence[str], confidence: float, seed: int) -> Interval:
    """The percentile interval of the mean over clusters drawn with replacement; 2,000 draws."""
    names = np.asarray(clusters)
    if names.shape != lost.shape:
        raise must("clusters", "perturbation_effects", f"be one name an item ({len(lost)})", names.shape)
    _, which = np.unique(names, return_inverse=True)
    total, size = np.bincount(which, lost), np.bincount(which)
    draws = np.random.default_rng(seed).integers(len(size), size=(2000, len(size)))
    means = total[draws].sum(1) / size[draws].sum(1)
    tail = (1 - confidence) / 2
    return Interval(float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail)))
