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

    A climb is too far from where it wants to go where it still lacks more than 1.5 times what its steepest slope so far would bring on a
    way as long as the radius. Where its slopes differ by twice or more the loss bends, and slopes say little of what follows: of such
    an example no climb is given up.

    Chosen on six networks of MNIST and CIFAR-10, confirmed on seven others. By the lack alone 14 of 180 climbs that arrive would have been
    given up, none of those whose own slopes are steady; yet one example of 500 on a net with masked gradients was lost to those.
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

    def look(self, gradient: Tensor, step: int) -> bool:
        """Takes in a step from 0; whether it is the last that is looked at."""
        if self._steepness is None or step >= LOOKED:
            return False
        slope = self._steepness(gradient.flatten(1))
        self._least, self._most = torch.minimum(self._least, slope), torch.maximum(self._most, slope)
        return step == LOOKED - 1

    @property
    def bent(self) -> Tensor:
        """Whose slopes differ too much, shape (n,)."""
        return ~(self._most < _STEADY * self._least)

    def too_far(self, value: Tensor) -> Tensor:
        """Which climbs lack too much, shape (n,); `value` is below 0 by what each lacks."""
        return -value > _TOO_FAR * self._radius * self._most
