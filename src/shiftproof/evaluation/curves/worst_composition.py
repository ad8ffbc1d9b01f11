"""Which composition of several shifts hurts a model most: chosen on one half of the examples, reported on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.door import confront, refuse
from shiftproof.finding import Finding
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.query_count import counting_queries
from shiftproof.outcomes import Interval
from shiftproof.preflight import InspectedModel, look_at
from shiftproof.randomness import Rng
from shiftproof.risks.intervals import clopper_pearson, simultaneous, tail_of
from shiftproof.risks.paired import Difference, paired_difference
from shiftproof.searches.abstract import Search
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.evolution import Evolution
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.abstract import Boxed, Shift
from shiftproof.shifts.compose import Compose

QUERIES = 100
"""Queries per example that each composition gets where no search is given."""


@dataclass(frozen=True)
class Candidate:
    """What the choosing half says of one shift or composition.

    Args:
        shift: what was measured; `shift.spec()` writes it.
        average: the share of the half that is right after one chance draw (an estimate).
        average_interval: its interval, by itself.
        worst: the share that is right after the search: at most this is the truth.
        worst_interval: its interval, wide enough that those of all candidates hold together.
        forwards: the model's passes spent on it per example, average and worst case together.
    """

    shift: Shift
    average: float
    average_interval: Interval
    worst: float
    worst_interval: Interval
    forwards: float

    @property
    def composed(self) -> bool:
        """Whether it is a composition, and not one of the shifts alone."""
        return isinstance(self.shift, Compose)


@dataclass(frozen=True, eq=False)
class WorstComposition:
    """The composition under which the model was worst on the choosing half, and what it does to the other half.

    Args:
        ranking: every composition and every shift alone, as the choosing half saw them, the worst first.
        chosen: the composition at the top.
        average: its chance draws on the reporting half.
        worst: its worst case there; `chosen.within(space).apply(x, params)` replays `worst.params` in the order of `worst.ids`.
        search: the spec of the search that every candidate got.
        choosing: examples that the choice was made on.
        confidence: of the intervals.
        forwards: the passes asked of all budgets together.
        sent: rows that reached the model for all of it.
    """

    ranking: tuple[Candidate, ...]
    chosen: Compose
    average: Finding
    worst: Finding
    search: str
    choosing: int
    confidence: float
    forwards: int
    sent: int = 0

    @property
    def average_interval(self) -> Interval:
        """The interval of `average.accuracy`. The half behind it had no part in the choice."""
        return _interval(self.average, self.confidence)

    @property
    def worst_interval(self) -> Interval:
        """The interval of `worst.accuracy`, an upper bound; the half behind it had no part in the choice."""
        return _interval(self.worst, self.confidence)

    @property
    def cost_of_the_worst(self) -> Difference:
        """Accuracy under the worst case minus that under chance, on the same examples of the reporting half, with its interval."""
        return paired_difference(self.average.correct, self.worst.correct, confidence=self.confidence)

    def __str__(self) -> str:
        """The ranking as a table, then the reporting half."""
        width = max(len(one.shift.spec()) for one in self.ranking)
        lines = [f"chosen on {self.choosing} examples, {self.search} each", f"{'':{width}}  {'average':>8}  {'at most':>8}  forwards/ex."]
        lines += [f"{c.shift.spec():{width}}  {c.average:8.1%}  {c.worst:8.1%}  {c.forwards:12.1f}" for c in self.ranking]
        low, high = self.worst_interval
        lines += [
            f"reported on the other {len(self.worst)}: {self.chosen.spec()}",
            f"average {self.average.accuracy:.1%}, at most {self.worst.accuracy:.1%} ({low:.1%} to {high:.1%}) in the worst case",
            f"{self.forwards} forwards in all",
        ]
        return "\n".join(lines)


def worst_composition(
    model: Labels,
    shifts: Sequence[Boxed],
    *,
    examples: Examples,
    search: Search | None = None,
    sizes: Sequence[int] = (2,),
    ordered: bool = True,
    seed: int = 0,
    batch_size: int = 256,
    confidence: float = 0.95,
    progress: Callable[[str], None] | None = None,
) -> WorstComposition:
    """Puts every composition of some shifts, and every shift alone, under the same search, and reports the worst on fresh examples.

    Args:
        model: what is measured.
        shifts: at least 2 of a few numbers each, with their budgets.
        examples: n labelled inputs, at least 4; each falls into a half by chance, by its id.
        search: what each candidate gets, and so its budget of questions; without one, evolution of 100 queries per example where the model
            gives scores, else the best of 100 draws.
        sizes: how many shifts make a composition: 2, 3 or both.
        ordered: whether every order is a composition of its own; else only that in which the shifts are given.
        seed: with each example's id, the whole source of randomness, the halves too.
        batch_size: inputs per call of the model.
        confidence: of the intervals, in (0, 1).
        progress: called with the spec of each candidate before it is measured.

    Guarantees:
        The reporting half had no part in the choice, so its interval holds as if the composition had been fixed beforehand. Those of the
        ranking hold for all candidates together (Bonferroni). Every candidate has the same search, seed and examples. That the chosen
        one is the worst of all is no claim: another may be as bad within the intervals, and a stronger search may find more.

    Raises:
        UsageError: there are too few shifts or examples, a size is neither 2 nor 3, or the search cannot search one of the shifts.

    Cost: on half of the examples, for each candidate what the search asks for and 3 more forwards per example; k shifts make k + k(k-1)
        candidates (and k(k-1)(k-2) more of three). On the other half, the same for the chosen one. `forwards` says what it came to.
    """
    _check(shifts, examples, sizes)
    tail_of(confidence)
    used = search or (Evolution(queries=QUERIES) if isinstance(model, Scores) else BestOfN(QUERIES))
    choose = permutations if ordered else combinations
    composed = [Compose.of(*parts) for size in sorted(set(sizes)) for parts in choose(shifts, size)]
    candidates: list[Shift] = [*shifts, *composed]
    for shift in candidates:
        refuse(model, shift.within(examples.space), used)
    first, second = _halves(examples, seed)

    with counting_queries() as count:
        measure = partial(_both, look_at(model, examples), used, seed=seed, batch_size=batch_size, progress=progress)
        found = [measure(shift, first) for shift in candidates]
        ranking = _ranking(candidates, found, confidence)
        chosen = next(one.shift for one in ranking if isinstance(one.shift, Compose))
        average, worst = measure(chosen, second)
    return WorstComposition(
        ranking=ranking,
        chosen=chosen,
        average=average,
        worst=worst,
        search=used.spec(),
        choosing=len(first),
        confidence=confidence,
        forwards=sum(int(finding.forwards.sum()) for pair in (*found, (average, worst)) for finding in pair),
        sent=count.sent,
    )


def _both(
    look: InspectedModel, used: Search, shift: Shift, part: Examples, *, seed: int, batch_size: int, progress: Callable[[str], None] | None
) -> tuple[Finding, Finding]:
    """One shift's average case, and its worst."""
    if progress:
        progress(shift.spec())
    average, worst = (
        confront(look.model, shift, search=search, examples=part, seed=seed, batch_size=batch_size, flags=look.flags)
        for search in (OneDraw(), used)
    )
    return average, worst


def _check(shifts: Sequence[Boxed], examples: Examples, sizes: Sequence[int]) -> None:
    if len(shifts) < 2:
        raise must("shifts", "worst_composition", "be at least 2", len(shifts))
    if not sizes or not set(sizes) <= {2, 3}:
        raise must("sizes", "worst_composition", "be 2, 3 or both", list(sizes))
    if max(sizes) > len(shifts):
        raise must("sizes", "worst_composition", f"be at most the number of shifts ({len(shifts)})", list(sizes))
    if len(examples) < 4:
        raise UsageError(
            f"worst_composition chooses on one half and reports on the other, and {len(examples)} examples are too few for it."
        )


def _halves(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """Two halves of (nearly) one size, chosen by the ids and the seed, whatever the order of the examples."""
    key = Rng.for_ids(seed, examples.ids).child("half").uniform(1)[:, 0].numpy()
    order: npt.NDArray[np.intp] = np.lexsort((examples.ids, key))
    middle = len(order) // 2
    return examples[np.sort(order[:middle])], examples[np.sort(order[middle:])]


def _ranking(shifts: Sequence[Shift], found: Sequence[tuple[Finding, Finding]], confidence: float) -> tuple[Candidate, ...]:
    n = len(found[0][0])
    together = simultaneous([int(worst.correct.sum()) for _, worst in found], np.full(len(found), n), confidence=confidence, disjoint=False)
    rows = [
        Candidate(
            shift=shift,
            average=average.accuracy,
            average_interval=_interval(average, confidence),
            worst=worst.accuracy,
            worst_interval=Interval(float(low), float(high)),
            forwards=float((average.forwards + worst.forwards).mean()),
        )
        for shift, (average, worst), low, high in zip(shifts, found, *together, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.worst, row.average)))


def _interval(finding: Finding, confidence: float) -> Interval:
    return clopper_pearson(int(finding.correct.sum()), len(finding), confidence=confidence).one()
