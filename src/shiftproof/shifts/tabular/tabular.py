"""Changes of a table's rows under rules and a cost budget, such as for fraud or credit data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, unknown
from shiftproof.data.space import InputSpace, Kind
from shiftproof.randomness import Rng
from shiftproof.shifts._spaces import check_bounded
from shiftproof.shifts.abstract import Differentiable, Params
from shiftproof.shifts.tabular.rules import ColumnRule, Rules, canonical, parse

T = TypeVar("T", bound="Tabular")


class _Frame(NamedTuple):
    """The columns' rules as numbers: each of shape (columns,), and per block the positions of its columns with its cost."""

    low: Tensor
    high: Tensor
    width: Tensor
    cost: Tensor
    least: Tensor
    most: Tensor
    up: Tensor
    down: Tensor
    fixed: Tensor
    category: Tensor
    number: Tensor
    blocks: tuple[tuple[Tensor, float], ...]


@dataclass(frozen=True)
class Tabular(Differentiable):
    """Rows that follow the rules of their columns and whose change costs at most `budget`.

    cost(x, r) = sum over numbers of c_j |r_j - x_j| / range_j + sum of c_j over categories and one-hot blocks that change.

    Args:
        budget: the largest cost of a moved row, in (0, inf). At the default cost of 1, a budget of 1.0 allows one column to move across its
            whole range, or one category to change.
        rules: JSON, or a .toml or .json file, read once and then part of the spec. Per column `move` ("any", "up", "down", "fixed"),
            `cost`, `low` and `high`; per block of one-hot columns `columns` and `cost`. A column that is not named moves freely at cost 1.
            Which columns hold whole numbers or categories is declared by the data.

    Params are the moved rows themselves, shape (n, columns), in the units of the table; whole numbers are rounded towards x when applied.

    Guarantees:
        Every applied row is legal: in range, whole where the column is, one 1 in each block, no rule broken, and within the budget. A block
        that does not contain exactly one 1 does not change. `project` does not change legal rows. Other rows are clipped to their columns'
        rules; then the cheapest changes of categories that fit into the budget are kept, and the numbers are shrunk to the nearest point,
        in shares of their ranges, that the remaining budget allows. (The nearest legal row is a knapsack problem.)
        Gradients move numbers only. Categories and blocks are moved by random draws and by black-box searches.

    Example:
        >>> import torch
        >>> from shiftproof.data.space import Column, InputSpace
        >>> columns = (Column("age", "integer", 18, 98), Column("income", "real", 0, 1000))
        >>> shift = Tabular(0.5, rules='{"columns": {"age": {"move": "up"}}}').within(InputSpace(kind="table", columns=columns))
        >>> x, wish = torch.tensor([[40.0, 300.0]]), torch.tensor([[30.0, 900.0]])
        >>> shift.apply(x, shift.project(x, wish))  # age may only rise, and the budget allows half of the income's range
        tensor([[ 40., 800.]])

    Reference: Kireev, Kulynych & Troncoso 2023, "Adversarial robustness for tabular data through cost and utility awareness".
    """

    name: ClassVar[str] = "tabular"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"table"})
    strength: ClassVar[str] = "budget"
    references: ClassVar[tuple[str, ...]] = ("kireev2023adversarial",)

    budget: float
    rules: str = ""

    @classmethod
    def examples_for_check(cls) -> list[Tabular]:
        """Without rules, and with rules for the columns of the tables that parts are checked on."""
        some = '{"columns": {"amount": {"move": "up", "cost": 2.0}, "colour": {"cost": 0.3}, "rooms": {"high": 8, "low": 1}}}'
        return [cls(0.6), cls(0.5, some)]

    def check(self) -> None:
        self.require("budget", within="(0, inf)", hint="1 pays for one column across its range at cost 1.")
        object.__setattr__(self, "rules", canonical(self.rules))
        parse(self.rules)

    def within(self: T, space: InputSpace) -> T:
        placed = super().within(space)
        names = [column.name for column in space.columns]
        if not names:
            raise UsageError(f"{self.name} needs the table's columns. Load the data with a source that declares them.")
        rules = parse(placed.rules)
        if rules.sums:
            raise UsageError(f"{self.name} keeps no sums. Use within_quantiles or within_sds, or leave the sums out of the rules.")
        for name in rules.named():
            if name not in names:
                raise unknown("column in the rules of tabular:", name, names)
        check_bounded(self.name, space)
        if all(rules.columns.get(name, ColumnRule()).move == "fixed" for name in names):
            raise UsageError(f"The rules of {self.name} fix every column: nothing could move.")
        return placed

    @cached_property
    def _rules(self) -> Rules:
        return parse(self.rules)

    @cached_property
    def _frame(self) -> _Frame:
        rules, columns = self._rules, self.space.columns
        names = [column.name for column in columns]
        blocks = tuple((torch.tensor([names.index(c) for c in b.columns]), b.cost) for b in rules.blocks.values())
        each = [rules.columns.get(name, ColumnRule()) for name in names]
        low, high = torch.tensor([[c.low, c.high] for c in columns], dtype=torch.float64).unbind(1)
        category = torch.tensor([c.kind == "categorical" for c in columns])
        marked = torch.tensor([bool(c.marks) for c in columns])  # whether a value is missing stays as it is
        blocked = torch.zeros(len(names), dtype=torch.bool)
        for positions, _ in blocks:
            blocked[positions] = True
        moves = {way: torch.tensor([rule.move == way for rule in each]) for way in ("up", "down", "fixed")}
        return _Frame(
            low=low,
            high=high,
            width=(high - low).where(high > low, 1.0),
            cost=torch.tensor([rule.cost for rule in each], dtype=torch.float64),
            least=torch.tensor([rule.low for rule in each], dtype=torch.float64),
            most=torch.tensor([rule.high for rule in each], dtype=torch.float64),
            up=moves["up"],
            down=moves["down"],
            fixed=moves["fixed"] | (low == high) | marked,
            category=category & ~blocked,
            number=~category & ~blocked,
            blocks=blocks,
        )

    def _reach(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The least and greatest legal value of each column, shape of x, float64."""
        frame, here = self._frame, x.double().cpu()
        low = torch.minimum(torch.maximum(frame.low, frame.least), here)
        high = torch.maximum(torch.minimum(frame.high, frame.most), here)
        low, high = torch.where(frame.up | frame.fixed, here, low), torch.where(frame.down | frame.fixed, here, high)
        return low, high

    def _by_rules(self, x: Tensor, params: Params) -> Tensor:
        """The nearest rows that keep every rule except the budget, float64."""
        frame, here = self._frame, x.double().cpu()
        low, high = self._reach(x)
        row = params.detach().double().cpu()
        row = torch.minimum(torch.maximum(row.where(~row.isnan(), here), low), high)
        whole = row.round()
        row = torch.where(frame.category, whole.where((whole >= low) & (whole <= high), here), row)
        for positions, _ in frame.blocks:
            row[:, positions] = self._one_hot(here[:, positions], params.detach().double().cpu()[:, positions])
        return row

    @staticmethod
    def _one_hot(here: Tensor, wish: Tensor) -> Tensor:
        """The category of largest `wish`, or that of `here` where equal; rows of `here` without exactly one 1 do not change."""
        sound = ((here == 0) | (here == 1)).all(1) & (here.sum(1) == 1) & ~wish.isnan().any(1)
        ahead = wish.amax(1, keepdim=True) > wish.gather(1, here.argmax(1, keepdim=True))
        chosen = torch.nn.functional.one_hot(wish.argmax(1), here.shape[1]).double()
        return torch.where(sound[:, None] & ahead, chosen, here)

    def _costs(self, x: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        """The cost of each number's move, shape (n, columns), and of each change of category, shape (n, columns + blocks)."""
        frame, here = self._frame, x.double().cpu()
        moved = (row - here).abs()
        move_costs = frame.cost * moved / frame.width * frame.number
        change_costs = [frame.cost * (moved > 0) * frame.category]
        change_costs += [cost * (moved[:, positions] > 0).any(1, keepdim=True).double() for positions, cost in frame.blocks]
        return move_costs, torch.cat(change_costs, dim=1)

    def cost(self, x: Tensor, params: Params) -> Tensor:
        """The cost of changing each row of x into that of params, shape (n,), float64."""
        move_costs, change_costs = self._costs(x, params.detach().double().cpu())
        return move_costs.sum(1) + change_costs.sum(1)

    def origin(self, x: Tensor) -> Params:
        return x.clone()

    def sample(self, x: Tensor, rng: Rng) -> Params:
        """A random share of the columns each takes a random value; then the row is projected on the budget."""
        low, high = self._reach(x)
        value = low + (high - low) * rng.child("value").uniform(x.shape[1]).double()
        chosen = rng.child("column").uniform(x.shape[1]) < rng.child("share").uniform(1)
        for positions, _ in self._frame.blocks:
            chosen[:, positions] = chosen[:, positions[:1]]
        return self.project(x, torch.where(chosen, value, x.double().cpu()).to(x))

    def project(self, x: Tensor, params: Params) -> Params:
        row = self._by_rules(x, params)
        rows = (self.cost(x, row) > self.budget).nonzero()[:, 0]
        if len(rows):
            row[rows] = self._within_budget(x[rows.to(x.device)], row[rows])
        return row.to(params)

    def _within_budget(self, x: Tensor, row: Tensor) -> Tensor:
        frame, here = self._frame, x.double().cpu()
        move_costs, change_costs = self._costs(x, row)
        price, order = change_costs.sort(dim=1, stable=True)
        kept = torch.zeros_like(change_costs, dtype=torch.bool).scatter(1, order, price.cumsum(1) <= self.budget)
        row = torch.where(frame.category & ~kept[:, : row.shape[1]], here, row)
        for place, (positions, _) in enumerate(frame.blocks):
            row[:, positions] = torch.where(kept[:, row.shape[1] + place, None], row[:, positions], here[:, positions])
        left = self.budget - (change_costs * kept).sum(1, keepdim=True)
        return torch.where(frame.number, here + self._shrunk((row - here) / frame.width, move_costs, left) * frame.width, row)

    def _shrunk(self, share: Tensor, move_costs: Tensor, left: Tensor) -> Tensor:
        """The nearest shares of the ranges, shape (n, columns), whose cost is at most `left`: sign(s) max(|s| - t c, 0)."""
        cost = self._frame.cost.expand_as(share)
        paid = (cost > 0) & self._frame.number
        over = (move_costs.sum(1, keepdim=True) > left) & paid
        # With the columns in order of |s| / c, the solution is the t of the last prefix in which every column exceeds its own t.
        ratio, order = (share.abs() / cost.where(paid, 1.0)).masked_fill(~paid, -1.0).sort(dim=1, descending=True, stable=True)
        prices, squares = (values.masked_fill(~paid, 0.0).gather(1, order).cumsum(1) for values in (move_costs, cost.square()))
        level = ((prices - left) / squares.clamp_min(1e-300)).clamp_min(0.0)
        last = ((ratio > level) & (ratio > 0)).sum(1, keepdim=True).clamp_min(1) - 1
        shrunk = share.sign() * (share.abs() - level.gather(1, last) * cost).clamp_min(0.0)
        return torch.where(over, shrunk, share)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        moved = self.space.settle(x, params.to(x))
        category = self._frame.category.to(x.device)
        # Codes are whole. Their gradient means nothing, but is kept finite so that a search can run.
        return torch.where(category, moved + (moved.detach().round() - moved.detach()), moved)

    def excess(self, x: Tensor, params: Params) -> Tensor:
        row = params.detach().double().cpu()
        broken = ((row - self._by_rules(x, params)).abs() / self._frame.width).amax(1)
        return torch.maximum(self.cost(x, row) - self.budget, broken).to(x.device)

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        frame = self._frame
        width, cost, number = (part.to(gradient) for part in (frame.width, frame.cost.clamp_min(1e-3), frame.number))
        gain = gradient * width / cost * number  # the gain per unit of the budget in each column
        most = gain.abs().amax(1, keepdim=True).clamp_min(torch.finfo(gain.dtype).tiny)
        return params + step * self.budget * gain / most * width / cost
