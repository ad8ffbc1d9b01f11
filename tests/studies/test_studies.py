"""Studies run, go on where they stopped, say what is wrong before any work, and are shown on one page."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from shiftproof import UsageError
from shiftproof._errors import StoredFileWarning
from shiftproof.reports.studies import studies_page, terminal_studies, write_studies
from shiftproof.studies import Prediction, Quantity, Study, Trial, read_studies, run_study, share, studies
from shiftproof.studies.fit import fit
from shiftproof.studies.quantity import ratio
from shiftproof.studies.verdict import judge, overall
from small_runs import command

MEASURED: list[int] = []


@dataclass(frozen=True)
class Coins(Study):
    """Coins that fall on heads with probability 0.7."""

    name: ClassVar[str] = "coins"
    references: ClassVar[tuple[str, ...]] = ("@book{bernoulli1713ars, title = {Ars conjectandi}}",)
    claim: ClassVar[str] = "Coins <b>fall</b> on heads."
    paper: ClassVar[str] = "Bernoulli 1713"
    figure: ClassVar[str] = "Seven of ten."
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("heads", "more heads than tails", low=0.5, paper=0.7),
        Prediction("edge", "hardly ever the edge", high=0.4),
    )
    protocol: ClassVar[str] = "Throw them."
    scaled_down: ClassVar[str] = "Nothing."
    needs: ClassVar[tuple[str, ...]] = ("coins.train",)

    bias: float = 0.7

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        MEASURED.append(trial.seed)
        heads = trial.numbers("throws").random(400) < self.bias
        return {"heads": share(heads), "edge": Quantity(float(heads.mean()) * 0.01 + 0.1), "throws": Quantity(400.0)}


@dataclass(frozen=True)
class Dies(Coins):
    """The second seed is killed the first time."""

    name: ClassVar[str] = "dies"

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        if trial.seed == 1 and MEASURED.count(1) == 0:
            MEASURED.append(1)
            raise KeyboardInterrupt
        return super().measure(trial)


@dataclass(frozen=True)
class Alone(Coins):
    """One seed."""

    name: ClassVar[str] = "alone"
    seeds: ClassVar[int] = 1


@pytest.fixture(autouse=True)
def _forget() -> None:
    MEASURED.clear()


def test_a_study_ends_in_a_verdict_with_provenance(tmp_path: Path) -> None:
    record = run_study(Coins(), out=tmp_path)
    assert (record.verdict, record.form, [each.verdict for each in record.predictions]) == ("reproduced", "quick", ["reproduced"] * 2)
    assert [figure.quantity for figure in record.figures] == ["heads", "edge", "throws"]
    assert len(record.trials) == 3
    assert len({trial.quantities["heads"].value for trial in record.trials}) > 1  # seeds differ
    assert record.provenance.versions["torch"] == torch.__version__
    assert read_studies(tmp_path) == [record]
    other = run_study(Coins(bias=0.3), out=tmp_path / "other")
    assert other.verdict == "not reproduced"
    assert run_study(Coins(bias=0.5), out=tmp_path / "even").verdict == "inconclusive"


def test_a_killed_study_goes_on_with_the_seed_it_was_at(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_study(Dies(), out=tmp_path)
    (kept,) = (tmp_path / "dies-quick").glob("seed-0-*.json")
    first = kept.stat().st_mtime_ns
    record = run_study(Dies(), out=tmp_path)
    assert MEASURED == [0, 1, 1, 2]
    assert kept.stat().st_mtime_ns == first
    straight = run_study(Dies(), out=tmp_path / "straight")
    assert [trial.quantities for trial in straight.trials] == [trial.quantities for trial in record.trials]


def test_a_training_in_a_study_is_kept_until_the_seed_is_finished(tmp_path: Path) -> None:
    trial = Trial(True, 0, tmp_path, {}, lambda line: None)
    task = trial.task("mnist", train=400, test=50)
    assert (len(task.train), len(task.test)) == (400, 50)
    first = trial.train("a net", lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), task.train, epochs=2)
    assert (tmp_path / "a-net" / "training.json").exists()
    again = trial.train("a net", lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), task.train, epochs=2)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    other = Trial(True, 1, tmp_path / "1", {}, lambda line: None).task("mnist", train=400, test=50)
    assert not np.array_equal(other.train.ids, task.train.ids)  # drawn anew
    assert np.array_equal(other.test.ids, task.test.ids)


def test_what_is_wrong_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'extend' of a study must be at least 0, got -1"):
        run_study(Coins(), out=tmp_path, extend=-1)
    with pytest.raises(UsageError, match=r"'seeds' of the study 'alone' must be at least 2, got 1"):
        run_study(Alone(), out=tmp_path)
    with pytest.raises(UsageError, match=r"'confidence' of a study must be in \(0, 1\), got 1"):
        run_study(Coins(), out=tmp_path, confidence=1)
    with pytest.raises(UsageError, match=r"needs the sample coins\.train: add --data coins\.train=URI"):
        run_study(Coins(), out=tmp_path, full=True)
    with pytest.raises(UsageError, match="name a sample, such as mnist.train, got 'coins'"):
        run_study(Coins(), out=tmp_path, full=True, data={"coins": "digits:"})
    with pytest.raises(UsageError, match=r"study 'learning_from_erors'.*learning_from_errors"):
        run_study("learning_from_erors", out=tmp_path)
    with pytest.raises(UsageError, match="be ordered and not both infinite"):
        Prediction("heads", "anything goes")
    with pytest.raises(UsageError, match="predicts 'tails' and does not measure it"):
        judge([Prediction("tails", "some", low=0.1)], [{"heads": Quantity(1.0)}] * 2, confidence=0.9)
    with pytest.raises(UsageError, match="be finite numbers"):
        Quantity(float("nan"))
    with pytest.raises(UsageError, match="at least one, got 0"):
        share([])
    with pytest.raises(UsageError, match="the second above 0"):
        ratio(Quantity(0.5), Quantity(0.0))
    assert not MEASURED
    assert not list(tmp_path.iterdir())


def test_a_folder_holds_a_study_under_one_set_of_circumstances(tmp_path: Path) -> None:
    run_study(Coins(), out=tmp_path)
    with pytest.raises(UsageError, match=r"holds the study with 'study' 'coins\(bias=0.7\)', and now it is 'coins\(bias=0.2\)'"):
        run_study(Coins(bias=0.2), out=tmp_path)
    seed, other = (next((tmp_path / "coins-quick").glob(f"seed-{n}-*.json")) for n in (1, 0))
    whole = seed.read_bytes()
    for damaged in (b"{", whole.replace(b'"value": ', b'"value": 1'), other.read_bytes()):
        seed.write_bytes(damaged)
        with pytest.warns(StoredFileWarning, match=r"seed-1-.*json' is not used, as it.* Its seed is measured again"):
            run_study(Coins(), out=tmp_path)
        assert json.loads(seed.read_bytes())["quantities"] == json.loads(whole)["quantities"]
    (tmp_path / "coins-quick" / "study.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot be read"):
        read_studies(tmp_path)
    with pytest.raises(UsageError, match="no finished study in"):
        read_studies(tmp_path / "elsewhere")


def test_one_refuted_prediction_refutes_and_one_open_one_leaves_open() -> None:
    assert overall(["reproduced", "not reproduced", "inconclusive"]) == "not reproduced"
    assert overall(["reproduced", "reproduced"]) == "reproduced"


def test_the_page_shows_every_study_and_escapes(tmp_path: Path) -> None:
    records = [run_study(Coins(), out=tmp_path), run_study(Coins(bias=0.3), out=tmp_path / "b")]
    text = write_studies(records, tmp_path).read_text(encoding="utf-8")
    assert "Coins &lt;b&gt;fall&lt;/b&gt; on heads." in text
    assert "not reproduced" in text
    assert "bernoulli1713ars" in text
    assert studies_page(records) == text
    assert terminal_studies(records).renderables


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert command(monkeypatch, "study", "list") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in studies.names())
    assert command(monkeypatch, "study", "run", "information_lift", "--out", tmp_path) == 0
    out = capsys.readouterr().out
    assert "information_lift (quick)" in out
    assert (tmp_path / "index.html").exists()
    (tmp_path / "index.html").unlink()
    assert command(monkeypatch, "study", "page", tmp_path) == 0
    assert (tmp_path / "index.html").exists()
    record = json.loads((tmp_path / "information_lift-quick" / "study.json").read_text())
    assert record["verdict"] in ("reproduced", "not reproduced", "inconclusive")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no_such",), "study 'no_such'"),
        (("learning_from_errors", "--full"), "needs the sample cifar10.train"),
        (("learning_from_errors", "--data", "cifar10"), "be NAME=URI"),
        (("learning_from_errors", "--data", "a.b=digits:", "--data", "a.b=digits:"), "'a.b' was given twice"),
        (("learning_from_errors", "--extend", "-1"), "must be at least 0"),
        (("learning_from_errors", "--full", "--data", "cifar10.train=npz:no.npz", "--data", "cifar10.test=npz:no.npz"), "no.npz"),
    ],
)
def test_bad_words(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "study", "run", *words, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


EPOCHS, STEPS = 1, 20
"""Of a training in the tests, at most."""


@pytest.mark.parametrize("name", studies.names())
def test_every_study_runs_in_its_quick_form(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed, whose figures the second is given, and short trainings: all of it for every study is most of what the tests would cost."""
    study, seen = studies.get(name), list[Mapping[str, Quantity]]()
    measure, train = study.measure, Trial.train

    def once(self: Study, trial: Trial) -> Mapping[str, Quantity]:
        if not seen:
            seen.append(measure(self, trial))
        return seen[0]

    def short(self: Trial, *words: Any, **recipe: Any) -> torch.nn.Module:
        return train(self, *words, **{**recipe, **({"epochs": min(EPOCHS, recipe["epochs"])} if "epochs" in recipe else {})})

    monkeypatch.setattr(study, "measure", once)
    monkeypatch.setattr(Trial, "train", short)
    home = sys.modules[study.__module__]
    if vars(home).get("fit") is fit:
        monkeypatch.setattr(home, "fit", lambda *words, steps, **recipe: fit(*words, steps=min(STEPS, steps), **recipe))
    _runs_in_its_quick_form(name, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", studies.names())
def test_every_study_runs_the_whole_of_its_quick_form(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _runs_in_its_quick_form(name, tmp_path, monkeypatch)


def _runs_in_its_quick_form(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftproof.studies.plan.QUICK_SEEDS", 2)
    study = studies.get(name)
    record = run_study(name, out=folder)
    assert {said.quantity for said in record.predictions} == {said.quantity for said in study.predictions}
    assert all(text for text in (record.claim, record.paper, record.figure, record.protocol, record.scaled_down, *record.references))
    assert not list((folder / f"{name}-quick").glob("seed-*/"))  # trainings are gone once their seed is finished
