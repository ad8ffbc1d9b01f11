"""The cascade for models without gradients: score and decision queries in turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.models.abstract import Labels
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._stages import DRAWS, StagedRun, check_draws
from shiftproof.searches.abstract import Search
from shiftproof.searches.leaf_tuples import LeafTuples
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.linf import Linf

PARTS = (
    "best_of_n(n=20)",
    "grid(points=5)",
    "evolution(queries=300)",
    "square(queries=2500)",
    "sparse_random(queries=2500)",
    "hop_skip_jump(queries=2500)",
    "geometric(queries=1000)",
)
"""Cheap ones first; those that a shift or a model does not fit are left out."""


@dataclass(frozen=True)
class QueryCascade(Search):
    """The verdict of every fitting search that asks for scores or decisions, each asked only about examples that still stand.

    Chance draws, a coarse grid and evolution over the few numbers of a move come first; then, for tree ensembles under `linf`, the
    climb over their leaves; then random search by scores where the model provides them (square, or sparse_random for moves of few
    features); then decision queries, which see no scores and so are not led astray by flat ones. What fits neither the shift nor the
    model is left out.

    Args:
        draws: passes averaged for each query and for the final verdict; 0 for 20 on models that answer at random, and 1 elsewhere.

    Guarantees:
        Finds failures and proves nothing, but on a single decision tree under `linf`, where `leaf_tuples` is exact.
    Cost: up to some 6,000 forwards for an example that stands, times the draws; one that breaks is dropped at once.

    Example:
        >>> import numpy as np, shiftproof as sp
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> x = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
        >>> tree = DecisionTreeClassifier().fit(x, x[:, 0] > 0.5)
        >>> data = sp.examples(x, (x[:, 0] > 0.5).astype(int))
        >>> finding = sp.confront(sp.as_model(tree, name="tree"), sp.Linf(0.1), search=QueryCascade(), examples=data)
        >>> bool((finding.correct == (abs(x[:, 0] - 0.5) > 0.1)).all())
        True
    """

    name: ClassVar[str] = "query_cascade"
    of_classes: ClassVar[bool] = True

    draws: int = 0
    leaves: LeafTuples | None = field(default=None, kw_only=True, repr=False)

    def check(self) -> None:
        check_draws(self.draws, self.name)

    @property
    def verdict_draws(self) -> int:
        return self.draws or 1

    def averaged(self) -> QueryCascade:
        return self if self.draws else replace(self, draws=DRAWS)

    def matched(self, model: Labels) -> QueryCascade:
        try:
            return replace(self, leaves=LeafTuples().matched(model))
        except UsageError:  # it has no trees to read
            return self

    @classmethod
    def examples_for_check(cls) -> list[QueryCascade]:
        """It is one thing only."""
        return [cls()]

    @classmethod
    def shifts_for_check(cls) -> list[Shift]:
        """One threat is enough there: its parts are checked on the others."""
        return [Linf(0.25)]

    def unsupported(self, shift: Shift) -> str | None:
        return None if self._parts(shift) else f"none of its searches supports {shift.name}"

    def most_passes(self, shift: Shift) -> int:
        return sum(part.most_passes(shift) + 1 for part in self._parts(shift)) * self.verdict_draws

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        asked = oracle.averaged(self.verdict_draws)
        run = StagedRun.of(shift, asked, x, rng, start=shift.project(x, shift.sample(x, rng.child("start"))))
        run.in_turn([part for part in self._parts(shift) if asked.gives(part.needs)])
        return run.best.params

    def _parts(self, shift: Shift) -> list[Search]:
        from shiftproof.searches import searches

        built = [searches.build(spec) for spec in PARTS]
        if self.leaves is not None:
            built.insert(3, self.leaves)
        return [part for part in built if part.objection(shift) is None]
