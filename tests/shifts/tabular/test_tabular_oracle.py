"""Rows of a table under rules: what may change, what it costs, and every message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import Column, InputSpace
from shiftproof.door import confront
from shiftproof.models.load import as_model
from shiftproof.randomness import Rng
from shiftproof.registry import parse_spec
from shiftproof.searches import BestOfN
from shiftproof.shifts import Tabular

COLUMNS = (
    Column("age", "integer", 18, 98),
    Column("income", "real", 0, 1000),
    Column("job", "categorical", 0, 3, ("a", "b", "c", "d")),
    Column("sex", "categorical", 0, 1, ("f", "m")),
    Column("own", "integer", 0, 1),
    Column("rent", "integer", 0, 1),
    Column("free", "integer", 0, 1),
    Column("debt", "real", 0, 50),
)
TABLE = InputSpace(kind="table", columns=COLUMNS)
RULES = """
[columns.age]
move = "up"
cost = 2.0
[columns.sex]
move = "fixed"
[columns.job]
cost = 0.3
[columns.debt]
move = "down"
low = 10
[blocks.house]
columns = ["own", "rent", "free"]
cost = 0.25
"""


def toml(tmp_path: Path, text: str = RULES) -> str:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    return str(file)


def people(n: int, seed: int) -> Tensor:
    generator = np.random.default_rng(seed)
    house = np.eye(3)[generator.integers(0, 3, n)]
    ages, jobs, sexes = generator.integers(18, 99, n), generator.integers(0, 4, n), generator.integers(0, 2, n)
    rows = np.column_stack([ages, generator.uniform(0, 1000, n), jobs, sexes, house, generator.uniform(0, 50, n)])
    return torch.from_numpy(rows).float()


def price(x: Tensor, moved: Tensor) -> Tensor:
    """The cost by hand."""
    change = (moved - x).abs().double()
    house = (change[:, 4:7] > 0).any(1) * 0.25
    return 2 * change[:, 0] / 80 + change[:, 1] / 1000 + 0.3 * (change[:, 2] > 0) + house + change[:, 7] / 50


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), budget=st.sampled_from([0.1, 0.3, 0.7, 2.0]), spread=st.sampled_from([0.0, 0.1, 3.0]))
def test_every_moved_row_is_legal_and_paid_for(tmp_path_factory: pytest.TempPathFactory, seed: int, budget: float, spread: float) -> None:
    shift = Tabular(budget, toml(tmp_path_factory.mktemp("rules"))).within(TABLE)
    x = people(30, seed)
    generator = torch.Generator().manual_seed(seed)
    drawn = shift.sample(x, Rng.for_ids(seed, [str(i) for i in range(30)]))
    wild = drawn + spread * torch.randn(x.shape, generator=generator) * torch.tensor([c.high - c.low for c in COLUMNS])
    params = shift.project(x, wild)
    assert bool((shift.excess(x, params) <= shift.tolerance).all())
    moved = shift.apply(x, params)
    assert bool((price(x, moved) <= budget * (1 + 1e-5)).all())
    assert bool((moved[:, 0] >= x[:, 0]).all() and (moved[:, 0] <= 98).all())
    assert torch.equal(moved[:, [0, 2, 4, 5, 6]], moved[:, [0, 2, 4, 5, 6]].round())
    assert torch.equal(moved[:, 3], x[:, 3])
    assert torch.equal(moved[:, 4:7].sum(1), torch.ones(30))
    assert bool((moved[:, 7] <= x[:, 7]).all() and (moved[:, 7] >= x[:, 7].clamp_max(10)).all())
    torch.testing.assert_close(shift.project(x, params), params, rtol=1e-5, atol=1e-4)  # of ranges up to 1000


def test_draws_move_every_column_that_may(tmp_path: Path) -> None:
    shift = Tabular(1.0, toml(tmp_path)).within(TABLE)
    x = people(400, 0)
    moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, [str(i) for i in range(400)])))
    share = (moved != x).double().mean(0)
    assert float(share[3]) == 0
    assert float(share[[0, 1, 2, 4, 5, 6, 7]].min()) > 0.05


def test_numbers_shrink_to_the_nearest_point_that_is_paid_for() -> None:
    columns = tuple(Column(name, "real", 0, 10) for name in "abc")
    rules = '{"columns": {"a": {"cost": 3}, "b": {"cost": 0.5}}}'
    shift = Tabular(0.4, rules).within(InputSpace(kind="table", columns=columns))
    cost = np.array([3, 0.5, 1])
    generator = torch.Generator().manual_seed(0)
    x, wish = (10 * torch.rand(6, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    ours = (shift.project(x, wish) - x) / 10
    for row in range(6):
        want = ((wish - x) / 10)[row].numpy()
        sign = np.sign(want)
        found = optimize.minimize(
            lambda s, want=want: ((s - abs(want)) ** 2).sum(),
            np.zeros(3) + 0.01,
            bounds=[(0, 1)] * 3,
            constraints={"type": "ineq", "fun": lambda s: 0.4 - (cost * s).sum()},
            method="SLSQP",
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(ours[row].numpy(), sign * found.x, atol=1e-5)


def test_the_cheapest_changes_of_category_come_first(tmp_path: Path) -> None:
    shift = Tabular(0.4, toml(tmp_path)).within(TABLE)
    x = torch.tensor([[40.0, 500.0, 0.0, 1.0, 1.0, 0.0, 0.0, 20.0]])
    wish = torch.tensor([[40.0, 900.0, 3.0, 0.0, 0.1, 0.2, 0.9, 20.0]])
    # The house costs 0.25, the job 0.3 is too much then, and 0.15 is left for the income.
    expected = torch.tensor([[40.0, 650.0, 0.0, 1.0, 0.0, 0.0, 1.0, 20.0]])
    torch.testing.assert_close(shift.apply(x, shift.project(x, wish)), expected)
    assert float(shift.cost(x, expected)[0]) == pytest.approx(0.4)


def test_a_block_that_holds_no_single_one_stays(tmp_path: Path) -> None:
    shift = Tabular(5.0, toml(tmp_path)).within(TABLE)
    x = torch.tensor([[40.0, 500.0, 0.0, 1.0, 1.0, 1.0, 0.0, 20.0]])
    wish = x.clone()
    wish[0, 6] = 5.0
    assert torch.equal(shift.project(x, wish), x)


def test_gradients_move_numbers_where_the_budget_buys_most(tmp_path: Path) -> None:
    shift = Tabular(1.0, toml(tmp_path)).within(TABLE)
    x = people(5, 0)
    step = shift.ascend(x, torch.ones_like(x), 0.1) - x
    assert torch.equal(step[:, 2:7], torch.zeros(5, 5))
    torch.testing.assert_close(step[:, 1], torch.full((5,), 100.0), rtol=1e-3, atol=0)  # the income: a tenth of its range for a tenth


def test_the_spec_holds_the_rules_themselves(tmp_path: Path) -> None:
    shift = Tabular(1.0, toml(tmp_path))
    (tmp_path / "rules.toml").unlink()
    name, _, options = parse_spec(shift.spec())
    assert name == "tabular"
    assert Tabular(**options) == shift  # type: ignore[arg-type]
    (tmp_path / "rules.json").write_text(shift.rules)
    assert Tabular(1.0, str(tmp_path / "rules.json")) == shift


def test_a_forest_is_broken_within_the_rules(tmp_path: Path) -> None:
    x = people(400, 1)
    y = (x[:, 1] > 500).long()
    forest = RandomForestClassifier(20, random_state=0).fit(x.numpy(), y.numpy())
    data = Examples(x[:60], y[:60], np.array([str(i) for i in range(60)]), space=TABLE)
    model = as_model(forest, space=TABLE)
    broken = []
    for budget in (0.05, 0.5):
        finding = confront(model, Tabular(budget, toml(tmp_path)), search=BestOfN(40), examples=data)
        broken.append(float((finding.outcome == "broken").mean()))
    assert broken[0] < 0.3
    assert broken[1] > 0.5


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("rules.toml", "The 'rules' of tabular must be JSON in braces or a .toml or .json file, got 'rules.toml'. The file does not exist"),
        ("{not json", "Cannot read the rules as JSON"),
        ('{"colums": {}}', "Unknown option of the rules 'colums'. Did you mean: columns"),
        ('{"columns": {"a": {"mov": "up"}}}', "Unknown option of column 'a' 'mov'. Did you mean: move"),
        ('{"columns": {"a": {"move": "sideways"}}}', "The 'move' of column 'a' must be one of any, up, down, fixed, got 'sideways'"),
        ('{"columns": {"a": {"cost": -1}}}', "The 'cost' of column 'a' must be at least 0, got -1.0"),
        ('{"columns": {"a": {"cost": "dear"}}}', "The 'cost' of column 'a' must be a number, got 'dear'"),
        ('{"columns": {"a": {"low": 3, "high": 2}}}', "The 'low' of column 'a' must be at most its high .2., got 3"),
        ('{"columns": {"a": 3}}', "The 'rule' of column 'a' must be a table of options, got 3"),
        ('{"columns": ["a"]}', "The 'columns' of the rules must be a table of names"),
        ('{"blocks": {"b": {"columns": ["a"]}}}', "The 'columns' of block 'b' must be a list of two or more column names"),
        ('{"columns": {"a": {}}, "blocks": {"b": {"columns": ["a", "c"]}}}', "The column 'a' of block 'b' also has its own rule"),
    ],
)
def test_wrong_rules_are_refused(rules: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Tabular(1.0, rules)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="The 'budget' of tabular must be in"):
        Tabular(0.0)
    with pytest.raises(UsageError, match="is not valid TOML"):
        Tabular(1.0, toml(tmp_path, "a = ["))
    with pytest.raises(UsageError, match="Unknown column in the rules of tabular: 'agee'. Did you mean: age"):
        Tabular(1.0, '{"columns": {"agee": {}}}').within(TABLE)
    with pytest.raises(UsageError, match="tabular needs the table's columns"):
        Tabular(1.0).within(InputSpace(kind="table"))
    with pytest.raises(UsageError, match="tabular moves table data, and these inputs are of kind 'image'"):
        Tabular(1.0).within(InputSpace(kind="image"))
    with pytest.raises(UsageError, match="The rules of tabular fix every column: nothing could move"):
        Tabular(1.0, '{"columns": {"a": {"move": "fixed"}}}').within(InputSpace(kind="table", columns=(Column("a", "real", 0, 1),)))
