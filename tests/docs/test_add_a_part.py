"""A new corruption in one file and one line of this repository, as the page says: listed, checked, measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import blocks, read
from workshop import fill

from repository import ROOT

PAGE = ROOT / "docs" / "guide" / "add-a-part.md"


def add(tree: Path) -> None:
    """Adds the page's corruption to a copy of the sources: its file, and the line that its diff adds."""
    titled = {block.title: block.code for block in blocks(read(PAGE)) if block.title}
    file = titled["mypkg/vignette.py"].replace('"mypkg/vignette"', '"vignette"')
    (tree / "shifts" / "corruptions" / "vignette.py").write_text(file, encoding="utf-8")
    before, added = titled["src/shiftproof/shifts/__init__.py"].splitlines()
    assert (before[0], added[0]) == (" ", "+")
    table = tree / "shifts" / "__init__.py"
    text = table.read_text(encoding="utf-8")
    assert text.count(f"{before[1:]}\n") == 1
    table.write_text(text.replace(f"{before[1:]}\n", f"{before[1:]}\n{added[1:]}\n"), encoding="utf-8")


@pytest.mark.slow
def test_one_file_and_one_line_in_this_repository(tmp_path: Path) -> None:
    tree = tmp_path / "src" / "shiftproof"
    shutil.copytree(ROOT / "src" / "shiftproof", tree, ignore=shutil.ignore_patterns("__pycache__"))
    add(tree)
    fill(tmp_path, "nets.py small.safetensors")

    def shiftproof(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(tree.parent)}
        command = [sys.executable, "-m", "shiftproof", *words]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert "vignette(severity=..., [setting], [mode])" in shiftproof("list", "shifts")
    assert " 0 failed" in shiftproof("check", "shiftproof.shifts.corruptions.vignette:Vignette")
    run = ["audit", "--model", "nets.py:small", "--weights", "small.safetensors", "--data", "digits:", "--limit", "20", "--out", "run"]
    assert "vignette(severity=3)" in shiftproof(*run, "--shift", "vignette(severity=3)", "--search", "grid(points=3)")
