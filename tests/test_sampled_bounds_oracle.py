"""Bounds by sampling against binomial sums and closed forms, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.models.callable import wrap_callable
from shiftproof.sampled_bounds import bound_by_sampling, discarded_of, draws_needed
from shiftproof.shifts.corruptions.contrast import Contrast


def summing(n: int = 3, features: int = 4) -> tuple[sp.Examples, torch.nn.Module]:
    """A model of two scores whose margin is the sum of the moves of label 0."""
    net = torch.nn.Linear(features, 2)
    with torch.no_grad():
        net.bias.fill_(-2.0)
        net.weight.copy_(torch.stack([torch.zeros(features), torch.ones(features)]))
    return sp.examples(torch.zeros(n, features), torch.zeros(n, dtype=torch.long), box=(-1.0, 1.0)), net


@pytest.mark.parametrize(("share", "confidence"), [(0.01, 0.99), (0.05, 0.9), (0.2, 0.999)])
def test_the_fewest_draws_and_those_discarded_are_those_of_the_binomial_law(share: float, confidence: float) -> None:
    n = draws_needed(share, confidence)
    assert (1 - share) ** n <= 1 - confidence < (1 - share) ** (n - 1)
    assert discarded_of(n, share, confidence) == 0
    for draws in (n, 2 * n, 10 * n):
        k = discarded_of(draws, share, confidence)
        law = [math.comb(draws, j) * share**j * (1 - share) ** (draws - j) for j in range(k + 2)]
        assert sum(law[:-1]) <= 1 - confidence < sum(law)


def test_the_bound_is_the_order_statistic_of_the_draws() -> None:
    examples, net = summing()
    found = bound_by_sampling(sp.as_model(net), sp.Linf(0.5), examples=examples, share=0.1, confidence=0.9, draws=200, batch_size=64)
    again = bound_by_sampling(sp.as_model(net), sp.Linf(0.5), examples=examples, share=0.1, confidence=0.9, draws=200, batch_size=200)
    assert np.array_equal(found.bound, again.bound)  # not a matter of batches
    assert found.discarded == discarded_of(200, 0.1, 0.9) > 0
    assert bool((found.bound < found.worst).all())
    assert len(set(found.bound.tolist())) == 3  # each example has draws of its own
    assert not found.held.any()
    assert found.sent >= 600


def test_a_decision_that_no_draw_changes_is_held_and_one_that_many_change_is_not() -> None:
    examples, net = summing(1)
    with torch.no_grad():
        net.bias = torch.nn.Parameter(torch.tensor([1.9, 0.0]))  # wrong where the sum of four moves is above 1.9: never within 0.4
    model = sp.as_model(net)
    assert bound_by_sampling(model, sp.Linf(0.4), examples=examples).held.all()
    wide = bound_by_sampling(model, sp.Linf(1.0), examples=examples, share=0.01)
    assert not wide.held.any()
    assert float(wide.bound[0]) > 0


def test_numbers_and_any_shift_are_bounded_through_their_judge() -> None:
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    examples = sp.examples(x, x.mean((1, 2, 3)), truth="numbers")
    model = wrap_callable(lambda x: x.mean((1, 2, 3)), name="mean", device=torch.device("cpu"), takes="numpy", said="numbers")
    found = bound_by_sampling(model, sp.Rotation(20), examples=examples, judge=sp.Within(absolute=1.0))
    error = 1 + found.bound
    assert bool(((error > 0) & (error < 0.5)).all())
    assert found.held.all()


def test_what_allows_no_statement_is_said() -> None:
    examples, net = summing()
    model = sp.as_model(net)
    with pytest.raises(UsageError, match="'share' of a bound by sampling must be in \\(0, 1\\), got 0"):
        bound_by_sampling(model, sp.Linf(0.1), examples=examples, share=0)
    with pytest.raises(UsageError, match="'confidence' of a bound by sampling must be in \\(0, 1\\), got 1"):
        bound_by_sampling(model, sp.Linf(0.1), examples=examples, confidence=1)
    with pytest.raises(UsageError, match="'draws' of a bound by sampling must be at least 459, got 458"):
        bound_by_sampling(model, sp.Linf(0.1), examples=examples, draws=458)
    with pytest.raises(UsageError, match="'batch_size' of a bound by sampling must be at least 1, got 0"):
        bound_by_sampling(model, sp.Linf(0.1), examples=examples, batch_size=0)
    with pytest.raises(UsageError, match="There are no examples to draw moves of"):
        bound_by_sampling(model, sp.Linf(0.1), examples=examples[slice(0, 0)])
    images = sp.examples(torch.rand(1, 1, 8, 8), [0])
    fixed = sp.as_model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)))
    with pytest.raises(UsageError, match="Every draw of contrast.* is the same move"):
        bound_by_sampling(fixed, Contrast(3), examples=images)


def test_the_share_above_the_bound_follows_its_exact_law() -> None:
    """Of a continuous margin the share above the r-th largest of n draws is Beta(r, n - r + 1): its mean and its quantile."""
    examples, net = summing(400, features=1)
    found = bound_by_sampling(sp.as_model(net), sp.Linf(1.0), examples=examples, share=0.05, confidence=0.9, draws=100)
    above = (1 - found.bound) / 2  # the margin is the move itself, uniform in [-1, 1]
    rank = found.discarded + 1
    law = stats.beta(rank, 100 - rank + 1)
    assert stats.kstest(above, law.cdf).pvalue > 1e-3
