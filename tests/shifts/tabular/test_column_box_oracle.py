"""Moves in ranks and in robust standard deviations: their ends, every rule, sums against a solver, and drift."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from shiftproof import UsageError
from shiftproof._arrays import Floats
from shiftproof.data.space import Column, InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import ColumnDrift, Shift, Tabular, WithinQuantiles, WithinSds
from shiftproof.shifts.tabular.spread import rank_of, robust_sd, value_at

EVEN = tuple(np.linspace(0, 100, 101).tolist())
GAINS = tuple([0.0] * 93 + [1000.0 * i for i in range(1, 9)])
COLUMNS = (
    Column("age", "integer", 0, 100, quantiles=EVEN),
    Column("gain", "integer", 0, 8000, quantiles=GAINS),
    Column("rate", "real", 0, 100, quantiles=EVEN),
    Column("rest", "real", 0, 100, quantiles=EVEN),
    Column("sex", "categorical", 0, 1, ("f", "m")),
)
TABLE = InputSpace(kind="table", columns=COLUMNS)
X = torch.tensor([[40.0, 0.0, 20.0, 30.0, 1.0], [99.0, 3000.0, 1.0, 99.5, 0.0]], dtype=torch.float64)


def reach(shift: WithinQuantiles | WithinSds) -> tuple[list[list[float]], list[list[float]]]:
    low, high = shift.within(TABLE).reach(X)
    return low.tolist(), high.tolist()


def test_a_frequent_value_stays_and_others_move_by_rank() -> None:
    low, high = reach(WithinQuantiles(share=0.05))
    assert low[0] == pytest.approx([35, 0, 15, 25, 1])
    assert high[0] == pytest.approx([45, 0, 25, 35, 1])
    assert low[1] == pytest.approx([94, 0, 0, 94.5, 0])
    assert high[1] == pytest.approx([100, 8000, 6, 100, 0])


def test_a_move_in_robust_standard_deviations() -> None:
    sd = 50 / 1.3489795
    low, high = reach(WithinSds(sds=0.1))
    assert low[0] == pytest.approx([np.ceil(40 - 0.1 * sd), 0, 20 - 0.1 * sd, 30 - 0.1 * sd, 1])
    assert robust_sd(GAINS) == pytest.approx(np.quantile(GAINS, 0.95) / 3.2897073)
    assert high[0][1] == np.floor(0.1 * robust_sd(GAINS))


def test_rules_hold() -> None:
    rules = {"columns": {"age": {"move": "up"}, "rate": {"move": "fixed"}, "rest": {"high": 32, "low": 28}}, "blocks": {}}
    low, high = reach(WithinQuantiles(share=0.05, rules=json.dumps(rules)))
    assert (low[0][0], high[0][0]) == (40, 45)
    assert (low[0][2], high[0][2]) == (20, 20)
    assert (low[0][3], high[0][3]) == (28, 32)
    blocked = {"blocks": {"both": {"columns": ["rate", "rest"]}}}
    low, high = reach(WithinQuantiles(share=0.05, rules=json.dumps(blocked)))
    assert (low[0][2:4], high[0][2:4]) == ([20, 30], [20, 30])


def test_where_a_value_is_missing_nothing_moves() -> None:
    marked = (COLUMNS[0], Column("age is missing", "categorical", 0, 1, ("False", "True"), marks="age"))
    shift = WithinQuantiles(share=0.1).within(InputSpace(kind="table", columns=marked))
    low, high = shift.reach(torch.tensor([[50.0, 1.0], [50.0, 0.0]]))
    assert (low[:, 0].tolist(), high[:, 0].tolist()) == ([50, 40], [50, 60])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_a_sum_stays_and_its_projection_is_the_nearest(seed: int) -> None:
    shift = WithinQuantiles(share=0.1, rules='{"sums": {"all": ["rate", "rest"]}}').within(TABLE)
    wish = X + 40 * (torch.rand(X.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5)
    found = shift.project(X, wish)
    assert torch.allclose(found[:, 2:4].sum(1), X[:, 2:4].sum(1))
    assert float(shift.excess(X, found).max()) <= shift.tolerance
    low, high = shift.reach(X)
    for row in range(2):
        ends = list(zip(low[row, 2:4].tolist(), high[row, 2:4].tolist(), strict=True))
        best = nearest(wish[row, 2:4].numpy(), float(X[row, 2:4].sum()), ends)
        assert found[row, 2:4].numpy() == pytest.approx(best, abs=1e-3)


def nearest(wish: Floats, total: float, ends: list[tuple[float, float]]) -> Floats:
    """The nearest point with this sum between these ends, by a solver."""
    solved = optimize.minimize(
        lambda point: float(((point - wish) ** 2).sum()),
        np.array([total / 2, total / 2]),
        jac=lambda point: 2 * (point - wish),
        bounds=ends,
        constraints={"type": "eq", "fun": lambda point: point.sum() - total},
    )
    return np.asarray(solved.x)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_whole_numbers_keep_their_sum(seed: int) -> None:
    columns = tuple(Column(name, "integer", 0, 100, quantiles=EVEN) for name in "abc")
    shift = WithinQuantiles(share=0.1, rules='{"sums": {"all": ["a", "b", "c"]}}').within(InputSpace(kind="table", columns=columns))
    x = torch.randint(0, 101, (20, 3), generator=torch.Generator().manual_seed(seed)).double()
    moved = shift.apply(x, shift.sample(x, Rng.for_ids(seed, [str(i) for i in range(20)])))
    assert torch.equal(moved, moved.round())
    assert torch.equal(moved.sum(1), x.sum(1))
    low, high = shift.reach(x)
    assert bool(((moved >= low) & (moved <= high)).all())


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.integers(0, 5), min_size=2, max_size=30), share=st.floats(0, 1))
def test_ranks_and_values_are_inverse(values: list[int], share: float) -> None:
    quantiles = np.sort(np.array(values, dtype=np.float64))
    at = value_at(np.array([share]), quantiles)
    assert value_at(rank_of(at, quantiles), quantiles) == pytest.approx(at)


def test_drift_moves_one_column_and_stops_at_its_ends() -> None:
    shift = ColumnDrift("rate", by=1.0).within(TABLE)
    moved = shift.apply(X, shift.sample(X, Rng.for_ids(0, ["a", "b"])))
    sd = 50 / 1.3489795
    assert moved[:, 2].tolist() == pytest.approx([20 + sd, 1 + sd])
    assert torch.equal(moved[:, [0, 1, 3, 4]], X[:, [0, 1, 3, 4]])
    whole = ColumnDrift("age", by=-3.0).within(TABLE)
    assert whole.apply(X, whole.sample(X, Rng.for_ids(0, ["a", "b"])))[:, 0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (ColumnDrift("agee"), "Unknown column in drift 'agee'. Did you mean: age"),
        (ColumnDrift("sex"), r"drift moves numbers, and the column 'sex' holds categories. Use swapped\(column='sex'\)"),
        (WithinQuantiles(rules='{"columns": {"agee": {}}}'), "Unknown column in the rules of within_quantiles: 'agee'"),
        (WithinQuantiles(rules='{"sums": {"s": ["age", "rate"]}}'), "must be of whole numbers only, or of other numbers only"),
        (Tabular(1.0, rules='{"sums": {"s": ["rate", "rest"]}}'), "tabular keeps no sums"),
    ],
)
def test_columns_that_cannot_move(shift: Shift, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        shift.within(TABLE)


def test_tables_that_say_too_little() -> None:
    with pytest.raises(UsageError, match="moves numbers, and no number of this table can move"):
        WithinSds().within(InputSpace(kind="table", columns=COLUMNS[4:]))
    bare = InputSpace(kind="table", columns=(Column("a", "real", 0, 1),))
    with pytest.raises(UsageError, match="needs the quantiles of 'a'"):
        WithinQuantiles().within(bare).sample(torch.zeros(1, 1), Rng.for_ids(0, ["a"]))
    still = InputSpace(kind="table", columns=(Column("a", "real", 0, 1, quantiles=(0.0,) * 99 + (1.0, 1.0)),))
    with pytest.raises(UsageError, match="Nine tenths of the column 'a' are one value"):
        ColumnDrift("a").within(still)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('{"sums": {"s": ["a"]}}', "be a list of two or more column names"),
        ('{"sums": {"s": ["a", "b"], "t": ["b", "c"]}}', "The column 'b' of a sum is in a block or in another sum too"),
        ('{"sums": 3}', "be a table of names"),
    ],
)
def test_sums_that_cannot_be_read(rules: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WithinQuantiles(rules=rules)
