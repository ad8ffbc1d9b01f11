"""What the certificates of a run proved, radius by radius."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shiftproof import outcomes
from shiftproof.certificates.abstract import Certificate
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.certificates.smoothing.smoothing_certificate import SmoothingCertificate
from shiftproof.data.source import Source
from shiftproof.evaluation.audit.collect import strength_of
from shiftproof.evaluation.audit.pooled import join_tables
from shiftproof.records.audit import ProvenCurve
from shiftproof.records.smoothed import SmoothedEnd
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.runs.cell import Cell
from shiftproof.runs.store import Store

MOST_RADII = 100
"""Radii that a record holds; every example's own is in the cell's file."""


def proven_curve(group: Sequence[Cell], store: Store, data: Source, confidence: float, cells: Sequence[Cell]) -> ProvenCurve | None:
    """Certified accuracy against the radius, from the finished cells of one certificate and shift; None where there is none.

    Beside it what an attack left of the same smoothed model, where one of `cells` is such an attack.
    """
    first = group[0]
    done = [cell for cell in group if store.finished(cell)]
    if not isinstance(first.method, Certificate) or not done:
        return None
    columns = join_tables([store.read(cell) for cell in done]).columns
    name, strength = strength_of(first.shift)
    proven = np.nan_to_num(columns["radius"], nan=0.0)
    n = len(proven)
    finite = np.unique(proven[(proven > 0) & np.isfinite(proven)])
    kept = finite[np.unique(np.linspace(0, len(finite) - 1, MOST_RADII).round().astype(int))] if len(finite) else finite
    right = (proven[None, :] >= kept[:, None] * (1 - 1e-12)).sum(1)
    band = clopper_pearson(right, np.full(len(kept), n), confidence=confidence)
    wrong = columns["outcome"] == outcomes.SKIPPED
    spent = columns["forwards"]
    return ProvenCurve(
        cell=first.group,
        data=data.uri,
        family=first.shift.name,
        strength_name=name or "strength",
        strength=strength or 0.0,
        certificate=first.method.spec(),
        subject=first.method.subject,
        n=n,
        radius=kept.tolist(),
        accuracy=(right / max(n, 1)).tolist(),
        low=band.low.tolist(),
        high=band.high.tolist(),
        confidence=confidence,
        average_radius=float(proven[np.isfinite(proven)].sum() / max(n, 1)),
        abstained=int(((proven == 0) & ~wrong).sum()),
        wrong=int(wrong.sum()),
        forwards={"mean": float(spent.mean()), **{f"{q:g}": float(np.quantile(spent, q)) for q in (0.5, 0.9, 1.0)}},
        chance=1 - first.method.confidence,
        attack=_smoothed_attack(first, store, confidence, cells),
    )


def _smoothed_attack(proof: Cell, store: Store, confidence: float, cells: Sequence[Cell]) -> SmoothedEnd | None:
    """What an attack left of the model that this proof is about."""
    if not isinstance(proof.method, SmoothingCertificate):
        return None
    attack = SmoothedAttack.on(proof.method)
    done = [cell for cell in cells if (cell.method, cell.shift, cell.data) == (attack, proof.shift, proof.data) and store.finished(cell)]
    if not done:
        return None
    table = join_tables([store.read(cell) for cell in done])
    outcome = table.columns["outcome"]
    wrong, broken, abstained = (int((outcome == name).sum()) for name in (outcomes.SKIPPED, outcomes.BROKEN, outcomes.ABSTAINED))
    right = len(outcome) - wrong - broken
    ends = clopper_pearson(right, len(outcome), confidence=confidence)
    return SmoothedEnd(
        cell=done[0].group,
        attack=attack.spec(),
        n=len(outcome),
        accuracy=right / len(outcome),
        interval=(float(ends.low), float(ends.high)),
        wrong=wrong,
        broken=broken,
        abstained=abstained,
        chance=attack.alpha,
    )
