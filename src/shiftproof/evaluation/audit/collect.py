"""From finished cells to numbers: every one with its kind, interval, cost and flags."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from shiftproof import outcomes
from shiftproof._arrays import Floats
from shiftproof._errors import Contradiction
from shiftproof.data.groups import crossed
from shiftproof.data.source import Source
from shiftproof.finding import still_right
from shiftproof.judges.abstract import Judge
from shiftproof.outcomes import Bound, Flag, Interval, join_flags, join_stages
from shiftproof.records.audit import UNION, Result
from shiftproof.risks.abstract import Measurement, Names
from shiftproof.risks.cvar import CVaR
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import paired_difference
from shiftproof.risks.worst_group import WorstGroup
from shiftproof.runs.cell import Cell
from shiftproof.runs.score_rows import SCORE
from shiftproof.runs.store import CellTable, Store
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift

PREFIXES = {Bound.ESTIMATE: "", Bound.AT_MOST: "robust_", Bound.AT_LEAST: "certified_"}
"""What stands before the judge's word for its mean score, by what the number claims."""
SMOOTHED = {Bound.AT_LEAST: "smoothed_accuracy", Bound.AT_MOST: "smoothed_robust_accuracy"}
"""What is proven and attacked of another model made from the one measured: measures of their own, never mixed with its own."""
TAIL = 0.1


@dataclass(frozen=True, eq=False)
class PooledResults:
    """All finished shards of one pair of shift and method on one sample, joined."""

    key: str
    source: Source
    shift: Shift
    method: str
    needs_gradients: bool
    rows: np.ndarray[Any, np.dtype[np.intp]]
    table: CellTable
    total: int
    exact: bool
    """Whether the search may try every move of an example."""
    judge: Judge
    subject: str | None = None
    """What it is about, where that is another model than the one measured."""

    @property
    def correct(self) -> Floats:
        """1 where the model is still right, shape (n,), see `still_right`."""
        return still_right(self.table.columns["outcome"], self.table.bound).astype(np.float64)

    @property
    def score(self) -> Floats:
        """How right the model is, in [0, 1], shape (n,): 1 or 0 under judges that know nothing between."""
        return self.table.columns.get(SCORE, self.correct)

    @property
    def certified(self) -> Floats | None:
        """What is proven of the score, shape (n,): the least over all moves where all were tried and none breaks the example, else 0.

        None for searches that never try all.
        """
        return np.where(self.table.columns["outcome"] == outcomes.CERTIFIED, self.score, 0.0) if self.exact else None


def pooled_results(store: Store, cells: Sequence[Cell], sources: dict[str, Source]) -> list[PooledResults]:
    """The finished cells, joined over their shards, in the order of the plan."""
    by_group: dict[str, list[Cell]] = {}
    for cell in cells:
        if store.has(cell):
            by_group.setdefault(cell.group, []).append(cell)
    pools = [_join(store, group, sources[group[0].data]) for group in by_group.values()]
    return [*pools, *_unions(pools)]


def _join(store: Store, cells: Sequence[Cell], source: Source) -> PooledResults:
    first = cells[0]
    rows = np.concatenate([np.arange(cell.start, cell.stop) for cell in cells])
    table = join_tables([store.read(cell) for cell in cells])
    gradients = isinstance(first.method, Search) and first.method.needs.__name__ == "Gradients"
    subject = None if isinstance(first.method, Search) else first.method.subject
    exact = isinstance(first.method, Search) and first.method.proves
    whole = (rows, table, first.total, exact, first.judge, subject)
    return PooledResults(first.group, source, first.shift, first.method.spec(), gradients, *whole)


def join_tables(tables: Sequence[CellTable]) -> CellTable:
    """One table from those of the shards.

    Raises:
        Contradiction: an example is in two of them, and would be counted twice.
    """
    columns = {name: np.concatenate([t.columns[name] for t in tables]) for name in tables[0].columns}
    refuse_doubles(columns["id"])
    joined = join_flags((t.flags, len(t)) for t in tables)
    stages = join_stages(stage for t in tables for stage in t.stages)
    seconds, sent = sum(t.seconds for t in tables), sum(t.sent for t in tables)
    return CellTable(columns, tables[0].bound, joined, seconds, tables[0].batch_size, stages, sent)


def refuse_doubles(ids: np.ndarray[Any, Any]) -> None:
    """Raises `Contradiction` where results of several places hold an example twice: a number over them would count it twice."""
    names, counts = np.unique(ids, return_counts=True)
    if len(names) < len(ids):
        raise Contradiction(
            f"{int((counts > 1).sum())} examples are in the results twice, first '{names[counts.argmax()]}', so no number over them can be "
            "used. Run again with another --out; if that does not help, please report this."
        )


def same_examples(one: PooledResults, two: PooledResults) -> bool:
    """Whether two pools stand on the same examples, in the same order."""
    return one.source is two.source and np.array_equal(one.table.columns["id"], two.table.columns["id"])


def _unions(pools: Sequence[PooledResults]) -> list[PooledResults]:
    """For each shift with several worst-case searches over the same examples: all of them together."""
    found: list[PooledResults] = []
    for shift in dict.fromkeys((p.source.uri, p.shift) for p in pools):
        several = [p for p in pools if (p.source.uri, p.shift) == shift and p.table.bound is Bound.AT_MOST and p.subject is None]
        if len(several) < 2 or not all(same_examples(p, several[0]) for p in several):
            continue
        outcome = several[0].table.columns["outcome"].copy()
        for other in several[1:]:
            broke = other.table.columns["outcome"] == outcomes.BROKEN
            outcome[broke] = outcomes.BROKEN
        columns = dict(several[0].table.columns)
        columns["outcome"] = outcome
        if SCORE in columns:
            columns[SCORE] = np.min([p.table.columns[SCORE] for p in several], axis=0)
        for passes in ("forwards", "backwards"):
            columns[passes] = np.sum([p.table.columns[passes] for p in several], axis=0)
        columns["probability"] = np.full(len(outcome), np.nan)
        flags = tuple({flag.name: flag for p in several for flag in p.table.flags}.values())
        seconds, sent = sum(p.table.seconds for p in several), sum(p.table.sent for p in several)
        table = CellTable(columns, Bound.AT_MOST, flags, seconds, several[0].table.batch_size, sent=sent)
        first = several[0]
        whole = (first.rows, table, first.total, False, first.judge)
        found.append(PooledResults("+".join(p.key for p in several), first.source, first.shift, UNION, True, *whole))
    return found


def suspicions(pools: Sequence[PooledResults], distrusted: Mapping[str, Flag]) -> dict[str, tuple[Flag, ...]]:
    """Warnings about the verdict of a gradient search, by the key of its pool.

    `distrusted` holds the flags of the families of shifts whose diagnosis failed.
    """
    beaten = _beaten(pools)
    raised: dict[str, tuple[Flag, ...]] = {}
    for p in pools:
        masked = distrusted.get(p.shift.name) if p.needs_gradients and p.table.bound is Bound.AT_MOST else None
        flags = tuple(flag for flag in (beaten.get(p.key), masked) if flag)
        if flags:
            raised[p.key] = flags
    return raised


def _beaten(pools: Sequence[PooledResults]) -> dict[str, Flag]:
    """By key of a gradient search's pool: a search without gradients did better, so gradients are likely masked.

    Reference: Carlini et al. 2019 [carlini2019evaluating].
    """
    raised: dict[str, Flag] = {}
    for white in (p for p in pools if p.needs_gradients and p.method != UNION):
        for black in pools:
            same = (black.source.uri, black.shift) == (white.source.uri, white.shift)
            other = black.subject or black.needs_gradients or black.table.bound is not Bound.AT_MOST
            if not same or other or not same_examples(black, white):
                continue
            if black.correct.mean() < white.correct.mean():
                only = float(((black.correct == 0) & (white.correct == 1)).mean())
                detail = (
                    f"{black.method} broke more examples than the gradient search {white.method}: gradients are masked, or the loss has "
                    "many local maxima. Use more restarts, and a search without gradients as well."
                )
                raised[white.key] = Flag("black_box_beats_gradient", detail, only)
    return raised


def contradictions(pools: Sequence[PooledResults]) -> None:
    """Raises where an example was certified and broken under the same shift and at most the certified radius.

    A proof of another model than the one attacked contradicts nothing.
    """
    for proof in (p for p in pools if p.table.bound is Bound.AT_LEAST and p.subject is None):
        radius = proof.table.columns["radius"]
        certified = dict(zip(proof.table.columns["id"], np.where(proof.correct > 0, radius, -math.inf), strict=True))
        for attack in (p for p in pools if p.subject is None):
            if attack.table.bound is not Bound.AT_MOST or attack.shift.name != proof.shift.name or attack.source.uri != proof.source.uri:
                continue
            strength = strength_of(attack.shift)[1] or 0.0
            broken = attack.table.columns["id"][attack.table.columns["outcome"] == outcomes.BROKEN]
            both = [str(name) for name in broken if strength < certified.get(name, -math.inf) * (1 - 1e-6)]
            if both:
                raise Contradiction(
                    f"{len(both)} examples were certified by {proof.method} and broken by {attack.method} under {attack.shift.spec()}, "
                    f"first '{both[0]}'. One of the two is wrong, so no number of this run can be used. Please report this."
                )


def measure_of(bound: Bound, subject: str | None, judge: Judge) -> str:
    """The name of the mean score that a method measures: accuracy, robust_accuracy, f1, robust_f1, ..."""
    return PREFIXES[bound] + judge.measure if subject is None else SMOOTHED[bound]


def strength_of(shift: Shift) -> tuple[str | None, float | None]:
    """The name and value of the option that says how far it moves."""
    name = shift.strength
    return (name, float(shift.options()[name])) if name else (None, None)


class SharedBasis(NamedTuple):
    """What every number of a run shares."""

    confidence: float
    clean: dict[str, PooledResults]


def results(pools: Sequence[PooledResults], confidence: float) -> list[Result]:
    """Every number of every pool."""
    clean = {p.source.uri: p for p in pools if p.shift.name == "identity"}
    basis = SharedBasis(confidence, clean)
    return [number for p in pools for number in _of_pool(p, basis)]


def _of_pool(p: PooledResults, basis: SharedBasis) -> list[Result]:
    measure = measure_of(p.table.bound, p.subject, p.judge)
    values = p.score
    found = [_result(p, basis, "mean", measure, Mean().measure(values, confidence=basis.confidence))]
    if p.source.groups:
        found += _by_group(p, basis, measure, values)
    if p.subject is not None:
        return found
    if p.certified is not None:
        found.append(_certified(p, basis, p.certified))
    if p.judge.graded:
        found.append(_tail(p, basis, f"{p.judge.measure}_loss", 1.0 - values))
    error = 1.0 - p.table.columns["probability"]
    if p.table.bound is not Bound.AT_LEAST and bool(np.isfinite(error).all()) and len(error):
        found.append(_tail(p, basis, "error_probability", error))
    base = basis.clean.get(p.source.uri)
    if base is not None and p.shift.name != "identity" and p.table.bound is not Bound.AT_LEAST and same_examples(base, p):
        found.append(_drop(p, base, basis))
    return found


def _tail(p: PooledResults, basis: SharedBasis, measure: str, loss: Floats) -> Result:
    """The mean loss of the worst tenth: at least this under a worst-case search."""
    tail = CVaR(TAIL)
    at = "at_least" if p.table.bound is Bound.AT_MOST else None
    return _result(p, basis, tail.spec(), measure, tail.measure(loss, confidence=basis.confidence), kind=at)


def _certified(p: PooledResults, basis: SharedBasis, certified: Floats) -> Result:
    """The share of examples that no move breaks, as every move was tried: at least this stay right."""
    measure = measure_of(Bound.AT_LEAST, None, p.judge)
    return _result(p, basis, "mean", measure, Mean().measure(certified, confidence=basis.confidence), kind="at_least")


def group_namings(source: Source) -> list[Names]:
    """A group per example, by all columns crossed and, where there are several columns, by each column alone; each of shape (n,)."""
    columns = source.groups
    alone = [{name: values} for name, values in columns.items()] if len(columns) > 1 else []
    return [crossed(naming, len(source)) for naming in (columns, *alone)]


def _by_group(p: PooledResults, basis: SharedBasis, measure: str, values: Floats) -> list[Result]:
    """The worst of the crossed groups, and every group by itself."""
    risk = WorstGroup()
    states = [risk.update(risk.init(), values, names[p.rows]) for names in group_namings(p.source)]
    worst = _result(p, basis, risk.spec(), measure, risk.compute(states[0], confidence=basis.confidence))
    each = [m for state in states for m in risk.groups(state, confidence=basis.confidence)]
    return [worst, *(_result(p, basis, "group", measure, m) for m in each)]


def _drop(p: PooledResults, base: PooledResults, basis: SharedBasis) -> Result:
    """Clean accuracy minus accuracy here, over the same examples: at least this under a worst-case search."""
    difference, interval = paired_difference(base.score, p.score, confidence=basis.confidence)
    drop = Measurement(-difference, Interval(-interval.high, -interval.low), len(p.rows))
    return _result(p, basis, "mean", "drop", drop, kind="at_least" if p.table.bound is Bound.AT_MOST else None)


def _result(p: PooledResults, basis: SharedBasis, risk: str, measure: str, m: Measurement, kind: str | None = None) -> Result:
    name, strength = strength_of(p.shift)
    notes = list(m.notes)
    if p.subject:
        notes.append(f"of {p.subject}, not of the model itself")
    if len(p.rows) < p.total:
        notes.append(f"unfinished: {len(p.rows)} of {p.total} examples")
    measured = not math.isnan(m.value)
    return Result(
        cell=p.key,
        data=p.source.uri,
        shift=p.shift.spec(),
        family=p.shift.name,
        strength=strength,
        strength_name=name,
        search=p.method,
        risk=risk,
        measure=measure,
        group=m.group,
        value=m.value if measured else None,
        kind=kind or p.table.bound.value,  # type: ignore[arg-type]  # one of the three words
        interval=(m.interval.low, m.interval.high) if measured else None,
        confidence=basis.confidence,
        n=m.n,
        forwards_per_example=float(p.table.columns["forwards"].mean()) if len(p.rows) else 0.0,
        backwards_per_example=float(p.table.columns["backwards"].mean()) if len(p.rows) else 0.0,
        sent=p.table.sent,
        seconds=p.table.seconds,
        flags=[flag.name for flag in p.table.flags],
        notes=notes,
    )
