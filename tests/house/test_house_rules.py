"""The house rules are live: a planted violation turns the project's own lint red, and a clean file leaves it green."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from repository import ROOT

SOURCE = ROOT / "src" / "shiftproof"
MOST_FILE_LINES, MOST_FUNCTION_LINES = 350, 70

CLEAN = '''"""A module."""

from __future__ import annotations


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number
'''

BRANCHES = "".join(f"    if n == {i}:\n        return {i}\n" for i in range(11))
STATEMENTS = "".join(f"    a{i} = n\n" for i in range(41))

VIOLATIONS = {
    "C901": f'def f(n: int) -> int:\n    """Too complex."""\n{BRANCHES}    return n\n',
    "PLR0915": f'def f(n: int) -> int:\n    """Too long."""\n{STATEMENTS}    return n\n',
    "D103": "def f(n: int) -> int:\n    return n\n",
    "D101": "class Thing:\n    pass\n",
    "ANN001": 'def f(n) -> int:\n    """No annotation."""\n    return 1\n',
    "ANN201": 'def f(n: int):\n    """No return type."""\n    return n\n',
    "T201": 'def f() -> None:\n    """Prints."""\n    print("x")\n',
    "S307": 'def f(text: str) -> object:\n    """Evaluates."""\n    return eval(text)\n',
    "S301": 'import pickle\n\n\ndef f(b: bytes) -> object:\n    """Unpickles."""\n    return pickle.loads(b)\n',
    "B006": 'def f(items: list[int] = []) -> int:\n    """Mutable default."""\n    return len(items)\n',
    "F401": "import json\n",
    "SLF001": 'def f(n: object) -> object:\n    """Private."""\n    return n._hidden\n',
    "E501": f'WORD = "{"x" * 140}"\n',
}


def lint(code: str) -> subprocess.CompletedProcess[str]:
    """Ruff's verdict on a file of the package with this code, under the project's settings."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--output-format=concise",
        "--stdin-filename",
        str(SOURCE / "planted.py"),
        "-",
    ]
    return subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT, check=False)


def test_a_clean_file_is_green() -> None:
    result = lint(CLEAN)
    assert (result.returncode, result.stdout.strip()) == (0, "All checks passed!")


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_a_planted_violation_is_red(rule: str) -> None:
    result = lint(f'"""A module."""\n\nfrom __future__ import annotations\n\n{VIOLATIONS[rule]}')
    assert result.returncode == 1
    assert f" {rule} " in result.stdout


def test_the_format_is_live() -> None:
    command = [sys.executable, "-m", "ruff", "format", "--no-cache", "--check", "--stdin-filename", str(SOURCE / "planted.py"), "-"]
    bad = subprocess.run(command, input=CLEAN.replace("2 * number", "2*number"), capture_output=True, text=True, cwd=ROOT, check=False)
    good = subprocess.run(command, input=CLEAN, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (bad.returncode, good.returncode) == (1, 0)


def test_mypy_is_strict(tmp_path: Path) -> None:
    good, bare, wrong = (tmp_path / f"{name}.py" for name in ("good", "bare", "wrong"))
    good.write_text(CLEAN)
    bare.write_text("def f(n):\n    return n\n")
    wrong.write_text("items: list = []\nn: int = 'one'\n")
    files = [str(file) for file in (good, bare, wrong)]
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache"), *files]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 1
    assert "good.py" not in result.stdout
    for code in ("no-untyped-def", "type-arg", "assignment"):
        assert f"[{code}]" in result.stdout


def too_long(code: str, most_file: int = MOST_FILE_LINES, most_function: int = MOST_FUNCTION_LINES) -> list[str]:
    """What in this file is longer than the house allows."""
    lines = code.count("\n")
    found = [f"{lines} lines"] if lines > most_file else []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > most_function:
                found.append(f"{node.name}: {length} lines")
    return found


def test_no_file_or_function_is_too_long() -> None:
    found = {str(file.relative_to(SOURCE)): too_long(file.read_text(encoding="utf-8")) for file in SOURCE.rglob("*.py")}
    assert len(found) > 30
    assert {name: what for name, what in found.items() if what} == {}


def test_lengths_are_measured() -> None:
    planted = "def f() -> None:\n" + "    pass\n" * 70
    assert too_long(planted) == ["f: 71 lines"]
    assert too_long("x = 1\n" * 351) == ["351 lines"]
