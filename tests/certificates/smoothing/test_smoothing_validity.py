"""Smoothing's radii are true as often as stated: the true radius of a threshold model is known for every noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor

from shiftproof.certificates import Cohen, Smoothing
from shiftproof.certificates.abstract import Certificate
from shiftproof.certificates.smoothing.noises import Gaussian
from shiftproof.certificates.smoothing.vote_tests import sequential
from shiftproof.certificates.smoothing.votes import Votes
from shiftproof.data.space import InputSpace
from shiftproof.models.abstract import WrappedModel
from shiftproof.randomness import Rng
from shiftproof.risks.sequential import plan_tests
from shiftproof.shifts import L0, L1, L2, Linf
from shiftproof.shifts.norms.ball import Ball

LINE = InputSpace(-100.0, 100.0, "vector", "any")
N = 700


class Threshold(WrappedModel):
    """Class 1 where the first feature is above 0: at x its smoothed answer holds within |x_0|, whatever the symmetric noise."""

    def __init__(self) -> None:
        super().__init__(name="threshold", fingerprint="threshold")

    def labels(self, x: Tensor) -> Tensor:
        return (x[:, 0] > 0).long()


class Everywhere(WrappedModel):
    """Class 1 where the feature that counts is seen above 0: which of the 10 counts is written in the input itself."""

    def __init__(self) -> None:
        super().__init__(name="seen", fingerprint="seen")

    def labels(self, x: Tensor) -> Tensor:
        return (x > 0).any(1).long()


def streams(n: int, seed: int = 0) -> Rng:
    return Rng.for_ids(seed, [f"{i}" for i in range(n)])


CASES: list[tuple[Certificate, Ball, float]] = [
    # The true distance lies just below one of the radii asked about, so that every claim of that radius is false.
    (Smoothing(sigma=0.5, alpha=0.1, draws=600, points=1), L2(0.3), 0.2999),
    (Smoothing(sigma=0.5, alpha=0.1, draws=600), L2(0.4), 0.1999),
    (Smoothing(sigma=0.5, alpha=0.1, draws=300, delta=0.2), L2(0.4), 0.4999),
    (Smoothing(sigma=0.5, noise="uniform", alpha=0.1, draws=600), L1(0.4), 0.3999),
    (Smoothing(sigma=0.5, noise="laplace", alpha=0.1, draws=600), L1(0.4), 0.2999),
    (Smoothing(sigma=0.5, alpha=0.1, draws=600), Linf(0.3), 0.2999),
    (Smoothing(sigma=0.05, alpha=0.1, draws=600), L2(0.17), 0.1699),  # p near 1
    (Smoothing(sigma=0.5, alpha=0.1, draws=30, points=1), L2(0.01), 0.0099),  # p near 1/2, hardly any draws
    (Smoothing(sigma=0.5, alpha=0.4, together=4, draws=600, points=1), L2(0.3), 0.2999),
    (Cohen(sigma=0.5, alpha=0.1, draws=300, selection=20), L2(0.3), 0.2999),
]


@pytest.mark.parametrize(("certificate", "shift", "distance"), CASES, ids=lambda value: value.spec() if hasattr(value, "spec") else "")
def test_false_radii_are_as_rare_as_stated(certificate: Certificate, shift: Ball, distance: float) -> None:
    x = torch.full((N, 1), distance)
    proof = certificate.certify(Threshold(), shift.within(LINE), x, streams(N))
    false = int((proof.radius > distance).sum())
    chance = binomtest(false, N, 1 - certificate.confidence, alternative="greater").pvalue
    assert chance > 1e-4, f"{false} of {N} radii are false"
    assert bool(((proof.radius > 0) == ~proof.abstained).all())


def test_the_check_above_sees_a_false_certificate() -> None:
    """A radius read off the share of votes, without its error, is false every other time."""
    votes = Votes(Threshold(), Gaussian(0.5), LINE, torch.full((N, 1), 0.2999), streams(N))
    share = votes.agreeing(np.arange(N), np.ones(N, dtype=np.int64), 0, 300) / 300
    false = int((share > Gaussian(0.5).needed(0.3, 1)).sum())
    assert binomtest(false, N, 0.1, alternative="greater").pvalue < 1e-4


def test_ablation_at_a_probability_just_too_small() -> None:
    """One of 10 features decides, so it is seen with probability keep / 10 just as often as the proof of one change needs too much."""
    certificate = Smoothing(noise="ablation(keep=7)", alpha=0.1, draws=400, points=1)
    x = torch.zeros(N, 10)
    x[:, 4] = 1.0
    proof = certificate.certify(Everywhere(), L0(1).within(InputSpace()), x, streams(N))
    assert bool((proof.prediction == 1).double().mean() > 0.9)
    assert int((~proof.abstained).sum()) == 0  # needs 1/2 + 7/10 > 1: never to be proven


def test_power_where_there_is_room() -> None:
    x = torch.tensor([[3.0], [-3.0]]).repeat(20, 1)
    proof = Smoothing(sigma=0.5, draws=2000).certify(Threshold(), L2(0.5).within(LINE), x, streams(40))
    assert proof.radius.tolist() == [0.5] * 40
    assert proof.prediction.tolist() == [1, 0] * 20
    assert int(proof.forwards.max()) < 150


def test_a_budget_over_all_examples_keeps_the_level() -> None:
    tests = plan_tests([Gaussian(0.5).needed(0.3, 1)], alpha=0.1, most=2000)
    votes = Votes(Threshold(), Gaussian(0.5), LINE, torch.full((N, 1), 0.2999), streams(N))
    proven = sequential(votes, tests, budget=N * 200)
    assert int(proven.draws.sum()) <= N * 200
    assert binomtest(int((proven.claims > 0).sum()), N, 0.1, alternative="greater").pvalue > 1e-4


def test_a_budget_is_spent_where_it_decides() -> None:
    """Half of the examples are clear after few draws; what they leave goes to the others."""
    x = torch.tensor([3.0, 0.5]).repeat(30)[:, None]
    tests = plan_tests([Gaussian(0.5).needed(0.4, 1)], alpha=0.01, most=100_000)
    votes = Votes(Threshold(), Gaussian(0.5), LINE, x, streams(60))
    proven = sequential(votes, tests, budget=60 * 1200)
    assert proven.draws.reshape(30, 2).mean(0)[1] > 5 * proven.draws.reshape(30, 2).mean(0)[0]
    assert int(proven.draws.sum()) <= 60 * 1200
    assert proven.claims[::2].tolist() == [1] * 30
    assert proven.claims[1::2].mean() > 0.5
