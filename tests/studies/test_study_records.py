"""The stored verdicts of studies are those of the studies as they stand, drawn anew from the stored figures of every seed."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from repository import ROOT
from shiftproof.records.study import StudyRecord
from shiftproof.studies import Prediction, read_studies, studies
from shiftproof.studies.build_record import rebuild_record
from shiftproof.studies.quantity import RANGES

RECORDS = {record.study: record for record in read_studies(ROOT / "benchmarks" / "results" / "0.1.0" / "studies")}
PREDICTIONS = [(name, said) for name in studies.names() for said in studies.get(name).predictions]


def test_every_study_has_been_run_in_full() -> None:
    assert sorted(RECORDS) == sorted(studies.names())
    assert {record.form for record in RECORDS.values()} == {"full"}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_says_what_its_study_says_and_its_verdict_follows_from_its_figures(record: StudyRecord) -> None:
    assert rebuild_record(record, studies.build(record.study)) == record
    assert set(record.data) == set(studies.get(record.study).needs)
    assert set(record.nets) == set(studies.get(record.study).nets)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_says_with_which_code_it_was_measured_or_that_this_is_not_known(record: StudyRecord) -> None:
    assert record.planned is not None
    assert ("code not recorded" in record.marks) == any(trial.code is None for trial in record.trials)
    assert ("extended" in record.marks) == (len(record.trials) > record.planned) == (record.extensions > 0)
    assert "uncommitted code" not in record.marks
    seen = {seed for look in record.looks for seed in look.seeds}
    assert all(trial.code is None or trial.seed not in seen for trial in record.trials)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_ends_of_intervals_are_possible_values(record: StudyRecord) -> None:
    for each in (*record.predictions, *record.figures):
        least, most = RANGES[each.unit]
        assert least <= each.interval[0] <= each.value <= each.interval[1] <= most, each.quantity


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_command_names_files_as_anybody_may_have_them(record: StudyRecord) -> None:
    words = record.provenance.command
    assert words[:4] in ([], ["shiftproof", "study", "run", record.study])
    assert not [word for word in words if PurePosixPath(word.rpartition(":")[2]).is_absolute() or "=/" in word]


@pytest.mark.parametrize(("study", "said"), PREDICTIONS, ids=[f"{name}-{said.quantity}" for name, said in PREDICTIONS])
def test_a_prediction_of_nothing_leaves_room_for_next_to_nothing(study: str, said: Prediction) -> None:
    if "nothing" in said.says:
        assert min(abs(said.low), abs(said.high)) <= 0.01, study
    if said.paper is not None:
        assert said.low <= said.paper <= said.high, "the paper's own figure would not agree with the claim"
