"""Training on corrupted images: a random corruption for each example."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.shifts.abstract import Shift
from shiftproof.training.methods.abstract import Batch, Method, Step, plain_step


@dataclass(frozen=True)
class CorruptionAugmentation(Method):
    """Training on corrupted images: min_f E cross_entropy(f(x'), y).

    x' is x by a chance of 1 - share, else x under one of the corruptions, drawn evenly.

    Args:
        corruptions: specs of shifts, joined by semicolons: "gaussian_noise(severity=3); fog(severity=2)". Any shift will do.
        share: of the examples that are moved, in (0, 1].

    Guarantees:
        Moves are the random draws of these shifts. Measured on the same corruptions afterwards, nothing is shifted: hold some out.
    Cost: 1 forward and 1 backward per example, and the corruptions.

    Reference: Geirhos et al. 2018, "Generalisation in humans and deep neural networks"; Rusak et al. 2020, "A simple way to make neural
    networks robust against diverse image corruptions".
    """

    name: ClassVar[str] = "corruption_augmentation"
    references: ClassVar[tuple[str, ...]] = ("geirhos2018generalisation", "rusak2020simple")

    corruptions: str
    share: float = 0.5

    def check(self) -> None:
        if not 0 < self.share <= 1:
            raise must("share", self.name, "be in (0, 1]", self.share)
        if not self._shifts:
            raise must("corruptions", self.name, "name at least one shift, such as 'fog(severity=3)'", self.corruptions)

    @cached_property
    def _shifts(self) -> tuple[Shift, ...]:
        from shiftproof.shifts import shifts

        return tuple(shifts.build(spec.strip()) for spec in self.corruptions.split(";") if spec.strip())

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        for shift in self._shifts:
            shift.within(examples.space)
        return nn.Module()

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        drawn = batch.rng.child("which").uniform(2).to(batch.x.device)
        which = (drawn[:, 1] * len(self._shifts)).long().where(drawn[:, 0] < self.share, -1)
        moved = batch.x.clone()
        for number, shift in enumerate(self._shifts):
            rows = (which == number).nonzero()[:, 0]
            if len(rows):
                placed, x = shift.within(batch.space), batch.x[rows]
                moved[rows] = placed.apply(x, placed.sample(x, batch.rng[rows.cpu().numpy()].child("move"))).to(moved)
        return moved

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        return plain_step(net, x, batch.y)

    @classmethod
    def examples_for_check(cls) -> list[CorruptionAugmentation]:
        """Two corruptions."""
        return [cls(corruptions="gaussian_noise(severity=3); contrast(severity=2)")]
