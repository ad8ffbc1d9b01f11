"""The options of a training that every method shares: length, step sizes and seed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn

from shiftproof._errors import must, unknown
from shiftproof._part import Value
from shiftproof.training.optimise import SCHEDULES, WeightAverage, make_optimiser
from shiftproof.training.unseen_threat import AUTO

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """The options of `shiftproof.train` that are not the method's.

    Args:
        epochs: passes over the training examples, at least 1.
        batch_size: examples a step, at least 1; what is left over at the end of an epoch waits for the next shuffle.
        optimiser: sgd, adam or adamw with torch's options.
        schedule: of the learning rate: "constant", "cosine", "cyclic" or "steps".
        average: of the weights: "none", "ema(decay=0.999)" or "swa(start=0.75)".
        clip: largest norm of the gradient, 0 for any.
        precision: "float32", or "bfloat16" for what torch's autocast computes in it.
        held_out: the share of the examples that is never trained on and chooses the checkpoint, in (0, 0.5]; 1,000 of them at most.
        search: of the attack on them.
        threat: the shift that they are attacked under; the method's own where empty.
        unseen: another shift that they are attacked under, which chooses nothing: its spec, "none", or "auto" for a ball of the other norm
            where the threat is linf or l2 (`unseen_threat`).
        seed: the whole source of chance.
    """

    epochs: int = 10
    batch_size: int = 128
    optimiser: str = "sgd(lr=0.1, momentum=0.9, weight_decay=5e-4)"
    schedule: str = "cyclic"
    average: str = "none"
    clip: float = 0.0
    precision: str = "float32"
    held_out: float = 0.1
    search: str = "gradient_ascent(steps=20, loss=margin)"
    threat: str = ""
    unseen: str = AUTO
    seed: int = 0

    def __post_init__(self) -> None:
        for option, value in (("epochs", self.epochs), ("batch_size", self.batch_size)):
            if value < 1:
                raise must(option, "train", "be at least 1", value)
        if not 0 < self.held_out <= 0.5:
            raise must("held_out", "train", "be in (0, 0.5]", self.held_out, "It selects the checkpoint.")
        if not 0 <= self.clip < math.inf:
            raise must("clip", "train", "be in [0, inf)", self.clip, "0 disables clipping.")
        if self.precision not in PRECISIONS:
            raise must("precision", "train", f"be one of {', '.join(PRECISIONS)}", self.precision)
        if self.schedule not in SCHEDULES:
            raise unknown("schedule", self.schedule, SCHEDULES)
        make_optimiser(self.optimiser, [nn.Parameter(torch.zeros(1))])
        WeightAverage(self.average, nn.Module())

    def options(self) -> dict[str, Value]:
        """Every option with its value."""
        return asdict(self)

    def computing(self, device: torch.device) -> torch.autocast:
        """The context that a step is computed in."""
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16")
