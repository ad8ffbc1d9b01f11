"""Prediction sets that contain the label as often as they say: split conformal, by group, and weighted for a shift of the inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.confidence.checked import (
    Bools,
    Floats,
    Ints,
    Refused,
    checked_groups,
    checked_labels,
    checked_probabilities,
    checked_scores,
    checked_share,
)
from shiftproof.confidence.set_scores import SetScore, set_scores
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson

_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class PredictionSets:
    """For each of m examples the labels that it may have.

    Args:
        sets: shape (m, classes).
        level: the coverage that is promised, in (0, 1).
        effective: the effective number of calibration examples behind each set, shape (m,).
    """

    sets: Bools
    level: float
    effective: Floats

    @property
    def size(self) -> Floats:
        """Labels per set, shape (m,)."""
        return np.asarray(self.sets.sum(1), dtype=np.float64)

    def coverage(self, y: npt.ArrayLike, *, confidence: float = 0.95) -> tuple[float, Interval]:
        """The share of labels (m,) inside their sets, with its exact interval."""
        labels = checked_labels(y, self.sets.shape, "coverage")
        inside = int(self.sets[np.arange(len(labels)), labels].sum())
        return inside / len(labels), clopper_pearson(inside, len(labels), confidence=confidence).one()


def conformal_quantile(scores: npt.ArrayLike, *, level: float) -> float:
    """The ceil((n + 1) level)-th smallest of n scores, infinite where there is none.

    Guarantees: a new score, exchangeable with these, is at most this with probability at least `level`, for every n and whatever the ties.

    >>> conformal_quantile([3.0, 1.0, 2.0, 4.0], level=0.8), conformal_quantile([1.0, 2.0], level=0.8)
    (4.0, inf)

    Reference: Vovk, Gammerman & Shafer 2005 [vovk2005algorithmic], "Algorithmic learning in a random world".
    """
    checked_share(level, "level", "conformal_quantile")
    x = np.asarray(scores, dtype=np.float64)
    place = math.ceil((len(x) + 1) * level - _ROUNDING)
    return float(np.partition(x, place - 1)[place - 1]) if place <= len(x) else math.inf


def weighted_quantiles(scores: npt.ArrayLike, weights: npt.ArrayLike, new_weights: npt.ArrayLike, *, level: float) -> Floats:
    """For each new example the least score s with sum_{i: s_i <= s} w_i >= level (sum_i w_i + w), infinite where there is none, shape (m,).

    Args:
        scores: of calibration examples, shape (n,).
        weights: density of the new distribution over that of calibration, up to one factor, at each calibration example, shape (n,).
        new_weights: the same at each new example, shape (m,): its own mass counts, or coverage falls short.
        level: in (0, 1).

    Guarantees: coverage of at least `level` under a shift of the inputs whose density ratio is known; none where it is estimated.

    Reference: Tibshirani et al. 2019 [tibshirani2019conformal], "Conformal prediction under covariate shift".
    """
    s, w = checked_scores(scores, "weighted_quantiles"), _weights(weights, "weights")
    new = _weights(new_weights, "new_weights")
    if len(w) != len(s):
        raise must("weights", "weighted_quantiles", f"have one entry per score ({len(s)})", len(w))
    order = np.argsort(s, kind="stable")
    mass = np.cumsum(w[order])
    wanted = level * (mass[-1] + new)
    at = np.searchsorted(mass, wanted * (1 - _ROUNDING))
    return np.asarray(np.append(s[order], np.inf)[at])


def effective_sample(weights: npt.ArrayLike) -> float:
    """(sum w)^2 / sum w^2: how many equally weighted examples these are worth.

    >>> effective_sample([1, 1, 1, 1]), effective_sample([1, 0, 0, 0])
    (4.0, 1.0)
    """
    w = _weights(weights, "weights")
    total = float((w**2).sum())
    return float(w.sum()) ** 2 / total if total else 0.0


def _weights(values: npt.ArrayLike, name: str) -> Floats:
    w = checked_scores(values, "weighted conformal", name=name)
    if (w < 0).any():
        raise must(name, "weighted conformal", "be at least 0", float(w.min()))
    return w


def split_sets(
    probabilities: npt.ArrayLike,
    y: npt.ArrayLike,
    new: npt.ArrayLike,
    *,
    level: float = 0.9,
    score: SetScore = "aps",
    uniform: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> PredictionSets:
    """Sets that contain the label of a new example with probability at least `level`.

    Args:
        probabilities: of calibration examples, shape (n, classes); the model must not have been trained on them.
        y: their labels, shape (n,).
        new: probabilities of new examples, shape (m, classes).
        level: in (0, 1).
        score: lac (least sets), aps (adapts to the example) or raps (aps without the long tail).
        uniform: uniform numbers in [0, 1) for calibration (n,) and new examples (m,): the randomised aps, whose coverage is near `level`
            and whose sets are smaller.

    Guarantees:
        Coverage of at least `level` on average over examples, if calibration and new examples are exchangeable, for every n, every model
        and whatever the ties. With n + 1 < 1 / (1 - level) sets hold every label. Not per example, per class or under a shift.

    >>> sets = split_sets([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]] * 5, [0, 1, 0, 1] * 5, [[0.55, 0.45]], level=0.9, score="lac")
    >>> sets.sets.tolist()
    [[False, False]]

    Reference: Romano, Sesia & Candès 2020 [romano2020classification], "Classification with valid and adaptive coverage"; Sadinle, Lei &
    Wasserman 2019 [sadinle2019least], "Least ambiguous set-valued classifiers with bounded error levels".
    """
    found = _Scored.of(probabilities, y, new, score, uniform)
    limit = conformal_quantile(found.own, level=level)
    return PredictionSets(found.new <= limit, level, np.full(len(found.new), float(len(found.own))))


def group_sets(
    probabilities: npt.ArrayLike,
    y: npt.ArrayLike,
    new: npt.ArrayLike,
    groups: npt.ArrayLike,
    new_groups: npt.ArrayLike,
    *,
    level: float = 0.9,
    score: SetScore = "aps",
) -> PredictionSets:
    """Sets with that coverage in every group (Mondrian): each group is calibrated by itself.

    Args:
        probabilities: of calibration examples, shape (n, classes).
        y: their labels, shape (n,).
        new: probabilities of new examples, shape (m, classes).
        groups: of calibration examples, shape (n,).
        new_groups: of new examples, shape (m,). In a group without calibration examples sets hold every label.
        level: in (0, 1).
        score: as for `split_sets`.

    Guarantees: those of `split_sets`, within each group.
    """
    found = _Scored.of(probabilities, y, new, score, None)
    mine = checked_groups(groups, len(found.own), "group_sets")
    theirs = checked_groups(new_groups, len(found.new), "group_sets")
    limit, counts = np.full(len(theirs), np.inf), np.zeros(len(theirs))
    for group in np.unique(theirs):
        own = found.own[mine == group]
        limit[theirs == group] = conformal_quantile(own, level=level)
        counts[theirs == group] = len(own)
    return PredictionSets(found.new <= limit[:, None], level, counts)


def weighted_sets(
    probabilities: npt.ArrayLike,
    y: npt.ArrayLike,
    new: npt.ArrayLike,
    weights: npt.ArrayLike,
    new_weights: npt.ArrayLike,
    *,
    level: float = 0.9,
    score: SetScore = "aps",
) -> PredictionSets:
    """Sets under a shift of the inputs, from the density ratio at every example.

    Args:
        probabilities: of calibration examples, shape (n, classes).
        y: their labels, shape (n,).
        new: probabilities of new examples, shape (m, classes).
        weights: as for `weighted_quantiles`, shape (n,).
        new_weights: the same of new examples, shape (m,).
        level: in (0, 1).
        score: as for `split_sets`.

    Guarantees: those of `weighted_quantiles`.

    Raises:
        Refused: the weights are worth fewer than 1 / (1 - level) examples: the sets would hold every label, or rest on a handful.
    """
    found = _Scored.of(probabilities, y, new, score, None)
    enough_or_refuse(effective_sample(weights), level)
    limit = weighted_quantiles(found.own, weights, new_weights, level=level)
    return PredictionSets(found.new <= limit[:, None], level, np.full(len(found.new), effective_sample(weights)))


def enough_or_refuse(effective: float, level: float) -> None:
    """Raises `Refused` where fewer examples than 1 / (1 - level) are behind a set."""
    least = 1 / (1 - level)
    if effective < least - _ROUNDING:
        raise Refused(
            f"The weights of the shift are worth {effective:.1f} calibration examples, and sets of level {level:g} need at least "
            f"{least:.0f}: the shifted inputs are too unlike the calibration sample. Calibrate on a sample of the shifted inputs."
        )


@dataclass(frozen=True, eq=False)
class _Scored:
    """The scores of calibration labels, shape (n,), and of every label of new examples, shape (m, classes)."""

    own: Floats
    new: Floats
    y: Ints

    @classmethod
    def of(
        cls,
        probabilities: npt.ArrayLike,
        y: npt.ArrayLike,
        new: npt.ArrayLike,
        score: SetScore,
        uniform: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    ) -> _Scored:
        p, q = checked_probabilities(probabilities, "conformal"), checked_probabilities(new, "conformal")
        if p.shape[1] != q.shape[1]:
            raise must("new", "conformal", f"have {p.shape[1]} classes, as the calibration examples", q.shape[1])
        labels = checked_labels(y, p.shape, "conformal")
        u, v = uniform or (None, None)
        own = set_scores(p, kind=score, uniform=u)[np.arange(len(labels)), labels]
        return cls(own, set_scores(q, kind=score, uniform=v), labels)
