"""How few rows a call of a torch module may hold without other bits: small calls are what the end of a search is made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor

from shiftproof.models.answers import ROWS, STEP, rows_of

_FEWER = (4, 8)
_BATCHES, _SHORTER = 4, range(ROWS - STEP, 0, -STEP)
"""The trial: batches of 16 rows, and how many of the rows are asked alone. A call of 12 is made where one of 4 is."""
_COST = _BATCHES * (ROWS + sum(_SHORTER))
"""Rows of the trial, so that it is made when filling has cost as many."""


class LeastRows:
    """Counts what filling small calls costs; when that is as much as a trial, it finds the fewest rows that change no score or gradient.

    A convolutional network that ends in a pool and a narrow layer gives the same bits from 4 rows on, most others from 8 or 16 on, by the
    processor. It is found by comparing bits and never by a clock.
    """

    def __init__(self) -> None:
        self.rows = ROWS
        self._filled, self._tried = 0, False

    def look(self, x: Tensor, scores: Callable[[Tensor], Tensor]) -> None:
        """Takes note of a call about x; `scores` asks the module about exactly the rows that it is given."""
        if self._tried or not 0 < len(x) <= _FEWER[-1] or not x.is_floating_point():
            return
        self._filled += ROWS - rows_of(len(x), _FEWER[0])
        if self._filled >= _COST:
            self._tried = True
            with suppress(Exception):  # whatever the user's code raises where it is asked for gradients: calls stay as they are
                self.rows = _least(x.detach(), scores)


def _least(x: Tensor, scores: Callable[[Tensor], Tensor]) -> int:
    """The fewest rows from which on every call has the bits of one of 16; rows that are alike would show too little of how they round."""
    whole = x.repeat(-(-ROWS // len(x)), *[1] * (x.dim() - 1))[:ROWS]
    least = ROWS
    with torch.random.fork_rng(devices=[]):
        batches = [_unlike(whole, torch.Generator().manual_seed(k)) for k in range(_BATCHES)]
        full = [_bits(batch, scores) for batch in batches]
        if not all(bool(part.any()) for bits in full for part in bits):  # zeros have the same bits however they are made
            return ROWS
        for rows in _SHORTER:
            for batch, bits in zip(batches, full, strict=True):
                if not all(torch.equal(part, long[:rows]) for part, long in zip(_bits(batch[:rows], scores), bits, strict=True)):
                    return least
            least = rows if rows in _FEWER else least
    return least


def _unlike(batch: Tensor, generator: torch.Generator) -> Tensor:
    """The batch with each number nearer to 0, and zeros, which every order of a sum adds up alike, in [0, 1)."""
    chance = torch.rand(batch.shape, generator=generator, dtype=batch.dtype)
    return torch.where(batch == 0, chance, batch * chance)


def _bits(batch: Tensor, scores: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
    """The scores, and the gradient of a sum of them where there is one."""
    with torch.enable_grad():
        leaf = batch.clone().requires_grad_()
        said = scores(leaf)
        if not said.requires_grad:
            return (said,)
        return said.detach(), torch.autograd.grad(said.logsumexp(1).sum(), leaf, allow_unused=True, materialize_grads=True)[0]
