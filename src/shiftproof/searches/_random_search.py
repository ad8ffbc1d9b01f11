"""The loop of random searches: propose, query, keep improvements, drop broken examples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from typing_extensions import Self

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._standing import keep
from shiftproof.searches.abstract import Incumbent
from shiftproof.shifts.abstract import Params

StepChance = tuple[Tensor, ...]
"""What a proposal draws, each of shape (n, ...)."""
_DRAWN = 2**13
"""Numbers that are drawn at a time, where those of one step are fewer: beside a small model each draw has its price."""


class Proposals(Protocol):
    """A way to change the moves of n inputs at random."""

    def __getitem__(self, rows: Tensor) -> Self:
        """The same for the inputs at `rows`, a mask."""
        ...

    def draw(self, rng: Rng) -> StepChance:
        """The chance that a proposal for each of the streams takes."""
        ...

    def __call__(self, params: Params, chance: StepChance, step: int) -> Params:
        """Another legal move for each of the inputs, which stand at `params`; step 1 is the first."""
        ...


class ChanceAhead:
    """The chance of one step after another, drawn for several steps at once. What a step gets does not depend on how many those are."""

    def __init__(self, draw: Callable[[Rng], StepChance], rng: Rng) -> None:
        self._draw, self._rng = draw, rng
        self._drawn: StepChance = ()
        self._from, self._steps = 1, 0

    def keep(self, held: Tensor) -> None:
        """Drops the other examples, of a mask of shape (n,)."""
        held = held.cpu()
        self._rng, self._drawn = self._rng[held], tuple(part[:, held] for part in self._drawn)

    def __call__(self, step: int) -> StepChance:
        """That of a step from 1; steps are asked for in turn."""
        if step >= self._from + self._steps:
            n = len(self._rng)
            numbers = sum(part[0].numel() for part in self._drawn) if self._steps else _DRAWN
            self._from, self._steps = step, max(1, _DRAWN // max(1, numbers))
            drawn = self._draw(self._rng.steps("step", step, step + self._steps))
            self._drawn = tuple(part.reshape(self._steps, n, *part.shape[1:]) for part in drawn)
        return tuple(part[step - self._from] for part in self._drawn)


def random_search(oracle: Oracle, first: Params, proposals: Proposals, *, queries: int, rng: Rng) -> Params:
    """The moves after up to `queries` queries per example, `first` being the first of them.

    A proposal is kept where the model's margin is worse at it, so an example's moves only get worse for the model.
    """
    best = Incumbent(first)
    rows = best.standing()
    best.update(rows, first, oracle(first))
    here, now, chance = oracle, best.params, ChanceAhead(proposals.draw, rng)
    for step in range(1, queries):
        held = ~best.broken[rows]
        if not bool(held.all()):
            rows, here, now, proposals = keep(held, rows, here, now, proposals)
            chance.keep(held)
        if not len(rows):
            break
        params = proposals(now, chance(step), step)
        kept = best.update(rows, params, here(params))
        if now is not best.params:
            now[kept] = params[kept]
    return best.params


def signs(rng: Rng, *shape: int) -> Tensor:
    """+1 or -1 by a fair coin, shape (n, *shape), float32."""
    return sign_of(rng.uniform(*shape))


def sign_of(chance: Tensor) -> Tensor:
    """+1 or -1, float32, from uniform numbers in [0, 1) of any shape."""
    return (chance < 0.5).float() * 2 - 1


def place_of(chance: Tensor, count: int) -> Tensor:
    """One of 0..count-1, int64, from uniform numbers in [0, 1) of any shape."""
    return (chance * count).long().clamp_max(count - 1)


def subset(chance: Tensor, movable: Tensor, count: int) -> Tensor:
    """`count` random features of each example, those that can move before those that cannot; a mask of the shape (n, d) of `movable`.

    `chance` are uniform numbers of that shape.
    """
    key = chance.to(movable.device) + movable
    chosen = key.topk(min(count, key.shape[1]), dim=1).indices
    return movable.new_zeros(movable.shape, dtype=movable.dtype).bool().scatter(1, chosen, True) & movable


def cosines(side: int) -> Tensor:
    """The orthonormal cosine basis of a line of `side` numbers, low frequencies first, one a row; shape (side, side)."""
    place = (torch.arange(side, dtype=torch.float64) + 0.5) * math.pi / side
    basis = torch.cos(torch.arange(side, dtype=torch.float64)[:, None] * place) * math.sqrt(2 / side)
    basis[0] /= math.sqrt(2)
    return basis
