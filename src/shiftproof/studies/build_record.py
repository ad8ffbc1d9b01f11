"""From the trials of a study to its record; and from a stored record to the one that today's predictions and rule make of its figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from shiftproof._errors import UsageError
from shiftproof._references import bibtex
from shiftproof.records.audit import Provenance
from shiftproof.records.study import FigureRecord, Form, LookRecord, Mark, PredictionRecord, StudyRecord, TrialRecord, Unit
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.quantity import Quantity, over_seeds
from shiftproof.studies.verdict import Judged, judge, overall, spent


@dataclass(frozen=True)
class StudyTrials:
    """Trials, how many were planned and added, what was seen before and given to them, and the confidence of the verdict."""

    trials: tuple[TrialRecord, ...]
    planned: int
    extensions: int
    looks: tuple[EarlierLook, ...]
    confidence: float
    notes: tuple[str, ...] = ()
    nets: dict[str, str] = field(default_factory=dict[str, str])


def build_record(study: Study, form: Form, data: dict[str, str], drawn: StudyTrials, made: Provenance) -> StudyRecord:
    """The record of a study, with the verdict that its figures give."""
    found = [{name: Quantity(each.value, each.error, each.unit) for name, each in trial.quantities.items()} for trial in drawn.trials]
    judged = judge(study.predictions, found, confidence=drawn.confidence, extensions=drawn.extensions)
    alone = 1 - spent(drawn.confidence, drawn.extensions)
    return StudyRecord(
        study=study.spec(),
        form=form,
        claim=study.claim,
        paper=study.paper,
        figure=study.figure,
        protocol=study.protocol,
        scaled_down=study.scaled_down,
        references=tuple(bibtex(reference) or reference for reference in study.references),
        data=data,
        nets=drawn.nets,
        verdict=overall([each.verdict for each in judged]),
        marks=_marks(drawn),
        planned=drawn.planned,
        extensions=drawn.extensions,
        looks=tuple(LookRecord(what=look.what, seeds=look.seeds, changed=look.changed) for look in drawn.looks),
        notes=drawn.notes,
        predictions=tuple(_predicted(each, found[0][each.prediction.quantity].unit) for each in judged),
        figures=tuple(
            FigureRecord(
                quantity=name,
                value=float(np.mean([trial[name].value for trial in found])),
                interval=over_seeds([trial[name] for trial in found], confidence=alone),
                unit=first.unit,
            )
            for name, first in found[0].items()
        ),
        trials=drawn.trials,
        provenance=made,
    )


def rebuild_record(record: StudyRecord, study: Study) -> StudyRecord:
    """A stored record with the verdict that the study's predictions and the rule, as they stand, draw from its stored figures.

    A prediction whose range is another than the record's was changed after its figures were seen: that is a look, and marks the verdict.
    A record that says of its seeds only how many they were is taken as one of a plan for so many.

    Raises:
        UsageError: the record was measured by another protocol than the study now has.
    """
    if record.protocol != study.protocol:
        raise UsageError(f"The record of '{record.study}' was measured by another protocol than the study has now. Run the study again.")
    looks = tuple(EarlierLook(look.what, look.seeds, look.changed) for look in record.looks)
    changed = _changed(record.predictions, study.predictions)
    if changed:
        looks += (EarlierLook(f"The figures of this record were seen before {'; '.join(changed)}.", tuple(t.seed for t in record.trials)),)
    planned = record.planned or len(record.trials)
    drawn = StudyTrials(record.trials, planned, record.extensions, looks, record.provenance.confidence, record.notes, record.nets)
    return build_record(study, record.form, record.data, drawn, record.provenance)


def _changed(before: Sequence[PredictionRecord], now: Sequence[Prediction]) -> list[str]:
    """What is said otherwise by the predictions now than before, in words."""
    was = {each.quantity: (each.low, each.high) for each in before}
    here = {each.quantity: (_finite(each.low), _finite(each.high)) for each in now}
    return [
        f"the range of '{name}' was changed from {_span(was.get(name))} to {_span(here.get(name))}"
        for name in dict.fromkeys([*was, *here])
        if was.get(name) != here.get(name)
    ]


def _span(span: tuple[float | None, float | None] | None) -> str:
    if span is None:
        return "none"
    low, high = ("any" if end is None else f"{end:g}" for end in span)
    return f"[{low}, {high}]"


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _marks(drawn: StudyTrials) -> tuple[Mark, ...]:
    held: dict[Mark, bool] = {
        "extended": drawn.extensions > 0,
        "changed after a look": any(look.changed for look in drawn.looks),
        "looked at before": any(not look.changed for look in drawn.looks),
        "uncommitted code": any(trial.dirty for trial in drawn.trials),
        "code not recorded": any(trial.code is None for trial in drawn.trials),
    }
    return tuple(mark for mark, holds in held.items() if holds)


def _predicted(judged: Judged, unit: Unit) -> PredictionRecord:
    said = judged.prediction
    return PredictionRecord(
        quantity=said.quantity,
        says=said.says,
        low=_finite(said.low),
        high=_finite(said.high),
        paper=said.paper,
        unit=unit,
        value=judged.value,
        interval=judged.interval,
        verdict=judged.verdict,
    )
