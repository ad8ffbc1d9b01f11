"""Parulekar et al. 2023: features whose regression is nearly the same under seen interventions keep it under unseen ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from typing import ClassVar

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.measures.invariance import invariance
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.quantity import Quantity
from shiftproof.studies.trial import Trial

CAUSES, EFFECTS = 3, 3
Slopes = tuple[Floats, Floats]
"""Of the target on its causes, shape (3,), and of each effect on the target, shape (3,)."""


def drawn(slopes: Slopes, shifts: Floats, n: int, numbers: np.random.Generator) -> tuple[Floats, Floats]:
    """N draws of a linear model: causes, then the target, then its effects; shape (n, 6) without the target, and the target (n,).

    `shifts`, shape (6,), are the standard deviations that an intervention gives to the noise of each variable but the target.
    """
    causes = shifts[:CAUSES] * numbers.normal(size=(n, CAUSES))
    target = causes @ slopes[0] + numbers.normal(size=n)
    effects = target[:, None] * slopes[1] + shifts[CAUSES:] * numbers.normal(size=(n, EFFECTS))
    return np.column_stack([causes, effects]), target


@dataclass(frozen=True)
class InvariantPredictors(Study):
    """Of all subsets of features, those whose regressions agree over seen interventions are judged under unseen ones.

    Cost: 63 regressions in each of some environments; seconds.

    Reference: Parulekar, Shanmugam & Shakkottai 2023, "PAC generalization via invariant representations".
    """

    name: ClassVar[str] = "invariant_predictors"
    references: ClassVar[tuple[str, ...]] = ("parulekar2023pac",)
    claim: ClassVar[str] = (
        "A representation that is nearly invariant over enough seen interventions is nearly invariant over unseen ones of the same kind."
    )
    paper: ClassVar[str] = "Parulekar et al. 2023"
    figure: ClassVar[str] = "Bounds for linear structural models, on how many interventions and examples are enough."
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction(
            "twelve seen, unseen gap over seen", "with twelve seen interventions the unseen gap is at most twice the seen one", high=2.0
        ),
        Prediction("two seen less twelve, unseen gap", "with two the subset chosen is less invariant on unseen ones", low=0.0),
    )
    protocol: ClassVar[str] = (
        "A linear model of three causes of a target and three effects; an intervention gives the noise of every variable but the target's "
        "a spread in [0.3, 3]. 2,000 examples of each of two or twelve seen interventions, 50 unseen ones. Of all 63 subsets, the most "
        "invariant whose error is at most 1.5 times the target's noise is chosen; 10 models a seed."
    )
    scaled_down: ClassVar[str] = "A small model, and subsets of features in place of any linear representation."
    seeds: ClassVar[int] = 20
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook("After a quick run a prediction was dropped that all features err more there, which the paper does not claim."),
        EarlierLook(
            "Five seeds were measured in full and left the claim open: twelve seen, unseen gap over seen 1.8 (1.2 to 2.4), two seen "
            "less twelve, unseen gap 0.22 (-0.11 to 0.55). 20 other seeds take their place; nothing else was changed.",
            seeds=(0, 1, 2, 3, 4),
        ),
    )

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Gaps over seen and unseen interventions of the chosen subset, and errors on unseen ones."""
        models = [_one(trial, row) for row in range(trial.pick(quick=2, full=10))]
        found = {name: float(np.mean([each[name] for each in models])) for name in models[0]}
        return {
            **{name: Quantity(value) for name, value in found.items()},
            "twelve seen, unseen gap over seen": Quantity(found["twelve seen, unseen gap"] / found["twelve seen, seen gap"]),
            "two seen less twelve, unseen gap": Quantity(found["two seen, unseen gap"] - found["twelve seen, unseen gap"]),
            "unseen error, all features over chosen": Quantity(found["unseen error, all features"] / found["twelve seen, unseen error"]),
        }


def _one(trial: Trial, row: int) -> dict[str, float]:
    numbers = trial.numbers(f"model {row}")
    slopes = numbers.normal(size=CAUSES), numbers.normal(size=EFFECTS)
    n = trial.pick(quick=300, full=2000)

    def environments(count: int) -> tuple[Floats, Floats, Floats]:
        parts = [drawn(slopes, numbers.uniform(0.3, 3.0, CAUSES + EFFECTS), n, numbers) for _ in range(count)]
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]), np.repeat(np.arange(count), n)

    unseen = environments(trial.pick(quick=10, full=50))
    found: dict[str, float] = {}
    for name, count in (("two seen", 2), ("twelve seen", 12)):
        x, y, groups = environments(count)
        chosen = min(_fitting(x, y), key=lambda subset: invariance(x[:, subset], y, groups).gap)
        found[f"{name}, seen gap"] = invariance(x[:, chosen], y, groups).gap
        found[f"{name}, unseen gap"] = invariance(unseen[0][:, chosen], unseen[1], unseen[2]).gap
        found[f"{name}, unseen error"] = _error(x[:, chosen], y, unseen[0][:, chosen], unseen[1])
    found["unseen error, all features"] = _error(x, y, unseen[0], unseen[1])
    return found


def _fitting(x: Floats, y: Floats) -> list[list[int]]:
    """The subsets of features whose pooled regression has an error of at most 1.5 times the target's noise, or the best one."""
    everything = range(x.shape[1])
    subsets = [list(each) for each in chain.from_iterable(combinations(everything, k) for k in range(1, x.shape[1] + 1))]
    errors = [_error(x[:, each], y, x[:, each], y) for each in subsets]
    return [each for each, error in zip(subsets, errors, strict=True) if error <= 1.5] or [subsets[int(np.argmin(errors))]]


def _error(x: Floats, y: Floats, there: Floats, y_there: Floats) -> float:
    """The mean squared error elsewhere of least squares here."""
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    return float(((there @ slopes - y_there) ** 2).mean())
