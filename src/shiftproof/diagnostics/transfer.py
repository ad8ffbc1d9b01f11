"""Do moves found on other models break what a search on the model itself does not?"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from shiftproof.diagnostics.attack_effort import USUAL
from shiftproof.diagnostics.check import Check, measured, not_run
from shiftproof.diagnostics.probed_model import ProbedModel
from shiftproof.door import confront, read
from shiftproof.models.abstract import Gradients
from shiftproof.models.query_count import count_asked
from shiftproof.searches import GradientAscent

_REFERENCE = "Papernot et al. 2017; Pintor et al. 2022"


def transfer(subject: ProbedModel, surrogates: Sequence[Gradients]) -> Check:
    """Share of examples that moves found on a surrogate break, and moves found on the model itself do not."""
    name = "transfer"
    if not surrogates:
        return not_run(name, "No surrogate was given: pass surrogates=[...], models of the same task.", reference=_REFERENCE)
    shift, x, y = subject.shift, subject.x, subject.examples.y.to(subject.model.device)
    broken = torch.zeros(len(x), dtype=torch.bool)
    for surrogate in surrogates:
        search = GradientAscent(steps=100, loss="margin", drop=False)
        finding = confront(surrogate, shift, search=search, examples=subject.examples, seed=subject.seed, batch_size=subject.batch_size)
        params = torch.from_numpy(finding.params).to(x)
        unmoved = torch.from_numpy(finding.outcome == "skipped")
        for rows in subject.batches():
            count_asked(len(x[rows]))
            moved = shift.apply(x[rows], shift.project(x[rows], params[rows].nan_to_num()))
            broken[rows] |= read(subject.model, moved, y[rows]).broken.cpu() & ~unmoved[rows]
    only = broken.numpy() & ~(subject.broken(USUAL) if subject.usable((USUAL,)) else subject.broken(subject.black_box))
    detail = f"Share of examples broken by moves found on {', '.join(s.name for s in surrogates)}, but not by {USUAL} on the model."
    return measured(name, float(only.mean()), subject.gap(name), detail, search=subject.black_box, reference=_REFERENCE)
