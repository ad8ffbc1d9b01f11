"""The one door: the only way a search touches a model.

It trusts nobody. What a search returns is checked against the budget, projected, applied and scored again; every query is counted; and
warnings about the verdict are attached to it as flags.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof import outcomes
from shiftproof._batches import in_batches, judged, rows_of_a_call
from shiftproof._errors import BudgetExceeded, UsageError, must
from shiftproof._verdict_flags import unmoved_flags, verdict_flags
from shiftproof.data.examples import Examples
from shiftproof.data.rows import most_rows
from shiftproof.data.space import Space
from shiftproof.finding import Finding
from shiftproof.judges import asked
from shiftproof.judges.abstract import Judge, Reading
from shiftproof.judges.classify import CLASSIFY
from shiftproof.models.abstract import Answers, Scores, access_name
from shiftproof.models.query_count import count_asked, counting_queries
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Cost, Oracle, SearchCheckpoint
from shiftproof.outcomes import Bound, Flag, answer_flags
from shiftproof.preflight import BATCH_DEPENDENT, RANDOM, ScoresOnly, look_at
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search, judged_objection, suited
from shiftproof.shifts.abstract import Params, Shift

POOL_BYTES = 2**24
"""Inputs that a search holds at once which cuts them into calls by itself: what is left of all batches then fills calls together."""


def confront(
    model: Answers,
    shift: Shift,
    *,
    search: Search,
    examples: Examples,
    judge: Judge = CLASSIFY,
    to_the_end: bool = False,
    seed: int = 0,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
    checkpoint: SearchCheckpoint | None = None,
    flags: Sequence[Flag] | None = None,
    clean: Reading | None = None,
) -> Finding:
    """Moves every example inside `shift` as `search` chooses, and says what became of it.

    Args:
        model: what is measured; it must give what the search needs.
        shift: the moves allowed. It is put on the examples' space here.
        search: how a move is chosen.
        examples: n inputs, each with its truth.
        judge: says when an answer is wrong, and how right it is.
        to_the_end: search for the largest loss of each example, and not only for a failure.
        seed: with each example's id, the whole source of randomness.
        batch_size: most inputs per call of the model; verdicts do not depend on it. Fewer where they take 16 MB, or memory runs out.
        progress: called with the number of examples finished since the last call.
        checkpoint: writes down where a batch stands, so that a killed call goes on there.
        flags: of the model, from an earlier look at it (`look_at`), which is then not repeated.
        clean: the answers to the examples as they are (`read_examples`), asked for again only if they are random or depend on their batch.

    Returns:
        One outcome per example. Under a worst-case search an example that is wrong already is `Skipped`; under a chance draw every example
        is moved and is `Held` or `Broken`.

    Raises:
        UsageError: the search needs more than the model gives (a torch module whose scores have no gradient gives scores), or cannot search
            this shift, or the data do not fit the model.
        BudgetExceeded: the search returned a move outside the shift, or the shift left the box.

    Cost: one forward per example for the clean verdict (worst case only), one to score the move found, and what the search asks for.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(8, 4)
        >>> examples = sp.examples(x, model.labels(x))
        >>> sp.confront(model, sp.Linf(0.3), search=sp.GradientAscent(steps=5), examples=examples).bound.value
        'at_most'
    """
    if not len(examples):
        raise UsageError("There are no examples to confront the model with. Check the data source and its limit.")
    if batch_size < 1:
        raise must("batch_size", "confront", "be at least 1", batch_size)
    shift = shift.within(examples.space)
    shift.check_inputs(examples.x[:1])
    with counting_queries() as count:
        examples = judged_by(judge, examples)
        model, search, flags = _fitted(model, shift, search, examples, flags, judge)
        rng = Rng.for_ids(seed, examples.ids)
        same = not {RANDOM, BATCH_DEPENDENT} & set(flags)
        known = clean if search.verdict_draws == 1 and same else None

        def work(rows: slice, held: int) -> Finding:
            how = How(judge, to_the_end, checkpoint, known and known[rows], same, held)
            return _confront_batch(model, shift, search, examples[rows], rng[rows], how)

        pool = most_rows(examples.x, POOL_BYTES) if search.pools else 0
        finding = judged(examples.x, batch_size, model.device, work, flags=flags, progress=progress, pool=pool)
    return replace(finding, sent=count.sent, flags=(*finding.flags, *answer_flags(finding.outcome, finding.unreadable)))


def judged_by(judge: Judge, examples: Examples) -> Examples:
    """The examples with the truth that this judge goes by; raises `UsageError` where they have none."""
    return replace(examples, y=judge.truth(examples))


def _fitted(
    model: Answers, shift: Shift, search: Search, examples: Examples, flags: Sequence[Flag] | None, judge: Judge
) -> tuple[Answers, Search, list[Flag]]:
    """The model as what it gives, the search as it is run on it, and the flags that go with every verdict."""
    fitting = suited(search, model)
    refuse(model, shift, fitting, judge)
    found = list(flags or ())
    if flags is None:
        model, found = look_at(model, examples, judge)
        fitting = suited(search, model)
        refuse(model, shift, fitting, judge)
    if RANDOM in found:
        fitting = fitting.averaged()
        found += _averages(fitting)
    return model, fitting, found


def _averages(search: Search) -> list[Flag]:
    """Says how verdicts on a random model were reached."""
    if search.verdict_draws == 1:
        return []
    detail = f"Each verdict on this random model is that of the mean probabilities of {search.verdict_draws} passes."
    return [Flag("averaged", f"{detail} Searched with {search.spec()}.")]


def refuse(model: Answers, shift: Shift, search: Search, judge: Judge = CLASSIFY) -> None:
    """Raises `UsageError` where this search cannot be used on this model and shift, or with this judge."""
    if isinstance(model, TorchModule) and model.said != judge.said:
        hint = f"Make it with shiftproof.as_answers(module, said={judge.said!r})."
        raise UsageError(f"The judge {judge.name} reads {judge.said}, and the model '{model.name}' was made to give {model.said}. {hint}")
    seen = judge.gives(model)
    if not issubclass(seen, search.needs):
        gives, needs = access_name(seen), access_name(search.needs)
        why = (
            f", since {model.why}" if isinstance(model, ScoresOnly) else "" if judge.said == "classes" else f" under the judge {judge.name}"
        )
        others = "square, hop_skip_jump, best_of_n or grid" if issubclass(seen, Scores) else "best_of_n or grid"
        others = others if shift.kinds & {"image", "table", "vector"} else "greedy or best_of_n"
        raise UsageError(f"The search {search.name} needs {needs}, and the model '{model.name}' gives {gives} only{why}. Use {others}.")
    objection = search.objection(shift) or judged_objection(search, judge)
    if objection:
        raise UsageError(f"The search {search.name} cannot be used: {objection}.")


def read(model: Answers, x: Any, y: Any, draws: int = 1, judge: Judge = CLASSIFY) -> Reading:
    """What the model answers to n inputs, judged by the truth y: the mean of `draws` passes.

    Cost: `draws` forwards each.
    """
    with torch.no_grad():
        return asked.read(judge, model, x, y, draws)


def read_examples(model: Answers, examples: Examples, batch_size: int = 256) -> Reading:
    """The model's answers to examples as they are, on the CPU: what several calls of `confront` on the same ones may share (`clean`)."""

    def one(rows: slice) -> Reading:
        return read(model, examples.x[rows].to(model.device), examples.y[rows].to(model.device)).to(torch.device("cpu"))

    return Reading.join([reading for reading, _ in in_batches(len(examples), rows_of_a_call(examples.x, batch_size, model.device), one)])


@dataclass(frozen=True, eq=False)
class How:
    """How a batch is confronted, beside the model, the shift and the search."""

    judge: Judge
    to_the_end: bool
    checkpoint: SearchCheckpoint | None
    known: Reading | None
    same: bool
    """Whether the model gives the same answer to the same input again, whatever the batch."""
    held: int
    """Inputs that one call of the model may hold: fewer than the batch has where its search pools."""

    def read(self, model: Answers, x: Any, y: Any, draws: int) -> Reading:
        """What the model answers to a batch."""
        parts = [slice(start, start + self.held) for start in range(0, max(1, len(x)), self.held)]
        return Reading.join([read(model, x[rows], y[rows], draws, self.judge) for rows in parts])


def _confront_batch(model: Answers, shift: Shift, search: Search, batch: Examples, rng: Rng, how: How) -> Finding:
    began = time.perf_counter()
    x, y = batch.x.to(model.device), batch.y.to(model.device)
    cost = Cost.of(len(batch))
    worst_case = search.bound is Bound.AT_MOST
    draws = search.verdict_draws
    clean = (how.known.to(x.device) if how.known else how.read(model, x, y, draws)) if worst_case else None
    rows = (~clean.broken).nonzero()[:, 0] if clean else torch.arange(len(x), device=x.device)
    cost.forwards += draws * int(worst_case)

    stops = not how.to_the_end
    oracle = Oracle(model, shift, x, y, cost, judge=how.judge, stops=stops, held=stops, capacity=how.held)[rows]
    seen = oracle.kept_by(how.checkpoint, batch.ids) if how.checkpoint else oracle
    params = _legal(shift, search, x[rows], _searched(search, shift, seen, rng[rows.cpu()]))
    heard = ~oracle.unanswered.to(x.device)  # of the others the search could not be carried out
    rows, params = rows[heard], params[heard]
    moved = _apply(shift, batch.space, x[rows], params)
    after = how.read(model, moved, shift.carry(x[rows], y[rows], params), draws)
    cost.forwards[rows.cpu()] += draws  # each row once
    count_asked(draws * (len(rows) + len(x) * int(worst_case)))  # and the oracle's own

    at = rows.cpu().numpy()  # numpy would take a tensor of one row for a number
    whole = _at_moves(clean, after, at, len(x))
    outcome = np.full(len(x), outcomes.NO_ANSWER, dtype="<U9")
    if clean is not None:
        outcome[(clean.broken & ~clean.unanswered).cpu().numpy()] = outcomes.SKIPPED
    verdict = np.where(after.broken.cpu().numpy(), outcomes.BROKEN, outcomes.HELD)
    outcome[at] = np.where(after.unanswered.cpu().numpy(), outcomes.NO_ANSWER, verdict)
    whole = _silenced(whole, outcome == outcomes.NO_ANSWER)
    radius = np.full(len(x), np.nan)
    if search.proves and how.same:
        proven = at[search.proven(shift, x[rows]).numpy() & ~after.broken.cpu().numpy()]
        outcome[proven], radius[proven] = outcomes.CERTIFIED, shift.full_strength if shift.strength else np.nan
    everywhere = np.full((len(x), *params.shape[1:]), np.nan, dtype=np.float64 if params.dtype == torch.float64 else np.float32)
    everywhere[at] = params.cpu().numpy()

    return Finding(
        ids=batch.ids,
        outcome=outcome,
        prediction=whole["prediction"],
        loss=whole["loss"],
        probability=whole["probability"],
        confidence=whole["confidence"],
        radius=radius,
        params=everywhere,
        forwards=cost.forwards.numpy(),
        backwards=cost.backwards.numpy(),
        bound=search.bound,
        flags=(*verdict_flags(cost, rows.cpu(), after), *unmoved_flags(shift, x[rows])),
        seconds=time.perf_counter() - began,
        stages=tuple(cost.stages),
        score=whole["score"],
        said=whole["said"],
        unreadable=whole["unreadable"],
    )


def _silenced(columns: dict[str, Any], silent: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """The columns of what was read, without what was read before an answer failed to come."""
    if not bool(silent.any()):
        return columns
    found = dict(columns)
    for name, values in columns.items():
        if values is not None:
            found[name] = values = values.copy()
            values[silent] = "" if values.dtype == object else np.nan if values.dtype.kind == "f" else -1 if values.dtype.kind == "i" else 0
    return found


def _at_moves(clean: Reading | None, after: Reading, at: npt.NDArray[np.intp], n: int) -> dict[str, Any]:
    """Every column of what was read of n examples: at the moves for the examples `at`, as they are for the others."""

    def plain(values: Any) -> Any:
        return values.cpu().numpy() if isinstance(values, Tensor) else values

    if clean is None:
        heard = torch.zeros(n, dtype=torch.bool, device=after.broken.device)
        heard[at] = True
        return {name: plain(values) for name, values in vars(after if len(at) == n else after.spread(heard)).items()}
    there = {name: plain(values) for name, values in vars(after).items()}
    whole = {name: plain(values) for name, values in vars(clean).items()}
    if whole["said"] is None and there["said"] is not None:  # a store without them
        whole["said"] = np.full((len(clean.broken), there["said"].shape[1]), np.nan, dtype=np.float32)
    for name, values in whole.items():
        if values is not None and there[name] is not None and len(at):
            whole[name] = values = values.copy()
            values[at] = there[name]
    return whole


def _searched(search: Search, shift: Shift, oracle: Oracle, rng: Rng) -> Params:
    """What the search finds, or found before a run was killed."""
    state = oracle.kept()
    if state and _FOUND in state.tensors:
        return state.tensors[_FOUND].to(oracle.x.device)
    params = search(shift, oracle, oracle.x, rng)
    oracle.keep({_FOUND: params}, {})
    return params


_FOUND = "found"


def _legal(shift: Shift, search: Search, x: Any, params: Params) -> Params:
    """The search's moves, refused where they leave the budget and projected against rounding."""
    if len(params) != len(x):
        raise BudgetExceeded(f"The search {search.name} returned {len(params)} moves for {len(x)} examples.")
    if not len(x):
        return params
    excess = shift.excess(x, params)
    worst = float(excess.max())
    if not worst <= shift.tolerance:  # NaN is a violation too
        raise BudgetExceeded(
            f"The search {search.name} left its budget: {shift.spec()} was exceeded by {worst:.3g} on "
            f"{int((~(excess <= shift.tolerance)).sum())} of {len(x)} examples. None of its verdicts can be used."
        )
    return shift.project(x, params).detach()


def _apply(shift: Shift, space: Space, x: Any, params: Params) -> Any:
    """The moved inputs, with the shift held to its own contract."""
    with torch.no_grad():
        moved = shift.apply(x, params)
    if not shift.landing(space).holds(x, moved):
        raise BudgetExceeded(f"The shift {shift.name} left the input box {space.units}, gave NaN or changed the inputs' shape.")
    return moved
