"""The base class of methods that train on inputs moved by a search inside a shift."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof._part import Part
from shiftproof.data.space import InputSpace
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift
from shiftproof.training.inner_search import InnerObjective, check_inner, worst
from shiftproof.training.methods.abstract import Batch, Method, Step, plain_step


@cache
def _shift_of(spec: str) -> Shift:
    """Parts are frozen, so one instance serves all steps."""
    from shiftproof.shifts import shifts

    return shifts.build(spec)


@cache
def _search_of(spec: str) -> Search:
    from shiftproof.searches import searches

    return searches.build(spec)


@dataclass(frozen=True)
class MovedInputs(Method):
    """A method with a shift and a search.

    Args:
        shift: the spec of the moves defended against, or the shift itself.
        search: the spec of the search that chooses them, or the search itself.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.
    """

    shift: str
    search: str = "gradient_ascent(steps=10)"
    ramp: float = 0.0

    def __post_init__(self) -> None:
        for option, part in (("shift", self.shift), ("search", self.search)):
            if isinstance(part, Part):  # a part may be given in place of its spec
                object.__setattr__(self, option, part.full_spec())
        super().__post_init__()

    def check(self) -> None:
        search, shift = self._search(), self._shift()
        check_inner(shift, search)
        if not 0 <= self.ramp <= 1:
            raise must("ramp", self.name, "be in [0, 1]", self.ramp)
        if self.ramp and shift.strength is None:
            raise UsageError(f"The shift {shift.name} has no strength option to increase, so {self.name} cannot use ramp with it.")

    def _shift(self) -> Shift:
        return _shift_of(self.shift)

    def _search(self) -> Search:
        return _search_of(self.search)

    def threat(self, space: InputSpace) -> Shift | None:
        return self._shift().within(space)

    def grown(self, batch: Batch) -> Shift | None:
        """The shift at this point of training; None while it is still too small to move anything."""
        shift = self._shift().within(batch.space)
        share = min(1.0, batch.progress / self.ramp) if self.ramp else 1.0
        if share == 1.0:
            return shift
        strength = shift.unmoved + share * (shift.full_strength - shift.unmoved)
        return replace(shift, **{str(shift.strength): strength}) if share > 0 else None  # type: ignore[arg-type]  # a number

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        shift = self.grown(batch)
        if shift is None:
            return batch.x
        rng = batch.rng.child("move")
        return worst(net, shift, self._search(), x=batch.x, y=batch.y, rng=rng, objective=self.objective(net, batch))

    def objective(self, net: nn.Module, batch: Batch) -> InnerObjective | None:
        """The objective that the search maximises; None for its own loss."""
        return None

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        return plain_step(net, x, batch.y)

    @classmethod
    def examples_for_check(cls) -> list[MovedInputs]:
        """One as people use it."""
        return [cls(shift="linf(eps=0.1)")]


def in_evaluation(net: nn.Module, x: Tensor) -> Tensor:
    """The scores of x in evaluation mode, without a gradient."""
    with torch.no_grad():
        return TorchModule(net, name="net", device=x.device).scores(x)
