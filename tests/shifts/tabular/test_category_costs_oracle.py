"""Category costs against brute force on three small tables: every affordable change, the cheapest failure, and what is proven."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from shiftproof import UsageError, as_model, confront, examples
from shiftproof.data.examples import Examples
from shiftproof.data.space import Column, InputSpace
from shiftproof.outcomes import BROKEN, CERTIFIED
from shiftproof.searches import BestFirst, Exhaustive
from shiftproof.shifts import CategoryCosts

TABLES = {
    "two columns": ((3, 4), {"a": 1.0, "b": 0.5}, 1.5),
    "four columns, one fixed": ((2, 3, 2, 4), {"a": 0.4, "b": 0.7, "d": 0.3}, 0.8),
    "a free change and a dear one": ((3, 2, 3), {"a": 0.0, "b": 5.0, "c": 1.0}, 1.0),
}
"""Categories per column, costs, budget."""


def table(name: str) -> tuple[CategoryCosts, Examples, Tensor]:
    """The shift, 24 rows, and weights of a linear model of two classes on one-hot columns and a number."""
    sizes, costs, budget = TABLES[name]
    columns = [Column(each, "categorical", 0, k - 1, tuple("pqrs"[:k])) for each, k in zip("abcd", sizes, strict=False)]
    space = InputSpace(kind="table", columns=(*columns, Column("number", "real", 0, 1)))
    fixed = {"c": {"move": "fixed"}} if "fixed" in name else {}
    rules = {"columns": {**{each: {"cost": cost} for each, cost in costs.items()}, **fixed}}
    rng = np.random.default_rng(len(sizes))
    x = np.stack([*(rng.integers(0, k, 24) for k in sizes), rng.random(24)], axis=1).astype(np.float64)
    weights = torch.from_numpy(rng.normal(size=(len(sizes), max(sizes))))
    made = examples(x, np.zeros(24, dtype=int), kind="table", box=(0, 3))
    y = (margin(made.x, weights) > 0).long()
    shift = CategoryCosts(budget=budget, rules=json.dumps(rules)).within(space)
    return shift, Examples(made.x, y, made.ids, space=space), weights


def margin(x: Tensor, weights: Tensor) -> Tensor:
    codes = x[:, : len(weights)].round().long()
    picked = torch.stack([weights[place][codes[:, place]] for place in range(len(weights))], dim=1)
    return picked.sum(1) + 0.1 * x[:, -1]


def brute(shift: CategoryCosts, one: Tensor) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Every row in reach with its cost, by trying all combinations of categories."""
    columns = [(i, c) for i, c in enumerate(shift.space.columns) if c.kind == "categorical"]
    rules = shift._rules.columns
    for codes in product(*(range(len(c.categories)) for _, c in columns)):
        changed = [c.name for (i, c), code in zip(columns, codes, strict=True) if code != int(one[i])]
        if any(rules[name].move == "fixed" for name in changed if name in rules):
            continue
        cost = math.fsum(rules[name].cost if name in rules else 1.0 for name in changed)
        if cost <= shift.budget + 1e-9:
            yield cost, codes


@pytest.mark.parametrize("name", TABLES)
def test_every_change_within_the_budget_once_and_cheapest_first(name: str) -> None:
    shift, data, _ = table(name)
    for one in data.x:
        moves = list(shift.every(one))
        rows = [tuple(int(v) for v in shift.edited(one, move)[: len(TABLES[name][0])]) for move in moves]
        want = sorted(brute(shift, one))
        assert sorted(rows) == sorted(codes for _, codes in want)
        assert len(set(rows)) == len(rows) == shift.count(one)
        costs = [shift.cost(move) for move in moves]
        assert costs == pytest.approx(sorted(costs))
        assert sorted(costs) == pytest.approx([cost for cost, _ in want])


@pytest.mark.parametrize("search", [Exhaustive(), BestFirst()], ids=["exhaustive", "best_first"])
@pytest.mark.parametrize("name", TABLES)
def test_accuracy_is_that_of_brute_force(name: str, search: Exhaustive | BestFirst) -> None:
    shift, data, weights = table(name)

    def ask(x: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        found = margin(torch.from_numpy(x), weights).numpy()
        return np.stack([-found, found], axis=1)

    model = as_model(ask, name="linear", gives="scores")
    finding = confront(model, shift, search=search, examples=data)
    cheapest: list[float] = []
    for one, label in zip(data.x, data.y, strict=True):
        wrong = [
            cost
            for cost, codes in brute(shift, one)
            if int(margin(torch.tensor([[*codes, float(one[-1])]], dtype=torch.float64), weights)[0] > 0) != int(label)
        ]
        cheapest.append(min(wrong, default=math.inf))
    broken = np.isfinite(cheapest)
    assert finding.outcome.tolist() == [BROKEN if each else CERTIFIED for each in broken]
    assert broken.any()
    if isinstance(search, Exhaustive):
        costs = [
            shift.cost([(int(p), int(c)) for p, c in move if p >= 0])
            for move in torch.from_numpy(finding.params)[torch.from_numpy(broken)].tolist()
        ]
        assert costs == pytest.approx([cost for cost in cheapest if math.isfinite(cost)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0.0}, r"The 'budget' of category_costs must be in \(0, inf\)"),
        ({"rules": '{"columns": {"z": {}}}'}, "Unknown column in the rules of category_costs: 'z'"),
        ({"budget": 0.1}, "pays for no change of a category"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, object], message: str) -> None:
    columns = (Column("a", "categorical", 0, 1, ("p", "q")), Column("b", "real", 0, 1))
    with pytest.raises(UsageError, match=message):
        CategoryCosts(**options).within(InputSpace(kind="table", columns=columns))  # type: ignore[arg-type]  # one of several


def test_a_table_without_categories_is_refused() -> None:
    with pytest.raises(UsageError, match="changes categories, and no column of this table holds any"):
        CategoryCosts().within(InputSpace(kind="table", columns=(Column("b", "real", 0, 1),)))
    with pytest.raises(UsageError, match="category_costs needs the table's columns"):
        CategoryCosts().within(InputSpace(kind="table"))
