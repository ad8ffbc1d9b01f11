"""`shiftproof report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from shiftproof._errors import UsageError
from shiftproof._urls import is_url
from shiftproof.cli._gate import cleared, ended, write_junit
from shiftproof.cli._notes import echo_notes
from shiftproof.cli._options import OUT, out_folder
from shiftproof.cli._say import say, say_lines

_LOGS = (".eval", ".json", ".jsonl")
"""Endings of what other tools write."""


@click.command("report")
@click.argument("sources", nargs=-1, required=True, type=click.Path(), metavar="FOLDER | LOG...")
@click.option("--out", metavar="DIR", type=OUT, help="For logs: the folder of their report.")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="CONDITION",
    help="For logs: exit with code 1 if this is true: \"natural('typos').drop.low > 0\". May be repeated.",
)
@click.option("--junit", metavar="FILE", help="For logs: write the results of --fail-on as JUnit XML.")
@click.option(
    "--item", metavar="KEY", help="Key of the samples' metadata that says which item each is. [sp_item or item, else its own name]"
)
@click.option("--variant", metavar="KEY", help="Key that says which variant of its item it is. [sp_variant or variant, else one per log]")
@click.option(
    "--base", metavar="NAME", help="The variant in which items are as they are. [identity, base, clean or original, else the first]"
)
@click.option("--score", metavar="NAME", help="Which score is read, where a log has several.")
@click.option("--model", metavar="NAME", help="Whose answers are read, where a log has those of several models.")
@click.option("--confidence", type=float, help="Confidence of the intervals of logs. [0.95]")
def command(sources: tuple[str, ...], out: Path | None, fail_on: tuple[str, ...], junit: str | None, **options: Any) -> int:
    """Show the finished run in FOLDER again and rewrite its page; write an index of a folder of runs; or report what other tools logged.

    FOLDER may be a URL, such as s3://bucket/run.

    A log is an .eval or .json file of inspect, samples JSONL of lm-eval (--log_samples) or results JSON of promptfoo. Its samples are
    variants of items, or several logs of the same items are compared, the first one with each further one.

    \b
    shiftproof report runs/x
    shiftproof report run.eval --out runs/inspect --fail-on "natural('typos(edits=1)').drop.low > 0"
    shiftproof report before.eval after.eval --out runs/inspect
    """  # noqa: D301  # \b is click's mark for lines to keep
    places = [Path(source) for source in sources]
    folder = is_url(sources[0]) or places[0].is_dir()
    if len(sources) == 1 and (folder or not (places[0].exists() or places[0].suffix in _LOGS)):
        given = [name for name, value in {"out": out, "fail_on": fail_on, "junit": junit, **options}.items() if value]
        if given and folder:
            raise UsageError(f"The option --{given[0].replace('_', '-')} is for logs of other tools, and '{sources[0]}' is a folder.")
        return _at_url(sources[0]) if is_url(sources[0]) else _shown(places[0])
    if out is None:
        raise UsageError("A report of logs needs an output folder. Name it with --out runs/NAME.")
    return _of_logs(places, out_folder(Path(out)), fail_on, junit, options)


def _at_url(url: str) -> int:
    from shiftproof.runs.remote_store import mirrored

    mirror = mirrored(url)
    code = _shown(mirror.folder, f"{mirror.shown}/index.html")
    mirror.settle()
    return code


def _of_logs(sources: Sequence[Path], out: Path, fail_on: Sequence[str], junit: str | None, options: dict[str, Any]) -> int:
    from shiftproof._errors import must
    from shiftproof.evaluation.audit.recorded import report_recorded
    from shiftproof.integrations.eval_logs.read_logs import read_logs

    confidence = options.pop("confidence")
    confidence = 0.95 if confidence is None else confidence
    verdicts = cleared(junit)
    if not 0 < confidence < 1:
        raise must("--confidence", "the report", "be in (0, 1)", confidence)
    audit = report_recorded(read_logs(sources, **options), out, fail_on=fail_on, confidence=confidence)
    _shown(out)
    if verdicts:
        write_junit(verdicts, audit)
    for gate in audit.gates:
        state = "not judged" if gate.value is None else "failed" if gate.failed else "met"
        say(f"{state}: {gate.condition}: {gate.detail}")
    return ended(audit)


def _shown(folder: Path, called: str = "") -> int:
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.records.audit import read_audit
    from shiftproof.reports.audit.group_gaps import gap_lines
    from shiftproof.reports.audit.measures import measure_sentence
    from shiftproof.reports.audit.page import write_page
    from shiftproof.reports.audit.terminal import terminal_table
    from shiftproof.reports.audit.verdict import verdict_line

    if not (folder / "audit.json").exists() and folder.is_dir():
        return _several(folder, called)
    audit = read_audit(folder)
    try:
        page = write_page(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    say_lines([line for line in (verdict_line(audit),) if line])
    Console().print(terminal_table(audit))
    say_lines([*measure_sentence(audit), *gap_lines(audit)])
    echo_notes([*audit.model.notes, *audit.data.notes])
    say(f"Page: {called or page}")
    return 0


def _several(folder: Path, called: str = "") -> int:
    """The index of all runs below a folder."""
    from rich.console import Console

    from shiftproof._writing import disk_error
    from shiftproof.reports.index import find_runs, terminal_index, write_index

    runs = find_runs(folder)
    try:
        page = write_index(runs, folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    Console().print(terminal_index(runs))
    say(f"Page: {called or page}")
    return 0
