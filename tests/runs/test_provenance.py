"""What a record says of the command that made it: how to repeat it, wherever the program lies, and nothing secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import shiftproof
from shiftproof.evaluation.audit.recorded import RecordedSettings
from shiftproof.runs.provenance import command_given, now, provenance

MODULE = str(Path(shiftproof.__file__).parent / "__main__.py")


@pytest.mark.parametrize("program", ["shiftproof", "/opt/venv/bin/shiftproof", "C:/venv/Scripts/shiftproof.exe", MODULE])
def test_a_command_is_kept_without_where_the_program_lies(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [program, "audit", "--model", "https://me:secret@host.example/v1"])
    assert command_given() == ["shiftproof", "audit", "--model", "https://host.example/v1"]


@pytest.mark.parametrize(
    "arguments", [[], [""], ["-c"], ["run.py", "audit"], ["/elsewhere/__main__.py", "audit"], ["my_shiftproof", "audit"]]
)
def test_a_program_of_the_user_is_no_command(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", arguments)
    assert command_given() == []


def test_it_names_the_version_of_what_writes_pictures() -> None:
    """Defences by a codec answer as the library that is installed compresses."""
    from PIL import __version__

    assert provenance(RecordedSettings(0.95), now()).versions["pillow"] == __version__


@pytest.mark.slow
def test_a_module_that_is_run_keeps_its_command(tmp_path: Path) -> None:
    words = ["study", "run", "robustness_accuracy_tradeoff", "--quiet", "--out", "studies"]
    home = {**os.environ, "PYTHONPATH": str(Path(MODULE).parents[1]), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "shiftproof", *words], cwd=tmp_path, env=home, check=True, capture_output=True, timeout=300)
    path = tmp_path / "studies" / "robustness_accuracy_tradeoff-quick" / "study.json"
    assert json.loads(path.read_text())["provenance"]["command"] == ["shiftproof", *words]
