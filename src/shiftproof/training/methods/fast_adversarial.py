"""Fast adversarial training: one step from a random start, monitored for catastrophic overfitting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.training.pieces.moved_inputs import MovedInputs


@dataclass(frozen=True)
class Fast(MovedInputs):
    """Adversarial training by one step: p is 1.25 radii along the gradient's sign from a random draw, put back into the shift.

    min_f E cross_entropy(f(apply(x, p)), y).

    Args:
        shift: the spec of the moves defended against.
        search: the spec of the search: one step of 1.25 radii, the paper's.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.

    Guarantees:
        None by itself: a network may learn to fool one step, within an epoch (catastrophic overfitting). `shiftproof.train` attacks
        held-out examples by more steps after each epoch, stops where they collapse, and keeps the best epoch before.
    Cost: 2 forwards and 2 backwards per example.

    Reference: Wong, Rice & Kolter 2020, "Fast is better than free: revisiting adversarial training".
    """

    name: ClassVar[str] = "fast_adversarial"
    aliases: ClassVar[tuple[str, ...]] = ("fgsm_at",)
    references: ClassVar[tuple[str, ...]] = ("wong2020fast",)

    search: str = "single_step(step_size=1.25, random_start=True)"
