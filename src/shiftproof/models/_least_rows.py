"""How few rows a call of a torch module may hold without other bits: small calls are what the end of a search is made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor

from shiftproof.models.answers import ROWS

_FEWER = (4, 8)
_TRIED = 8
"""Calls that could hold fewer rows before that is tried: the trial costs about as much as two of them."""


class LeastRows:
    """Counts calls of at most 8 rows; after some of them it finds the fewest rows that leave scores and gradients as they are.

    A convolutional network that ends in a pool and a narrow layer gives the same bits from 4 rows on, most others from 8 or 16 on, by the
    processor. It is found by comparing bits and never by a clock.
    """

    def __init__(self) -> None:
        self.rows = ROWS
        self._small = 0

    def look(self, x: Tensor, scores: Callable[[Tensor], Tensor]) -> None:
        """Takes note of a call about x; `scores` asks the module about exactly the rows that it is given."""
        if not 0 < len(x) <= _FEWER[-1] or not x.is_floating_point() or self._small == _TRIED:
            return
        self._small += 1
        if self._small == _TRIED:
            with suppress(Exception):  # whatever the user's code raises where it is asked for gradients: calls stay as they are
                self.rows = _least(x.detach(), scores)


def _least(x: Tensor, scores: Callable[[Tensor], Tensor]) -> int:
    batch = x.repeat(-(-ROWS // len(x)), *[1] * (x.dim() - 1))[:ROWS]
    with torch.random.fork_rng(devices=[]):
        whole = _bits(batch, scores)
        for rows in _FEWER:
            if all(torch.equal(part, full[:rows]) for part, full in zip(_bits(batch[:rows], scores), whole, strict=True)):
                return rows
    return ROWS


def _bits(batch: Tensor, scores: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
    """The scores, and the gradient of a sum of them where there is one."""
    with torch.enable_grad():
        leaf = batch.clone().requires_grad_()
        said = scores(leaf)
        if not said.requires_grad:
            return (said,)
        return said.detach(), torch.autograd.grad(said.logsumexp(1).sum(), leaf, allow_unused=True, materialize_grads=True)[0]
