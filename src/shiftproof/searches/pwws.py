"""PWWS: words replaced in the order of what a replacement gains, weighed by how much the word matters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from shiftproof.models.abstract import Access, Scores
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.edit_candidates import EditSearch, Round, minus_probability
from shiftproof.searches.word_importance import WordImportance
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import Edit
from shiftproof.shifts.text.rewrite import UNKNOWN


@dataclass(frozen=True)
class Pwws(EditSearch):
    """Greedy replacement by probability weighted word saliency.

    Of each place the choice that lowers the label's probability P most is taken, by D_i. The saliency S_i is what P loses by an unknown
    word there. Places are edited in the order of softmax(S)_i * D_i, until the model is wrong.

    Args:
        queries: questions an example, at least 2.

    The paper takes candidates from WordNet and replaces names; the shift says which are taken here: `common_synonyms`, or `neighbours`
    with a table of WordNet's.

    Guarantees:
        It finds failures and proves nothing.
    Cost: up to `queries` forwards per example: one a place, one a choice, and one an edit.

    Reference: Ren et al. 2019, "Generating natural language adversarial examples through probability weighted word saliency".
    """

    name: ClassVar[str] = "pwws"
    needs: ClassVar[Access] = Scores
    references: ClassVar[tuple[str, ...]] = ("ren2019generating",)

    queries: int = 1000

    @classmethod
    def examples_for_check(cls) -> list[Pwws]:
        """One with few questions."""
        return [cls(queries=80)]

    def check(self) -> None:
        self.require("queries", least=2)

    def unsupported(self, shift: Shift) -> str | None:
        return WordImportance(queries=self.queries).unsupported(shift)

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        run = Round(shift, oracle, x, self.queries, climbed=minus_probability)
        run.first()
        places = {row: run.edits.free(run.rows[row]) for row in run.standing()}
        seen = run.probe({row: ([(place, UNKNOWN)] for place in mine) for row, mine in places.items()})
        best: dict[int, dict[int, tuple[float, int]]] = {row: {} for row in places}
        singles = {row: _singles(run, row, places[row]) for row in run.standing()}
        for row, ((place, choice),), climbed in run.each(singles):
            gain = climbed - run.start(row)
            if gain > best[row].get(place, (-math.inf, 0))[0]:
                best[row][place] = (gain, choice)
        moves = {row: _in_order(run.edits.edits, dict(zip(places[row], seen[row], strict=False)), best[row]) for row in run.standing()}
        for _ in run.each(moves):
            pass  # it keeps what breaks, and else the most harmful
        return run.best


def _singles(run: Round, row: int, places: list[int]) -> Iterator[list[Edit]]:
    """Every move of one edit."""
    one = run.rows[row]
    return ([(place, choice)] for place in places for choice in range(run.edits.choices(one, place)))


def _in_order(most: int, wrong: dict[int, float], best: dict[int, tuple[float, int]]) -> Iterator[list[Edit]]:
    """The moves of two edits and more that add the best choices one by one, the most telling first; that of one has been asked about."""
    largest = max(wrong.values(), default=0.0)
    weight = {place: math.exp(wrong.get(place, -math.inf) - largest) * gain for place, (gain, _) in best.items()}
    order = sorted(best, key=lambda place: (-weight[place], place))[:most]
    for size in range(2, len(order) + 1):
        yield [(place, best[place][1]) for place in order[:size]]
