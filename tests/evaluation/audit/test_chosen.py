"""A budget chooses what is run, once; the plan is shown before it is paid, and runs again elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from shiftproof.evaluation.audit.chosen import options_of_plan, read_budget
from shiftproof.evaluation.audit.cost import Tokens
from shiftproof.evaluation.audit.estimate import duration
from small_runs import command, linear_net, write_nets

LINF, DRAWS, ATTACK = "linf(eps=0.1)", "best_of_n(n=3)", "gradient_ascent(steps=10)"
OPTIONS: dict[str, Any] = {"limit": 32, "shifts": [LINF], "searches": ["one_draw", DRAWS, ATTACK], "progress": False}
PASSES = {"identity": 2, "one_draw": 2, DRAWS: 4, ATTACK: 21}
"""Of each part, an example, its clean answer among them."""


def run(**options: Any) -> sp.Report:
    return sp.audit(linear_net(), "digits:", **{**OPTIONS, **options})


def measured(report: sp.Report) -> set[str]:
    return {cell.search for cell in report.record.cells if cell.shift == LINF}


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [("10m", 600, "seconds"), ("90s", 90, "seconds"), ("2h", 7200, "seconds"), ("20,000 rows", 20000, "rows"), ("5tokens", 5, "tokens")],
)
def test_budgets_are_read(text: str, amount: float, unit: str) -> None:
    budget = read_budget(text)
    assert (budget.amount, budget.unit) == (amount, unit)


@pytest.mark.parametrize("text", ["0", "0 rows", "-3m", "10", "ten minutes", "10 euros", "", "1.2.3 rows"])
def test_budgets_that_cannot_be_read(text: str) -> None:
    with pytest.raises(sp.UsageError, match="The 'budget' of the audit must be a time, rows or tokens, above 0, such as 10m"):
        read_budget(text)


def test_what_does_not_fit_is_left_out_and_never_more_is_spent(tmp_path: Path) -> None:
    whole = run()
    assert measured(whole) == {"one_draw", DRAWS, ATTACK}
    cut = run(budget="600 rows", out=str(tmp_path / "run"))
    assert measured(cut) == {"one_draw", DRAWS}
    (left,) = cut.record.left_out
    assert (left.shift, left.search) == (LINF, ATTACK)
    assert "the budget of 600 rows leaves it out: it takes up to " in left.reason
    assert cut.record.sent is not None
    assert cut.record.sent <= 600


def test_a_condition_on_what_was_cut_is_an_error_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(
        sp.UsageError, match=r"The condition '.*robust_accuracy < 0.1' is about numbers that the budget of 600 rows leaves out"
    ):
        run(budget="600 rows", fail_on=[f"{LINF}.robust_accuracy < 0.1"], out=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    kept = run(budget="600 rows", fail_on=[f"{LINF}.accuracy < 0.1"])
    assert kept.gate()


def test_a_budget_that_pays_for_nothing() -> None:
    with pytest.raises(
        sp.UsageError, match="The 'budget' of the audit must pay for the sample as it is, which takes .* rows, got '70 rows'"
    ):
        run(budget="70 rows")
    with pytest.raises(sp.UsageError, match="must be a time or rows for this model, got '900 tokens'. Tokens are counted for endpoints"):
        run(budget="900 tokens")


def test_a_folder_keeps_its_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "run")
    first = run(budget="1h", out=out)
    monkeypatch.setattr("shiftproof.evaluation.audit.chosen.plan_cost", None)  # it would be called to choose again
    again = run(budget="1h", out=out)
    assert [cell.key for cell in again.record.cells] == [cell.key for cell in first.record.cells]


def test_a_stored_plan_runs_again_with_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    nets = write_nets(tmp_path)
    model = ("--model", f"{nets}:nearest")
    asked = ("--data", "digits:", "--limit", "32", "--shift", LINF, "--search", "one_draw", "--search", DRAWS, "--search", ATTACK)
    assert command(monkeypatch, "audit", *model, *asked, "--budget", "600 rows", "--plan", "--out", "runs/a") == 0
    shown = capsys.readouterr().out
    assert f"Left out: {LINF} under {ATTACK}" in shown
    assert "Stored: runs/a/plan.json" in shown
    assert not (tmp_path / "runs" / "a" / "audit.json").exists()
    assert command(monkeypatch, "audit", *model, "--plan", "runs/a/plan.json", "--out", "runs/b", "--quiet") == 0
    assert options_of_plan("runs/b")["shifts"] == [LINF]
    other = ("--model", f"{nets}:softmax", "--plan", "runs/a")
    assert command(monkeypatch, "audit", *other, "--out", "runs/c") == 2
    assert "The 'plan' of the audit must be one of the model 'nets.py:softmax', got 'nets.py:nearest'" in capsys.readouterr().err
    bad = {
        ("--data", "digits:?split=train"): "was chosen for other data than digits:?split=train",
        ("--shift", "l2(eps=1)"): "has other parts than this call: l2(eps=1) under one_draw is not in it",
        ("--budget", "5m"): "Give either --budget, which chooses a plan, or --plan FILE",
    }
    for words, message in bad.items():
        assert command(monkeypatch, "audit", *model, *words, "--plan", "runs/a", "--out", "runs/c") == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "runs" / "c").exists()


def test_plans_that_are_none(tmp_path: Path) -> None:
    run(out=str(tmp_path / "whole"))
    with pytest.raises(sp.UsageError, match="is that of a whole run: no budget chose its parts"):
        options_of_plan(str(tmp_path / "whole"))
    with pytest.raises(sp.UsageError, match=r"There is no plan '.*none/plan.json'"):
        options_of_plan(str(tmp_path / "none" / "plan.json"))
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(sp.UsageError, match="cannot be read"):
        options_of_plan(str(tmp_path / "plan.json"))


def test_an_estimate_counts_at_most_what_is_spent() -> None:
    shown = sp.plan(linear_net(), "digits:", **{name: value for name, value in OPTIONS.items() if name != "progress"})
    rows = {(part.shift, part.search): part.rows for part in shown.cost.parts}
    assert rows[LINF, ATTACK] == 32 * PASSES[ATTACK]
    assert rows[LINF, DRAWS] == 32 * PASSES[DRAWS]
    spent = run()
    for cell in spent.record.cells:
        assert cell.sent is not None
        assert cell.sent <= rows[cell.shift, cell.search]
    assert list(shown.to_frame()["part"]) == [part.part for part in shown.cost.parts]
    assert "4 parts" in str(shown)
    assert 0 < shown.cost.seconds < 60


def test_money() -> None:
    assert Tokens(sent=100, answered=50).money(10_000, (0.5, 2)) == pytest.approx(0.5 + 1)


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.04, 59, 75, 7300)] == ["0.0 s", "59 s", "1 min 15 s", "2 h 2 min"]
