"""The base class of risks: how the outcomes of single examples are weighed into one number.

A risk's state is a monoid: `merge` is associative with `init()` as its unit, and updating on parts and merging equals updating on the
whole. So the states of shards, resumed runs and processes can be combined.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must
from shiftproof._part import Part
from shiftproof.outcomes import Interval

State = TypeVar("State")
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Measurement:
    """A number with its interval.

    Args:
        value: the number; NaN if nothing was measured, never 0.
        interval: confidence interval of the true value; it covers sampling error only.
        n: number of examples.
        group: the group that was measured, if it is one group.
        notes: what a reader must know, such as groups that were left out because they are empty.
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
    """What it weighs: whether each example is still correct (0 or 1), or the model's probability of wrong labels, in [0, 1]."""
    worse: ClassVar[Literal["lower", "higher"]] = "lower"
    """Whether a lower or a higher value is worse."""

    def accept(self, values: npt.ArrayLike) -> Floats:
        """The values as float64, shape (n,).

        Raises:
            UsageError: the shape is wrong, or a value is NaN or outside [0, 1].
        """
        given = np.asarray(values, dtype=np.float64)
        if given.ndim != 1:
            raise must("values", self.name, "have shape (n,), one number per example", given.shape)
        missing = int(np.isnan(given).sum())
        if missing and self.over == "error_probability":
            raise UsageError(
                f"The 'values' of {self.name} are NaN in {missing} of {len(given)} examples. It weighs probabilities, which a model that "
                "provides only labels does not have: use a model with scores, or a risk over correct and wrong (mean, worst_group)."
            )
        if missing:
            raise must("values", self.name, "be numbers", f"NaN in {missing} of {len(given)}", "Leave out what was not measured.")
        outside = given[(given < 0) | (given > 1)]
        if len(outside):
            raise must("values", self.name, "lie in [0, 1]", float(outside[0]), f"{len(outside)} of {len(given)} values do not.")
        return given

    @abstractmethod
    def init(self) -> State:
        """The state before any example."""

    @abstractmethod
    def update(self, state: State, values: Floats, groups: Names | None = None) -> State:
        """The state after more examples: values of shape (n,) in [0, 1], and group names of shape (n,) if the risk needs them."""

    @abstractmethod
    def merge(self, left: State, right: State) -> State:
        """The state of both samples together."""

    @abstractmethod
    def compute(self, state: State, *, confidence: float = 0.95) -> Measurement:
        """The number and its two-sided interval at `confidence` in (0, 1)."""

    def measure(self, values: Floats, groups: Names | None = None, *, confidence: float = 0.95) -> Measurement:
        """`compute` of one sample: init, update, compute."""
        return self.compute(self.update(self.init(), values, groups), confidence=confidence)
