"""What a trial was measured with is kept with it, and what was seen before is a mark on the verdict: code, seeds, extensions, looks."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from repository import ROOT
from shiftproof import UsageError
from shiftproof.records.study import StudyRecord, TrialRecord, Unit
from shiftproof.reports.studies import studies_page, terminal_studies
from shiftproof.studies import EarlierLook, Prediction, Quantity, Study, Trial, read_studies, run_study
from shiftproof.studies.build_record import rebuild_record
from shiftproof.studies.code_digest import code_of
from shiftproof.studies.quantity import over_seeds
from shiftproof.studies.trial import unused
from small_runs import command

SOURCE = '''"""A study."""
from dataclasses import dataclass
from typing import ClassVar

import beside_a_study
from shiftproof.studies import EarlierLook, Prediction, Quantity, Study


@dataclass(frozen=True)
class Tosses(Study):
    """Throws."""

    name: ClassVar[str] = "tosses"
    claim: ClassVar[str] = "Coins fall on heads."
    paper: ClassVar[str] = "Nobody"
    figure: ClassVar[str] = "None."
    predictions: ClassVar = (Prediction("heads", "more heads than tails", low=0.5),)
    protocol: ClassVar[str] = "Throw them."
    scaled_down: ClassVar[str] = "Nothing."

    def measure(self, trial):
        """Throws."""
        return {"heads": Quantity(float(trial.numbers("throws").normal(beside_a_study.BIAS, 0.02)), unit="share")}
'''
HELPER = "BIAS = 0.7\n"
Make = Callable[..., Study]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Writes the study and the module that it uses with some words replaced, and gives the study as a new process would import it."""
    home = tmp_path / "sources"
    home.mkdir()
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def made(*changes: tuple[str, str]) -> Study:
        texts = {"a_study_of_tosses": SOURCE, "beside_a_study": HELPER}
        for old, new in changes:
            assert any(old in text for text in texts.values())
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        for name, text in texts.items():
            (home / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        study: Study = importlib.import_module("a_study_of_tosses").Tosses()
        return study

    yield made
    for name in ("a_study_of_tosses", "beside_a_study"):
        sys.modules.pop(name, None)


COMPUTES = {
    "what is measured": ('numbers("throws")', 'numbers("other throws")'),
    "a number in it": ("0.02", "0.03"),
    "a module beside it": ("BIAS = 0.7", "BIAS = 0.8"),
    "a range": ("low=0.5", "low=0.6"),
    "the claim": ("Coins fall on heads.", "Coins fall on tails."),
    "how many seeds": ('name: ClassVar[str] = "tosses"', 'name: ClassVar[str] = "tosses"\n    seeds: ClassVar[int] = 4'),
}
DESCRIBES = {
    "a comment": ("BIAS = 0.7", "BIAS = 0.7  # of a coin"),
    "a docstring": ('"""Throws."""', '"""Throws a coin."""'),
    "layout": ('"more heads than tails", low', '"more heads than tails",   low'),
    "how it is scaled down": ("Nothing.", "Everything."),
    "the protocol's words": ("Throw them.", "Throw each of them."),
}


@pytest.mark.parametrize("change", COMPUTES.values(), ids=COMPUTES)
def test_a_study_changed_after_its_figures_were_seen_is_measured_with_other_seeds_and_marked(
    change: tuple[str, str], make: Make, tmp_path: Path
) -> None:
    first = run_study(make(), out=tmp_path)
    assert [trial.seed for trial in first.trials] == [0, 1, 2]
    assert first.marks == ()
    second = run_study(make(change), out=tmp_path)
    assert [trial.seed for trial in second.trials] == [3, 4, 5]
    assert second.marks == ("changed after a look",)
    assert second.looks[0].seeds == (0, 1, 2)
    assert {trial.code for trial in second.trials}.isdisjoint(trial.code for trial in first.trials)
    assert read_studies(tmp_path) == [second]
    again = run_study(make(change), out=tmp_path)  # nothing is measured anew
    assert [trial.started for trial in again.trials] == [trial.started for trial in second.trials]
    assert run_study(make(change), out=tmp_path).marks == second.marks


@pytest.mark.parametrize("change", DESCRIBES.values(), ids=DESCRIBES)
def test_words_about_a_study_are_no_change_of_it(change: tuple[str, str], make: Make, tmp_path: Path) -> None:
    first = run_study(make(), out=tmp_path)
    second = run_study(make(change), out=tmp_path)
    assert second.trials == first.trials
    assert second.marks == ()


def test_one_finished_seed_is_a_look(make: Make, tmp_path: Path) -> None:
    run_study(make(), out=tmp_path)
    for path in (tmp_path / "tosses-quick").glob("seed-[12]-*.json"):
        path.unlink()
    (tmp_path / "tosses-quick" / "study.json").unlink()
    record = run_study(make(COMPUTES["a number in it"]), out=tmp_path)
    assert (record.marks, record.looks[0].seeds) == (("changed after a look",), (0,))
    assert [trial.seed for trial in record.trials] == [1, 2, 3]


def test_further_seeds_extend_by_whole_rounds_and_mark_the_verdict(make: Make, tmp_path: Path) -> None:
    planned = run_study(make(), out=tmp_path)
    extended = run_study(make(), out=tmp_path, extend=1)
    assert extended.trials[:3] == planned.trials
    assert (len(extended.trials), extended.planned, extended.extensions, extended.marks) == (6, 3, 1, ("extended",))
    assert extended.marked == "reproduced (extended)"
    back = run_study(make(), out=tmp_path)  # what was seen cannot be unseen
    assert (back.extensions, back.marks, back.trials) == (1, ("extended",), extended.trials)
    straight = run_study(make(), out=tmp_path / "straight", extend=1)
    assert [t.quantities for t in straight.trials] == [t.quantities for t in extended.trials]
    assert straight.predictions == extended.predictions  # whether or not the first verdict was asked for


def test_a_stated_look_moves_the_seeds_and_marks(make: Make, tmp_path: Path) -> None:
    elsewhere = ("name: ClassVar", 'looks: ClassVar = (EarlierLook("An example showed it.", changed=False),)\n    name: ClassVar')
    seen = ("name: ClassVar", 'looks: ClassVar = (EarlierLook("Seeds 0 and 1 ran with another net.", (0, 1)),)\n    name: ClassVar')
    record = run_study(make(elsewhere), out=tmp_path)
    assert (record.marks, [trial.seed for trial in record.trials]) == (("looked at before",), [0, 1, 2])
    record = run_study(make(seen), out=tmp_path / "seen")
    assert (record.marks, [trial.seed for trial in record.trials]) == (("changed after a look",), [2, 3, 4])
    text = studies_page([record.model_copy(update={"form": "full"})])
    assert "Seeds 0 and 1 ran with another net." in text
    assert f"{record.verdict} (changed after a look)" in text
    assert f"{record.verdict} (changed after a look)" in "".join(str(part) for part in terminal_studies([record]).renderables)
    with pytest.raises(UsageError, match="of a look must be words, and seeds of at least 0"):
        EarlierLook("", (0,))


def test_after_a_look_other_test_examples_are_used_while_there_are_any(tmp_path: Path) -> None:
    def ids(looks: int) -> set[str]:
        return {str(i) for i in Trial(True, 0, tmp_path, {}, lambda line: None, looks).task("mnist", test=60).test.ids}

    assert not ids(0) & ids(1)
    assert not ids(1) & ids(2)
    assert len(ids(1)) == 60
    rows = [set(unused(100, 30, look).tolist()) for look in range(5)]
    assert len(rows[0] | rows[1] | rows[2]) == 90  # three samples, and then there are none left
    assert rows[3] == rows[4] == rows[2]
    assert all(len(each) == 30 for each in rows)
    assert np.array_equal(unused(100, 30, 0), np.linspace(0, 99, 30).round())


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True, capture_output=True)


def test_commit_and_changes_are_those_of_the_study_and_kept_with_each_trial(make: Make, tmp_path: Path) -> None:
    study, home = make(), tmp_path / "sources"
    assert code_of(type(study)).commit is None  # nothing tracks it
    _git(home, "init")
    assert code_of(type(study)).commit is None
    _git(home, "add", ".")
    _git(home, "commit", "-m", "first")
    record = run_study(study, out=tmp_path / "clean")
    assert all(trial.commit and len(trial.commit) == 40 and trial.dirty is False for trial in record.trials)
    assert record.marks == ()
    changed = run_study(make(DESCRIBES["a comment"]), out=tmp_path / "dirty")
    assert all(trial.dirty for trial in changed.trials)
    assert changed.marks == ("uncommitted code",)
    assert {t.code for t in changed.trials} == {t.code for t in record.trials}
    assert "with uncommitted changes" in studies_page([changed])


def test_a_class_without_a_source_says_that_its_code_was_not_recorded(make: Make, tmp_path: Path) -> None:
    study = make()
    (tmp_path / "sources" / "a_study_of_tosses.py").unlink()
    record = run_study(study, out=tmp_path)
    assert record.marks == ("code not recorded",)
    assert "was not recorded" in studies_page([record])


def test_a_source_that_cannot_be_read_is_said(make: Make, tmp_path: Path) -> None:
    study = make()
    (tmp_path / "sources" / "a_study_of_tosses.py").write_text("def (")
    with pytest.raises(UsageError, match=r"The source '.*a_study_of_tosses\.py' of a study cannot be read"):
        run_study(study, out=tmp_path)


def test_records_of_before_are_read_and_counted_as_looks(make: Make, tmp_path: Path) -> None:
    record = run_study(make(), out=tmp_path)
    folder = tmp_path / "tosses-quick"
    for path in folder.glob("seed-*.json"):
        path.unlink()
    old = {"seed": 7, "quantities": {"heads": {"value": 0.7, "error": 0.0, "unit": "share"}}, "seconds": 1.0, "cpu_seconds": 1.0}
    (folder / "seed-7.json").write_text(TrialRecord.model_validate(old).model_dump_json())
    after = run_study(make(), out=tmp_path)
    assert (after.marks, [trial.seed for trial in after.trials]) == (("changed after a look",), [8, 9, 10])
    assert record.trials != after.trials


def test_a_range_changed_since_is_a_look_of_the_record_judged_again(make: Make, tmp_path: Path) -> None:
    record = run_study(make(), out=tmp_path)
    assert rebuild_record(record, make()) == record
    again: StudyRecord = rebuild_record(record, make(("low=0.5", "low=0.9")))
    assert (again.verdict, again.marks) == ("not reproduced", ("changed after a look",))
    assert "the range of 'heads' was changed from [0.5, any] to [0.9, any]" in again.looks[0].what
    assert again.trials == record.trials
    assert again.provenance == record.provenance
    assert rebuild_record(again, make(("low=0.5", "low=0.9"))) == again  # once


def test_figures_of_another_protocol_are_not_judged_by_this_one(make: Make, tmp_path: Path) -> None:
    record = run_study(make(), out=tmp_path)
    with pytest.raises(UsageError, match="The record of 'tosses' was measured by another protocol"):
        rebuild_record(record, make(("Throw them.", "Spin them.")))


def test_the_command_judges_stored_records_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shiftproof.studies.plan.QUICK_SEEDS", 2)
    record = run_study("sdm_activation", out=tmp_path)
    path = tmp_path / "sdm_activation-quick" / "study.json"
    said = record.predictions[0].model_copy(update={"low": 0.5})
    path.write_text(record.model_copy(update={"predictions": (said, *record.predictions[1:])}).model_dump_json())
    assert command(monkeypatch, "study", "judge", tmp_path) == 0
    assert "changed after a look" in capsys.readouterr().out
    assert read_studies(tmp_path)[0].predictions == record.predictions


def test_a_record_that_says_the_same_as_before_keeps_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = read_studies(ROOT / "benchmarks" / "results" / "0.1.0" / "studies")[0]
    path = tmp_path / record.study / "study.json"
    path.parent.mkdir()
    first = record.figures[0]
    off = first.model_copy(update={"interval": (first.interval[0], first.interval[1] * (1 + 1e-14))})
    old = record.model_copy(update={"figures": (off, *record.figures[1:])}).model_dump_json(exclude={"nets", "seal"})  # as of before
    path.write_text(old)
    assert command(monkeypatch, "study", "judge", tmp_path) == 0
    assert path.read_text() == old
    path.write_text(old.replace(record.claim, "Another claim."))
    assert command(monkeypatch, "study", "judge", tmp_path) == 0
    assert record.claim in path.read_text()


@pytest.mark.parametrize(("low", "high", "unit"), [(0.9, 1.0, "correlation"), (0.0, 1.2, "amount"), (-0.1, 1.2, "number")])
def test_ends_of_an_interval_are_possible_in_the_unit(low: float, high: float, unit: Unit) -> None:
    values = {"correlation": (0.94, 0.98, 0.99), "amount": (0.05, 0.5, 0.6), "number": (0.05, 0.5, 0.6)}[unit]
    found = over_seeds([Quantity(value, unit=unit) for value in values], confidence=0.9)
    assert (found[0] >= low) == (unit != "number")
    assert (found[1] == 1.0) == (unit == "correlation")
    assert found[1] <= high


def test_a_measured_gain_outside_is_not_reproduced_as_nothing() -> None:
    from shiftproof.studies.verdict import judge

    claim = Prediction("gain", "it gains nothing", high=0.007, paper=0.0)
    trials = [{"gain": Quantity(0.07 + at, 0.005, "points")} for at in (-0.005, 0.0, 0.005)]
    assert judge([claim], trials, confidence=0.95)[0].verdict == "not reproduced"


@pytest.mark.parametrize(("unit", "value"), [("share", 1.2), ("share", -0.1), ("points", 1.5), ("correlation", -1.1), ("amount", -0.1)])
def test_a_quantity_stays_within_its_unit(unit: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"'value' of a quantity in {unit} must be in"):
        Quantity(value, unit=unit)  # type: ignore[arg-type]
