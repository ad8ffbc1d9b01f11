"""Answers that do not come, 1, 5 and 6 of 100: brackets, what is asked again, gate, exit codes, page, comparison, pytest fixtures."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from shiftproof._errors import StoredFileWarning
from shiftproof.evaluation.audit.report import Report
from shiftproof.evaluation.compare import compare_runs
from shiftproof.finding import Finding
from shiftproof.gate import exit_code, judge, junit
from shiftproof.pytest_plugin import AuditFactory, Gate
from shiftproof.records.audit import Audit, Result
from shiftproof.reports.notes import missing_answers
from shiftproof.runs.cell import Cell
from shiftproof.runs.work import Work
from small_runs import command, timeless

BOT = '''
from pathlib import Path

HERE = Path(__file__).parent


def answer(texts):
    """The colour of the fruit; None where it is told to be silent, which a file does."""
    silent = (HERE / "silent.txt").read_text().split()
    with (HERE / "seen.txt").open("a") as seen:
        seen.write("".join(f"{text}\\n" for text in texts))
    return [None if set(text.split()) & set(silent) else said(text) for text in texts]


def said(text):
    number = int("0" + "".join(letter for letter in text if letter.isdigit()))
    return "red" if "app" in text and number % 10 else "no idea"


def make():
    return answer
'''
N = 100
SHIFT, SEARCHES = "typos(edits=1)", ["best_of_n(n=4)", "one_draw"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and 100 questions; every tenth answer is wrong."""
    (tmp_path / "bot.py").write_text(BOT)
    (tmp_path / "q.csv").write_text("text,label\n" + "".join(f"q{i} apple,red\n" for i in range(N)))
    (tmp_path / "silent.txt").write_text("")
    (tmp_path / "seen.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def silence(place: Path, count: int) -> None:
    """No answer comes to the last questions: of these only q90 would be answered wrong, and of the moves of all some break."""
    (place / "silent.txt").write_text(" ".join(f"q{i}" for i in range(N - count, N)))


def questions() -> Any:
    return sp.examples([f"q{i} apple" for i in range(N)], [("red",)] * N, ids=[f"q{i}" for i in range(N)])


def run(out: str, **options: Any) -> Report:
    given = {"model": "bot.py:make", "data": questions(), "judge": "exact_match", "shifts": [SHIFT], "searches": SEARCHES}
    return sp.audit(**{**given, **options}, out=out, progress=False)


def numbers(record: Audit) -> dict[tuple[str, str, str], Result]:
    return {(r.search, r.measure, r.group or ""): r for r in record.results if r.risk == "mean" and r.shift != "identity"}


@pytest.mark.parametrize("count", [1, 5, 6])
def test_a_bracket_until_the_answers_come(place: Path, count: int) -> None:
    whole = run("whole").record
    silence(place, count)
    part = run("part").record
    assert {cell.state for cell in part.cells} == {"incomplete"}
    assert {cell.unanswered for cell in part.cells} == {count}
    assert part.complete
    assert part.too_many_missing == (count > 5)
    assert part.clean.bracket == ((90 - count) / N, 0.9)
    assert part.clean.accuracy == part.clean.bracket[0]
    assert part.clean.interval is not None
    assert whole.clean.interval is not None
    assert part.clean.interval[0] < whole.clean.interval[0]
    for key, there in numbers(whole).items():
        here = numbers(part)[key]
        assert here.bracket is not None
        assert there.value is not None
        assert here.bracket[0] <= there.value <= here.bracket[1], "what all answers say lies between"
        claimed = {"at_most": here.bracket[1], "at_least": here.bracket[0]}
        assert here.value == claimed.get(here.kind, here.value)
        assert "missing_answers" in here.flags

    (place / "silent.txt").write_text("")
    (place / "seen.txt").write_text("")
    healed = run("part").record
    first = {f"q{i} " for i in range(N - count, N)}
    asked = (place / "seen.txt").read_text().splitlines()
    looks = 2 * 16  # at the first examples, as every run begins
    assert {line.split()[0] + " " for line in asked[looks:]} <= first, "only those to which no answer came are asked"
    assert [r.model_dump(exclude={"seconds", "sent", "cell"}) for r in healed.results] == [
        r.model_dump(exclude={"seconds", "sent", "cell"}) for r in whole.results
    ]
    assert {cell.state for cell in healed.cells} == {"done"}
    assert healed.sent == (part.sent or 0) + len(asked)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_call_that_was_stopped_loses_nothing(place: Path, wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another took its cells over and got the answers; what this one then gets is the same, or it is not and comes too late."""
    silence(place, 5)
    run("part")
    (place / "silent.txt").write_text("")
    measured, others = Work._write, list[Audit]()

    def late(self: Work, cell: Cell, rows: Any, finding: Finding, truths: Any) -> None:
        monkeypatch.setattr(Work, "_write", measured)
        shutil.rmtree(self.store.claims)  # as a call does that has waited for long enough
        others.append(run("part").record)
        said = finding.prediction.astype(object)
        said[0] = "blue" if wrong else said[0]
        measured(self, cell, rows, replace(finding, prediction=said), truths)

    monkeypatch.setattr(Work, "_write", late)
    told = pytest.warns(StoredFileWarning, match="Another call finished '.*' meanwhile; 1 of 5 answers came out otherwise here")
    with told if wrong else nullcontext():
        here = run("part").record
    assert [timeless(r.model_dump()) for r in here.results] == [timeless(r.model_dump()) for r in others[0].results]
    assert {cell.state for cell in here.cells} == {"done"}


def test_of_what_came_late_the_missing_is_taken(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that finds some of its answers stored adds those that are not."""
    silence(place, 5)
    run("part")
    silence(place, 0)
    measured = Work._write

    def late(self: Work, cell: Cell, rows: Any, finding: Finding, truths: Any) -> None:
        monkeypatch.setattr(Work, "_write", measured)
        shutil.rmtree(self.store.claims)
        silence(place, 2)
        run("part")
        assert len(self.store.unanswered(cell)) == 2
        measured(self, cell, rows, finding, truths)
        assert self.store.finished(cell)
        silence(place, 0)

    monkeypatch.setattr(Work, "_write", late)
    run("part")
    whole = run("whole").record
    assert [timeless(r.model_dump()) for r in run("part").record.results] == [timeless(r.model_dump()) for r in whole.results]


@pytest.mark.parametrize(("count", "codes"), [(0, (0, 0, 1)), (1, (0, 1, 1)), (5, (0, 1, 1)), (6, (3, 3, 3))])
def test_the_gate_takes_the_worse_end(place: Path, count: int, codes: tuple[int, int, int]) -> None:
    silence(place, count)
    record = run("run").record
    conditions = ("exact_match < 0.85", "exact_match < 0.9", "exact_match <= 0.9")
    found = [judge(record, [condition]) for condition in conditions]
    assert tuple(exit_code(one, record.complete, too_many_missing=record.too_many_missing) for one in found) == codes
    assert judge(record, ["exact_match > 0.89"])[0].failed, "above a limit the worse end is the other one"
    worst = next(r.bracket[0] if r.bracket else r.value for r in record.results if r.measure == "robust_exact_match")
    assert worst is not None
    assert judge(record, [f"{SHIFT}.{SEARCHES[0]}.robust_exact_match < {worst + 0.001}"])[0].failed
    assert not judge(record, [f"{SHIFT}.{SEARCHES[0]}.robust_exact_match < {worst - 0.001}"])[0].failed
    drop = max(r.bracket[1] if r.bracket else r.value or 0 for r in record.results if r.measure == "drop" and r.search == "one_draw")
    assert judge(record, [f"{SHIFT}.one_draw.drop > {drop - 0.001}"])[0].failed
    assert not judge(record, [f"{SHIFT}.one_draw.drop > {drop + 0.001}"])[0].failed


@pytest.mark.parametrize(("count", "code"), [(0, 0), (5, 0), (6, 3)])
def test_the_command_says_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], count: int, code: int
) -> None:
    silence(place, count)
    line = ["audit", "--model", "bot.py:make", "--data", "csv:q.csv?text=text&label=label", "--judge", "exact_match"]
    assert command(monkeypatch, *line, "--shift", SHIFT, "--search", "one_draw", "--quiet", "--junit", "found.xml", "--out", "run") == code
    said = capfd.readouterr().err
    assert ("No answer came to" in said) == bool(count)
    assert ("no verdict is given" in said) == (code == 3)
    assert ("is incomplete" in Path("found.xml").read_text()) == (code == 3)
    page = Path("run/index.html").read_text()
    assert ("Missing answers." in page) == bool(count)
    assert ("85.0 to 90.0%" in page) == (count == 5)


def test_runs_with_missing_answers_are_not_tested_against_each_other(place: Path) -> None:
    run("a")
    run("b", seed=1)
    assert any(test for row in compare_runs([Path("a"), Path("b")]).rows for test in row.paired)
    silence(place, 3)
    run("c", seed=2)
    both = compare_runs([Path("a"), Path("c")])
    assert not any(test for row in both.rows for test in row.paired)
    assert all("missing_answers" in row.results[1].flags for row in both.rows if row.results[1])


def test_the_pytest_fixtures(place: Path, shiftproof_audit: AuditFactory, shiftproof_gate: Gate) -> None:
    given: dict[str, Any] = {"judge": "exact_match", "shifts": [SHIFT], "searches": ["one_draw"]}
    silence(place, 5)
    report = shiftproof_audit("bot.py:make", questions(), **given, out="five")
    shiftproof_gate(report, "exact_match < 0.85")
    with pytest.raises(pytest.fail.Exception, match=r"is incomplete: no answer came to 5 of 100 examples"):
        shiftproof_gate(report, "exact_match < 0.86")
    silence(place, 6)
    report = shiftproof_audit("bot.py:make", questions(), **given, out="six")
    with pytest.raises(pytest.fail.Exception, match=r"was not measured to the end(.|\n)*no answer came to 6 of 100 examples"):
        shiftproof_gate(report, "exact_match < 0.1")
    assert "That is more than 5%, so no verdict is given" in missing_answers(report.record)
    assert "No answer came to 6 of 100 examples" in junit(report.record, [])


def test_refusals_are_wrong_and_counted_apart(place: Path) -> None:
    texts = [f"q{i} apple{' refuse' if i >= 97 else ''}" for i in range(N)]
    found = run("letters", data=sp.examples(texts, [("B",)] * N), judge="choice").record
    assert {cell.unreadable for cell in found.cells} == {N}, "no letter in any answer"
    assert found.clean.accuracy == 0
    flags = [flag for cell in found.cells for flag in cell.flags]
    assert {(flag.name, flag.share) for flag in flags} == {("unreadable_answers", 1.0)}
    assert all(cell.state == "done" for cell in found.cells)


def test_other_samples_have_brackets_too(place: Path) -> None:
    silence(place, 4)
    later = sp.examples([f"q{i} apple" for i in range(N - 1, 49, -1)], [("red",)] * 50, ids=[f"q{i}" for i in range(N - 1, 49, -1)])
    record = run("run", shift_from=[later]).record
    (natural,) = record.natural
    assert natural.bracket == (41 / 50, 45 / 50)
    assert natural.paired is None
    assert natural.difference_bracket is not None
    assert natural.difference_bracket[0] < 0 < natural.difference_bracket[1]
    name = natural.source
    assert judge(record, [f'natural("{name}").exact_match < 0.83'])[0].failed
    assert not judge(record, [f'natural("{name}").exact_match < 0.81'])[0].failed
