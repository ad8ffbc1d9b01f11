"""A union of norm balls: a model that is robust in one may fail in another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Differentiable, Params
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

U = TypeVar("U", bound="Union")


@dataclass(frozen=True)
class Union(Differentiable):
    """Moves that lie in at least one of several balls: {d : ||d||_p <= eps_p for some p that is given}.

    Args:
        linf, l2, l1, l0: the radius of each ball, in its own units; 0 leaves the ball out. Give at least two.

    Params, shape (n, 1 + features): the index of the move's ball among those given, in the order above, then the move.

    Guarantees:
        `project` is the exact projection on the ball that the params name; `nearest` is the exact projection on the union. Random draws and
        random starts choose every ball with equal probability, so r restarts of a gradient search miss one of k balls with probability
        (1 - 1/k)^r for each example. To cover every ball for certain, confront each of `members` and count an example as broken where any
        of them is.

    Example:
        >>> shift = Union(linf=0.1, l2=1.0)
        >>> [member.spec() for member in shift.members]
        ['linf(eps=0.1)', 'l2(eps=1)']

    Reference: Tramer & Boneh 2019, "Adversarial training and robustness for multiple perturbations".
    """

    name: ClassVar[str] = "union"
    references: ClassVar[tuple[str, ...]] = ("tramer2019adversarial",)

    linf: float = 0.0
    l2: float = 0.0
    l1: float = 0.0
    l0: float = 0.0

    @classmethod
    def examples_for_check(cls) -> list[Union]:
        """Two balls, and all four."""
        return [cls(linf=0.1, l2=0.5), cls(linf=0.05, l2=0.5, l1=2.0, l0=2)]

    def check(self) -> None:
        if len(self.members) < 2:
            given = ", ".join(member.spec() for member in self.members) or "none"
            raise UsageError(f"A union needs at least two balls, got {given}. Write union(linf=8/255, l2=0.5).")

    def within(self: U, space: InputSpace) -> U:
        placed = super().within(space)
        for member in placed.members:
            member.within(space)
        return placed

    @cached_property
    def members(self) -> tuple[Ball, ...]:
        """The balls, in the union's space."""
        radii: dict[type[Ball], float] = {Linf: self.linf, L2: self.l2, L1: self.l1, L0: self.l0}
        return tuple(ball(radius, space=self.space) for ball, radius in radii.items() if radius)

    def _split(self, x: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        """The index of each example's ball, shape (n,), and its move, shape of x."""
        which = params[:, 0].detach().nan_to_num(nan=0.0).round().clamp(0, len(self.members) - 1)
        return which.long(), params[:, 1:].reshape(x.shape)

    def sample(self, x: Tensor, rng: Rng) -> Params:
        which = (rng.child("ball").uniform(1)[:, 0] * len(self.members)).long().clamp_max(len(self.members) - 1).to(x.device)
        return _pick(which, [member.sample(x, rng.child(member.name)) for member in self.members])

    def project(self, x: Tensor, params: Params) -> Params:
        which, move = self._split(x, params)
        return _pick(which, [member.project(x, move) for member in self.members])

    def nearest(self, x: Tensor, move: Tensor) -> Params:
        """The exact projection of moves of the shape of x on the union: the nearest of the projections on its balls."""
        moves = [member.project(x, move) for member in self.members]
        gaps = torch.stack([(there - move).flatten(1).double().square().sum(1) for there in moves])
        return _pick(gaps.argmin(0), moves)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return self.members[0].apply(x, params[:, 1:].to(x).reshape(x.shape))

    def excess(self, x: Tensor, params: Params) -> Tensor:
        """How far the move leaves its ball, as a share of the radius, and how far the ball's index is from a valid one."""
        which, move = self._split(x, params)
        over = torch.stack([member.excess(x, move) / member.eps for member in self.members])
        return torch.maximum(over.gather(0, which[None])[0], (params[:, 0] - which).abs())

    def origin(self, x: Tensor) -> Params:
        return torch.cat([x.new_zeros(len(x), 1), torch.zeros_like(x).flatten(1)], dim=1)

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        which = params[:, 0].round().clamp(0, len(self.members) - 1)
        there = params[:, 1:]
        for number, member in enumerate(self.members):
            stepped = member.ascend(params[:, 1:], gradient[:, 1:], step)
            there = torch.where((which == number)[:, None], stepped, there)
        return torch.cat([params[:, :1], there], dim=1)


def _pick(which: Tensor, moves: list[Tensor]) -> Params:
    """Params: each example's ball `which`, and its row of that ball's moves."""
    chosen = moves[0].flatten(1)
    for number, move in enumerate(moves[1:], start=1):
        chosen = torch.where((which == number)[:, None], move.flatten(1), chosen)
    return torch.cat([which[:, None].to(chosen), chosen], dim=1)
