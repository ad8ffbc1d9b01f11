"""A search for least moves that does not stop at the first one inside the budget: what a security curve is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError
from shiftproof.finding import Finding
from shiftproof.models.abstract import Access
from shiftproof.oracle import Oracle
from shiftproof.outcomes import BROKEN, SKIPPED
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.searches.minimal import MinimalSearch
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.ball import Ball

_ANY_SIZE = 1e18
"""An eps for balls that have no largest."""


@dataclass(frozen=True)
class ToTheEnd(Search):
    """A search for least moves that does not stop at the first one inside the budget."""

    inner: MinimalSearch

    @property
    def name(self) -> str:  # type: ignore[override]  # messages name the search that is asked for
        """The inner search's name."""
        return self.inner.name

    @property
    def needs(self) -> Access:  # type: ignore[override]
        """What the inner search needs."""
        return self.inner.needs

    def spec(self) -> str:
        return self.inner.spec()

    def full_spec(self) -> str:
        return self.inner.full_spec()

    def unsupported(self, shift: Shift) -> str | None:
        return self.inner.objection(shift)

    def most_passes(self, shift: Shift) -> int:
        return self.inner.most_passes(shift)

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Ball)  # `objection` has said so
        return self.inner.least(shift, oracle, x, rng).params if len(x) else shift.origin(x)


def endless(ball: Ball, search: Search) -> tuple[Ball, ToTheEnd]:
    """The ball of this kind that reaches every input of its space, and the search that does not stop inside it.

    Raises:
        UsageError: the search looks for no least move.
    """
    if not isinstance(search, MinimalSearch):
        kinds = "boundary_projection, fast_minimum_norm or deepfool"
        raise UsageError(
            f"A security curve needs a search for least moves, such as {kinds}, and {search.name} finds moves inside one budget."
        )
    largest = ball.largest()
    return replace(ball, eps=largest if math.isfinite(largest) else _ANY_SIZE), ToTheEnd(search)


def sizes(finding: Finding, ball: Ball) -> Floats:
    """The least move found for each example, shape (n,): 0 where it is wrong already, infinite where no move broke it."""
    broken = finding.outcome == BROKEN
    size = np.where(finding.outcome == SKIPPED, 0.0, np.inf)
    size[broken] = ball.norm(torch.from_numpy(finding.params[broken])).double().numpy()
    return size
