"""`shiftproof line`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shiftproof._errors import UsageError, unknown
from shiftproof._urls import check_file
from shiftproof.cli._options import out_folder
from shiftproof.cli._say import say

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from shiftproof.measures.effective_robustness import AccuracyLine


@click.command("line")
@click.argument("tables", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--in", "inside", multiple=True, metavar="COLUMN", help="Column of in-distribution accuracy. Several are fitted together.")
@click.option(
    "--out-of", "outside", multiple=True, metavar="COLUMN", help="Column of out-of-distribution accuracy. One line is fitted for each."
)
@click.option("--model", "name", metavar="COLUMN", help="Column of model names; join several with commas. [the first]")
@click.option("--fit", metavar="COLUMN=VALUE", help="Fit the line to these models only, such as category=standard. [all]")
@click.option("--axis", type=click.Choice(["logit", "probit", "linear"]), default="logit", help="Scale of both axes. [logit]")
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=0,
    help="Number of examples of each out-of-distribution accuracy; widens the intervals.",
)
@click.option(
    "--consistency",
    is_flag=True,
    help="Of recorded trials: whether each two observers err on the same images; without --in and --out-of, this alone.",
)
@click.option("--confidence", type=float, default=0.95, help="Confidence of the intervals. [0.95]")
@click.option("--seed", type=int, default=0, help="Seed of the bootstrap. [0]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the page, if one is wanted.")
def command(
    tables: tuple[Path, ...],
    inside: tuple[str, ...],
    outside: tuple[str, ...],
    name: str | None,
    fit: str | None,
    axis: str,
    examples: int,
    consistency: bool,
    confidence: float,
    seed: int,
    out: Path | None,
) -> int:
    """Fit out-of-distribution accuracy against in-distribution accuracy over many models, and measure each model's distance to the line.

    TABLES are one of: a CSV file with one row per model; folders of audits that measured another sample (--shift-from); or recorded trials
    (CSV files or an archive of them) with one row per answer, whose conditions are the columns.

    \b
    shiftproof line results.csv --in val --out-of imagenetv2 --fit category=standard --out runs/line
    shiftproof line runs/a runs/b runs/c runs/d runs/e
    shiftproof line contrast.tar.xz --in c100 --out-of c05
    shiftproof line contrast.tar.xz --consistency
    """  # noqa: D301  # \b is click's mark for lines to keep
    from rich.console import Console

    from shiftproof.measures.effective_robustness import effective_robustness
    from shiftproof.reports.accuracy_on_the_line import terminal_line

    for place in tables:
        check_file(place, "TABLES")
    if consistency:
        Console().print(_consistency(tables, confidence, seed))
        if not inside and not outside:
            return 0
    folder = None if out is None else out_folder(out)
    table = _table(tables, name)
    homes, away = _columns(table, tables, inside, outside)
    chosen = _chosen(table, fit)
    lines = [
        effective_robustness(
            table,
            inside=homes,
            outside=column,
            fit=chosen,
            axis=axis,  # type: ignore[arg-type]  # click has checked it
            n=examples,
            confidence=confidence,
            seed=seed,
        )
        for column in away
    ]
    Console().print(terminal_line(lines))
    if folder is not None:
        say(f"Page: {_write(lines, tables, folder)}")
    return 0


def _table(paths: Sequence[Path], name: str | None) -> pd.DataFrame:
    import pandas as pd

    if all(path.is_dir() for path in paths):
        from shiftproof.measures.effective_robustness import table_of_audits
        from shiftproof.records.audit import read_audit

        return table_of_audits([read_audit(path) for path in paths])
    trials = _trials(paths)
    if trials is not None:
        return trials
    if len(paths) > 1:
        raise UsageError(f"Give one CSV file, recorded trials, or folders of audits; got {', '.join(map(str, paths))}.")
    try:
        table = pd.read_csv(paths[0])
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise UsageError(f"The table '{paths[0]}' cannot be read: {error}.") from error
    columns = [part.strip() for part in name.split(",")] if name else [str(table.columns[0])]
    for column in columns:
        if column not in table.columns:
            raise unknown("column", column, [str(known) for known in table.columns])
    return table.set_index(table[columns].astype(str).agg(" ".join, axis=1))


def _trials(paths: Sequence[Path]) -> pd.DataFrame | None:
    """The accuracies of recorded trials, where that is what was given: archives, or CSV files with the columns of trials."""
    import pandas as pd

    from shiftproof.measures.trials import accuracy_of_trials, is_trials, read_trials

    def heads(path: Path) -> Sequence[str]:
        try:
            return [str(column) for column in pd.read_csv(path, nrows=0).columns]
        except (OSError, ValueError):
            return ()  # what cannot be read is said where it is read as a table

    if any(".tar" in path.suffixes or is_trials(heads(path)) for path in paths if path.is_file()):
        return accuracy_of_trials(read_trials(*paths))
    return None


def _consistency(tables: Sequence[Path], confidence: float, seed: int) -> Table:
    from rich.table import Table

    from shiftproof.measures.trials import error_consistency, read_trials

    if _trials(tables) is None:
        raise UsageError("--consistency needs recorded trials, one row per answer: CSV files or an archive of them.")
    shown = Table(
        "observers", "images", "both right or both wrong", "error consistency", title="Whether two observers err on the same images"
    )
    for (first, second), found in error_consistency(read_trials(*tables), confidence=confidence, seed=seed).items():
        low, high = found.interval
        shown.add_row(f"{first} and {second}", str(found.images), f"{found.observed:.1%}", f"{found.kappa:.2f} ({low:.2f} to {high:.2f})")
    return shown


def _columns(
    table: pd.DataFrame, paths: Sequence[Path], inside: tuple[str, ...], outside: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was named; of audits, their own data and the samples beside them."""
    if inside and outside:
        return inside, outside
    if not paths[0].is_dir():
        raise UsageError("Name the column of in-distribution accuracy with --in, and those of out-of-distribution accuracy with --out-of.")
    columns = [str(column) for column in table.columns]
    homes = inside or tuple(columns[:1])
    away = outside or tuple(column for column in columns if column not in homes)
    if not away:
        raise UsageError("The audits have no other sample beside their own data. Audit with one: --shift-from URI.")
    return homes, away


def _chosen(table: pd.DataFrame, fit: str | None) -> list[str] | None:
    if fit is None:
        return None
    column, equals, value = fit.partition("=")
    if not equals or column not in table.columns:
        raise UsageError(f"The --fit must be COLUMN=VALUE with a column of the table, got '{fit}'.")
    found = [str(model) for model in table.index[table[column].astype(str) == value]]
    if not found:
        values = sorted(set(table[column].astype(str)))
        raise unknown(f"value of '{column}'", value, values)
    return found


def _write(lines: list[AccuracyLine], tables: Sequence[Path], out: Path) -> Path:
    from shiftproof._writing import disk_error
    from shiftproof.reports.accuracy_on_the_line import write_line

    try:
        return write_line(lines, ", ".join(path.name for path in tables), out)
    except OSError as error:
        raise disk_error(out if out.is_dir() else out.parent, error) from error
