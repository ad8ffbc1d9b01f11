"""The index of a folder of runs: one row a run, with what it comes to and a link to its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rich.console import Group

from shiftproof._errors import UsageError
from shiftproof._writing import write_atomic
from shiftproof.records.audit import Audit, read_audit
from shiftproof.reports._html import render
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.verdict import gate_line, named
from shiftproof.reports.number_format import KIND_SIGNS, bracketed, percent, plural, span
from shiftproof.reports.terminal_fit import Sentence

_OURS = '<meta name="generator" content="shiftproof">'
_HEAD = 4096


@dataclass(frozen=True)
class IndexedRun:
    """One run below the folder.

    Args:
        place: its folder, relative to that of the index.
        audit: its record.
    """

    place: Path
    audit: Audit

    @property
    def name(self) -> str:
        """Its folder with slashes."""
        return self.place.as_posix()

    @property
    def link(self) -> str:
        """The address of its page, from the index."""
        return quote(f"{self.name}/index.html")

    @property
    def verdict(self) -> str:
        """What its conditions came to."""
        return gate_line(self.audit)

    @property
    def state(self) -> str:
        """complete, incomplete, or what its conditions came to."""
        if not self.audit.complete:
            return "incomplete"
        if any(gate.failed and gate.value is not None for gate in self.audit.gates):
            return "a condition failed"
        return "conditions met" if self.audit.gates else "complete"

    @property
    def chance(self) -> digest.NamedNumber | None:
        """The lowest estimate without an attack."""
        return digest.worst_by_chance(self.audit)

    @property
    def attacked(self) -> digest.NamedNumber | None:
        """The lowest number under attack."""
        return digest.worst_attacked(self.audit)

    @property
    def proven(self) -> digest.NamedNumber | None:
        """What is proven, where that is anything."""
        found = digest.best_proven(self.audit)
        return found if found and found.value else None


def find_runs(folder: Path) -> list[IndexedRun]:
    """Every run in the folders below `folder`, by name.

    Raises:
        UsageError: there is none, or the record of one cannot be read.
    """
    found = sorted(path.parent for path in folder.rglob("audit.json"))
    if not found:
        raise UsageError(
            f"The folder '{folder}' has no audit.json, and no folder below it has one. Give the folder of a run (--out of an audit), or "
            "one that holds several."
        )
    return [IndexedRun(run.relative_to(folder), read_audit(run)) for run in found]


def index_page(runs: Sequence[IndexedRun], title: str) -> str:
    """The index as one self-contained HTML file that opens without a network; its links go to the runs' pages beside it."""
    return render(
        "index.html.j2",
        charts={},
        runs=runs,
        title=title,
        named=named,
        several_data=len({run.audit.data.fingerprint for run in runs}) > 1,
        words=sorted({run.audit.judge.word for run in runs}),
    )


def write_index(runs: Sequence[IndexedRun], folder: Path) -> Path:
    """Writes `folder`/index.html and, where it is missing, the page of each run; returns the path of the index.

    Raises:
        UsageError: the folder has an index.html that shiftproof did not write.
    """
    from shiftproof.reports.audit.page import write_page

    target = folder / "index.html"
    if target.exists() and _OURS not in target.read_text(encoding="utf-8", errors="replace")[:_HEAD]:
        raise UsageError(f"'{target}' is a page that shiftproof did not write, and would be lost. Move it, or give another folder.")
    for run in runs:
        if not (folder / run.place / "index.html").exists():
            write_page(folder / run.place)
    write_atomic(target, index_page(runs, folder.resolve().name).encode())
    return target


def terminal_index(runs: Sequence[IndexedRun]) -> Group:
    """A paragraph a run: its folder and state, its numbers, and what its page says first. It fits a terminal of any width."""
    parts: list[Sentence] = []
    for run in runs:
        audit = run.audit
        clean = f"  clean {audit.judge.word} {bracketed(audit.clean.accuracy, audit.clean.bracket)} ({span(audit.clean.interval)})"
        parts.append(Sentence(f"{run.name}: {audit.model.name} on {audit.data.uri}, n = {audit.data.n}, {run.state}"))
        parts.append(Sentence(clean))
        for what, number, sign in (("lowest by chance", run.chance, ""), ("lowest under attack", run.attacked, KIND_SIGNS["at_most"])):
            if number:
                parts.append(Sentence(f"  {what} {sign}{percent(number.value)} ({span(number.interval)}): {named(number)}"))
    return Group(Sentence(plural(len(runs), "run")), *parts)
