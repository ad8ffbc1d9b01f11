"""`shiftproof leaderboard`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shiftproof._errors import UsageError
from shiftproof._urls import check_file
from shiftproof.cli._options import local_folders, out_folder
from shiftproof.cli._say import say

if TYPE_CHECKING:
    from shiftproof.records.leaderboard import Entry, Leaderboard


@click.command("leaderboard")
@click.argument("folders", nargs=-1, type=click.Path())
@click.option(
    "--robustbench",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file or folder of RobustBench's model_info. May be repeated; more .json files may follow.",
)
@click.option(
    "--attackbench",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file of AttackBench's results: ranks its attacks. May be repeated; more .json files may follow.",
)
@click.option("--threat", metavar="SPEC", help="Show only this threat: 'linf(eps=8/255)', or a family such as linf.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the page, if one is wanted.")
@click.option("--export", metavar="DIR", type=click.Path(path_type=Path), help="Write entries.json and RobustBench's files here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def command(
    folders: tuple[str, ...],
    robustbench: tuple[Path, ...],
    attackbench: tuple[Path, ...],
    threat: str | None,
    out: Path | None,
    export: Path | None,
    as_json: bool,
) -> int:
    """Rank all audits in FOLDERS (URLs too), subfolders included, per data set and threat, where they are comparable.

    \b
    shiftproof leaderboard runs --out runs
    shiftproof leaderboard runs --robustbench model_info/cifar10/Linf/*.json --threat "linf(eps=8/255)"
    shiftproof leaderboard --attackbench compiled/cifar10/*_linf.json
    """  # noqa: D301  # \b is click's mark for lines to keep
    import json

    from rich.console import Console

    from shiftproof.leaderboard.board import make_leaderboard
    from shiftproof.leaderboard.measured import verdicts_of
    from shiftproof.reports.leaderboard import terminal_leaderboard

    if attackbench:
        if robustbench or threat or out or export:
            raise UsageError("AttackBench ranks attacks and no models: give --attackbench with its files alone, or with --json.")
        return _attacks((*attackbench, *map(Path, folders)), as_json)
    folder = None if out is None else out_folder(out)
    check_file(export or "", "--export")
    found = make_leaderboard(_entries(local_folders(folders), robustbench), threat=threat, verdicts=verdicts_of)
    if as_json:
        say(json.dumps(json.loads(found.model_dump_json()), indent=2))  # in ASCII, so that `say` changes nothing
    else:
        Console().print(terminal_leaderboard(found))
    if folder is not None:
        _page(found, folder)
    if export is not None:
        _export(found.entries(), export)
    return 0


def _attacks(files: Sequence[Path], as_json: bool) -> int:
    import json
    from dataclasses import asdict

    from rich.console import Console

    from shiftproof.leaderboard.attackbench import rank_attacks, read_attackbench, terminal_attacks

    ranked = rank_attacks([row for path in files for row in read_attackbench(path)])
    if as_json:
        say(json.dumps([asdict(each) for each in ranked], indent=2))
    else:
        Console().print(terminal_attacks(ranked))
    return 0


def _entries(folders: Sequence[Path], published: Sequence[Path]) -> list[Entry]:
    from shiftproof.leaderboard.export import NAME, read_entries
    from shiftproof.leaderboard.measured import find_audits
    from shiftproof.leaderboard.robustbench import read_robustbench

    files = [path for path in folders if path.suffix == ".json"]  # what a shell makes of --robustbench DIR/*.json
    runs = [path for path in folders if path not in files]
    if not folders and not published:
        raise UsageError("There is nothing to rank. Name folders of runs: shiftproof leaderboard runs/a runs/b.")
    read = {path: read_entries if path.name == NAME else read_robustbench for path in (*published, *files)}
    return [*find_audits(runs), *(entry for path, reader in read.items() for entry in reader(path))]


def _page(found: Leaderboard, out: Path) -> None:
    from shiftproof._writing import disk_error
    from shiftproof.reports.leaderboard import write_leaderboard

    try:
        page = write_leaderboard(found, out)
    except OSError as error:
        raise disk_error(out if out.is_dir() else out.parent, error) from error
    say(f"Page: {page}", err=True)


def _export(entries: Sequence[Entry], folder: Path) -> None:
    from shiftproof._writing import disk_error
    from shiftproof.leaderboard.export import export_entries

    try:
        said = export_entries(entries, folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    for line in said:
        say(line, err=True)
