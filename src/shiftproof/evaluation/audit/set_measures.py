"""Measures of stored answers: from finished cells to what a record says of them, without asking the model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shiftproof.confidence.checked import Refused
from shiftproof.evaluation.audit.collect import group_namings
from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.evaluation.audit.planned_measures import known_classes
from shiftproof.evaluation.audit.pooled import PooledResults, pooled_results, same_examples
from shiftproof.measures import Answered, Measure
from shiftproof.measures.abstract import NOTHING, ClassMeasure
from shiftproof.measures.answered import Bools
from shiftproof.outcomes import Bound
from shiftproof.records.set_measure import SetMeasure
from shiftproof.risks.abstract import Measurement
from shiftproof.risks.paired import Difference
from shiftproof.runs.cell import Cell
from shiftproof.runs.score_rows import SCORES, label_rank
from shiftproof.runs.store import Store

OTHER_PURPOSE = "at moves found to break single answers, not for this measure"


@dataclass(frozen=True, eq=False)
class ToldPool:
    """All finished shards of one pair of shift and search, with the model's answers."""

    pool: PooledResults
    answered: Answered


def set_measures(plan: AuditPlan, told: Sequence[ToldPool], confidence: float) -> list[SetMeasure]:
    """Every measure of the plan, of every pool and of every group."""
    clean = {each.pool.source.uri: each for each in told if each.pool.shift.name == "identity"}
    own = clean.get(plan.data.uri)
    return [
        _with_family(number, each, m, rows, family * _classes(m, plan.measures))
        for each in told
        for rows, group, family in _groups(each)
        for m in (plan.measures if each is not own or group else dict.fromkeys((*plan.measures, *plan.own_measures)))
        if (number := _of(m, each, own, rows, group, confidence))
    ]


def _classes(measure: Measure, measures: Sequence[Measure]) -> int:
    """Of how many classes this very measure is reported; 1 where it is of none."""
    if not isinstance(measure, ClassMeasure) or not measure.class_:
        return 1
    return sum(isinstance(m, ClassMeasure) and bool(m.class_) and replace(m, class_=measure.class_) == measure for m in measures)


def _with_family(number: SetMeasure, told: ToldPool, measure: Measure, rows: Bools | None, family: int) -> SetMeasure:
    """With an interval that holds together with those of `family` groups and classes, on the sample as it is."""
    if family == 1 or number.value is None or told.pool.shift.name != "identity":
        return number
    answered = told.answered if rows is None else told.answered[rows]
    _, found = _tried(measure, answered, 1 - (1 - number.confidence) / family, told.pool.missing)
    return number.model_copy(update={"together": tuple(found.interval), "family": family})


def told_pools(plan: AuditPlan, store: Store, pools: Sequence[PooledResults]) -> list[ToldPool]:
    """The pools that a search or chance made of the measured model itself, with their answers; none where nothing is made of them."""
    if not plan.measures and not plan.calibrating:
        pools = [p for p in pools if plan.own_measures and p.shift.name == "identity" and p.source is plan.data]
    cells = _by_group([*plan.cells, *plan.calibrating])
    names = known_classes((plan.data, *plan.natural))
    told = [ToldPool(p, _answered(p, cells, store, names)) for p in pools if p.subject is None and p.table.bound is not Bound.AT_LEAST]
    calibration = calibration_answers(plan, store)
    if calibration is None:
        return told
    clean = next((each.answered for each in told if each.pool.shift.name == "identity" and each.pool.source is plan.data), None)
    why = "" if clean is None else _uncalibrated(calibration, clean)
    return [replace(each, answered=replace(each.answered, calibration=calibration, uncalibrated=why)) for each in told]


def calibration_answers(plan: AuditPlan, store: Store) -> Answered | None:
    """The answers to the calibration examples; None where there are none, or they are not all stored yet."""
    if not plan.calibrating or not all(store.has(cell) for cell in plan.calibrating):
        return None
    (pool,) = pooled_results(store, plan.calibrating, plan.sources)
    return _answered(pool, _by_group(plan.calibrating), store, known_classes((plan.data, *plan.natural)))


def _uncalibrated(calibration: Answered, clean: Answered) -> str:
    if calibration.scores is None or clean.scores is None:
        return "the scores of all classes are not stored"
    if not (np.isfinite(calibration.scores).all() and np.isfinite(clean.scores).all()):
        return "the model's scores are NaN or infinite for some calibration or test examples"
    from shiftproof.confidence.exchangeable import exchangeability  # late, as few audits ask for it
    from shiftproof.evaluation.trust.promises import unfit

    alike = exchangeability(calibration.scores, calibration.y, clean.scores, clean.y)
    return unfit(alike, calibration.y)


def _answered(p: PooledResults, cells: Mapping[str, Sequence[Cell]], store: Store, names: tuple[str, ...]) -> Answered:
    columns = p.table.columns
    y = columns["label"].astype(np.int64)
    groups = {column: values[p.rows] for column, values in p.source.groups.items()}
    right = p.correct > 0
    if p.key not in cells:  # several searches together: which examples withstand them all is known, what was said is not
        return Answered(y, right, names, groups=groups)
    parts = [store.score_columns(cell) for cell in cells[p.key] if store.has(cell)]
    scored = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    scores = scored.get(SCORES)
    most = names if scores is None else (*names, *(str(label) for label in range(len(names), scores.shape[1])))
    said = columns["prediction"].astype(np.int64)
    return Answered(y, right, most, said, None if scores is None else scores.astype(np.float64), label_rank(scored, y), groups)


def _groups(told: ToldPool) -> Iterator[tuple[Bools | None, str | None, int]]:
    """Everyone, then each group by all columns crossed and by each column alone, with how many there are."""
    yield None, None, 1
    if told.pool.source.groups:
        for names in group_namings(told.pool.source):
            own = names[told.pool.rows]
            different = np.unique(own)
            yield from ((own == group, str(group), len(different)) for group in different)


def _of(
    measure: Measure, told: ToldPool, own: ToldPool | None, rows: Bools | None, group: str | None, confidence: float
) -> SetMeasure | None:
    """One number; None where it cannot be had of several searches together."""
    p = told.pool
    if told.answered.said is None and measure.needs != "right":
        return None
    answered = told.answered if rows is None else told.answered[rows]
    worst = p.table.bound is Bound.AT_MOST and measure.worst_case
    partial = [f"unfinished: {len(p.rows)} of {p.total} examples"] if len(p.rows) < p.total else []
    purpose = [OTHER_PURPOSE] if p.table.bound is Bound.AT_MOST and not worst else []
    refused, found = _tried(measure, answered, confidence, p.missing)
    unmoved = told is own or own is None
    paired = not unmoved and own is not None and same_examples(own.pool, p)
    change = None
    if not unmoved and own is not None and not refused and (rows is None or paired):
        change = _changed(measure, own.answered if rows is None else own.answered[rows], answered, paired, confidence)
    return SetMeasure(
        cell=p.key,
        data=p.source.uri,
        shift=p.shift.spec(),
        search=p.method,
        measure=measure.spec(),
        label=measure.label,
        group=group,
        range=measure.range,
        value=None if refused else found.value,
        kind="at_most" if worst else "estimate",
        searched=p.table.bound is Bound.AT_MOST,
        interval=None if refused else found.interval,
        confidence=confidence,
        n=found.n,
        change=change.value if change else None,
        change_interval=change.interval if change else None,
        paired=paired,
        refused=refused or None,
        notes=[*found.notes, *purpose, *partial],
    )


def _tried(measure: Measure, answered: Answered, confidence: float, missing: int) -> tuple[str, Measurement]:
    """Why there is no number, or "", and the number."""
    nothing = Measurement(math.nan, NOTHING, 0)
    if missing:
        return f"no answer came to {missing} examples, which it needs. Run again to ask them", nothing
    try:
        found = measure.measure(answered, confidence=confidence)
    except Refused as refusal:
        return str(refusal), nothing
    if math.isnan(found.value):
        return "; ".join(found.notes) or "there are no examples that it could be made of", Measurement(math.nan, found.interval, 0)
    return "", found


def _changed(measure: Measure, clean: Answered, moved: Answered, paired: bool, confidence: float) -> Difference | None:
    try:
        found = measure.change(clean, moved, paired=paired, confidence=confidence)
    except Refused:
        return None
    return None if math.isnan(found.value) else found


def _by_group(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    by_group: dict[str, list[Cell]] = {}
    for cell in cells:
        by_group.setdefault(cell.group, []).append(cell)
    return by_group
