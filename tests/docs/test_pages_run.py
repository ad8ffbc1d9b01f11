"""What README and the documentation show is run: Python blocks are executed, shiftproof command lines are parsed by the real parser."""

from __future__ import annotations

import re
import shlex
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from repository import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^(?:<!-- not run: (?P<why>.+) -->\n)?^```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block; `why` is the reason that its page gives for not running it."""

    language: str
    code: str
    line: int
    why: str | None


def blocks(text: str, *languages: str) -> list[Block]:
    """The fenced blocks of a page in these languages."""
    found = (Block(m["language"], m["code"], text[: m.start("code")].count("\n") + 1, m["why"]) for m in _FENCE.finditer(text))
    return [block for block in found if block.language in languages]


def run_python(page: Path, text: str) -> int:
    """Runs a page's Python blocks in order, in one module of their own; the count of blocks run."""
    module = types.ModuleType(f"page_{page.stem.replace('-', '_')}")
    sys.modules[module.__name__] = module  # dataclasses look their annotations up there
    ran = 0
    try:
        for block in blocks(text, "python"):
            code = "\n" * (block.line - 1) + block.code
            compiled = compile(code, str(page), "exec")  # also those that are not run must be Python
            if block.why is None:
                exec(compiled, vars(module))
                ran += 1
    finally:
        del sys.modules[module.__name__]
    return ran


def command_lines(text: str) -> Iterator[list[str]]:
    """Every `shiftproof ...` line of a page's shell blocks, split into words, continuation lines joined."""
    for block in blocks(text, "bash", "sh", "console"):
        for line in block.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] == ["shiftproof"]:
                yield words[1:]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [p for p in PAGES if "```python" in p.read_text(encoding="utf-8")], ids=named)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_python(page, page.read_text(encoding="utf-8")) > 0, "every block of this page is marked as not run"


@pytest.mark.parametrize("page", [p for p in PAGES if any(command_lines(p.read_text(encoding="utf-8")))], ids=named)
def test_command_lines_parse(page: Path) -> None:
    from shiftproof.cli.main import app

    for words in command_lines(page.read_text(encoding="utf-8")):
        parse(app, words)


def parse(app: click.Group, words: list[str]) -> None:
    """Parses a command line as the program would, without running it."""
    context = click.Context(app, info_name="shiftproof")
    name, command, rest = app.resolve_command(context, list(words))
    assert command is not None, words
    if rest and rest != ["--help"]:
        command.make_context(name, list(rest), parent=context)


def test_readme_shows_python_and_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert blocks(text, "python")
    assert {words[0] for words in command_lines(text)} >= {"audit", "report"}


def test_a_failing_block_is_found() -> None:
    page = "text\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n"
    with pytest.raises(AssertionError):
        run_python(Path("planted.md"), page)


def test_a_marked_block_is_not_run_and_must_still_be_python() -> None:
    assert run_python(Path("planted.md"), "<!-- not run: needs a server -->\n```python\nraise ValueError\n```\n") == 0
    with pytest.raises(SyntaxError):
        run_python(Path("planted.md"), "<!-- not run: needs a server -->\n```python\ndef\n```\n")


def test_a_wrong_option_is_found() -> None:
    from shiftproof.cli.main import app

    (words,) = command_lines("```bash\nshiftproof audit --model m.py:f \\\n  --no-such-option 3  # a comment\n```\n")
    assert words == ["audit", "--model", "m.py:f", "--no-such-option", "3"]
    with pytest.raises(click.UsageError, match="no-such-option"):
        parse(app, words)
