"""The GitHub Action: its script runs, passes words on as they are, and ends with the command's exit code."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from repository import ROOT

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which MkDocs brings")
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STAND_IN = '#!/bin/bash\nprintf "%s\\n" "$@"\nexit "${WANTED:-0}"\n'


def audit_step() -> dict[str, Any]:
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "audit"]
    return step  # type: ignore[no-any-return]


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_script(tmp_path: Path, code: int) -> None:
    command = tmp_path / "bin" / "shiftproof"
    command.parent.mkdir()
    command.write_text(STAND_IN)
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    given = {
        "MODEL": "nets.py:small",
        "DATA": "npz:a b.npz",
        "FAIL_ON": "accuracy < 0.9\n\nlinf(eps=8/255).robust_accuracy < 40%\n",
        "OPTIONS": "--suite quick --shift 'rotation(degrees=9)'",
        "OUT": "runs/x",
        "WANTED": str(code),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PATH": f"{command.parent}:{os.environ['PATH']}",
    }
    ran = subprocess.run(["bash", "-eo", "pipefail", "-c", audit_step()["run"]], env=given, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert ran.stdout.splitlines() == [
        *("audit", "--model", "nets.py:small", "--out", "runs/x", "--junit", "runs/x-gate.xml", "--data", "npz:a b.npz"),
        *("--fail-on", "accuracy < 0.9", "--fail-on", "linf(eps=8/255).robust_accuracy < 40%"),
        *("--suite", "quick", "--shift", "rotation(degrees=9)"),
    ]
    assert (tmp_path / "output").read_text() == f"exit-code={code}\n"
    assert "nets.py:small" in (tmp_path / "summary.md").read_text()


def test_every_input_is_used_and_said() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, entry in ACTION["inputs"].items():
        assert f"inputs.{name}" in text
        assert entry["description"]
    assert all(name in audit_step()["env"] for name in ("MODEL", "DATA", "FAIL_ON", "OPTIONS", "OUT"))
