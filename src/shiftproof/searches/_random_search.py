"""The loop of random searches: propose, query, keep improvements, drop broken examples."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent
from shiftproof.shifts.abstract import Params


class Propose(Protocol):
    """A way to change moves at random."""

    def __call__(self, x: Tensor, params: Params, rng: Rng, step: int) -> Params:
        """Another legal move for each of n examples that stand at `params`; step 1 is the first."""
        ...


def random_search(oracle: Oracle, first: Params, propose: Propose, *, queries: int, rng: Rng) -> Params:
    """The moves after up to `queries` queries per example, `first` being the first of them.

    A proposal is kept where the model's margin is worse at it, so an example's moves only get worse for the model.
    """
    best = Incumbent(first)
    rows = best.standing()
    best.update(rows, first, oracle(first))
    here, stream, now = oracle, rng, best.params[rows]
    for step in range(1, queries):
        if bool(best.broken[rows].any()):
            rows = best.standing()
            here, stream, now = oracle[rows], rng[rows.cpu()], best.params[rows]
        if not len(rows):
            break
        params = propose(here.x, now, stream.child("step", step), step)
        kept = best.update(rows, params, here(params))
        now[kept] = params[kept]
    return best.params


def signs(rng: Rng, *shape: int) -> Tensor:
    """+1 or -1 by a fair coin, shape (n, *shape), float32."""
    return sign_of(rng.uniform(*shape))


def places(rng: Rng, count: int) -> Tensor:
    """One of 0..count-1 at random for each example, shape (n,), int64."""
    return place_of(rng.uniform(1)[:, 0], count)


def sign_of(chance: Tensor) -> Tensor:
    """+1 or -1, float32, from uniform numbers in [0, 1) of any shape."""
    return (chance < 0.5).float() * 2 - 1


def place_of(chance: Tensor, count: int) -> Tensor:
    """One of 0..count-1, int64, from uniform numbers in [0, 1) of any shape."""
    return (chance * count).long().clamp_max(count - 1)


def subset(rng: Rng, movable: Tensor, count: int) -> Tensor:
    """`count` random features of each example, those that can move before those that cannot; a mask of the shape (n, d) of `movable`."""
    key = rng.uniform(movable.shape[1]).to(movable.device) + movable
    chosen = key.topk(min(count, key.shape[1]), dim=1).indices
    return movable.new_zeros(movable.shape, dtype=movable.dtype).bool().scatter(1, chosen, True) & movable


def cosines(side: int) -> Tensor:
    """The orthonormal cosine basis of a line of `side` numbers, low frequencies first, one a row; shape (side, side)."""
    place = (torch.arange(side, dtype=torch.float64) + 0.5) * math.pi / side
    basis = torch.cos(torch.arange(side, dtype=torch.float64)[:, None] * place) * math.sqrt(2 / side)
    basis[0] /= math.sqrt(2)
    return basis
