"""Adam, and the bisection of a penalty weight, for many examples at once."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof.searches._standing import keep

_MOST = 1e10


class Adam:
    """Adam's moments for n examples (Kingma & Ba 2015 [kingma2015adam])."""

    def __init__(self, step_size: float, *, first: float = 0.9, second: float = 0.999) -> None:
        self._step_size, self._first, self._second = step_size, first, second
        self._mean: Tensor | None = None
        self._square: Tensor | None = None
        self._steps = 0

    def step(self, gradient: Tensor, step_size: float | None = None) -> Tensor:
        """How far to go down along `gradient`, shape (n, ...)."""
        if self._mean is None or self._square is None:
            self._mean, self._square = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self._steps += 1
        self._mean.lerp_(gradient, 1 - self._first)
        self._square.lerp_(gradient.square(), 1 - self._second)
        mean = self._mean / (1 - self._first**self._steps)
        square = self._square / (1 - self._second**self._steps)
        return mean / (square.sqrt() + 1e-8) * (self._step_size if step_size is None else step_size)

    def __getitem__(self, mask: Tensor) -> Adam:
        """The same optimiser at some of the examples."""
        part = copy.copy(self)
        if self._mean is not None and self._square is not None:
            part._mean, part._square = keep(mask, self._mean, self._square)  # noqa: SLF001  # its own copy
        return part


@dataclass
class Weight:
    """One weight for each of n examples: tenfold until it succeeds, then between the largest that failed and the least that did not."""

    value: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, first: float, x: Tensor) -> Weight:
        """The same first weight for x of shape (n, ...)."""
        value = torch.full((len(x),), first, dtype=x.dtype, device=x.device)
        return cls(value, torch.zeros_like(value), torch.full_like(value, _MOST))

    def learn(self, rows: Tensor, succeeded: Tensor) -> None:
        """Takes in whether the weights of the examples at `rows` succeeded, and sets the next."""
        value = self.value[rows]
        self.high[rows] = torch.where(succeeded, torch.minimum(value, self.high[rows]), self.high[rows])
        self.low[rows] = torch.where(succeeded, self.low[rows], torch.maximum(value, self.low[rows]))
        middle = (self.low[rows] + self.high[rows]) / 2
        self.value[rows] = torch.where(self.high[rows] < _MOST, middle, (value * 10).clamp_max(_MOST))
