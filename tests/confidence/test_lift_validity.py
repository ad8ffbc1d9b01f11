"""Information lift in closed form, and the bound on planted risks, heavy tails among them."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.confidence.lift import information_lift, sub_gamma_bound
from shiftproof.confidence.recalibrate import top_probability
from validity import assert_covers


def test_even_class_frequencies_order_as_confidence_does() -> None:
    z = np.random.default_rng(0).normal(size=(200, 4))
    lift = information_lift(z, np.full(4, 0.25))
    assert lift == pytest.approx(np.log(top_probability(z, "test") / 0.25))
    assert information_lift(z * 100, np.full(4, 1e-9), clip=3.0).max() == 3


def test_a_skeleton_for_each_row() -> None:
    z = np.log([[0.8, 0.2], [0.3, 0.7]])
    assert information_lift(z, [[0.5, 0.5], [0.9, 0.1]]) == pytest.approx([np.log(1.6), np.log(7)])


@pytest.mark.parametrize("n", [20, 100, 1000])
@pytest.mark.parametrize("p", [0.01, 0.3])
def test_the_bound_holds_for_the_posterior_that_looks_best(n: int, p: float) -> None:
    rng = np.random.default_rng(n)
    truth = np.linspace(p, min(1, 2 * p), 10)
    prior = np.full(10, 0.1)
    broken = []
    for _ in range(500):
        risks = rng.binomial(n, truth) / n
        best = np.eye(10)[risks.argmin()]
        bound = sub_gamma_bound(risks, best, prior, n=n, variance=0.25, scale=1 / 3, delta=0.1)
        broken.append(best @ truth > bound)
    assert_covers(broken, 0.1)


def test_the_bound_holds_for_gamma_losses() -> None:
    rng = np.random.default_rng(0)
    broken = []
    for _ in range(1000):
        losses = rng.gamma(0.5, 2.0, 50)  # mean 1, variance 2, right tail sub-gamma with scale 2
        broken.append(sub_gamma_bound([losses.mean()], [1.0], [1.0], n=50, variance=2.0, scale=2.0, delta=0.1) < 1)
    assert_covers(broken, 0.1)


def test_a_narrow_posterior_on_few_examples_is_vacuous() -> None:
    prior = np.append(1e-9, np.full(9, (1 - 1e-9) / 9))
    assert sub_gamma_bound(np.zeros(10), np.eye(10)[0], prior, n=20, variance=0.25, scale=1 / 3) > 1


def test_messages() -> None:
    with pytest.raises(UsageError, match="The 'skeleton' of information_lift must be probabilities above 0"):
        information_lift([[0.0, 1.0]], [0.0, 1.0])
    with pytest.raises(UsageError, match="The 'clip' of information_lift must be above 0"):
        information_lift([[0.0, 1.0]], [0.5, 0.5], clip=0)
    with pytest.raises(UsageError, match="The 'posterior' of sub_gamma_bound must be 1 weights"):
        sub_gamma_bound([0.1], [0.5], [1.0], n=10, variance=0.25, scale=0.3)
    with pytest.raises(UsageError, match="The 'rate' of sub_gamma_bound must be above 0 and below 1 / scale"):
        sub_gamma_bound([0.1], [1.0], [1.0], n=10, variance=0.25, scale=1.0, rate=1.0)
    with pytest.raises(UsageError, match="The 'n' of sub_gamma_bound must be above 0"):
        sub_gamma_bound([0.1], [1.0], [1.0], n=0, variance=0.25, scale=0.3)
