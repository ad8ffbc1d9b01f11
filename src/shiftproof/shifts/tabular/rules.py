"""Rules of a table: how each column may change, and at which cost; read from TOML, JSON or Python."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shiftproof._errors import UsageError, must, unknown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WAYS = ("any", "up", "down", "fixed")


@dataclass(frozen=True)
class ColumnRule:
    """How one column may move.

    Args:
        move: "any", "up" (never smaller), "down" (never larger) or "fixed".
        cost: for numbers, of a move across the column's whole range, proportional for shorter moves; for categories, of any change.
        low, high: limits of moved values, in addition to the column's range; a value that is outside already may stay.
    """

    move: str = "any"
    cost: float = 1.0
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Block:
    """The one-hot columns of a category; a change of category costs `cost`."""

    columns: tuple[str, ...]
    cost: float = 1.0


@dataclass(frozen=True)
class Rules:
    """The rules of a table by column name, its one-hot blocks and its sums; a column without a rule moves freely at cost 1."""

    columns: Mapping[str, ColumnRule] = field(default_factory=dict[str, ColumnRule])
    blocks: Mapping[str, Block] = field(default_factory=dict[str, Block])
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def named(self) -> tuple[str, ...]:
        """Every column that a rule names."""
        blocks = (name for block in self.blocks.values() for name in block.columns)
        return (*self.columns, *blocks, *(name for columns in self.sums.values() for name in columns))


def canonical(text: str) -> str:
    """Rules as one line of JSON, which the spec contains, so that a run records what was allowed.

    Args:
        text: JSON, or the path of a .toml or .json file.

    >>> canonical('{"columns": {"age": {"move": "up"}}}')
    '{"columns": {"age": {"move": "up"}}}'
    """
    if not text.strip():
        return ""
    if text.lstrip().startswith("{"):
        return _one_line(_json(text, "the rules"))
    path = Path(text)
    if not path.is_file():
        raise must("rules", "tabular", "be JSON in braces or a .toml or .json file", text, "The file does not exist.")
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return _one_line(_json(content, text))
    try:
        return _one_line(tomllib.loads(content))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The rules file '{text}' is not valid TOML: {error}.") from None


def _json(content: str, what: str) -> object:
    try:
        found: object = json.loads(content)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"Cannot read {what} as JSON: {error}.") from None
    return found


def _one_line(rules: object) -> str:
    return json.dumps(rules, sort_keys=True)


def parse(text: str) -> Rules:
    """Rules from their canonical text.

    Raises:
        UsageError: an unknown key or way to move, a cost that is negative, or a block of fewer than two columns.
    """
    whole = _table(json.loads(text) if text else {}, "the rules", ("columns", "blocks", "sums"))
    columns = {name: _column(name, entry) for name, entry in _named(whole.get("columns", {}), "columns").items()}
    blocks = {name: _block(name, entry) for name, entry in _named(whole.get("blocks", {}), "blocks").items()}
    seen: set[str] = set()
    for name, block in blocks.items():
        for column in block.columns:
            if column in seen or column in columns:
                raise UsageError(f"The column '{column}' of block '{name}' also has its own rule or is in another block. List it once.")
            seen.add(column)
    sums = {name: _sum(name, entry) for name, entry in _named(whole.get("sums", {}), "sums").items()}
    summed = [column for names in sums.values() for column in names]
    for column in summed:
        if column in seen or summed.count(column) > 1:
            raise UsageError(f"The column '{column}' of a sum is in a block or in another sum too. List it once.")
    return Rules(columns, blocks, sums)


def _column(name: str, entry: object) -> ColumnRule:
    owner = f"column '{name}'"
    rule = _table(entry, owner, ("move", "cost", "low", "high"))
    move = rule.get("move", "any")
    if move not in WAYS:
        raise must("move", owner, f"be one of {', '.join(WAYS)}", move)
    low, high = _number(rule, "low", owner, -math.inf), _number(rule, "high", owner, math.inf)
    if not low <= high:
        raise must("low", owner, f"be at most its high ({high:g})", low)
    return ColumnRule(str(move), _cost(rule, owner), low, high)


def _block(name: str, entry: object) -> Block:
    owner = f"block '{name}'"
    rule = _table(entry, owner, ("columns", "cost"))
    columns = rule.get("columns", ())
    if isinstance(columns, str) or not isinstance(columns, Sequence) or len(columns) < 2 or not all(isinstance(c, str) for c in columns):
        raise must("columns", owner, "be a list of two or more column names", columns)
    return Block(tuple(columns), _cost(rule, owner))


def _sum(name: str, entry: object) -> tuple[str, ...]:
    if isinstance(entry, str) or not isinstance(entry, Sequence) or len(entry) < 2 or not all(isinstance(c, str) for c in entry):
        raise must(name, "the sums of the rules", "be a list of two or more column names", entry)
    return tuple(entry)


def _cost(rule: Mapping[str, object], owner: str) -> float:
    cost = _number(rule, "cost", owner, 1.0)
    if not 0 <= cost < math.inf:
        raise must("cost", owner, "be at least 0", cost, 'For a column that cannot change, set move = "fixed".')
    return cost


def _number(rule: Mapping[str, object], key: str, owner: str, default: float) -> float:
    value = rule.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise must(key, owner, "be a number", value)
    return float(value)


def _named(entry: object, what: str) -> Mapping[str, object]:
    if not isinstance(entry, Mapping):
        raise must(what, "the rules", "be a table of names", entry, f'Write {{"{what}": {{"name": {{...}}}}}}.')
    return entry


def _table(entry: object, owner: str, keys: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(entry, Mapping):
        raise must("rule", owner, "be a table of options", entry)
    for key in entry:
        if key not in keys:
            raise unknown(f"option of {owner}", str(key), keys)
    return entry
