"""Adversarial training: the loss at the worst move that a search finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.training.pieces.moved_inputs import MovedInputs


@dataclass(frozen=True)
class Adversarial(MovedInputs):
    """Adversarial training: min_f E max_{p in shift} cross_entropy(f(apply(x, p)), y), the inner maximum as found by the search.

    Args:
        shift: the spec of the moves defended against, such as linf(eps=0.3).
        search: the spec of the search; gradient_ascent with 10 steps by default. Its last step counts, broken or not.
        ramp: the share of training over which the shift's strength grows from 0 to its own; 0 for none.

    Guarantees:
        Moves stay in the shift. The inner search sees the network in evaluation mode, so it neither reads nor changes batch statistics.
        What it defends against is that search: robustness is what a stronger one finds afterwards.
    Cost: steps + 1 forwards and backwards per example with gradient_ascent.

    Reference: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks".
    """

    name: ClassVar[str] = "adversarial"
    aliases: ClassVar[tuple[str, ...]] = ("pgd_at",)
    references: ClassVar[tuple[str, ...]] = ("madry2018towards",)
