"""The card of checks and the curves of budgets on the page: what they say, and that they obey no name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from outline import Outline
from sample_audit import BREAKOUT, sample_audit, write_run
from shiftproof.records.audit import Audit, BudgetCurve
from shiftproof.records.diagnosis import CheckRecord, Diagnosis
from shiftproof.reports.audit.budgets import budget_chart, curve_tables
from shiftproof.reports.audit.masking_checks import figure_text, masking_sentences, ordered, unchecked
from shiftproof.reports.audit.page import page


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    audit = sample_audit(hostile=True, incomplete=True)
    return page(audit, write_run(tmp_path_factory.mktemp("run"), audit))


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the first table whose first heading is `head`."""
    table = next(table for table in Outline(text).tables if table[0][0][1] == head)
    return [[cell.strip() for _, cell in row] for row in table[1:]]


def test_every_check_has_figure_limit_verdict_and_way_out(text: str) -> None:
    found = {row[0]: row[1:] for row in rows(text, "Check")}
    assert list(found) == ["zero gradients", "slope", "transfer"]  # failed first, not run last
    assert found["zero gradients"][:3] == ["✗ failed", "0.31", "0.05"]
    assert found["zero gradients"][4] == "square(queries=500)"
    assert found["slope"][:3] == ["✓ passed", "0.04", "0.5"]
    assert found["transfer"][:3] == ["not run", "–", "–"]


def test_names_in_checks_and_curves_are_text(text: str) -> None:
    shown_text = "".join(Outline(text).text)
    assert f"exactly zero{BREAKOUT}" in shown_text
    assert f"boundary_projection(candidates=3){BREAKOUT}" in shown_text
    assert BREAKOUT not in text
    assert text.count(f"1 of 2 checks failed{BREAKOUT}") == 0


def test_what_did_not_finish_is_in_the_banner(text: str) -> None:
    shown_text = "".join(Outline(text).text)
    assert "masked gradients under rotation(degrees=20): failed" in shown_text
    assert f"RuntimeError: no more {BREAKOUT}" in shown_text


def test_an_audit_without_them_has_no_empty_sections(tmp_path: Path) -> None:
    audit = sample_audit().model_copy(update={"diagnoses": [], "curves": []})
    text = page(audit, write_run(tmp_path, audit))
    assert 'id="trust"' not in text
    assert 'id="budgets"' not in text
    assert "whether gradients are masked was not checked (--diagnose)" in text


def test_the_table_reads_the_curve_beside_the_run_s_own_numbers() -> None:
    (each,) = curve_tables(sample_audit())
    own = {round(line.eps * 255): line for line in each.lines if line.others}
    assert list(own) == [1, 2, 4, 8]
    assert own[4].value == pytest.approx(0.918 - 0.4)
    assert [r.search for r in own[4].others] == ["gradient_ascent(steps=100, restarts=5)"]  # the tightest
    assert each.lines[0].eps == 0
    assert all(line.eps <= 13 / 255 for line in each.lines)
    assert each.kinds == ["at_most"]


def test_between_two_sizes_the_higher_is_read() -> None:
    audit = sample_audit()
    thin = audit.curves[0].model_copy(update={"eps": [0.0, 8 / 255], "accuracy": [0.9, 0.1], "low": [0.8, 0.0], "high": [1.0, 0.2]})
    (each,) = curve_tables(audit.model_copy(update={"curves": [thin]}))
    values = {round(line.eps * 255): line.value for line in each.lines if line.others}
    assert values == {1: 0.9, 2: 0.9, 4: 0.9, 8: 0.1}


def test_the_chart_has_the_band_the_stairs_and_the_points() -> None:
    audit = sample_audit()
    layers = budget_chart(audit, audit.curves[0]).spec["layer"]
    assert [layer["mark"]["type"] for layer in layers] == ["area", "line", "rule", "point"]
    assert layers[1]["mark"]["interpolate"] == "step-after"
    points = layers[3]["data"]["values"]
    assert {row["kind"] for row in points} == {"at most"}
    bare = audit.model_copy(update={"results": []})
    assert [layer["mark"]["type"] for layer in budget_chart(bare, audit.curves[0]).spec["layer"]] == ["area", "line"]
    assert json.dumps(budget_chart(bare, audit.curves[0]).spec)


def test_a_flat_curve_can_be_drawn() -> None:
    audit = sample_audit()
    flat = audit.curves[0].model_copy(update={"eps": [0.0], "accuracy": [0.5], "low": [0.4], "high": [0.6]})
    bare = audit.model_copy(update={"curves": [flat], "results": []})
    assert budget_chart(bare, flat).spec["layer"]
    assert curve_tables(bare)[0].lines[0].value == 0.5


def test_unfinished_curves_are_not_drawn_and_are_said() -> None:
    audit = sample_audit()
    lost = BudgetCurve(cell="x", data="d", family="l2", search="s", search_full="s", kind="at_most", state="missing", confidence=0.95)
    with_lost = audit.model_copy(update={"curves": [lost]})
    assert curve_tables(with_lost) == []
    assert "curve of l2 by s did not finish" in unchecked(with_lost)


def test_a_diagnosis_that_could_not_be_made_says_why() -> None:
    audit = sample_audit()
    none = Diagnosis(data="d", shift="linf(eps=0.1)", family="linf", state="done", note="The model misclassifies all examples.")
    assert masking_sentences(audit.model_copy(update={"diagnoses": [none]})) == [
        "linf(eps=0.1) could not be checked for masked gradients: The model misclassifies all examples."
    ]
    assert masking_sentences(Audit.model_validate({**audit.model_dump(), "diagnoses": []})) == []


def test_figures_are_short_and_missing_ones_a_dash() -> None:
    check = CheckRecord(name="a", state="not_run", detail="")
    assert [figure_text(check.figure), figure_text(0.123456), figure_text(0.0)] == ["–", "0.123", "0"]
    assert ordered(sample_audit().diagnoses[0])[0].state == "fail"
