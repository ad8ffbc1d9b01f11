"""Statements about almost all of a shift's draws, for any model and any shift, from a few hundred calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples, Ids
from shiftproof.door import judged_by
from shiftproof.judges.abstract import Judge
from shiftproof.judges.classify import CLASSIFY
from shiftproof.models.abstract import Answers
from shiftproof.models.query_count import counting_queries
from shiftproof.preflight import look_at
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True, eq=False)
class SampledBounds:
    """What holds for almost all draws of a shift, example by example.

    Args:
        ids: the examples' names, shape (n,).
        bound: with probability `confidence`, at most `share` of all draws have a larger margin (the judge's, positive where wrong), shape
            (n,); +inf where an answer was not finite.
        held: likewise, whether at most `share` of all draws are answered wrongly, shape (n,).
        worst: the largest margin drawn, shape (n,).
        share, confidence: of the statement about each example by itself.
        draws: of each example.
        discarded: how many of the largest margins lie above the bound.
        sent: rows that reached the model.
    """

    ids: Ids
    bound: npt.NDArray[np.float64]
    held: npt.NDArray[np.bool_]
    worst: npt.NDArray[np.float64]
    share: float
    confidence: float
    draws: int
    discarded: int
    sent: int

    def __len__(self) -> int:
        return len(self.ids)


def draws_needed(share: float, confidence: float) -> int:
    """The fewest draws whose largest is exceeded by at most `share` of all others, with probability `confidence`.

    The least n with (1 - share)^n <= 1 - confidence.

    >>> draws_needed(0.01, 0.99), draws_needed(0.05, 0.95)
    (459, 59)
    """
    _check(share, confidence)
    return math.ceil(math.log1p(-confidence) / math.log1p(-share))


def discarded_of(draws: int, share: float, confidence: float) -> int:
    """How many of the largest of `draws` values may lie above the bound: the most k with P(Binomial(draws, share) <= k) <= 1 - confidence.

    >>> discarded_of(459, 0.01, 0.99), discarded_of(5000, 0.01, 0.99)
    (0, 33)

    Raises:
        UsageError: so few draws allow no statement.
    """
    from scipy import stats

    _check(share, confidence)
    if draws < draws_needed(share, confidence):
        hint = f"A share of {share:g} and a confidence of {confidence:g} need that many."
        raise must("draws", "a bound by sampling", f"be at least {draws_needed(share, confidence)}", draws, hint)
    known = np.arange(draws + 1)
    return int(np.flatnonzero(stats.binom.cdf(known, draws, share) <= 1 - confidence)[-1])


def bound_by_sampling(
    model: Answers,
    shift: Shift,
    *,
    examples: Examples,
    judge: Judge = CLASSIFY,
    share: float = 0.01,
    confidence: float = 0.99,
    draws: int | None = None,
    seed: int = 0,
    batch_size: int = 256,
) -> SampledBounds:
    """Bounds how badly a model does on all but a share of the draws of a shift: an order statistic of independent draws.

    Args:
        model: what is measured, of any kind that the judge reads.
        shift: any shift; draws are those of its `sample`, the average case of an audit.
        examples: n inputs, each with its truth.
        judge: says how wrong an answer is (its margin, positive where wrong). For numbers, `within(absolute=a)` has the margin
            error / a - 1, so the error's bound is a (1 + bound).
        share: of the draws that may be worse than the bound, in (0, 1).
        confidence: of each example's statement, in (0, 1). For n statements together, give 1 - (1 - confidence) / n.
        draws: of each example; by default the fewest that allow the statement, 459 for a share of 0.01 and a confidence of 0.99. With
            more of them the bound is tighter.
        seed: with each example's id, the whole source of randomness.
        batch_size: inputs per call of the model.

    Returns:
        The bound of each example, and whether it is answered rightly on all but `share` of the draws.

    Raises:
        UsageError: the shift has one move only, too few draws, a share or confidence outside (0, 1), or data that do not fit.

    Guarantees:
        For each example, with probability at least `confidence` over the draws, at most `share` of the shift's draws have a larger margin;
        no assumption on model, shift or margin. It speaks of random moves and not of the worst one: a search (`confront`) finds moves far
        beyond it, and both figures should stand side by side. For a random model a draw is one of move and answer together.
    Cost: `draws` forwards per example.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(8, 4)
        >>> found = bound_by_sampling(model, sp.Linf(0.01), examples=sp.examples(x, model.labels(x)))
        >>> found.draws, bool((found.bound >= found.worst).all())
        (459, True)

    Reference: Wilks 1941 [wilks1941determination], on tolerance limits; the statement is that of Zhang et al. 2023 [zhang2023trajpac],
    "TrajPAC: towards robustness verification of pedestrian trajectory prediction models", who reach it by fitting a linear model.
    """
    if draws is None:
        draws = draws_needed(share, confidence)
    discarded = discarded_of(draws, share, confidence)
    if not len(examples):
        raise UsageError("There are no examples to draw moves of. Check the data source and its limit.")
    if batch_size < 1:
        raise must("batch_size", "a bound by sampling", "be at least 1", batch_size)
    shift = shift.within(examples.space)
    shift.check_inputs(examples.x[:1])
    if not shift.varied:
        raise UsageError(f"Every draw of {shift.spec()} is the same move, so there is nothing to bound. Measure it once with one_draw.")
    with counting_queries() as count, torch.no_grad():
        judged = judged_by(judge, examples)
        seen, _ = look_at(model, judged, judge)
        rng = Rng.for_ids(seed, judged.ids)
        found = [_drawn(seen, shift, judge, judged[slice(row, row + 1)], rng[[row]], draws, batch_size) for row in range(len(judged))]
    margins = np.sort(np.stack([margin for margin, _ in found]), axis=1)
    broken = np.array([wrong for _, wrong in found])
    bound = margins[:, draws - 1 - discarded]
    return SampledBounds(judged.ids, bound, broken <= discarded, margins[:, -1], share, confidence, draws, discarded, count.sent)


def _drawn(
    model: Answers, shift: Shift, judge: Judge, one: Examples, rng: Rng, draws: int, batch_size: int
) -> tuple[npt.NDArray[np.float64], int]:
    """The margins of one example at so many draws, shape (draws,), and how many of them are wrong."""
    margins: list[npt.NDArray[np.float64]] = []
    wrong = 0
    for start in range(0, draws, batch_size):
        stop = min(start + batch_size, draws)
        rows: Any = torch.zeros(stop - start, dtype=torch.long)
        x, y = one.x[rows].to(model.device), one.y[rows].to(model.device)
        params = shift.sample(x, rng.each(start, stop))
        answer = judge.verdict([judge.ask(model, shift.apply(x, params))], shift.carry(x, y, params))
        margins.append(np.nan_to_num(answer.margin.double().cpu().numpy(), nan=np.inf, posinf=np.inf, neginf=-np.inf))
        wrong += int(answer.broken.sum())
    return np.concatenate(margins), wrong


def _check(share: float, confidence: float) -> None:
    for name, value in (("share", share), ("confidence", confidence)):
        if not 0 < value < 1:
            raise must(name, "a bound by sampling", "be in (0, 1)", value)
