"""Which climbs are too far from where they want to go, by the slopes of their first steps."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from shiftproof.searches._norms import norm_of
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

LOOKED = 4
"""Steps that are looked at before a climb is given up."""
_TOO_FAR, _STEADY = 1.5, 2.0


class Prospects:
    """What the first steps of n climbs say of where they can get, under linf and l2.

    A climb is given up where it still lacks more than 1.5 times what its steepest slope so far would bring on a way as long as the radius,
    and where its slopes differ by less than twice: where they differ by more, the loss bends, and they say little of what follows.

    Chosen on six networks of MNIST and CIFAR-10, where these limits at 1 and 3 would have given up none of 129 climbs that arrive, and
    confirmed on seven others (none of 51). Slopes alone, steady or not, would have lost 14.
    """

    def __init__(self, shift: Shift, params: Params) -> None:
        self._steepness = norm_of(shift, params).dual if isinstance(shift, Linf | L2) else None
        self._radius = shift.full_strength
        self._most = params.new_zeros(len(params))
        self._least = self._most + torch.inf

    def __getitem__(self, rows: Tensor) -> Prospects:
        """The same for the climbs at `rows`, a mask."""
        part = copy.copy(self)
        part._least, part._most = self._least[rows], self._most[rows]
        return part

    def hopeless(self, gradient: Tensor, value: Tensor, step: int) -> Tensor:
        """Takes in a step from 0: which climbs to give up after it, shape (n,); `value` is below 0 by what each lacks."""
        if self._steepness is not None and step < LOOKED:
            slope = self._steepness(gradient.flatten(1))
            self._least, self._most = torch.minimum(self._least, slope), torch.maximum(self._most, slope)
            if step == LOOKED - 1:
                return (-value > _TOO_FAR * self._radius * self._most) & (self._most < _STEADY * self._least)
        return torch.zeros_like(value, dtype=torch.bool)
