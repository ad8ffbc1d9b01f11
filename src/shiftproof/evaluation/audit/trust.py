"""Whether the model's confidence can be trusted on the samples of an audit: from the stored answers, without asking it again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.evaluation.audit.set_measures import ToldPool, calibration_answers
from shiftproof.evaluation.config import AuditConfig
from shiftproof.evaluation.trust.ask import ModelOutputs
from shiftproof.evaluation.trust.promises import Promises, Wanted, calibration_card
from shiftproof.evaluation.trust.rows import RowKind, make_row
from shiftproof.evaluation.trust.samples import CLEAN
from shiftproof.measures import Answered
from shiftproof.outcomes import Bound
from shiftproof.records.trust_row import TrustRow, TrustSection
from shiftproof.runs.store import Store


def trust_of(config: AuditConfig, plan: AuditPlan, store: Store, told: Sequence[ToldPool]) -> TrustSection | None:
    """The rows of the samples as they are and after one chance draw; None without calibration examples, or for a model without scores."""
    calibrated_on, own = plan.calibrated_on, calibration_answers(plan, store)
    if calibrated_on is None:
        return None
    clean = next((each for each in told if each.pool.shift.name == "identity" and each.pool.source is plan.data), None)
    if own is None or clean is None:
        error = next((why for cell in plan.calibrating if not store.has(cell) and (why := store.error(cell))), None)
        return TrustSection(state="failed" if error else "missing", error=error)
    calibrating, test = _outputs(own), _outputs(clean.answered)
    if calibrating is None or test is None:
        return TrustSection(state="failed", error="The model's scores are NaN or infinite for some calibration or test examples.")
    promises = Promises.make(Wanted(level=config.confidence, seed=config.seed), calibrating, test)
    return TrustSection(
        state="done",
        calibration=calibration_card(promises, calibrated_on.source.uri, calibrated_on.left_out),
        rows=_rows(plan, [clean, *(each for each in told if each is not clean)], test, promises),
    )


def _rows(plan: AuditPlan, told: Sequence[ToldPool], clean: ModelOutputs, promises: Promises) -> list[TrustRow]:
    found: list[TrustRow] = []
    for each in told:
        p, outputs = each.pool, _outputs(each.answered)
        if p.table.bound is not Bound.ESTIMATE or outputs is None or len(p.rows) < p.total:
            continue  # what an attack found says nothing about how often confidence misleads; nor do scores that are NaN
        sample = CLEAN if p.source is plan.data else p.source.uri
        kind: RowKind = "clean" if (sample, p.shift.name) == (CLEAN, "identity") else "shifted"
        names = plan.data.class_names
        found.append(make_row(sample, p.shift.spec(), kind, outputs, clean, promises, names))
    return found


def _outputs(answered: Answered) -> ModelOutputs | None:
    """The scores as a trust report has them; None where they are not stored, or not all finite."""
    if answered.scores is None or not np.isfinite(answered.scores).all():
        return None
    return ModelOutputs(answered.scores, answered.y, dict(answered.groups))
