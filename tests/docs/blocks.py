"""Fenced blocks of the documentation: which run, which are files, and which are marked as not run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from repository import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = ("bash", "sh", "console")
_FENCE = re.compile(
    r'^(?:\*Not run by the tests: (?P<why>[^\n]+)\*\n\n)?^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """One fenced block. `title` is the file that it is the content of; `why` is the reason that its page gives for not running it."""

    language: str
    code: str
    line: int
    title: str | None
    why: str | None

    @property
    def is_python(self) -> bool:
        """Python that is run: not marked, and not the content of a file."""
        return self.language == "python" and self.why is None and self.title is None

    @property
    def is_shell(self) -> bool:
        """Commands that are run."""
        return self.language in SHELL and self.why is None


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(m["language"], m["code"], text[: m.start("code")].count("\n") + 1, m["title"], m["why"]) for m in _FENCE.finditer(text)]


def read(page: Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def named(page: Path) -> str:
    """A page as tests name it."""
    return page.relative_to(ROOT).as_posix()


def put_file(block: Block, folder: Path) -> None:
    """Writes a block that is the content of a file to that file in `folder`."""
    if block.title is not None:
        file = folder / block.title
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.code, encoding="utf-8")


def command_lines(text: str) -> Iterator[list[str]]:
    """Every `shiftproof ...` line of a page's shell blocks, marked ones too, split into words, continuation lines joined."""
    for block in blocks(text):
        if block.language in SHELL:
            for line in block.code.replace("\\\n", " ").splitlines():
                words = shlex.split(line.partition(" | ")[0], comments=True)
                if words[:1] == ["shiftproof"]:
                    yield words[1:]
