"""How outcomes are weighed: the worst reweighting of the sample that a risk allows.

A risk's state is a monoid: `merge` is associative with `init()` as its unit, and `update` over parts then `merge` equals `update` over the
whole. That alone lets shards, resumed runs and processes combine.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from shiftproof._part import Part
from shiftproof.outcomes import Interval

State = TypeVar("State")
Values = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Measurement:
    """A number with its interval.

    Args:
        value: the number; NaN where nothing was measured, never 0.
        interval: where the truth lies with the stated confidence, sampling error only.
        n: examples it stands on.
        group: the group it belongs to, where it belongs to one.
        notes: what a reader must know (groups left out because they are empty, ...).
    """

    value: float
    interval: Interval
    n: int
    group: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Risk(Part, Generic[State]):
    """A way to weigh one number per example into one number per sample."""

    over: ClassVar[Literal["correct", "error_probability"]] = "correct"
    """What it weighs: whether each example is still right (0 or 1), or the probability that the model gives to wrong labels, in [0, 1]."""
    worse: ClassVar[Literal["lower", "higher"]] = "lower"
    """Which direction of its value is worse."""

    @abstractmethod
    def init(self) -> State:
        """The state of no examples."""

    @abstractmethod
    def update(self, state: State, values: Values, groups: Names | None = None) -> State:
        """The state after more examples: values of shape (n,) in [0, 1], group names of shape (n,) where the risk needs them."""

    @abstractmethod
    def merge(self, left: State, right: State) -> State:
        """The state of both samples together."""

    @abstractmethod
    def compute(self, state: State, *, confidence: float = 0.95) -> Measurement:
        """The number and its two-sided interval at `confidence` in (0, 1)."""

    def measure(self, values: Values, groups: Names | None = None, *, confidence: float = 0.95) -> Measurement:
        """`compute` of one sample: init, update, compute."""
        return self.compute(self.update(self.init(), values, groups), confidence=confidence)
