"""`shiftproof study`: published claims, measured again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from shiftproof._errors import UsageError, must
from shiftproof._urls import check_file
from shiftproof.cli._say import say

_OUT = Path("studies")


@click.group("study")
def command() -> None:
    """Reproduce published claims; intervals decide whether they hold.

    \b
    shiftproof study list
    shiftproof study run learning_from_errors
    shiftproof study run learning_from_errors --full --data cifar10.train=npz:train.npz --data cifar10.test=npz:test.npz
    shiftproof study page studies
    """  # noqa: D301  # \b is click's mark for lines to keep


@command.command("list")
def list_studies() -> int:
    """List the studies: their claims, papers, and the data that the full form needs."""
    from shiftproof.studies import studies

    for name in studies.names():
        study = studies.get(name)
        click.secho(name, bold=True)
        say(f"  {study.paper}: {study.claim}")
        wanted = [*(f"--data {need}=URI" for need in study.needs), *(f"--net {net}=FILE.py:NAME" for net in study.nets)]
        say(f"  full form: {', '.join(wanted) or 'no data of yours'}")
    return 0


@command.command("run")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--full", is_flag=True, help="Run the full form (minutes to an hour) instead of the quick one (seconds).")
@click.option(
    "--data", multiple=True, metavar="NAME=URI", help="Data of the full form, such as mnist.train=idx:DIR?split=train. May be repeated."
)
@click.option("--net", multiple=True, metavar="NAME=FILE.py:NAME", help="What makes a trained network of the full form. May be repeated.")
@click.option(
    "--extend",
    type=int,
    default=0,
    show_default=True,
    help="Add the planned number of seeds this many times; the verdict is marked 'extended', with wider intervals.",
)
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Confidence of the verdicts.")
@click.option("--out", type=click.Path(path_type=Path), default=_OUT, show_default=True, help="Folder of the records and the page.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def run(
    names: tuple[str, ...],
    full: bool,
    data: tuple[str, ...],
    net: tuple[str, ...],
    extend: int,
    confidence: float,
    out: Path,
    quiet: bool,
) -> int:
    """Run the studies with these names, or 'all'. Run the same command again to continue."""
    check_file(out, "--out")
    from rich.console import Console

    from shiftproof._memory import keep_freed_memory
    from shiftproof.reports.studies import terminal_studies
    from shiftproof.studies import studies
    from shiftproof.studies.plan import QUICK_SEEDS
    from shiftproof.studies.run import check_run, run_study

    keep_freed_memory()
    chosen = [studies.build(name) for name in (studies.names() if names == ("all",) else names)]
    samples = _named(data, "data", "sample", "mnist.train=idx:FOLDER?split=train")
    nets = _named(net, "net", "network", "cifar10.plain=nets.py:resnet20")
    for study in chosen:  # all of it, before the first takes an hour
        check_run(study, full=full, data=samples, nets=nets, extend=extend, confidence=confidence)
    records = []
    count = sum((study.seeds if full else QUICK_SEEDS) * (1 + extend) for study in chosen)
    with _bar(count, visible=not quiet and sys.stderr.isatty()) as (say, done):
        for study in chosen:
            made = run_study(study, out=out, full=full, data=samples, nets=nets, extend=extend, confidence=confidence, say=say, done=done)
            records.append(made)
    path = _page(out)
    if not quiet:
        Console().print(terminal_studies(records))
        say(f"\nPage: {path}")
    return 0


@command.command("judge")
@click.argument("folder", type=click.Path(path_type=Path), default=_OUT)
def judge(folder: Path) -> int:
    """Decide the verdicts of all finished studies in FOLDER again, from their stored figures and the current predictions.

    A verdict is marked if its prediction has changed since.
    """
    from rich.console import Console

    from shiftproof.reports.studies import terminal_studies
    from shiftproof.studies.run import judge_again

    check_file(folder, "FOLDER")
    Console().print(terminal_studies(judge_again(folder)))
    return 0


@command.command("page")
@click.argument("folder", type=click.Path(path_type=Path), default=_OUT)
def page(folder: Path) -> int:
    """Write one page about all finished studies in FOLDER."""
    check_file(folder, "FOLDER")
    say(f"Page: {_page(folder)}")
    return 0


def _page(folder: Path) -> Path:
    from shiftproof._writing import disk_error
    from shiftproof.reports.studies import write_studies
    from shiftproof.studies.run import read_studies

    records = read_studies(folder)
    try:
        return write_studies(records, folder)
    except OSError as error:
        raise disk_error(folder, error) from error


def _named(given: Sequence[str], option: str, what: str, example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in given:
        name, sign, uri = word.partition("=")
        if not sign or not name or not uri:
            raise must(option, "study run", f"be NAME=URI, such as {example}", word)
        if name in found:
            raise UsageError(f"The {what} '{name}' was given twice.")
        found[name] = uri
    return found


@contextmanager
def _bar(total: int, *, visible: bool) -> Iterator[tuple[Callable[[str], None], Callable[[], None]]]:
    """A progress bar over trials: how to say what is being done, and that one is finished."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not visible) as bar:
        task = bar.add_task("studies", total=total)
        yield lambda line: bar.update(task, description=line), lambda: bar.advance(task)
