"""From finished cells to numbers: every one with its kind, interval, cost and flags."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from shiftproof import outcomes
from shiftproof._arrays import Floats
from shiftproof._errors import Contradiction
from shiftproof.data.groups import crossed
from shiftproof.data.source import Source
from shiftproof.evaluation.audit.pooled import PooledResults, same_examples, unions
from shiftproof.judges.abstract import Judge
from shiftproof.outcomes import Bound, Flag, Interval
from shiftproof.records.audit import UNION, Result
from shiftproof.risks.abstract import Measurement, Names
from shiftproof.risks.cvar import CVaR
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import paired_difference
from shiftproof.risks.worst_group import WorstGroup
from shiftproof.shifts.abstract import Shift

PREFIXES = {Bound.ESTIMATE: "", Bound.AT_MOST: "robust_", Bound.AT_LEAST: "certified_"}
"""What stands before the judge's word for its mean score, by what the number claims."""
SMOOTHED = {Bound.AT_LEAST: "smoothed_accuracy", Bound.AT_MOST: "smoothed_robust_accuracy"}
"""What is proven and attacked of another model made from the one measured: measures of their own, never mixed with its own."""
TAIL = 0.1
CORRECTED = "corrected_share"


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
    """Every number of every pool; a bracket where answers did not come."""
    wrong = _results(pools, confidence, 0.0)
    if not any(p.missing for p in pools):
        return wrong
    right_ = _results(pools, confidence, 1.0)
    silent = {p.key: p.missing for p in pools}
    return [
        _bracketed(one, other, sum(silent[key] for key in one.cell.split("+"))) if one != other else one
        for one, other in zip(wrong, right_, strict=True)
    ]


def _results(pools: Sequence[PooledResults], confidence: float, score: float) -> list[Result]:
    """Every number of every pool, where all answers that did not come have this score, 0 or 1.

    What is subtracted from has the other one, so that a difference is as large or as small as it can be.
    """
    filled = [p.filled(score) for p in pools]
    clean = {p.source.uri: p.filled(1.0 - score) for p in pools if p.shift.name == "identity"}
    basis = SharedBasis(confidence, clean)
    return [number for p in [*filled, *unions(filled)] for number in _of_pool(p, basis)]


def _bracketed(wrong: Result, right_: Result, missing: int) -> Result:
    """One number of two: its value is the end that its kind claims, for an estimate that with all missing answers wrong."""
    if wrong.value is None or right_.value is None or wrong.interval is None or right_.interval is None:
        return wrong
    ends = sorted((wrong.value, right_.value))
    value = {"at_most": ends[1], "at_least": ends[0], "estimate": wrong.value}[wrong.kind]
    lows, highs = zip(wrong.interval, right_.interval, strict=True)
    note = f"a bracket, as no answer came {missing} times: {ends[0]:.4g} to {ends[1]:.4g}"
    return wrong.model_copy(
        update={"value": value, "bracket": (ends[0], ends[1]), "interval": (min(lows), max(highs)), "notes": [*wrong.notes, note]}
    )


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
    if p.table.bound is Bound.ESTIMATE:
        found += _corrected(p, basis, values)
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


def _corrected(p: PooledResults, basis: SharedBasis, values: Floats) -> list[Result]:
    """The share that is right, where the judge errs."""
    found = p.judge.corrected(values, basis.confidence) if len(values) else None
    if found is None:
        return []
    q = found.quality
    told = f"the judge calls {q.called_right} of {q.right} right and {q.called_wrong} of {q.wrong} wrong labelled answers what they are"
    return [_result(p, basis, "mean", CORRECTED, Measurement(found.value, found.interval, found.n, notes=(told,)))]


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
    drop = Measurement(0.0 - difference, Interval(0.0 - interval.high, 0.0 - interval.low), len(p.rows))  # a zero without a sign
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
        family=p.shift.family,
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
