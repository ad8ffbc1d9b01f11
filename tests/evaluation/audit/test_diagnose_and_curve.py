"""`--diagnose` and `--curve`: what a run writes, keeps, flags, and does again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import StoredFileWarning
from shiftproof.data.load import load_data
from shiftproof.evaluation.audit import diagnose
from shiftproof.evaluation.audit.diagnose import QUERIES, planned_diagnoses
from shiftproof.evaluation.audit.suites import suite_named
from shiftproof.models.abstract import Gradients, Labels
from shiftproof.reports.cite import cite
from shiftproof.searches import searches
from shiftproof.shifts.abstract import Shift
from small_runs import command, linear_net, record, timeless, write_nets

SHIFT = "linf(eps=0.1)"
SEARCHES = ["one_draw", "best_of_n(n=2)", "gradient_ascent(steps=3)"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "EXAMPLES", 12)
    monkeypatch.setattr(diagnose, "QUERIES", 30)


class Rounds(nn.Module):
    """A net behind grey levels: no gradient passes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = linear_net()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body((x * 4).round() / 4)
        return out


def run(out: Path, model: nn.Module | None = None, **options: Any) -> sp.Report:
    given: dict[str, Any] = {"limit": 40, "shifts": [SHIFT], "searches": SEARCHES, "diagnose": True, "pictures": 0, **options}
    return sp.audit(model or linear_net(), "digits:", progress=False, out=str(out), **given)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "audit",
        "--model",
        f"{write_nets(tmp_path)}:nearest",
        "--data",
        "digits:",
        "--limit",
        "30",
        "--shift",
        SHIFT,
        "--search",
        "gradient_ascent(steps=3)",
    ]
    words += ["--diagnose", "--curve", "linf", "--out", str(tmp_path / "run")]
    assert command(monkeypatch, *words) == 0
    found = record(tmp_path / "run")
    assert found["schema_version"] == "1.2"
    (card,) = found["diagnoses"]
    assert (card["state"], card["shift"], card["family"], card["examples"]) == ("done", SHIFT, "linf", 12)
    assert len(card["checks"]) == 16
    assert {check["state"] for check in card["checks"]} <= {"pass", "fail", "not_run"}
    (curve,) = found["curves"]
    assert (curve["state"], curve["family"], curve["n"], curve["search"]) == ("done", "linf", 30, "boundary_projection(candidates=3)")
    out = capsys.readouterr().out
    failed = [check for check in card["checks"] if check["state"] == "fail"]
    assert ("Do not trust gradient search" in out) == bool(failed)
    assert command(monkeypatch, "report", tmp_path / "run") == 0
    shown = (tmp_path / "run" / "index.html").read_text()
    assert "Can the verdict be trusted?" in shown
    assert "Accuracy at every budget" in shown


def test_masked_gradients_are_flagged_with_the_search_to_use_next(tmp_path: Path) -> None:
    report = run(tmp_path / "run", Rounds(), shifts=[SHIFT, "linf(eps=0.2)", "rotation(degrees=10)"])
    cards = {card.family: card for card in report.record.diagnoses}
    assert list(cards) == ["linf", "rotation"]
    failed = {check.name: check for check in cards["linf"].failed}
    assert failed["zero_gradients"].search == "square(queries=30)"
    flags = {(r.shift, r.search): "failed_checks" in r.flags for r in report.record.results if r.risk == "mean"}
    assert flags[SHIFT, "gradient_ascent(steps=3)"]
    assert flags["linf(eps=0.2)", "gradient_ascent(steps=3)"]  # of any strength
    assert flags[SHIFT, "union"]
    assert not flags[SHIFT, "one_draw"]
    assert not flags[SHIFT, "best_of_n(n=2)"]
    assert flags["rotation(degrees=10)", "gradient_ascent(steps=3)"] == bool(cards["rotation"].failed)
    cell = next(cell for cell in report.record.cells if (cell.shift, cell.search) == (SHIFT, "gradient_ascent(steps=3)"))
    assert "zero_gradients" in next(flag.detail for flag in cell.flags if flag.name == "failed_checks")
    assert "Do not trust gradient search under linf yet" in str(report)
    assert "square(queries=30)" in str(report)


def test_a_diagnosis_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path / "run")
    written = {path.name: path.read_bytes() for path in (tmp_path / "run" / "diagnoses").iterdir()}
    monkeypatch.setattr(diagnose, "masking", lambda *_, **__: 1 / 0)
    again = run(tmp_path / "run")
    assert again.record.diagnoses == first.record.diagnoses
    assert {path.name: path.read_bytes() for path in (tmp_path / "run" / "diagnoses").iterdir()} == written
    assert again.record.complete


def test_workers_make_diagnoses_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of this process, with the checks that it would have come to; the next call has nothing left to do."""
    monkeypatch.setattr(diagnose, "QUERIES", QUERIES)  # what other processes know
    options: dict[str, Any] = {"shifts": [SHIFT, "l2(eps=0.5)"], "shard_size": 20}
    alone = run(tmp_path / "alone", Rounds(), **options)
    monkeypatch.setattr(diagnose, "masking", lambda *_, **__: 1 / 0)
    shared = run(tmp_path / "run", Rounds(), backend="processes", workers=2, **options)
    assert [card.state for card in shared.record.diagnoses] == ["done"] * 2
    assert timeless(shared.record.model_dump(mode="json")["diagnoses"]) == timeless(alone.record.model_dump(mode="json")["diagnoses"])
    assert any(card.failed for card in shared.record.diagnoses)
    assert (shared.record.sent or 0) > sum(card.sent or 0 for card in shared.record.diagnoses) > 0
    written = {path.name: path.read_bytes() for path in (tmp_path / "run" / "diagnoses").iterdir()}
    monkeypatch.setattr("shiftproof.runs.backends.pool.Worker", None)
    again = run(tmp_path / "run", Rounds(), backend="processes", workers=2, **options)
    assert again.record.diagnoses == shared.record.diagnoses
    assert {path.name: path.read_bytes() for path in (tmp_path / "run" / "diagnoses").iterdir()} == written


def test_a_finished_run_can_be_diagnosed_and_drawn_later(tmp_path: Path) -> None:
    plain = run(tmp_path / "run", diagnose=None)
    assert plain.record.diagnoses == []
    later = run(tmp_path / "run", curves=["linf"])
    assert [card.state for card in later.record.diagnoses] == ["done"]
    assert [curve.state for curve in later.record.curves] == ["done"]
    assert later.record.results[0].value == plain.record.results[0].value


def test_a_diagnosis_that_fails_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(diagnose, "masking", lambda *_, **__: 1 / 0)
        broken = run(tmp_path / "run")
    assert not broken.record.complete
    assert [card.state for card in broken.record.diagnoses] == ["failed"]
    assert "ZeroDivisionError" in (broken.record.diagnoses[0].error or "")
    assert "ZeroDivisionError" in broken.page.read_text()
    mended = run(tmp_path / "run")
    assert mended.record.complete
    assert [card.state for card in mended.record.diagnoses] == ["done"]
    assert not list((tmp_path / "run" / "diagnoses").glob("*.error.txt"))


def test_an_interrupted_diagnosis_is_missing_and_made_by_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(diagnose, "masking", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "run")
    found = record(tmp_path / "run")
    assert not found["complete"]
    assert [card["state"] for card in found["diagnoses"]] == ["missing"]
    assert run(tmp_path / "run").record.complete


def test_a_damaged_diagnosis_is_named_and_made_again(tmp_path: Path) -> None:
    whole = run(tmp_path / "run").record
    (path,) = (tmp_path / "run" / "diagnoses").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"pass"', b'"fail"', 1))
    with pytest.warns(StoredFileWarning, match=r"diagnoses/.*json' is not used: its checksum does not match.* made again"):
        again = run(tmp_path / "run").record
    assert [check.state for check in again.diagnoses[0].checks] == [check.state for check in whole.diagnoses[0].checks]
    assert again.complete


def test_a_model_that_is_always_wrong_has_nothing_to_check(tmp_path: Path) -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = linear_net()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = -self.body(x)
            return out

    report = run(tmp_path / "run", Wrong())
    (card,) = report.record.diagnoses
    assert (card.state, card.checks) == ("done", [])
    assert "misclassifies all 12 examples" in card.note
    assert report.record.complete


def asked(name: str, access: type[Labels], wanted: bool | None) -> list[str]:
    """The specs that a suite on grey digits would diagnose."""
    model = sp.as_model(linear_net() if access is Gradients else lambda x: np.zeros(len(x), dtype=int), name="m", gives="labels")
    if access is Gradients:
        model = sp.as_model(linear_net(), name="m")
    data = load_data("digits:", limit=20)
    pairs = suite_named(name, data.space, access, (1, 8, 8)).pairs
    found, left = planned_diagnoses(pairs, model, "f", data, wanted=wanted, suite=name in diagnose.SUITES, seed=0)
    return [question.shift.spec() for question in found] + [out.reason for out in left]


def test_each_family_at_its_middle_strength() -> None:
    assert asked("standard", Gradients, None) == ["linf(eps=0.1)", "l2(eps=1)"]  # of 0.05, 0.1, 0.2, 0.3 and of 1, 2
    assert asked("quick", Gradients, None) == []
    assert asked("quick", Gradients, True) == ["linf(eps=0.1)"]
    assert asked("thorough", Gradients, False) == []
    assert asked("standard", Labels, None) == ["the model provides labels only, so no gradient can be masked"]


def test_another_seed_or_shift_is_another_question() -> None:
    data = load_data("digits:", limit=20)
    model = sp.as_model(linear_net(), name="m")

    def key(shift: Shift, seed: int) -> str:
        (question,), _ = planned_diagnoses([(shift, searches.build("pgd"))], model, "f", data, wanted=True, suite=False, seed=seed)
        return question.key()

    assert len({key(sp.Linf(0.1), 0), key(sp.Linf(0.1), 1), key(sp.Linf(0.2), 0)}) == 3


@pytest.mark.parametrize("shards", [2500, 13])
def test_a_curve_is_that_of_security_curve_whatever_the_shards(tmp_path: Path, shards: int) -> None:
    report = run(
        tmp_path / "run", diagnose=False, curves=["l2"], searches=["fast_minimum_norm(steps=20)"], shifts=["l2(eps=1)"], shard_size=shards
    )
    (curve,) = report.record.curves
    assert curve.search == "fast_minimum_norm(steps=20)"  # the run's own
    examples = sp.load_data("digits:", limit=40).take(slice(None))
    model = sp.as_model(linear_net(), name="m")
    wanted = sp.security_curve(model, sp.L2(1), search=searches.build("fast_minimum_norm(steps=20)"), examples=examples)
    at, accuracy = wanted.steps()
    assert curve.eps == pytest.approx(at.tolist())
    assert curve.accuracy == pytest.approx(accuracy.tolist())
    band = wanted.interval(np.asarray(curve.eps), everywhere=True)
    assert curve.low == pytest.approx(band.low.tolist())
    assert curve.median == pytest.approx(wanted.median)
    assert len(list((tmp_path / "run" / "cells").glob(f"{curve.cell}*.parquet"))) == (1 if shards > 40 else 4)


def test_a_long_curve_is_thinned_to_its_own_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = run(tmp_path / "run", diagnose=False, curves=["linf"]).record.curves[0]
    monkeypatch.setattr("shiftproof.evaluation.audit.curves.MOST_SIZES", 5)
    thin = run(tmp_path / "run", diagnose=False, curves=["linf"]).record.curves[0]
    assert len(full.eps) > 5
    assert (thin.eps[0], thin.eps[-1], len(thin.eps)) == (full.eps[0], full.eps[-1], 5)
    assert set(zip(thin.eps, thin.accuracy, strict=True)) <= set(zip(full.eps, full.accuracy, strict=True))


def test_a_ball_s_eps_is_no_part_of_its_curve(tmp_path: Path) -> None:
    report = run(tmp_path / "run", diagnose=False, curves=["linf", "linf(eps=0.3)", sp.Linf(0.01)])
    assert [curve.family for curve in report.record.curves] == ["linf"]


def test_a_failed_curve_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftproof.runs.work.sizes", lambda *_: 1 / 0)
    report = run(tmp_path / "run", diagnose=False, curves=["linf"])
    assert [curve.state for curve in report.record.curves] == ["failed"]
    assert not report.record.complete
    assert "curve of linf by boundary_projection(candidates=3) did not finish" in str(report)


def test_cite_names_the_checklists_and_the_curve_s_search(tmp_path: Path) -> None:
    shown = cite(run(tmp_path / "run", curves=["l2"]).record)
    assert "athalye2018obfuscated" in shown
    assert "rony2019decoupling" in shown
    assert "athalye2018obfuscated" not in cite(run(tmp_path / "run", diagnose=False).record)


def test_the_records_hold_no_nan(tmp_path: Path) -> None:
    run(tmp_path / "run", Rounds(), curves=["linf"])
    assert "NaN" not in (tmp_path / "run" / "audit.json").read_text()
    assert json.loads((tmp_path / "run" / "audit.json").read_text())["curves"][0]["unbroken"] >= 0
    assert torch.is_grad_enabled()
