"""The base class of methods that wrap another method, for example to change the weights of examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.training.methods.abstract import Batch, Method, Step


@cache
def _built(spec: str) -> Method:
    """Methods are frozen, so one instance serves all steps."""
    from shiftproof.training.methods import methods

    return methods.build(spec)


class WrappedMemory(nn.Module):
    """The memory of a method around another: its own, and the other's."""

    def __init__(self, own: nn.Module, inner: nn.Module) -> None:
        super().__init__()
        self.own, self.inner = own, inner


@dataclass(frozen=True)
class WrappedMethod(Method):
    """A method around another, whose moves, losses and memory it takes.

    Args:
        method: the spec of the other method, or the method itself.
    """

    method: str = field(default="plain", kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.method, Method):
            object.__setattr__(self, "method", self.method.full_spec())
        super().__post_init__()

    def check(self) -> None:
        self.inner()

    def inner(self) -> Method:
        """The method inside."""
        return _built(self.method)

    def own(self, net: nn.Module, examples: Examples) -> nn.Module:
        """What it keeps itself, beside what the method inside keeps."""
        return nn.Module()

    @property
    def replays(self) -> int:
        return self.inner().replays

    @property
    def grouping(self) -> str:
        return self.inner().grouping

    def threat(self, space: InputSpace) -> Shift | None:
        return self.inner().threat(space)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        return WrappedMemory(self.own(net, examples), self.inner().init(net, examples))

    def order(self, rng: Rng, memory: nn.Module) -> npt.NDArray[np.intp]:
        return self.inner().order(rng, kept(memory).inner)

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return self.inner().move(net, batch, kept(memory).inner)

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        return self.inner().judge(net, batch, x, kept(memory).inner)

    def learned(self, step: Step, batch: Batch, memory: nn.Module) -> None:
        self.inner().learned(step, batch, kept(memory).inner)


def kept(memory: nn.Module) -> WrappedMemory:
    """The memory of a method around another, as what it is."""
    assert isinstance(memory, WrappedMemory)  # `init` made it
    return memory


def groups_of(step: Step, batch: Batch, *, owner: str) -> Tensor:
    """The group of each of a step's losses, shape (m,): those of the batch, once for each copy that a method trains on."""
    if batch.groups is None:
        raise UsageError(f"{owner} needs the group of each example. Pass `groups`, shape (n,), in the batch.")
    copies, rest = divmod(len(step.losses), len(batch.groups))
    if rest:
        raise UsageError(f"{owner} got {len(step.losses)} losses of {len(batch.groups)} examples, so their groups are unknown.")
    return batch.groups.repeat(copies)
