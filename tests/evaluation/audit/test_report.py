"""A report hands out its numbers, failures, charts and verdicts as objects."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shiftproof as sp
from shiftproof.evaluation.config import AuditConfig
from small_runs import linear_net

LINF, ATTACK = "linf(eps=0.3)", "gradient_ascent(steps=5)"


@pytest.fixture(scope="module")
def told() -> dict[str, list[Any]]:
    return {"cells": [], "examples": []}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, told: dict[str, list[Any]]) -> sp.Report:
    return sp.audit(
        linear_net(),
        "digits:",
        limit=60,
        shifts=[LINF, "rotation(degrees=40)"],
        searches=["one_draw", ATTACK],
        certify=["auto"],
        fail_on=["accuracy < 0.1", f"{LINF}.robust_accuracy < 0.99"],
        pictures=12,
        out=str(tmp_path_factory.mktemp("run") / "out"),
        progress=False,
        on_cell=told["cells"].append,
        on_example=told["examples"].append,
    )


def test_the_signature_is_that_of_the_config() -> None:
    parameters = inspect.signature(sp.audit).parameters
    calls = {"progress", "on_cell", "on_example"}
    assert parameters.keys() - calls == AuditConfig.model_fields.keys()
    for name, field in AuditConfig.model_fields.items():
        default = parameters[name].default
        assert (default is inspect.Parameter.empty) == field.is_required()
        assert field.is_required() or default == field.default


def test_the_frame_has_every_number(report: sp.Report) -> None:
    frame = report.to_frame()
    assert len(frame) == len(report.record.results)
    row = frame[(frame["shift"] == LINF) & (frame["measure"] == "robust_accuracy")].iloc[0]
    assert row["value"] == report.accuracy(LINF, ATTACK)
    assert row["low"] <= row["value"] <= row["high"]
    assert (row["kind"], row["access"]) == ("at_most", "gradients")


def test_failures_are_inputs_before_and_after(report: sp.Report) -> None:
    failures = report.failures(LINF, ATTACK)
    assert len(failures) == 12  # as many as `pictures` says, and the attack broke more
    clean = {str(name): image for name, image in zip(*_digits(60), strict=True)}
    for failure in failures:
        assert isinstance(failure.before, np.ndarray)
        assert isinstance(failure.after, np.ndarray)
        assert np.array_equal(failure.before, clean[failure.id])
        assert 0 < np.abs(failure.after - failure.before).max() <= 0.3 + 1e-6
        assert failure.prediction_before == failure.label != failure.prediction
    assert repr(failures[0]).count("\n") == 0
    with pytest.raises(sp.UsageError, match="Unknown search of this run 'none'"):
        report.failures(search="none")


def _digits(n: int) -> tuple[Any, Any]:
    taken = sp.load_data("digits:").take(slice(0, n))
    return taken.ids, taken.x.numpy()


def test_a_failure_that_is_gone_is_said(report: sp.Report, tmp_path: Path) -> None:
    with pytest.raises(sp.UsageError, match=r"The failure kept in '.*' cannot be read: .*Run the audit again"):
        sp.Report(report.record, tmp_path).failures(LINF)


def test_charts_hand_out_their_numbers(report: sp.Report) -> None:
    figure = report.plot()
    assert {"name", "claim", "accuracy"} <= set(figure.frame().columns)
    with pytest.raises(sp.UsageError, match="Unknown chart 'headlime'. Did you mean: headline"):
        report.plot("headlime")


def test_in_a_notebook_there_is_a_chart_and_a_link(report: sp.Report) -> None:
    pytest.importorskip("vl_convert", reason="charts in notebooks need vl-convert-python")
    shown = report._repr_html_()
    assert "<svg" in shown
    assert f'href="{report.page.as_posix()}"' in shown
    assert "var(--at-most)" in shown  # light or dark is the notebook's to say
    assert "<svg" in report.plot()._repr_html_()


def test_its_repr_is_one_line(report: sp.Report) -> None:
    assert (
        repr(report)
        == f"Report({report.record.model.name!r} on {report.record.data.uri}, {len(report.record.cells)} cells, in {report.folder})"
    )


def test_the_gate_is_an_object(report: sp.Report) -> None:
    gate = report.gate()
    assert [verdict.state for verdict in gate.verdicts] == ["held", "failed"]
    assert (bool(gate), gate.exit_code) == (False, 1)
    assert "failed" in str(gate)
    assert report.gate("accuracy < 0.1")
    with pytest.raises(sp.UsageError, match="matches no number of this run"):
        report.gate("l2(eps=1).robust_accuracy < 0.5")
    with pytest.raises(sp.UsageError, match="This run has no conditions"):
        sp.Report(report.record.model_copy(update={"gates": []}), report.folder).gate()


def test_callers_are_told_of_cells_and_examples(report: sp.Report, told: dict[str, list[Any]]) -> None:
    cells, examples = told["cells"], told["examples"]
    assert len(cells) == len(report.record.cells)
    assert len(examples) == 60 * len(cells)
    attacked = next(cell for cell in cells if (cell.shift, cell.search) == (LINF, ATTACK))
    assert attacked.score == report.accuracy(LINF, ATTACK)
    right = [one.outcome in ("held", "abstained") for one in examples if (one.shift, one.search) == (LINF, ATTACK)]
    assert sum(right) / 60 == attacked.score
    broken = next(one for one in examples if one.outcome == "broken" and one.search == ATTACK)
    assert type(broken.label) is int
    assert broken.label != broken.prediction


def test_auto_certifies_what_it_can_and_says_what_not(report: sp.Report) -> None:
    assert any(r.shift == LINF and r.measure == "certified_accuracy" for r in report.record.results)
    (left,) = [out for out in report.record.left_out if out.search == "auto"]
    assert left.shift == "rotation(degrees=40)"
    assert "it supports linf, l2 and l1, not rotation" in left.reason
    alone = sp.audit(
        linear_net(), "digits:", limit=4, shifts=["rotation(degrees=40)"], searches=["one_draw"], certify=["auto"], progress=False
    )
    assert alone.record.complete
    with pytest.raises(sp.UsageError, match="The certificate crown cannot be used here"):
        sp.audit(linear_net(), "digits:", limit=4, shifts=["rotation(degrees=40)"], certify=["crown"])


def test_a_suite_and_shifts_go_together(tmp_path: Path) -> None:
    report = sp.audit(
        linear_net(), "digits:", limit=4, suite="quick", shifts=["translation(pixels=1)"], searches=["one_draw"], progress=False
    )
    pairs = {(cell.shift, cell.search) for cell in report.record.cells}
    assert ("translation(pixels=1)", "one_draw") in pairs
    assert ("linf(eps=0.1)", "gradient_ascent(steps=20)") in pairs


def test_what_raises_in_a_callback_ends_the_run_with_its_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def stop(cell: sp.CellResult) -> None:
        raise RuntimeError(f"enough: {cell.shift}")

    with caplog.at_level(logging.INFO, "shiftproof"), pytest.raises(RuntimeError, match="enough: identity"):
        sp.audit(linear_net(), "digits:", limit=4, shifts=[LINF], searches=["one_draw"], out=str(tmp_path), progress=False, on_cell=stop)
    assert (tmp_path / "audit.json").exists()
    assert "finished: identity under one_draw on digits:, 4 examples" in caplog.text


def test_data_must_be_named() -> None:
    with pytest.raises(sp.UsageError, match="No data were given. Name them with --data URI"):
        sp.audit(linear_net(), None)


def test_dir_is_complete() -> None:
    assert set(sp.__all__) <= set(dir(sp))
    assert "__version__" in dir(sp)


def test_a_finding_is_one_line() -> None:
    examples = sp.load_data("digits:").take(slice(0, 8))
    finding = sp.confront(sp.as_model(linear_net()), sp.Linf(0.3), search=sp.GradientAscent(steps=2), examples=examples)
    said = repr(finding)
    assert said.startswith(f"Finding(score at most {finding.accuracy:.4g} of 8 examples: ")
    assert "\n" not in said
    assert len(said) < 200
