"""Free adversarial training: each backward pass moves the weights and the inputs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.shifts.abstract import Differentiable, Shift
from shiftproof.training.methods.abstract import Batch, Method, Step, plain_step


@dataclass(frozen=True)
class Free(Method):
    """Every batch is shown `replays` times; the move d steps by one radius along the gradient that trains the weights, and is kept.

    d <- project(d + eps sign(gradient of the loss at x + d)) for linf, the steepest step of its own norm elsewhere; the next batch begins
    where this one's d ended.

    Args:
        shift: the spec of a norm ball, or another shift whose moves are of the inputs' shape.
        times: how often a batch is shown, at least 1; 8 is the paper's for CIFAR-10. Divide the epochs by it.

    Guarantees:
        Moves stay in the shift. The network is in training mode when the move is updated.
    Cost: 1 forward and 1 backward per example and replay, so `times` of each a batch.

    Reference: Shafahi et al. 2019, "Adversarial training for free!".
    """

    name: ClassVar[str] = "free_adversarial"
    references: ClassVar[tuple[str, ...]] = ("shafahi2019adversarial",)

    shift: str
    times: int = 8

    def __post_init__(self) -> None:
        if isinstance(self.shift, Shift):
            object.__setattr__(self, "shift", self.shift.full_spec())
        super().__post_init__()

    def check(self) -> None:
        self._shift()
        if self.times < 1:
            raise must("times", self.name, "be at least 1", self.times)

    @property
    def replays(self) -> int:
        return self.times

    def _shift(self) -> Differentiable:
        from shiftproof.shifts import shifts
        from shiftproof.shifts.norms.ball import Ball

        shift = shifts.build(self.shift)
        if not isinstance(shift, Ball):
            raise UsageError(f"{self.name} carries one move from batch to batch, so its shift must be a norm ball, got {shift.name}.")
        return shift

    def threat(self, space: InputSpace) -> Shift:
        return self._shift().within(space)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        return CarriedMoves()

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        assert isinstance(memory, CarriedMoves)
        shift = self.threat(batch.space)
        with torch.no_grad():
            moved: Tensor = shift.apply(batch.x, shift.project(batch.x, memory.moves(batch.x)))
            return moved.requires_grad_()

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        return plain_step(net, x, batch.y)

    def learned(self, step: Step, batch: Batch, memory: nn.Module) -> None:
        assert isinstance(memory, CarriedMoves)
        assert step.x.grad is not None
        shift = self._shift().within(batch.space)
        assert isinstance(shift, Differentiable)
        before = shift.project(batch.x, memory.moves(batch.x))
        memory.move = shift.project(batch.x, shift.ascend(before, step.x.grad, 1.0)).detach()

    @classmethod
    def examples_for_check(cls) -> list[Free]:
        """One as people use it."""
        return [cls(shift="linf(eps=0.1)", times=2)]


class CarriedMoves(nn.Module):
    """The move that goes from batch to batch."""

    move: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("move", torch.zeros(0))

    def moves(self, x: Tensor) -> Tensor:
        """The move of each row of x; none at the first batch."""
        return self.move if self.move.shape == x.shape else torch.zeros_like(x)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: object) -> None:
        self.move = state_dict[prefix + "move"].to(self.move.device)  # of the batch's shape, which is not known before
        super()._load_from_state_dict(state_dict, prefix, *rest)
