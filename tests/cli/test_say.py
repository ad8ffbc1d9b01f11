"""No name and no error steers the terminal: escape sequences, control characters and changes of direction are shown, not obeyed."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

import injected
import shiftproof
from every_page import a_stress_curve, comparison, defend_record, frequency_report, lines, severity_curves, study_record, transfer_record
from injected import spoiled
from sample_audit import sample_audit
from shiftproof._printable import printable
from shiftproof.cli._say import say
from shiftproof.leaderboard.attackbench import RankedAttack, terminal_attacks
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.measured import entries_of
from shiftproof.reports.accuracy_on_the_line import terminal_line
from shiftproof.reports.audit.summary import summary
from shiftproof.reports.audit.terminal import terminal_comparison, terminal_table
from shiftproof.reports.defend import summary as defend_summary
from shiftproof.reports.frequency import terminal_frequency
from shiftproof.reports.leaderboard import terminal_leaderboard
from shiftproof.reports.stress import terminal_stress
from shiftproof.reports.studies import terminal_studies
from shiftproof.reports.terminal_severity import terminal_severity
from shiftproof.reports.transfer import summary as transfer_summary
from small_runs import command

STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b]0;taken\x07\x1b[2Jname\x9b31m\u202egnp.exe"
SHOWN: dict[str, Callable[[], RenderableType]] = {
    "audit": lambda: summary(spoiled(sample_audit(incomplete=True))),
    "report": lambda: terminal_table(spoiled(sample_audit(incomplete=True))),
    "defend": lambda: defend_summary(spoiled(defend_record())),
    "transfer": lambda: transfer_summary(spoiled(transfer_record())),
    "severity": lambda: terminal_severity([spoiled(curve) for curve in severity_curves()]),
    "stress": lambda: terminal_stress(spoiled(a_stress_curve())),
    "frequency": lambda: terminal_frequency(spoiled(frequency_report())),
    "leaderboard": lambda: terminal_leaderboard(make_leaderboard([spoiled(e) for e in entries_of(sample_audit())])),
    "compare": lambda: terminal_comparison(spoiled(comparison())),
    "line": lambda: terminal_line(lines()),
    "attacks": lambda: terminal_attacks([spoiled(RankedAttack("cifar10", "linf", "pgd", "lib", 1, 0.5, 0.5, 1.0, 1.0, 1, 2))]),
    "studies": lambda: terminal_studies([spoiled(study_record())]),
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What click prints is for a terminal, so that it leaves escape sequences in."""
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_, **__: False)


@pytest.mark.parametrize("name", SHOWN)
def test_no_table_or_summary_steers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(injected, "PAYLOADS", (f"{EVIL}\u2028",))
    kept = io.StringIO()
    Console(file=kept, width=300).print(SHOWN[name](), markup=False)
    assert "gnp.exe" in kept.getvalue()
    assert not STEERS.findall(kept.getvalue())


@pytest.mark.parametrize(
    "words",
    [
        ["audit", "--model", f"{EVIL}.py:make"],
        ["audit", f"--{EVIL}"],
        ["audit", "--model", "nets.py:make", "--data", f"npz:{EVIL}.npz"],
        ["audit", "--model", "nets.py:make", "--shift", f"{EVIL}(eps=1)"],
        ["report", EVIL],
        ["compare", EVIL, EVIL],
        ["check", f"{EVIL}.py:part"],
        ["verify", f"{EVIL}.onnx", f"{EVIL}.vnnlib"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.usefixtures("terminal")
def test_no_error_steers(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, *words) == 2
    said = capsys.readouterr()
    assert said.err
    assert not STEERS.findall(said.out + said.err)


@pytest.mark.usefixtures("terminal")
def test_no_traceback_and_no_warning_steers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    part = tmp_path / "part.py"
    part.write_text(f"import warnings\nwarnings.warn({EVIL!r})\nraise BaseException({EVIL!r})\n")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert command(monkeypatch, "check", f"{part}:part") == 2
    said = capsys.readouterr()
    assert said.err.count("gnp.exe") >= 2
    assert not STEERS.findall(said.out + said.err)


def test_lines_and_tabs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\tb\n\x1bc")
    assert capsys.readouterr().out == "a\tb\n�c\n"
    assert printable("a\nb") == "a�b"


def test_nothing_else_prints() -> None:
    """A command that printed by itself would be found."""
    home = Path(shiftproof.__file__).parent
    found = {str(path.relative_to(home)) for path in home.rglob("*.py") if re.search(r"click\.echo\(|^\s+print\(", path.read_text(), re.M)}
    assert found == {"cli/_say.py"}
