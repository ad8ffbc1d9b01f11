"""Runs side by side: the same numbers in rows, and where examples pair, a paired test against the first run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shiftproof import outcomes
from shiftproof._errors import UsageError
from shiftproof.data.class_names import keys
from shiftproof.evaluation.audit.pooled import refuse_doubles
from shiftproof.records.audit import Audit, Result, read_audit
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.risks.paired import PairedComparison, paired
from shiftproof.runs.store import read_rows


def compare_runs(folders: Sequence[Path], *, called: Sequence[str] = ()) -> Comparison:
    """Reads runs and lines up their numbers.

    Raises:
        UsageError: a folder holds no run, or the runs share no number.
    """
    audits = [read_audit(folder) for folder in folders]
    tables: list[dict[Any, Result]] = [{_key(r): r for r in audit.results} for audit in audits]
    shared = [key for key in tables[0] if any(key in other for other in tables[1:])]
    shared += [
        key for other in tables[1:] for key in other if key not in tables[0] and sum(key in t for t in tables) > 1 and key not in shared
    ]
    judged = {audit.judge.spec for audit in audits}
    if len(judged) > 1:
        raise UsageError(
            f"These runs were judged by {' and '.join(sorted(judged))}, so their numbers do not compare. Give runs of one judge."
        )
    if not shared:
        raise UsageError(
            "These runs share no number: they measured different shifts or searches. Run the same --shift and --search in each."
        )
    names_of = [tuple(audit.data.class_names) for audit in audits]
    graded = any(audit.judge.graded for audit in audits)  # then a mean score is no share of right ones, which the test is about
    rows = [_row(key, folders, tables, names_of, graded) for key in dict.fromkeys(shared)]
    names = tuple(called or map(str, folders))
    return Comparison(names, tuple(audits), tuple(rows), _alone(audits))


def _alone(audits: Sequence[Audit]) -> tuple[tuple[str, ...], ...]:
    """The finished cells of each run that no other has."""
    cells = [{f"{cell.shift} under {cell.search}": None for cell in audit.cells if cell.state == "done"} for audit in audits]
    return tuple(
        tuple(name for name in own if not any(name in other for row, other in enumerate(cells) if row != place))
        for place, own in enumerate(cells)
    )


def _key(r: Result) -> tuple[str, str, str, str, str | None]:
    # The worst group differs between runs, and is compared all the same.
    return (r.shift, r.search, r.risk, r.measure, r.group if r.risk == "group" else None)


def _row(
    key: tuple[str, str, str, str, str | None],
    folders: Sequence[Path],
    tables: Sequence[dict[Any, Result]],
    class_names: Sequence[tuple[str, ...]],
    graded: bool,
) -> ComparisonRow:
    results = tuple(table.get(key) for table in tables)
    tests: list[PairedComparison | None] = [None] * len(results)
    first = results[0]
    if first is not None and key[2] == "mean" and not graded and key[3] != "drop" and key[1] != "union":
        for place, other in enumerate(results[1:], start=1):
            if other is not None:
                tests[place] = _pair((folders[0], first, class_names[0]), (folders[place], other, class_names[place]))
    return ComparisonRow(*key, results, tuple(tests))


def _pair(first: tuple[Path, Result, tuple[str, ...]], second: tuple[Path, Result, tuple[str, ...]]) -> PairedComparison | None:
    """The paired test of two runs, each with its folder, its number and the names of its classes, by which labels are compared."""
    (home, number, ours), (away, other, theirs) = first, second
    one, two = verdicts(home, number.cell), verdicts(away, other.cell)
    ids, left, right = np.intersect1d(one[0], two[0], return_indices=True)
    labels = [_named(one[2][left], ours, theirs), _named(two[2][right], theirs, ours)]
    if not len(ids) or bool((labels[0] != labels[1]).any()):
        return None
    return paired(one[1][left], two[1][right], against=str(home), confidence=number.confidence)


def _named(codes: Any, names: tuple[str, ...], others: tuple[str, ...]) -> Any:
    """Labels as class names where both runs have names, else as the codes that were stored."""
    if not names or not others:
        return codes
    said = keys(names)
    return np.array([said[int(code)] for code in codes.tolist()], dtype=np.str_)


def verdicts(folder: Path, cell: str) -> tuple[Any, Any, Any]:
    """Ids, correctness and labels of all shards of a cell; of several joined by +, right is what is right in all of them.

    Empty where someone kept the record only, where the cells do not stand on the same examples, or where some have no answer: a test over
    the others would say nothing about the sample.
    """
    ids, right, label = _outcomes(folder, cell.partition("+")[0])
    for other in cell.split("+")[1:]:
        names, also, _ = _outcomes(folder, other)
        _, here, there = np.intersect1d(ids, names, return_indices=True)
        if len(here) != len(ids) or len(there) != len(names):
            return ids[:0], right[:0], label[:0]
        right[here] *= also[there]
    return ids, right, label


def _outcomes(folder: Path, cell: str) -> tuple[Any, Any, Any]:
    """Ids, correctness and labels of all shards of a cell."""
    tables = [read_rows(path, ["id", "outcome", "label"]) for path in sorted((folder / "cells").glob(f"{cell}*.parquet"))]
    if not tables:  # someone kept the record only
        return np.array([], dtype=str), np.array([]), np.array([])
    ids, outcome, label = (np.concatenate([t.column(c).to_numpy() for t in tables]).astype(str) for c in ("id", "outcome", "label"))
    refuse_doubles(ids)
    if bool((outcome == outcomes.NO_ANSWER).any()):
        return ids[:0], np.array([]), label[:0]
    return ids, np.isin(outcome, [outcomes.HELD, outcomes.CERTIFIED]).astype(np.float64), label
