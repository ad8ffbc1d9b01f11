from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from recorded_logs import table, write_inspect
from shiftproof.cli.report import command
from shiftproof.evaluation.audit.recorded import recorded_audit, report_recorded
from shiftproof.evaluation.compare import compare_runs
from shiftproof.integrations.eval_logs.read_logs import read_logs
from shiftproof.records.transcripts import read_transcripts
from shiftproof.reports.notes import missing_answers
from shiftproof.risks.paired import mcnemar, paired

BASE = [1.0] * 30 + [0.0] * 10
TYPOS = [0.0] * 9 + [1.0] * 23 + [0.0] * 8


def test_a_variant_is_paired_with_the_items_as_they_are(tmp_path: Path) -> None:
    audit = recorded_audit(read_logs([write_inspect(tmp_path / "run.eval", table(BASE, typos=TYPOS))]))
    assert (audit.clean.accuracy, audit.clean.n, audit.complete) == (0.75, 40, True)
    (typos,) = audit.natural
    expected = paired(np.array(BASE), np.array(TYPOS), against="typos")
    assert typos.paired == expected
    assert (typos.paired.only_first, typos.paired.only_second) == (9, 2)
    assert typos.paired.p_value == float(mcnemar(9, 2))
    assert typos.difference == pytest.approx(-7 / 40)


def test_missing_answers_are_brackets_and_not_paired(tmp_path: Path) -> None:
    base: list[float | None] = [1.0, 1.0, 0.0, None]
    audit = recorded_audit(read_logs([write_inspect(tmp_path / "run.eval", table(base, typos=[0.0, None, 0.0, 1.0]))]))
    assert audit.clean.bracket == (0.5, 0.75)
    (typos,) = audit.natural
    assert typos.bracket == (0.25, 0.5)
    assert typos.difference_bracket == (-0.5, 0.0)
    assert typos.paired is None
    assert [cell.state for cell in audit.cells] == ["incomplete", "incomplete"]
    assert all(cell.flags[0].name == "missing_answers" for cell in audit.cells)


def test_partial_scores_are_compared_without_mcnemar(tmp_path: Path) -> None:
    audit = recorded_audit(read_logs([write_inspect(tmp_path / "run.eval", table([0.25, 1.0], typos=[0.75, 0.0]))]))
    assert audit.judge.graded
    assert audit.natural[0].paired is None
    assert audit.natural[0].difference == pytest.approx(-0.25)


def test_two_reports_are_compared_in_pairs(tmp_path: Path) -> None:
    for name, base in {"a": BASE, "b": TYPOS}.items():
        report_recorded(read_logs([write_inspect(tmp_path / f"{name}.eval", table(base))]), tmp_path / name)
    found = compare_runs([tmp_path / "a", tmp_path / "b"])
    pair = found.rows[0].paired[1]
    assert pair is not None
    assert (pair.only_first, pair.only_second) == (9, 2)


@pytest.mark.parametrize(
    ("condition", "code", "state"),
    [("natural(typos).drop > 0.5", 0, "met"), ("natural(typos).drop > 0.1", 1, "failed"), ("accuracy < 0.9", 1, "failed")],
)
def test_the_command_judges_conditions(tmp_path: Path, condition: str, code: int, state: str) -> None:
    log, out, junit = write_inspect(tmp_path / "run.eval", table(BASE, typos=TYPOS)), tmp_path / "out", tmp_path / "j.xml"
    result = CliRunner().invoke(
        command, [str(log), "--out", str(out), "--fail-on", condition, "--junit", str(junit)], standalone_mode=False
    )
    assert result.exception is None, result.output
    assert result.return_value == code
    assert f"{state}: " in result.output
    assert ("<failure" in junit.read_text(encoding="utf-8")) == (code == 1)
    page = (out / "index.html").read_bytes()
    assert len(page) < 1_000_000
    assert b"Items and their variants" in page
    again = CliRunner().invoke(command, [str(out)], standalone_mode=False)  # the folder is a run like any other
    assert again.exception is None
    assert (out / "index.html").read_bytes() == page


def test_many_missing_answers_are_no_verdict(tmp_path: Path) -> None:
    log = write_inspect(tmp_path / "run.eval", table([1.0, None]))
    result = CliRunner().invoke(command, [str(log), "--out", str(tmp_path / "out"), "--fail-on", "accuracy < 0.1"], standalone_mode=False)
    assert result.return_value == 3


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--fail-on", "natural(nothing).drop > 0.1"], "natural"),
        (["--confidence", "2"], "must be in (0, 1)"),
    ],
)
def test_bad_input_of_the_command_is_one_error_before_work(tmp_path: Path, extra: list[str], message: str) -> None:
    log = write_inspect(tmp_path / "run.eval", table(BASE))
    result = CliRunner().invoke(command, [str(log), "--out", str(tmp_path / "out"), *extra], standalone_mode=False)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_log_needs_out_and_a_folder_takes_no_options(tmp_path: Path) -> None:
    log = write_inspect(tmp_path / "run.eval", table(BASE))
    assert "--out" in str(CliRunner().invoke(command, [str(log)], standalone_mode=False).exception)
    assert "is for logs" in str(CliRunner().invoke(command, [str(tmp_path), "--base", "x"], standalone_mode=False).exception)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine", encoding="utf-8")
    refused = CliRunner().invoke(command, [str(log), "--out", str(tmp_path / "full")], standalone_mode=False)
    assert "holds other files" in str(refused.exception)
    assert read_transcripts(tmp_path / "full") is None


def test_a_log_that_is_not_there_is_called_a_file_and_recorded_answers_cannot_be_asked_again(tmp_path: Path) -> None:
    missing = CliRunner().invoke(command, [str(tmp_path / "typo.eval"), "--out", str(tmp_path / "out")], standalone_mode=False)
    assert "There is no file" in str(missing.exception)
    said = missing_answers(recorded_audit(read_logs([write_inspect(tmp_path / "run.eval", table([1.0, None]))])))
    assert said.startswith("No answer came to 1 of 2 examples")
    assert "Run again" not in said
