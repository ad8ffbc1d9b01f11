"""Accuracy as the mix of examples shifts: the curve of one model, and the slices that carry the weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof.outcomes import Bound, Interval
from shiftproof.risks.intervals import Ends


@dataclass(frozen=True)
class Slice:
    """The examples with one value of a column, or with one value of each of two.

    Args:
        what: "sex=F", or "sex=F & race=B".
        n: examples in it.
        share: of the sample.
        weight: its share of the weight in the worst mix.
        lift: weight / share.
        error: its error rate.
        interval: where that lies, such that the intervals of all slices looked at and of the whole hold together.
        beyond_chance: whether its error rate lies above that of the whole, by those intervals.
        beforehand: whether it is of values that are known before the outcome, and not of the label.
    """

    what: str
    n: int
    share: float
    weight: float
    lift: float
    error: float
    interval: Interval
    beyond_chance: bool
    beforehand: bool = True


@dataclass(frozen=True, eq=False)
class StressCurve:
    """How a model fares as the mix of its examples shifts, against the worst mix within each radius.

    Args:
        name: what was measured.
        risk: which ball of mixes: chi_square, kl, total_variation or cvar.
        axis: what the radius is, in words.
        radii: ascending from 0, shape (k,).
        share: the smallest share of the sample that may stand alone at each radius, shape (k,).
        accuracy: in the worst mix, shape (k,).
        interval: where it lies, shape (k,) each; all radii hold together.
        loss: mean loss in its own worst mix, shape (k,); NaN without losses. An estimate, which has no interval: losses have no bound.
        floor: the accuracy asked for, in (0, 1).
        breaking: the radius at which accuracy falls below the floor; 0 where it is not above at once, infinite where no mix takes it there.
        breaking_interval: where that radius lies.
        breaking_share: the smallest share that may stand alone there; 0 where no mix does it.
        weights: of the examples in the worst mix at the breaking radius (the largest of `radii` where there is none), shape (n,), sum 1; by
            the losses where there are any, else by right and wrong. Where the breaking radius is 0, all that are wrong weigh the same.
        ids: the examples' names, shape (n,).
        slices: values of columns that carry more of the weight than their share, those that gain most first; those of the label apart.
        columns: what they were looked for in, per name a value for each example.
        bound: what accuracy claims.
        confidence: that of the intervals.
        notes: what a reader must know.
    """

    name: str
    risk: str
    axis: str
    radii: Floats
    share: Floats
    accuracy: Floats
    interval: Ends
    loss: Floats
    floor: float
    breaking: float
    breaking_interval: Interval
    breaking_share: float
    weights: Floats
    ids: npt.NDArray[np.str_]
    slices: tuple[Slice, ...]
    bound: Bound
    confidence: float
    notes: tuple[str, ...] = ()
    sent: ClassVar[int] = 0
    """It is made of answers that are there already: no model is asked."""
    columns: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.weights)
