"""The attack on a smoothed model: a linear one, whose smoothed decisions are its own, so that the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import nn

import shiftproof as sp
from shiftproof import outcomes
from shiftproof._errors import UsageError
from shiftproof.attack_smoothed import attack_smoothed
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.data.examples import Examples
from shiftproof.models.abstract import Gradients

N, FEATURES, EPS = 300, 6, 0.2


def half_space() -> Gradients:
    """Class 1 where the sum of the inputs, over sqrt(features), is above that of a middle point."""
    net = nn.Linear(FEATURES, 2)
    with torch.no_grad():
        net.weight.copy_(torch.stack([torch.zeros(FEATURES), torch.full((FEATURES,), FEATURES**-0.5)]))
        net.bias.copy_(torch.tensor([0.0, -0.5 * FEATURES**0.5]))
    model = sp.as_model(net, name="half_space")
    assert isinstance(model, Gradients)
    return model


def at_distance(distance: float) -> Examples:
    """Inputs of class 1 so far from the other class, in L2."""
    x = torch.full((N, FEATURES), 0.5) + distance * FEATURES**-0.5
    spread = torch.randn(N, FEATURES, generator=torch.Generator().manual_seed(0)) * 0.05
    return sp.examples(x + spread - spread.mean(1, keepdim=True), torch.ones(N, dtype=torch.int64))


def outcome(distance: float, attack: SmoothedAttack) -> dict[str, int]:
    found = attack_smoothed(half_space(), sp.L2(EPS), attack=attack, examples=at_distance(distance))
    assert found.bound is outcomes.Bound.AT_MOST
    counts = {name: int((found.outcome == name).sum()) for name in ("skipped", "broken", "held", "abstained")}
    assert found.correct.sum() == counts["held"] + counts["abstained"]
    return counts


def test_it_breaks_what_can_be_broken_and_abstains_where_votes_are_even() -> None:
    attack = SmoothedAttack(sigma=0.2, draws=400, steps=5, copies=4)
    assert outcome(0.4 * EPS, attack)["broken"] >= 0.95 * N
    assert outcome(-0.4 * EPS, attack)["skipped"] >= 0.9 * N
    far = outcome(3 * EPS, attack)
    assert far["held"] >= 0.99 * N
    assert outcome(1.001 * EPS, attack)["abstained"] >= 0.9 * N


@pytest.mark.parametrize("alpha", [0.2, 0.02])
def test_false_verdicts_are_no_more_than_alpha_where_the_truth_is_barely_robust(alpha: float) -> None:
    """At 1.0001 eps no move inside eps changes the smoothed decision, and the best one leaves even votes: the hardest corner."""
    counts = outcome(1.0001 * EPS, SmoothedAttack(sigma=0.3, alpha=alpha, draws=200, steps=5, copies=4))
    assert counts["broken"] + counts["skipped"] <= binom.ppf(1 - 1e-4, N, alpha)
    if alpha == 0.2:
        assert counts["broken"], "else the corner is not hard, and the test above could not fail"


def test_verdicts_do_not_depend_on_the_batch() -> None:
    examples, attack = at_distance(0.9 * EPS), SmoothedAttack(sigma=0.2, draws=200, steps=3, copies=2)
    every, few = (attack_smoothed(half_space(), sp.L2(EPS), attack=attack, examples=examples[:40], batch_size=size) for size in (40, 7))
    assert np.array_equal(every.outcome, few.outcome)


def test_messages() -> None:
    with pytest.raises(UsageError, match="The 'draws' of smoothed_attack must be enough for unanimous votes to decide"):
        SmoothedAttack(sigma=0.2, draws=5)
    with pytest.raises(UsageError, match="The 'alpha' of smoothed_attack must be in"):
        SmoothedAttack(sigma=0.2, alpha=1.0)
    with pytest.raises(UsageError, match="The 'copies' of smoothed_attack must be at least 1"):
        SmoothedAttack(sigma=0.2, copies=0)
    masked = SmoothedAttack(sigma=0.0, noise="ablation(keep=2)")
    assert masked.objection(half_space(), sp.L2(EPS)) == (
        "ablation noise is not added to the inputs, and only added noise has a gradient to follow"
    )
    labels = sp.as_model(lambda x: np.zeros(len(x), dtype=np.int64), name="labels", gives="labels")
    with pytest.raises(UsageError, match="The smoothed_attack cannot be used: the model 'labels' has no gradient to follow"):
        attack_smoothed(labels, sp.L2(EPS), attack=SmoothedAttack(sigma=0.2), examples=at_distance(0.1))
