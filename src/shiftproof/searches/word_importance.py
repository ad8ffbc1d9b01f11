"""Pieces of a text edited one after the other, those first that matter most to the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from shiftproof._errors import must
from shiftproof.models.abstract import Scores
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.edit_candidates import EditSearch, Round, margin_of, minus_probability
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import Edit
from shiftproof.shifts.on import edits_in
from shiftproof.shifts.text.rewrite import DROPPED, UNKNOWN, Rewrite

ORDERS = ("unknown", "dropped", "head_tail", "chance")
Probes = dict[int, Iterator[list[Edit]]]


@dataclass(frozen=True)
class WordImportance(EditSearch):
    """Ranks the places by how much the model loses without the piece, then edits them in that order, each by its best choice.

    An edit is kept where it makes the model more wrong. What is climbed is the probability of the label, or the margin of a model that
    gives no scores of classes.

    Args:
        queries: questions an example, those of the ranking included, at least 2.
        order: how a place is ranked: with its piece replaced by an unknown word (`unknown`), left out (`dropped`), by what the text up to
            it and the text from it on gain by it (`head_tail`, two questions a place), or by `chance` (no question).
        tries: choices of a place that are asked about, drawn by chance; 0 for all. Where a shift has several kinds of them, as `word_bugs`
            has swaps, replacements, omissions and insertions, each kind is drawn as often as the others.

    The questions of the ranking lie outside the budget: they are paid, and what they break is not counted.

    Guarantees:
        It finds failures and proves nothing.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Jin et al. 2020, "Is BERT really robust?" (its order by left-out words); Gao et al. 2018, "Black-box generation of
    adversarial text sequences to evade deep learning classifiers" (its scores of heads and tails).
    """

    name: ClassVar[str] = "word_importance"
    references: ClassVar[tuple[str, ...]] = ("jin2020bert", "gao2018black")

    queries: int = 1000
    order: str = "unknown"
    tries: int = 0

    @classmethod
    def examples_for_check(cls) -> list[WordImportance]:
        """One of each order."""
        return [cls(queries=80, order=order, tries=tries) for order, tries in (("unknown", 0), ("head_tail", 4), ("chance", 1))]

    def check(self) -> None:
        self.require("queries", least=2)
        self.require("tries", least=0)
        if self.order not in ORDERS:
            raise must("order", self.name, f"be {', '.join(ORDERS[:-1])} or {ORDERS[-1]}", self.order)

    def unsupported(self, shift: Shift) -> str | None:
        found = super().unsupported(shift)
        if found is None and not isinstance(edits_in(shift), Rewrite):
            return f"{shift.name} cannot leave a piece out: use greedy, beam or genetic"
        return found

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        run = Round(shift, oracle, x, self.queries, climbed=minus_probability if oracle.gives(Scores) else margin_of)
        run.first()
        left = {row: iter(places) for row, places in ranked(run, rng, self.order).items()}
        have: dict[int, list[Edit]] = {row: [] for row in left}
        chance = rng.child("tries").uniform(max(1, self.tries)).double().tolist()
        best = {row: run.start(row) for row in left}
        while left:
            more: Probes = {}
            for row, places in [*left.items()]:
                place = next(places, None) if len(have[row]) < run.edits.edits else None
                if place is None:
                    del left[row]
                else:
                    more[row] = self.candidates(run, row, have[row], place, chance[row])
            for row, edits, climbed in run.each(more):
                if climbed > best[row]:
                    best[row], have[row] = climbed, edits
            left = {row: left[row] for row in run.standing() if row in left}
        return run.best

    def candidates(self, run: Round, row: int, have: list[Edit], place: int, chance: list[float]) -> Iterator[list[Edit]]:
        """The moves with one edit more, at this place, that are asked about, in order; `chance` is the example's, one number a try."""
        ends = run.edits.ways(run.rows[row], place)
        choices = range(ends[-1]) if not 0 < self.tries < ends[-1] else _drawn([(part + place * _GOLDEN) % 1 for part in chance], ends)
        return ([*have, (place, choice)] for choice in choices)


_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, are spread evenly: one draw an example serves all its places."""


def _drawn(chance: list[float], ends: tuple[int, ...]) -> list[int]:
    """As many different choices as there are numbers in `chance`, which are fewer than the last of `ends`.

    The kinds, which end at `ends`, take turns, from one by chance on; the first number says which, and what is left of it where in it.
    """
    starts = (0, *ends[:-1])
    left = [end - start for start, end in zip(starts, ends, strict=True)]
    first = chance[0] * len(ends)
    kind, within = int(first), first % 1
    swapped: dict[int, int] = {}
    found: list[int] = []
    for part in (within, *chance[1:]):
        while not left[kind]:
            kind = (kind + 1) % len(ends)
        at = starts[kind] + int(part * left[kind])
        left[kind] -= 1
        last = starts[kind] + left[kind]
        found.append(swapped.get(at, at))
        swapped[at] = swapped.get(last, last)
        kind = (kind + 1) % len(ends)
    return found


def ranked(run: Round, rng: Rng, order: str) -> dict[int, list[int]]:
    """The places of each example that stands, the most important first; those that were not asked about last, in an order of chance."""
    places = {row: run.edits.free(run.rows[row]) for row in run.standing()}
    chance = {row: rng[[row]].child("order").uniform(max(1, len(mine)))[0].tolist() for row, mine in places.items()}
    if order == "chance":
        return {row: [mine[at] for at in np.argsort(chance[row][: len(mine)], kind="stable")] for row, mine in places.items()}
    probes: Probes = {row: _probes(mine, order) for row, mine in places.items()}
    seen = run.probe(probes)
    found: dict[int, list[int]] = {}
    for row, mine in places.items():
        worth = _worth(seen[row], len(mine), order, run.start(row))
        keys = sorted(range(len(mine)), key=lambda at: (-worth[at], chance[row][at]))  # used at once
        found[row] = [mine[at] for at in keys]
    return found


def _probes(places: list[int], order: str) -> Iterator[list[Edit]]:
    """The moves beyond the budget that a ranking asks about: with one piece changed, or all heads and then all tails."""
    if order != "head_tail":
        yield from ([(place, UNKNOWN if order == "unknown" else DROPPED)] for place in places)
        return
    for cut in range(len(places) + 1):
        yield [(place, DROPPED) for place in places[cut:]]
    for cut in range(1, len(places) + 1):
        yield [(place, DROPPED) for place in places[:cut]]


def _worth(seen: list[float], n: int, order: str, start: float) -> list[float]:
    """How important each of n places is, by what was seen at its probes; minus infinity where there are none.

    The combined score of DeepWordBug: what the label's probability gains by a word after the head before it, and before its tail.
    """
    if order != "head_tail":
        return [*(wrong - start for wrong in seen), *[-np.inf] * (n - len(seen))]
    heads, tails = seen[: n + 1], [start, *seen[n + 1 :]]
    gain = [before - after for before, after in pairwise(heads)]
    gain += [0.0] * (n - len(gain))
    loss = [after - before for before, after in pairwise(tails)]
    loss += [0.0] * (n - len(loss))
    return [one + two for one, two in zip(gain, loss, strict=True)]
