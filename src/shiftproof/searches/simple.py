"""SimBA: one direction of an orthonormal basis at a time, by score queries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._random_search import cosines
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_BASES = ("pixel", "dct")


@dataclass(frozen=True)
class Simple(Search):
    """Draws a direction of the basis without replacement, tries one step along it, then one against it, and keeps what helps.

    Args:
        queries: queries per example, at least 1.
        step_size: the step as a share of the budget's radius, above 0; 0 means 2 under linf (from edge to edge) and 0.2 under l2.
        basis: "pixel" (one number of the input) or "dct" (one frequency of one channel of an image, low ones only).
        frequencies: with "dct", the share of low frequencies used along each axis, in (0, 1].

    Guarantees:
        Under linf, on a linear model of two classes, the pixel basis reaches the worst case once all features were tried, 2 d queries.
        Elsewhere it finds failures and proves nothing.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Guo et al. 2019, "Simple black-box adversarial attacks" (SimBA).
    """

    name: ClassVar[str] = "simple"
    aliases: ClassVar[tuple[str, ...]] = ("simba",)
    needs: ClassVar[Access] = Graded
    supports: ClassVar[tuple[type[Shift], ...]] = (
        Linf,
        L2,
    )
    instead: ClassVar[str] = "best_of_n or gradient_estimate"
    references: ClassVar[tuple[str, ...]] = ("guo2019simple",)

    queries: int = 1000
    step_size: float = 0.0
    basis: str = "pixel"
    frequencies: float = 0.25

    @classmethod
    def examples_for_check(cls) -> list[Simple]:
        """One with few queries."""
        return [cls(queries=60)]

    def check(self) -> None:
        self.require("queries", least=1)
        self.require("step_size", least=0)
        if self.basis not in _BASES:
            raise must("basis", self.name, f"be one of {', '.join(_BASES)}", self.basis)
        self.require("frequencies", within="(0, 1]")

    def unsupported(self, shift: Shift) -> str | None:
        if self.basis == "dct" and shift.space.kind != "image":
            return f"inputs of kind '{shift.space.kind}' have no frequencies: write basis=pixel"
        return None

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Linf | L2)  # `supports` says so
        best = Incumbent(shift.origin(x))
        if not len(x):
            return best.params
        step = (self.step_size or (2.0 if isinstance(shift, Linf) else 0.2)) * shift.eps
        count = self._directions(x)
        left, turn = torch.full((len(x),), self.queries, device=x.device), 0
        order = torch.zeros((len(x), 0), dtype=torch.int64)
        while len(rows := (~best.broken & (left > 0)).nonzero()[:, 0]):
            if turn % count == 0:  # all directions were tried: shuffle again
                order = rng.child("order", turn // count).uniform(count).argsort(dim=1)
            direction = step * self._direction(x[rows], order[rows.cpu(), turn % count].to(x.device))
            for side in (1.0, -1.0):
                params = shift.project(x[rows], best.params[rows] + side * direction)
                before = best.margin[rows]
                best.update(rows, params, oracle[rows](params))
                left[rows] -= 1
                again = ~best.broken[rows] & (best.margin[rows] <= before) & (left[rows] > 0)
                rows, direction = rows[again], direction[again]
            turn += 1
        return best.params

    def _directions(self, x: Tensor) -> int:
        if self.basis == "pixel":
            return math.prod(x.shape[1:])
        return x.shape[1] * self._low(x.shape[2]) * self._low(x.shape[3])

    def _low(self, side: int) -> int:
        return max(1, round(side * self.frequencies))

    def _direction(self, x: Tensor, which: Tensor) -> Params:
        """The basis vectors of these numbers, shape of x: their largest entry is 1 under "pixel", their length is 1 under "dct"."""
        if self.basis == "pixel":
            return torch.zeros_like(x).flatten(1).scatter(1, which[:, None], 1.0).reshape(x.shape)
        rows, columns = self._low(x.shape[2]), self._low(x.shape[3])
        channel, place = which // (rows * columns), which % (rows * columns)
        picture = cosines(x.shape[2]).to(x)[place // columns][:, :, None] * cosines(x.shape[3]).to(x)[place % columns][:, None, :]
        one = torch.nn.functional.one_hot(channel, x.shape[1]).to(x)
        return one[:, :, None, None] * picture[:, None]
