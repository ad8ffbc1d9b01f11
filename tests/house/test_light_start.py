"""Importing the package and asking for help load none of the heavy packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "pandas", "pyarrow", "sklearn", "scipy", "altair", "pydantic", "onnxruntime", "httpx")
REPORT = f"import sys; print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"


def loaded_by(code: str) -> str:
    """The last line that a fresh interpreter prints after `code`: which heavy packages it has loaded."""
    result = subprocess.run([sys.executable, "-c", f"{code}\n{REPORT}"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip().splitlines()[-1]


HELP = """
import sys
from shiftproof.cli.main import main
sys.argv[1:] = {arguments!r}
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
"""


def test_import_is_light() -> None:
    assert loaded_by("import shiftproof") == "loaded:"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["audit", "--help"], ["transfer", "--help"], ["train", "--help"]], ids=" ".join
)
def test_help_is_light(arguments: list[str]) -> None:
    assert loaded_by(HELP.format(arguments=arguments)) == "loaded:"


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_by("import shiftproof; shiftproof.Linf") == "loaded: torch"
