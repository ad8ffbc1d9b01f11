"""What every search owes: moves inside the budget, the worst that it saw, and verdicts that hang on seed and example only."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from shiftproof._errors import BudgetExceeded, UsageError
from shiftproof.conformance.probes import Drift, giving, no_global_randomness, probe_examples, same_bits
from shiftproof.conformance.report import Failed, NotApplicable, expect
from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.finding import Finding
from shiftproof.models.abstract import Access, Gradients, Labels, Scores, access_name
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Cost, Oracle
from shiftproof.outcomes import BROKEN, SKIPPED, Bound
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.identity import Identity
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


@runtime_checkable
class OffersShifts(Protocol):
    """A search that says which shifts its checks run on, for one that takes none of ours."""

    def shifts_for_check(self) -> Sequence[Shift]:
        """Shifts that it searches; a classmethod."""
        ...


@dataclass(frozen=True)
class SearchCase:
    """A search of one shift, on a model that gives exactly what the search needs."""

    search: Search
    shift: Shift
    network: TorchModule
    examples: Examples
    label: str

    @property
    def model(self) -> Labels:
        """The network by the search's access."""
        return giving(self.network, self.search.needs)

    def confront(self, examples: Examples | None = None, *, seed: int = 0, batch_size: int = 256) -> Finding:
        """One confrontation through the door; a budget that is left fails the check."""
        chosen = self.examples if examples is None else examples
        try:
            return confront(self.model, self.shift, search=self.search, examples=chosen, seed=seed, batch_size=batch_size)
        except BudgetExceeded as error:
            raise Failed(f"{error} Project every move that it returns: shift.project(x, params).") from None

    @cached_property
    def finding(self) -> Finding:
        """What came of the whole sample in one batch."""
        return self.confront()


def search_cases(search: Search) -> list[SearchCase]:
    """The search on every shift that it takes: those that it offers, else ours.

    Raises:
        UsageError: it takes none.
    """
    offered = list(search.shifts_for_check()) if isinstance(search, OffersShifts) else []
    cases, refusals = _cases(search, offered or [Linf(0.25), L2(0.5), Drift(), Identity()])
    if not cases:  # a search for sparse moves
        cases, more = _cases(search, [L1(1.0), L0(2)])
        refusals += more
    if not cases:
        way_out = "Give its class a classmethod shifts_for_check() that returns a list of shifts that it takes."
        raise UsageError("\n".join([f"{search.spec()} takes none of the shifts it is checked on. {way_out}", *refusals]))
    return cases


def _cases(search: Search, shifts: Sequence[Shift]) -> tuple[list[SearchCase], list[str]]:
    """Those of the shifts that the search takes, on vectors and images, and its words on the others."""
    cases: list[SearchCase] = []
    refusals: list[str] = []
    for image in (False, True):
        network, examples = probe_examples(image)
        for shift in shifts:
            try:
                placed = shift.within(examples.space)
                objection = search.objection(placed)
            except UsageError as refusal:
                objection = str(refusal)
            kind = "images" if image else "vectors"
            if objection:
                refusals.append(f"{shift.spec()} on {kind}: {objection}")
            else:
                cases.append(SearchCase(search, placed, network, examples, f"{shift.spec()} on {kind}"))
    return cases, refusals


def stays_inside_the_budget(case: SearchCase) -> None:
    """Every move that it returns is inside the shift, one row an example."""
    with no_global_randomness(f"The search {case.search.name}"):
        finding = case.finding
    expect(len(finding) == len(case.examples), f"It gave {len(finding)} verdicts for {len(case.examples)} examples.")


def needs_are_true(case: SearchCase) -> None:
    """It works on a model that gives exactly what it declares in `needs`, and is refused on one that gives less."""
    less: dict[Access, Access] = {Gradients: Scores, Scores: Labels}
    expect(case.search.needs in (Labels, Scores, Gradients), f"Its `needs` must be Labels, Scores or Gradients, got {case.search.needs!r}.")
    try:
        case.finding  # noqa: B018  # worked out here, or known already
    except TypeError as error:
        raise Failed(
            f"It does not work on a model that gives {access_name(case.search.needs)} only, which is what it declares: {error}"
        ) from None
    if case.search.needs not in less:
        return
    poorer = giving(case.network, less[case.search.needs])
    if case.search.matched(poorer) != case.search:
        return  # it has another version for such models
    try:
        confront(poorer, case.shift, search=case.search, examples=case.examples)
    except UsageError:
        return
    raise Failed(f"It ran on a model that gives {access_name(type(poorer))} only.")


def claims_what_it_can(case: SearchCase) -> None:
    """It claims an upper bound (a worst case) or an estimate (a chance draw); an estimate's moves do not depend on the model."""
    bound = case.search.bound
    expect(bound is not Bound.AT_LEAST, "A search that found no failure proves nothing: a lower bound takes a Certificate.")
    if bound is Bound.AT_MOST:
        return
    other = TorchModule(copy.deepcopy(case.network.module), name="other")
    with torch.no_grad():
        for parameter in other.module.parameters():
            parameter.neg_()
    moves = confront(giving(other, case.search.needs), case.shift, search=case.search, examples=case.examples).params
    expect(
        np.array_equal(moves, case.finding.params, equal_nan=True),
        "It claims an estimate of the average case, and its moves depend on the model's answers, which biases the mean. "
        "Use bound = Bound.AT_MOST.",
    )


def same_seed_same_result(case: SearchCase) -> None:
    """The same seed gives the same moves."""
    _same(case.finding, case.confront(), "The same seed gave another result", exact=True)


def batches_and_order_change_nothing(case: SearchCase) -> None:
    """Verdicts are the same for batches of 1, 7 and 256, for examples in another order, and for shards."""
    finding, examples = case.finding, case.examples
    some, few = np.arange(20), np.arange(3, 7)
    _same(_rows(finding, some), case.confront(examples[some], batch_size=7), "In batches of 7 instead of one of 256, results differ")
    _same(_rows(finding, few), case.confront(examples[few], batch_size=1), "One by one instead of in one batch, results differ")
    order = np.argsort([name[::-1] for name in examples.ids])  # neighbours are torn apart
    _same(_rows(finding, order), case.confront(examples[order]), "With the examples in another order, results differ")
    shard = np.arange(len(examples) // 2, len(examples))
    _same(_rows(finding, shard), case.confront(examples[shard]), "On a part of the data, results differ")


def _same(left: Finding, right: Finding, what: str, *, exact: bool = False) -> None:
    verdicts = left.outcome != right.outcome
    way_out = "Draw from the rng that it is given (one stream a row), and let no example's moves depend on the others'."
    expect(not verdicts.any(), f"{what}: {int(verdicts.sum())} of {len(left)} verdicts. {way_out}")
    close = np.allclose(left.params, right.params, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-4, equal_nan=True)
    expect(close, f"{what}: the moves, though not the verdicts. {way_out}")


def _rows(finding: Finding, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Finding:
    return replace(finding, outcome=finding.outcome[rows], params=finding.params[rows], ids=finding.ids[rows])


def reports_the_worst_it_saw(case: SearchCase) -> None:
    """A move that broke the model while it searched is what it returns."""
    _worst_case(case)
    lost = [flag for flag in case.finding.flags if flag.name == "unreproduced"]
    share = lost[0].share or 0.0 if lost else 0.0
    way_out = "Keep them in an Incumbent, and return its params. (Changing the inputs in place does this too.)"
    expect(not lost, f"It saw {share:.0%} of the examples broken and returned other moves, at which the model is right. {way_out}")


def finds_what_chance_finds(case: SearchCase) -> None:
    """It breaks at least half as many examples as a single chance draw does."""
    _worst_case(case)
    chance = confront(case.network, case.shift, search=OneDraw(), examples=case.examples)
    right = case.finding.outcome != SKIPPED
    lucky = int((chance.outcome[right] == BROKEN).sum())
    broken = int((case.finding.outcome == BROKEN).sum())
    way_out = f"Does it return what it finds? If {case.search.spec()} is too little for it, offer instances by examples_for_check."
    expect(broken >= lucky / 2, f"It broke {broken} of {int(right.sum())} examples, and one chance draw breaks {lucky}. {way_out}")


def costs_no_more_than_it_says(case: SearchCase) -> None:
    """It spends no more forwards and backwards on an example than `most_passes` says."""
    most = case.search.most_passes(case.shift)
    doors_own = 2 if case.search.bound is Bound.AT_MOST else 1  # the clean verdict of a worst case, and scoring the move found
    spent = int((case.finding.forwards + case.finding.backwards).max()) - doors_own * case.search.verdict_draws
    expect(spent <= most, f"It spent {spent} passes on an example, and `most_passes` says {most}. Progress bars and plans go by it.")


def skips_what_is_wrong_already(case: SearchCase) -> None:
    """Under a worst-case search, examples that are wrong already are left out and cost the door's one verdict."""
    _worst_case(case)
    wrong = (case.network.labels(case.examples.x) != case.examples.y).numpy()
    skipped = case.finding.outcome == SKIPPED
    expect(np.array_equal(wrong, skipped), f"{int(wrong.sum())} examples are wrong already, and {int(skipped.sum())} were skipped.")
    spent = case.finding.forwards[skipped]
    expect(
        bool((spent == case.search.verdict_draws).all()),
        f"Examples that are wrong already cost {spent.max() if len(spent) else 0} forwards. Ask only oracle[rows].",
    )


def changes_nothing_it_is_given(case: SearchCase) -> None:
    """It leaves the inputs, the shift and the model as they were."""
    x, y = case.examples.x.clone(), case.examples.y
    oracle = Oracle(case.model, case.shift, x.clone(), y, Cost.of(len(x)))
    before, weights = case.shift.full_spec(), case.network.fingerprint()
    given = x.clone()
    case.search(case.shift, oracle, given, Rng.for_ids(0, case.examples.ids))
    expect(same_bits(given, x) and same_bits(oracle.x, x), "It changed the inputs in place. Work on params, and leave x alone.")
    expect(case.shift.full_spec() == before, f"It turned the shift {before} into {case.shift.full_spec()}.")
    expect(case.network.fingerprint() == weights, "It changed the model's weights.")


def no_examples_are_fine(case: SearchCase) -> None:
    """A batch of no examples goes through (every example of a batch may be wrong already)."""
    none = torch.zeros(0, dtype=torch.int64)
    x = case.examples.x
    oracle = Oracle(case.model, case.shift, x, case.examples.y, Cost.of(len(x)))
    moves = case.search(case.shift, oracle[none], x[none], Rng.for_ids(0, case.examples.ids)[none])
    expect(len(moves) == 0, f"It returned {len(moves)} moves for no examples.")


def _worst_case(case: SearchCase) -> None:
    if case.search.bound is not Bound.AT_MOST:
        raise NotApplicable("It is no worst-case search.")


SEARCH_CHECKS = (
    stays_inside_the_budget,
    needs_are_true,
    claims_what_it_can,
    same_seed_same_result,
    batches_and_order_change_nothing,
    reports_the_worst_it_saw,
    finds_what_chance_finds,
    costs_no_more_than_it_says,
    skips_what_is_wrong_already,
    changes_nothing_it_is_given,
    no_examples_are_fine,
)
