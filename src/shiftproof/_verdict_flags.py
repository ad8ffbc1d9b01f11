"""What a batch's verdicts come with: gradients that were no help, failures that were not found again, scores that are not finite."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from shiftproof.judges.abstract import Reading
from shiftproof.oracle import Cost
from shiftproof.outcomes import Flag
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.on import edited_rows, edits_in

ZERO_GRADIENT_SHARE = 0.05
"""From this share of examples with all-zero gradients on, a gradient search's verdict is flagged."""


def verdict_flags(cost: Cost, rows: Tensor, after: Reading) -> tuple[Flag, ...]:
    """The flags of a search that spent `cost`, over the examples `rows` that it moved."""
    flags: list[Flag] = []
    spoiled = float((cost.spoiled[rows] > 0).double().mean()) if len(rows) else 0.0
    if spoiled:
        detail = (
            "Gradients had entries that were NaN or infinite; they counted as 0, and a gradient search may be blind there. Use square too."
        )
        flags.append(Flag("nonfinite_gradients", detail, spoiled))
    blind = (cost.backwards > 0) & (cost.sighted == 0)
    zero = float(blind[rows].double().mean()) if len(rows) else 0.0
    if zero >= ZERO_GRADIENT_SHARE:
        flags.append(
            Flag("zero_gradients", "The loss gradient was zero at every step; a gradient search is blind there. Use best_of_n too.", zero)
        )
    lost = (cost.seen_broken[rows] > 0) & ~after.broken.cpu()
    if bool(lost.any()):
        share = float(lost.double().mean())
        flags.append(
            Flag("unreproduced", "The model was wrong while searched and right when scored again: it is random or unstable.", share)
        )
    if not bool(after.finite.all()):
        share = float((~after.finite).double().mean())
        flags.append(Flag("nonfinite_scores", "The model gave NaN or infinite scores on moved inputs; they count as broken.", share))
    return tuple(flags)


def unmoved_flags(shift: Shift, x: Any) -> tuple[Flag, ...]:
    """Says how many inputs have nothing that a shift by edits can change."""
    edits = edits_in(shift)
    if edits is None or not len(x):
        return ()
    still = [not edits.free(one) for one in edited_rows(shift, x)]
    if not any(still):
        return ()
    detail = "In these inputs there is nothing that this shift can edit: they stay as they are, and hold or fail as such."
    return (Flag("nothing_to_edit", detail, sum(still) / len(still)),)
