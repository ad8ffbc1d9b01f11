"""The threat that nothing is trained on: what robustness against the known one is worth elsewhere, epoch by epoch."""

from __future__ import annotations

import math

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

AUTO, NONE = "auto", "none"
_SHARE = 0.25


def unseen_threat(asked: str, known: Shift | None, examples: Examples) -> Shift | None:
    """The shift that is attacked under beside the known one; None for none.

    Args:
        asked: its spec; "none"; or "auto": for linf(eps) the l2 ball of eps sqrt(d) / 4, d the features of an input, for l2(eps) the linf
            ball of 4 eps / sqrt(d), so that 8/255 on CIFAR-10 stands beside 0.43; nothing for other shifts.
        known: the threat that is trained on.
        examples: that are attacked.

    Raises:
        UsageError: it is the known one.
    """
    from shiftproof.shifts import shifts

    if asked == NONE:
        return None
    if asked != AUTO:
        found = shifts.build(asked).within(examples.space)
        if found == known:
            raise must("unseen", "train", "be another shift than the threat", asked, "Try l2(eps=1) beside linf(eps=0.2).")
        return found
    side = math.sqrt(examples.x[:1].numel())
    if isinstance(known, Linf):
        return L2(float(f"{_SHARE * known.eps * side:.3g}")).within(examples.space)
    if isinstance(known, L2):
        half = Linf(1e-9).within(examples.space).largest() / 2  # of the box's side
        return Linf(float(f"{min(known.eps / (_SHARE * side), half):.3g}")).within(examples.space)
    return None
