"""Failures found by decisions alone: many edits at once until one breaks, then as many as can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.edit_candidates import EditSearch, Round
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import Edit


@dataclass(frozen=True)
class HardLabel(EditSearch):
    """Draws moves of as many edits as are allowed until one breaks the example, then takes edits back one by one while it stays broken.

    What it returns is a failure from which no single edit can be taken back, as far as the questions went: small, if not smallest.

    Args:
        queries: questions an example, at least 2.
        share: of the questions, in (0, 1), that the draws may use up; the others are for taking back.

    Guarantees:
        It asks for decisions only, finds failures and proves nothing.
    Cost: up to `queries` forwards per example.

    Reference: Maheshwary et al. 2021, "Generating natural language attacks in a hard label black box setting" (its start and its search
    space reduction, without the genetic part, which raises similarity and finds no further failure).
    """

    name: ClassVar[str] = "hard_label"
    references: ClassVar[tuple[str, ...]] = ("maheshwary2021generating",)

    queries: int = 500
    share: float = 0.8

    @classmethod
    def examples_for_check(cls) -> list[HardLabel]:
        """One with few questions."""
        return [cls(queries=60)]

    def check(self) -> None:
        self.require("queries", least=2)
        self.require("share", within="(0, 1)")

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        run = Round(shift, oracle, x, self.queries)
        for _ in run.each({row: self._draws(run, row, rng[[row]]) for row in range(len(run.rows))}):
            pass  # it keeps what breaks
        back = {row: iter(_shuffled(run.move(row), rng[[row]])) for row in run.broken()}
        while back:
            asked: dict[int, list[Edit]] = {}
            for row, edits in [*back.items()]:
                edit = next(edits, None)
                if edit is None or len(run.move(row)) < 2 or not run.left(row):
                    del back[row]
                else:
                    asked[row] = [other for other in run.move(row) if other != edit]
            run.shrink(asked)
        return run.best

    def _draws(self, run: Round, row: int, rng: Rng) -> Iterator[list[Edit]]:
        """Moves by chance: of all edits that are allowed, then of fewer in turn."""
        one = run.rows[row]
        places = run.edits.free(one)
        for draw in range(max(1, int(self.share * (self.queries - 1)))):
            size = min(len(places), run.edits.edits - draw % run.edits.edits)
            chance = rng.child("draw", draw).uniform(2, max(1, len(places)))[0].double().numpy()
            chosen = np.argsort(chance[0][: len(places)], kind="stable")[:size].tolist()
            yield sorted((places[at], int(chance[1][at] * run.edits.choices(one, places[at]))) for at in chosen)


def _shuffled(edits: list[Edit], rng: Rng) -> list[Edit]:
    order = np.argsort(rng.child("back").uniform(max(1, len(edits)))[0].numpy()[: len(edits)], kind="stable")
    return [edits[at] for at in order.tolist()]
