"""AttackBench's result files: attacks ranked by how near they come to the best that is known, on the same models under the same norm.

The format (`compiled/<dataset>/<model>_<norm>.json`): a list of rows, one an attack of one library, with the keys of `KEYS`. `optimality`
is in [0, 1]: 1 where the attack finds, at every budget, as many failures as the best of all attacks together. `ASR` is the share of
examples for which it finds any failure, however large. No eps is said, so a row is no entry of a leaderboard of models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shiftproof._errors import UsageError, must

if TYPE_CHECKING:
    from rich.table import Table

WORDS = ("dataset", "attack", "library", "model", "threat_model")
SHARES = ("ASR", "optimality")
COUNTS = ("n_forwards", "n_backwards", "time")
KEYS = (*WORDS, *SHARES, *COUNTS)


@dataclass(frozen=True)
class AttackRow:
    """One attack of one library on one model: shares in [0, 1], passes per example, seconds for all."""

    dataset: str
    attack: str
    library: str
    model: str
    norm: str
    success: float
    optimality: float
    forwards: float
    backwards: float
    seconds: float


@dataclass(frozen=True)
class RankedAttack:
    """An attack of one library under one norm on one data set: means over the models, and on how many of them it was run.

    `place` counts from 1 among attacks run on all models; None where one is missing, as its mean is one of other models.
    """

    dataset: str
    norm: str
    attack: str
    library: str
    place: int | None
    optimality: float
    success: float
    forwards: float
    backwards: float
    models: int
    of: int


def is_attackbench(content: object) -> bool:
    """Whether a JSON file's content is AttackBench's: a list of rows with an optimality."""
    return isinstance(content, list) and bool(content) and isinstance(content[0], Mapping) and "optimality" in content[0]


def read_attackbench(path: Path) -> list[AttackRow]:
    """The rows of one file.

    Raises:
        UsageError: it cannot be read, is another kind of file, or a value is missing or out of range.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"The file '{path}' cannot be read: {error}.") from error
    if not is_attackbench(content):
        raise UsageError(f"The file '{path}' is not one of AttackBench: a list of rows with {', '.join(KEYS)}.")
    return [_row(row, f"row {place} of '{path}'") for place, row in enumerate(content, 1)]


def rank_attacks(rows: Sequence[AttackRow]) -> list[RankedAttack]:
    """Attacks by mean optimality, for each data set and norm apart; those that were not run on every model there come last, unplaced.

    Raises:
        UsageError: an attack of a library stands twice for one model.
    """
    ranked: list[RankedAttack] = []
    for board in dict.fromkeys((row.dataset, row.norm) for row in rows):
        here = [row for row in rows if (row.dataset, row.norm) == board]
        models = len({row.model for row in here})
        found: list[RankedAttack] = []
        for attack, library in dict.fromkeys((row.attack, row.library) for row in here):
            own = [row for row in here if (row.attack, row.library) == (attack, library)]
            if len({row.model for row in own}) < len(own):
                raise UsageError(
                    f"{attack} of {library} is listed twice for one model under {board[1]} on {board[0]}. Give each file once."
                )
            found.append(_mean(board, attack, library, own, models))
        found.sort(key=lambda each: (each.models < each.of, -each.optimality, each.attack, each.library))
        ranked += [_placed(each, place) for place, each in enumerate(found, 1)]
    return ranked


def terminal_attacks(ranked: Sequence[RankedAttack]) -> Table:
    """A table for the terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for head in ("data", "norm", "place", "attack", "library", "optimality", "success", "forwards", "backwards", "models"):
        table.add_column(head)
    for each in ranked:
        shares = (f"{100 * each.optimality:.1f}%", f"{100 * each.success:.1f}%")
        words = (each.dataset, each.norm, "–" if each.place is None else str(each.place), each.attack, each.library, *shares)
        table.add_row(*map(Text, (*words, f"{each.forwards:.0f}", f"{each.backwards:.0f}", f"{each.models} of {each.of}")))
    return table


def _placed(each: RankedAttack, place: int) -> RankedAttack:
    return replace(each, place=place) if each.models == each.of else each


def _mean(board: tuple[str, str], attack: str, library: str, rows: Sequence[AttackRow], models: int) -> RankedAttack:
    def mean(values: Sequence[float]) -> float:
        return math.fsum(values) / len(values)

    return RankedAttack(
        *board,
        attack,
        library,
        None,
        mean([row.optimality for row in rows]),
        mean([row.success for row in rows]),
        mean([row.forwards for row in rows]),
        mean([row.backwards for row in rows]),
        len(rows),
        models,
    )


def _row(row: object, owner: str) -> AttackRow:
    if not isinstance(row, Mapping):
        raise must("row", owner, "be an object", row)
    for key in KEYS:
        if key not in row:
            raise UsageError(f"The {owner} lacks {key}; it needs {', '.join(KEYS)}.")
    words = [str(row[key]) for key in WORDS]
    numbers: list[float] = []
    for key in (*SHARES, *COUNTS):
        value = row[key]
        most = 1.0 if key in SHARES else math.inf
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or math.isinf(value):
            raise must(key, owner, "be a number in [0, 1]" if key in SHARES else "be a finite number of at least 0", value)
        numbers.append(float(value))
    return AttackRow(words[0], words[1], words[2], words[3], words[4], *numbers)
