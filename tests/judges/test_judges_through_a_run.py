"""Every judge goes the whole way: audit, resume, gate, comparison, page and the pytest fixtures; one that is not in the table is red."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.rows import Fields
from shiftproof.evaluation.audit.report import Report
from shiftproof.evaluation.compare import compare_runs
from shiftproof.gate import check_against
from shiftproof.gate.match import available_in
from shiftproof.judges import judges
from shiftproof.judges.graded_by_model import GradedBy
from shiftproof.pytest_plugin import AuditFactory, Gate
from shiftproof.records.audit import Audit, read_audit
from shiftproof.reports.compare import compare
from shiftproof.runs.store import read_rows

N = 12


def asks(x: dict[str, list[str]]) -> list[str]:
    """The first word of the context; beside a question that is not spelt right, nothing of it."""
    return [context.split()[0] + " or so" if "where" in question else "who knows" for question, context in zip(*x.values(), strict=True)]


def first_word(x: dict[str, list[str]]) -> list[str]:
    return [answer.split()[0] for answer in asks(x)]


def letter(x: dict[str, list[str]]) -> list[str]:
    return [f"The answer is {'B' if 'where' in question else 'C'}." for question in x["question"]]


def distance(x: dict[str, list[str]]) -> list[str]:
    return [f"The answer is {5000 if 'where' in question else 5} m." for question in x["question"]]


def questions(accepted: str = "") -> Examples:
    context = [f"Town{i} has a very long river" for i in range(N)]
    y = [(accepted,) if accepted else (f"Town{i}",) for i in range(N)]
    return sp.examples(Fields(question=["where is the river"] * N, context=context), y, ids=[f"q{i}" for i in range(N)])


def numbers(truth: Any) -> Examples:
    x = np.random.default_rng(0).uniform(size=(N, 2))
    y = x.sum(1)
    return sp.examples(x, y if truth == "numbers" else (y > 1).astype(int), truth=truth)


def fitted(kind: type[Any], truth: str) -> Any:
    given = numbers(truth)
    return kind().fit(given.x, given.y)


@dataclass(frozen=True)
class Case:
    """A model and data on which the judge has something to say, and a shift that changes it."""

    model: Callable[[], Any]
    data: Callable[[], Examples]
    shift: str
    search: str
    word: str


TYPOS = "on(field=question, inner=typos(edits=1))"
CASES = {
    "classify": Case(
        lambda: fitted(LogisticRegression, "labels"), lambda: numbers("labels"), "linf(eps=0.3)", "best_of_n(n=20)", "accuracy"
    ),
    "within(absolute=0.1)": Case(
        lambda: fitted(LinearRegression, "numbers"), lambda: numbers("numbers"), "linf(eps=0.3)", "square(queries=20)", "allowed error"
    ),
    "exact_match": Case(lambda: first_word, questions, TYPOS, "exhaustive", "exact matches"),
    "contains": Case(lambda: asks, questions, TYPOS, "greedy", "contains an accepted answer"),
    "choice": Case(lambda: letter, lambda: questions("B"), TYPOS, "beam(width=2)", "right choices"),
    "token_f1(least=0.3)": Case(lambda: asks, questions, TYPOS, "genetic(queries=60)", "mean F1"),
    "number_with_unit": Case(lambda: distance, lambda: questions("5 km"), TYPOS, "exhaustive", "right numbers"),
    GradedBy.examples_for_check()[0].spec(): Case(lambda: first_word, questions, TYPOS, "exhaustive", "called right"),
}


def name_of(spec: str) -> str:
    return spec.partition("(")[0]


def test_no_judge_is_missing_here() -> None:
    assert [name_of(spec) for spec in CASES] == judges.names()


@pytest.mark.parametrize("spec", CASES)
def test_the_whole_way(spec: str, tmp_path: Path, shiftproof_audit: AuditFactory, shiftproof_gate: Gate) -> None:
    case, judge = CASES[spec], judges.get(name_of(spec))
    given = {"model": case.model(), "data": case.data(), "shifts": [case.shift], "searches": [case.search, "one_draw"], "judge": spec}
    folders = [tmp_path / "a", tmp_path / "b"]
    report = sp.audit(**given, out=str(folders[0]), progress=False)
    record = report.record
    assert record.complete, [cell.error for cell in record.cells]
    assert (record.judge.spec, record.judge.measure) == (spec, judge.measure)

    values = {(r.shift, r.search, r.measure): r.value for r in record.results if r.risk == "mean"}
    clean = values["identity", "one_draw", judge.measure]
    attacked = values[case.shift, case.search, f"robust_{judge.measure}"]
    assert clean is not None
    assert attacked is not None
    assert 0 <= attacked < clean <= 1
    assert record.clean.accuracy == clean
    assert report.accuracy(case.shift, case.search) == attacked
    assert any(r.measure == f"{judge.measure}_loss" for r in record.results) == judge.graded
    if case.search == "exhaustive":
        assert values[case.shift, case.search, f"certified_{judge.measure}"] == attacked, "what was tried whole is exact"

    before = (folders[0] / "audit.json").read_text()
    again = sp.audit(**given, out=str(folders[0]), progress=False).record
    assert [r.model_dump(exclude={"seconds"}) for r in again.results] == [r.model_dump(exclude={"seconds"}) for r in record.results]
    assert again.asked == record.asked
    assert json.loads(before)["judge"]["spec"] == spec

    gates(record, judge.measure, case, clean, attacked)
    page = (folders[0] / "index.html").read_text()
    said = page_text(page)
    assert case.word in said
    assert ("accuracy" in said.lower()) == (judge.measure == "accuracy"), "no page says accuracy where it is none"
    assert said.count(judge.word) > 1, "of the examples as they are, and moved"

    sp.audit(**{**given, "seed": 1}, out=str(folders[1]), progress=False)
    both = compare_runs(folders)
    assert any(row.measure == judge.measure for row in both.rows)
    tested = [pair for row in both.rows for pair in row.paired if pair is not None]
    assert bool(tested) != judge.graded
    assert case.word in page_text(compare(both))

    made = shiftproof_audit(given.pop("model"), given.pop("data"), **given)
    shiftproof_gate(made, f"{judge.measure} < {clean - 0.01}")
    with pytest.raises(pytest.fail.Exception, match=f"{case.search}.robust_{judge.measure}".replace("(", r"\(").replace(")", r"\)")):
        shiftproof_gate(made, f"{case.shift}.{case.search}.robust_{judge.measure} < {attacked + 0.01}")


def gates(record: Audit, measure: str, case: Case, clean: float, attacked: float) -> None:
    from shiftproof.gate import judge

    conditions = [f"{measure} <= {clean}", f"{measure} < {clean}", f"{case.shift}.robust_{measure} < 100%", f"{case.shift}.drop > 1%"]
    check_against(conditions, available_in(record))
    found = judge(record, conditions)
    assert [gate.failed for gate in found] == [True, False, True, True]
    with pytest.raises(UsageError, match="matches no number of this run"):
        check_against(["smoothed_accuracy < 0.5"], available_in(record))


def page_text(page: str) -> str:
    """What a page says, without what its scripts, styles, specs and BibTeX say."""
    import re

    shown = re.sub(r"<(script|style|pre)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", shown)


def test_answers_and_scores_are_stored(tmp_path: Path) -> None:
    def stored(report: Report, column: str) -> list[Any]:
        (cell,) = [cell for cell in report.record.cells if cell.shift == "identity"]
        found: list[Any] = read_rows(report.folder / "cells" / f"{cell.key}.parquet", [column]).column(column).to_pylist()
        return found

    model = fitted(LogisticRegression, "labels")
    report = sp.audit(model, numbers("labels"), shifts=["linf(eps=0.1)"], searches=["one_draw"], out=str(tmp_path / "c"), progress=False)
    probabilities = np.exp(np.array(stored(report, "scores")))
    assert np.allclose(probabilities, model.predict_proba(numbers("labels").x), atol=1e-6)
    said = sp.audit(asks, questions(), shifts=[TYPOS], searches=["greedy"], judge="token_f1", out=str(tmp_path / "t"), progress=False)
    assert stored(said, "prediction") == [f"Town{i} or so" for i in range(N)]
    assert stored(said, "label") == [json.dumps([f"Town{i}"]) for i in range(N)]
    assert stored(said, "score") == pytest.approx([0.5] * N)


def test_of_many_classes_the_largest_and_the_true_one_are_stored(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    net, x = torch.nn.Linear(3, 150), torch.rand(5, 3)
    y = [149, 3, 77, 12, 0]
    report = sp.audit(net, sp.examples(x, y), shifts=["linf(eps=0.1)"], searches=["one_draw"], out=str(tmp_path), progress=False)
    (cell,) = [cell for cell in report.record.cells if cell.shift == "identity"]
    table = read_rows(tmp_path / "cells" / f"{cell.key}.parquet", ["top_classes", "top_scores"])
    scores = net(x).detach()
    for row, label in enumerate(y):
        classes, values = table.column("top_classes")[row].as_py(), table.column("top_scores")[row].as_py()
        assert classes == [*scores[row].argsort(descending=True)[:10].tolist(), label]
        assert values == pytest.approx([float(scores[row, k]) for k in classes], abs=1e-5)


def test_runs_of_two_judges_do_not_compare_or_share_a_folder(tmp_path: Path) -> None:
    options: dict[str, Any] = {"shifts": [TYPOS], "searches": ["one_draw"], "progress": False}
    for judge in ("token_f1", "contains"):
        sp.audit(asks, questions(), judge=judge, out=str(tmp_path / judge), **options)
    with pytest.raises(UsageError, match="These runs were judged by contains and token_f1, so their numbers do not compare"):
        compare_runs([tmp_path / "token_f1", tmp_path / "contains"])
    with pytest.raises(
        UsageError, match="holds another run: its cells differ first at number 1, which is .*token_f1, and this run's is .*contains"
    ):
        sp.audit(asks, questions(), judge="contains", out=str(tmp_path / "token_f1"), **options)
    assert read_audit(tmp_path / "token_f1").judge.measure == "f1"
