"""Tests of randomized smoothing: from votes to certified probabilities and radii."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shiftproof._arrays import Floats, Ints
from shiftproof._errors import must
from shiftproof.certificates.smoothing.votes import Votes, most_frequent
from shiftproof.risks.intervals import binomial_low
from shiftproof.risks.sequential import SequentialTests

_SELECT, _MORE = 32, 128
_CLEAR = 22


@dataclass(frozen=True, eq=False)
class Proven:
    """What votes proved of n examples, each of shape (n,).

    Args:
        label: the decision that it is about.
        claims: how many of the probabilities asked about are exceeded, from the smallest on.
        draws: noisy copies spent.
    """

    label: Ints
    claims: Ints
    draws: Ints


def selected(votes: Votes) -> tuple[Ints, Ints]:
    """The label that each example is tried for, and the draws spent on it: 32, and 96 more where the lead is below 22.

    Draws of their own, so that the tests that follow know nothing of the choice. A wrong choice costs power only.
    """
    rows = np.arange(len(votes.x))
    answers = votes.labels(rows, "select", 0, _SELECT)
    label, lead = most_frequent(answers)
    spent = np.full(len(rows), _SELECT)
    unclear = rows[lead < _CLEAR]
    if len(unclear):
        more = votes.labels(unclear, "select", _SELECT, _MORE)
        label[unclear] = most_frequent(np.concatenate([answers[unclear], more], axis=1))[0]
        spent[unclear] = _MORE
    return label, spent


def sequential(votes: Votes, tests: SequentialTests, *, enough: int = 0, budget: int | None = None) -> Proven:
    """Tests each example until no more than `enough` of the probabilities are undecided.

    Args:
        votes: the base model under noise.
        tests: planned tests of the probabilities asked about.
        enough: how many may stay undecided.
        budget: noisy copies for all examples together; None for as many as the tests want. Spent look by look, on those examples first
            that have most undecided for the draws. Who gets the last of it depends on the other examples; what is claimed stays valid.

    Guarantees: each example's claims are all true with probability at least 1 - alpha, whatever the budget: tests may stop at any time.
    """
    n = len(votes.x)
    if budget is not None and budget < n * _SELECT:
        raise must("budget", "smoothing", f"be at least {n * _SELECT}, {_SELECT} draws for each of {n} examples", budget)
    label, draws = selected(votes)
    left = np.inf if budget is None else budget - int(draws.sum())
    successes = np.zeros(n, dtype=np.int64)
    verdicts = tests.start(n)
    claims = verdicts.claims
    active = np.flatnonzero(verdicts.undecided > enough)
    before = 0
    for look, after in enumerate(tests.looks.tolist()):
        step = after - before
        afforded = int(min(len(active), max(left, 0) // step))
        if afforded < len(active):
            first = np.argsort(-verdicts[active].undecided, kind="stable")[:afforded]
            active = np.sort(active[first])
        if not len(active):
            break
        successes[active] += votes.agreeing(active, label[active], before, after)
        draws[active] += step
        left -= step * len(active)
        seen = tests.see(verdicts[active], successes[active], look)
        verdicts.passed[active], verdicts.hopeless[active] = seen.passed, seen.hopeless
        claims[active] = seen.claims
        active = active[seen.undecided > enough]
        before = after
    return Proven(label, claims, draws)


def fixed(votes: Votes, *, selection: int, draws: int, alpha: float) -> tuple[Ints, Floats]:
    """The label, and the exact lower bound of its probability from `draws` draws, shape (n,) each.

    Reference: the procedure of Cohen et al. 2019 [cohen2019certified].
    """
    rows = np.arange(len(votes.x))
    label = most_frequent(votes.labels(rows, "select", 0, selection))[0]
    successes = votes.agreeing(rows, label, 0, draws)
    return label, binomial_low(successes.astype(np.float64), np.full(len(rows), float(draws)), alpha)


def claimed(proven: Proven, radii: Sequence[float]) -> Floats:
    """The largest radius claimed of each example, 0 where there is none, shape (n,); `radii` ascending as the tests' probabilities."""
    return np.concatenate([[0.0], np.asarray(radii, dtype=np.float64)])[proven.claims]
