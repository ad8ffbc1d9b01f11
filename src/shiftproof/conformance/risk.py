"""The contract of risks: a state that merges, and a number with a valid interval."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.conformance.probes import no_global_randomness
from shiftproof.conformance.report import expect
from shiftproof.risks.abstract import Measurement, Names, Risk

_N = 60


@dataclass(frozen=True)
class RiskCase:
    """A risk over n values in [0, 1], with group names."""

    risk: Risk[Any]
    values: Floats
    groups: Names
    label: str

    def state(self, rows: slice | Floats | None = None) -> object:
        """The state of the values at `rows`."""
        chosen = slice(None) if rows is None else rows
        return self.risk.update(self.risk.init(), self.values[chosen], self.groups[chosen])

    @property
    def whole(self) -> Measurement:
        """The risk of all values."""
        return self.risk.compute(self.state())


def risk_cases(risk: Risk[Any]) -> list[RiskCase]:
    """The risk on samples: mixed, all ones, all zeros, and one example."""
    steps = (np.arange(_N) + 0.5) / _N  # in order, so that parts of the sample differ as much as possible
    groups = np.array(["day", "night", "dusk"])[np.arange(_N) * 7 % 10 // 4]
    mixed = (steps > 0.3).astype(np.float64) if risk.over == "correct" else steps
    return [
        RiskCase(risk, mixed, groups, f"{_N} values"),
        RiskCase(risk, np.ones(_N), groups, f"{_N} ones"),
        RiskCase(risk, np.zeros(_N), groups, f"{_N} zeros"),
        RiskCase(risk, mixed[:1], groups[:1], "one value"),
    ]


def no_examples_give_nan(case: RiskCase) -> None:
    """Without examples the value is NaN, never 0, with an interval of NaN and n = 0."""
    empty = case.risk.compute(case.risk.init())
    seen = (empty.value, *empty.interval)
    expect(
        all(map(math.isnan, seen)) and empty.n == 0,
        f"Without examples it returns {empty.value} with interval {tuple(empty.interval)} and n = {empty.n}.",
    )
    none = case.risk.compute(case.state(slice(0, 0)))
    expect(math.isnan(none.value), f"After an update without examples it returns {none.value}.")


def value_is_in_range(case: RiskCase) -> None:
    """The value and its interval lie in [0, 1], the interval contains the value, and n counts the examples."""
    m = case.whole
    low, high = m.interval
    expect(0 <= m.value <= 1, f"Its value is {m.value}, outside [0, 1].")
    expect(0 <= low <= high <= 1, f"Its interval is [{low}, {high}]; both ends must lie in [0, 1], the lower one first. Clip it to [0, 1].")
    expect(low - 1e-9 <= m.value <= high + 1e-9, f"Its value {m.value} lies outside its own interval [{low}, {high}].")
    expect(0 < m.n <= len(case.values), f"Its n is {m.n} for {len(case.values)} examples.")


def interval_grows_with_confidence(case: RiskCase) -> None:
    """Higher confidence widens the interval and does not change the value."""
    state = case.state()
    inner, outer = (case.risk.compute(state, confidence=c) for c in (0.8, 0.99))
    grows = outer.interval.low <= inner.interval.low + 1e-9 and inner.interval.high <= outer.interval.high + 1e-9
    expect(grows, f"At confidence 0.8 its interval is {tuple(inner.interval)}, and at 0.99 it is {tuple(outer.interval)}.")
    expect(inner.value == outer.value, f"Its value changes with the confidence: {inner.value} and {outer.value}.")


def parts_merge_to_the_whole(case: RiskCase) -> None:
    """Shards, batches and their merges give the same result as the whole, in any grouping and order."""
    risk, whole, n = case.risk, case.whole, len(case.values)
    thirds = [slice(0, n // 3), slice(n // 3, n // 2), slice(n // 2, n)]

    def part(k: int) -> object:
        return case.state(thirds[k])

    merged = {
        "merge(merge(a, b), c)": risk.merge(risk.merge(part(0), part(1)), part(2)),
        "merge(a, merge(b, c))": risk.merge(part(0), risk.merge(part(1), part(2))),
        "merge(merge(c, a), b)": risk.merge(risk.merge(part(2), part(0)), part(1)),
        "merge(init(), whole)": risk.merge(risk.init(), case.state()),
        "merge(whole, init())": risk.merge(case.state(), risk.init()),
    }
    for how, state in merged.items():
        _equal(risk.compute(state), whole, how)
    state = risk.init()
    for rows in thirds:
        state = risk.update(state, case.values[rows], case.groups[rows])
    _equal(risk.compute(state), whole, "update in three batches")
    for how, order in {"reversed": np.arange(n)[::-1], "shuffled": np.argsort(np.arange(n) * 29 % 61)}.items():
        _equal(risk.measure(case.values[order], case.groups[order]), whole, f"the examples {how}")


def _equal(got: Measurement, want: Measurement, how: str) -> None:
    seen, due = (got.value, *got.interval, got.n), (want.value, *want.interval, want.n)
    expect(np.allclose(seen, due, rtol=1e-9, atol=1e-12, equal_nan=True), f"With {how} it returns {seen}, and for the whole at once {due}.")


def states_are_immutable_and_pickle(case: RiskCase) -> None:
    """Updating, merging and computing change neither states nor inputs, and states can be pickled."""
    risk, state, values = case.risk, case.state(), case.values.copy()
    before = risk.compute(state)
    with no_global_randomness(f"The risk {risk.name}"):
        risk.update(state, case.values, case.groups)
        risk.merge(state, state)
        again = risk.compute(state)
    _equal(again, before, "the same state, after update and merge made others from it,")
    expect(np.array_equal(values, case.values), "It changed the values in place.")
    _equal(risk.compute(pickle.loads(pickle.dumps(state))), before, "the state pickled and read back")  # noqa: S301  # our own bytes


def worse_outcomes_give_worse_values(case: RiskCase) -> None:
    """Worse outcomes never give a better value."""
    before = case.whole.value
    values = case.values.copy()
    values[::2] = 0.0 if case.risk.over == "correct" else 1.0
    after = case.risk.measure(values, case.groups).value
    better = after > before + 1e-12 if case.risk.worse == "lower" else after < before - 1e-12
    expect(
        not better, f"Its value changed from {before} to {after}, which is better (worse is {case.risk.worse}), though outcomes got worse."
    )


RISK_CHECKS = (
    no_examples_give_nan,
    value_is_in_range,
    interval_grows_with_confidence,
    parts_merge_to_the_whole,
    states_are_immutable_and_pickle,
    worse_outcomes_give_worse_values,
)
