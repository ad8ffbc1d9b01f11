"""The stored verdicts of studies are those of the studies as they stand, drawn anew from the stored figures of every seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from shiftproof.studies import Quantity, StudyRecord, read_studies, studies
from shiftproof.studies.verdict import judge, overall

RECORDS = {record.study: record for record in read_studies(Path(__file__).parents[2] / "benchmarks" / "results" / "0.1.0" / "studies")}


def test_every_study_has_been_run_in_full() -> None:
    assert sorted(RECORDS) == sorted(studies.names())
    assert {record.form for record in RECORDS.values()} == {"full"}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_says_what_its_study_says(record: StudyRecord) -> None:
    study = studies.get(record.study)
    assert record.claim == study.claim
    assert record.figure == study.figure
    assert record.protocol == study.protocol
    assert record.scaled_down == study.scaled_down
    assert set(record.data) == set(study.needs)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_verdict_follows_from_the_figures_of_its_seeds(record: StudyRecord) -> None:
    trials = [{name: Quantity(q.value, q.error, q.unit) for name, q in trial.quantities.items()} for trial in record.trials]
    judged = judge(studies.get(record.study).predictions, trials, confidence=record.provenance.confidence)
    assert [each.verdict for each in judged] == [said.verdict for said in record.predictions]
    assert overall([each.verdict for each in judged]) == record.verdict
    for each, said in zip(judged, record.predictions, strict=True):
        assert said.interval == pytest.approx(each.interval)
