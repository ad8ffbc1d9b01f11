"""The contract of searches: moves inside the budget, the worst move seen, and verdicts that depend on seed and example only."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from shiftproof._errors import BudgetExceeded, UsageError
from shiftproof.conformance.instances import OffersShifts
from shiftproof.conformance.probes import Drift, giving, no_global_randomness, probe_examples, same_bits
from shiftproof.conformance.report import Failed, NotApplicable, expect
from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.finding import Finding
from shiftproof.models.abstract import Access, Answers, Graded, Gradients, Labels, Scores, access_name
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


@dataclass(frozen=True)
class SearchCase:
    """A search of one shift, on a model with exactly the access that the search needs."""

    search: Search
    shift: Shift
    network: Any
    examples: Examples
    label: str

    @property
    def model(self) -> Labels:
        """The network with the search's access."""
        found: Labels = giving(self.network, self.search.needs)
        return found

    def confront(self, examples: Examples | None = None, *, seed: int = 0, batch_size: int = 256) -> Finding:
        """One run of `confront`; a move outside the budget fails the check."""
        chosen = self.examples if examples is None else examples
        try:
            return confront(self.model, self.shift, search=self.search, examples=chosen, seed=seed, batch_size=batch_size)
        except BudgetExceeded as error:
            raise Failed(f"{error} Project every returned move: shift.project(x, params).") from None

    @cached_property
    def finding(self) -> Finding:
        """The result on the whole sample in one batch."""
        return self.confront()


def search_cases(search: Search) -> list[SearchCase]:
    """The search on every shift that it supports: those that it offers, else ours.

    Raises:
        UsageError: it supports none.
    """
    offered = list(search.shifts_for_check()) if isinstance(search, OffersShifts) else []
    cases, refusals = _cases(search, offered or [Linf(0.25), L2(0.5), Drift(), Identity()])
    if not cases:  # a search for sparse moves
        cases, more = _cases(search, [L1(1.0), L0(2)])
        refusals += more
    if not cases:
        advice = "Give its class a classmethod shifts_for_check() that returns a list of shifts that it supports."
        raise UsageError("\n".join([f"{search.spec()} supports none of the shifts that it is checked on. {advice}", *refusals]))
    return cases


def _cases(search: Search, shifts: Sequence[Shift]) -> tuple[list[SearchCase], list[str]]:
    """The shifts that the search supports, on vectors and images, and its objections to the others."""
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
    """Every returned move is inside the shift, one row per example."""
    with no_global_randomness(f"The search {case.search.name}"):
        finding = case.finding
    expect(len(finding) == len(case.examples), f"It returned {len(finding)} verdicts for {len(case.examples)} examples.")


def needs_are_correct(case: SearchCase) -> None:
    """It works on a model with exactly the access declared in `needs`, and is refused on a model with less."""
    less: dict[Access, Access] = {Gradients: Scores, Scores: Labels, Graded: Labels}
    rule = "Its `needs` must be Answers, Labels, Graded, Scores or Gradients"
    expect(case.search.needs in (Answers, Labels, *less), f"{rule}, got {case.search.needs!r}.")
    try:
        case.finding  # noqa: B018  # computed here, or known already
    except TypeError as error:
        raise Failed(
            f"It does not work on a model that provides only {access_name(type(case.model))}, which it declares as enough: {error}"
        ) from None
    if case.search.needs not in less:
        return
    poorer = giving(case.network, less[case.search.needs])
    if case.search.matched(poorer) != case.search:
        return  # it has a variant for such models
    try:
        confront(poorer, case.shift, search=case.search, examples=case.examples)
    except UsageError:
        return
    raise Failed(f"It ran on a model that provides only {access_name(type(poorer))}.")


def claims_a_valid_bound(case: SearchCase) -> None:
    """It claims an upper bound (a worst case) or an estimate (a random draw); moves of an estimate do not depend on the model."""
    bound = case.search.bound
    expect(bound is not Bound.AT_LEAST, "A search that found no failure proves nothing: a lower bound needs a Certificate.")
    if bound is Bound.AT_MOST:
        return
    other = TorchModule(copy.deepcopy(case.network.module), name="other")
    with torch.no_grad():
        for parameter in other.module.parameters():
            parameter.neg_()
    moves = confront(giving(other, case.search.needs), case.shift, search=case.search, examples=case.examples).params
    expect(
        np.array_equal(moves, case.finding.params, equal_nan=True),
        "It claims an estimate of the average case, but its moves depend on the model's answers, which biases the mean. "
        "Use bound = Bound.AT_MOST.",
    )


def same_seed_same_result(case: SearchCase) -> None:
    """The same seed gives the same moves."""
    _same(case.finding, case.confront(), "The same seed gave another result", exact=True)


def batches_and_order_change_nothing(case: SearchCase) -> None:
    """Verdicts are the same for batches of 1, 7 and 256, for examples in another order, and for shards."""
    finding, examples = case.finding, case.examples
    some, few = np.arange(14), np.arange(3, 5)
    _same(_rows(finding, some), case.confront(examples[some], batch_size=7), "In batches of 7 instead of 256, results differ")
    _same(_rows(finding, few), case.confront(examples[few], batch_size=1), "One by one instead of in one batch, results differ")
    order = np.argsort([name[::-1] for name in examples.ids])  # separates neighbours
    _same(_rows(finding, order), case.confront(examples[order]), "With the examples in another order, results differ")
    shard = np.arange(len(examples) // 2, len(examples))
    _same(_rows(finding, shard), case.confront(examples[shard]), "On a part of the data, results differ")


def _same(left: Finding, right: Finding, what: str, *, exact: bool = False) -> None:
    verdicts = left.outcome != right.outcome
    advice = "Draw from the rng argument (one stream per row); moves of one example must not depend on the others."
    expect(not verdicts.any(), f"{what}: {int(verdicts.sum())} of {len(left)} verdicts. {advice}")
    close = np.allclose(left.params, right.params, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-4, equal_nan=True)
    expect(close, f"{what}: the moves, but not the verdicts. {advice}")


def _rows(finding: Finding, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Finding:
    return replace(finding, outcome=finding.outcome[rows], params=finding.params[rows], ids=finding.ids[rows])


def returns_the_worst_move_seen(case: SearchCase) -> None:
    """If a move broke the model during the search, a breaking move is returned."""
    _worst_case(case)
    lost = [flag for flag in case.finding.flags if flag.name == "unreproduced"]
    share = lost[0].share or 0.0 if lost else 0.0
    advice = "Keep the best moves in an Incumbent, and return its params. (Changing the inputs in place is another cause.)"
    expect(not lost, f"It broke {share:.0%} of the examples during the search but returned moves at which the model is correct. {advice}")


def finds_what_a_random_draw_finds(case: SearchCase) -> None:
    """It breaks at least half as many examples as a single random draw."""
    _worst_case(case)
    chance = confront(case.network, case.shift, search=OneDraw(), examples=case.examples)
    right = case.finding.outcome != SKIPPED
    lucky = int((chance.outcome[right] == BROKEN).sum())
    broken = int((case.finding.outcome == BROKEN).sum())
    advice = (
        f"Check that it returns what it finds. If {case.search.spec()} has too small a budget, provide instances with examples_for_check."
    )
    expect(broken >= lucky / 2, f"It broke {broken} of {int(right.sum())} examples, and one random draw breaks {lucky}. {advice}")


def costs_at_most_most_passes(case: SearchCase) -> None:
    """It uses at most `most_passes` forwards and backwards per example."""
    most = case.search.most_passes(case.shift)
    other_verdicts = 2 if case.search.bound is Bound.AT_MOST else 1  # the clean verdict of a worst case, and the verdict on the move found
    spent = int((case.finding.forwards + case.finding.backwards).max()) - other_verdicts * case.search.verdict_draws
    expect(spent <= most, f"It used {spent} passes on an example, and `most_passes` is {most}. Progress bars and plans rely on it.")


def skips_misclassified_examples(case: SearchCase) -> None:
    """A worst-case search skips misclassified examples, which cost one verdict only."""
    _worst_case(case)
    wrong = (case.network.labels(case.examples.x) != case.examples.y).numpy()
    skipped = case.finding.outcome == SKIPPED
    expect(np.array_equal(wrong, skipped), f"{int(wrong.sum())} examples are misclassified, and {int(skipped.sum())} were skipped.")
    spent = case.finding.forwards[skipped]
    expect(
        bool((spent == case.search.verdict_draws).all()),
        f"Misclassified examples cost {spent.max() if len(spent) else 0} forwards. Query oracle[rows] only.",
    )


def leaves_its_arguments_unchanged(case: SearchCase) -> None:
    """It does not change the inputs, the shift or the model."""
    x, y = case.examples.x.clone(), case.examples.y
    oracle = Oracle(case.model, case.shift, x.clone(), y, Cost.of(len(x)))
    before, weights = case.shift.full_spec(), case.network.fingerprint()
    given = x.clone()
    case.search(case.shift, oracle, given, Rng.for_ids(0, case.examples.ids))
    expect(same_bits(given, x) and same_bits(oracle.x, x), "It changed the inputs in place. Change params only.")
    expect(case.shift.full_spec() == before, f"It changed the shift {before} to {case.shift.full_spec()}.")
    expect(case.network.fingerprint() == weights, "It changed the model's weights.")


def empty_batches_work(case: SearchCase) -> None:
    """An empty batch works (all examples of a batch may be misclassified)."""
    none = torch.zeros(0, dtype=torch.int64)
    x = case.examples.x
    oracle = Oracle(case.model, case.shift, x, case.examples.y, Cost.of(len(x)))
    moves = case.search(case.shift, oracle[none], x[none], Rng.for_ids(0, case.examples.ids)[none])
    expect(len(moves) == 0, f"It returned {len(moves)} moves for no examples.")


def _worst_case(case: SearchCase) -> None:
    if case.search.bound is not Bound.AT_MOST:
        raise NotApplicable("It is not a worst-case search.")


SEARCH_CHECKS = (
    stays_inside_the_budget,
    needs_are_correct,
    claims_a_valid_bound,
    same_seed_same_result,
    batches_and_order_change_nothing,
    returns_the_worst_move_seen,
    finds_what_a_random_draw_finds,
    costs_at_most_most_passes,
    skips_misclassified_examples,
    leaves_its_arguments_unchanged,
    empty_batches_work,
)
