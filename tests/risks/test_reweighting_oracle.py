"""The worst reweightings against brute force: linear and convex programs over the weights, and closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from shiftproof._errors import UsageError
from shiftproof.risks import Holistic, risks
from shiftproof.risks import worst_weights as kernels

Floats = npt.NDArray[np.float64]
SAMPLES = st.lists(st.floats(-5, 5).map(lambda x: round(x, 2)), min_size=1, max_size=7)


def chi(q: Floats, p: Floats) -> float:
    return float(0.5 * np.sum((q - p) ** 2 / p))


def relative_entropy(q: Floats, p: Floats) -> float:
    q = np.maximum(q, 1e-300)
    return float(np.sum(q * np.log(q / p)))


BALLS: dict[str, tuple[Callable[..., kernels.Reweighted], Callable[[Floats, Floats], float]]] = {
    "chi_square": (kernels.chi_square, chi),
    "kl": (kernels.kl, relative_entropy),
}


@pytest.mark.parametrize("ball", BALLS)
@pytest.mark.parametrize("seed", range(12))
def test_balls_against_a_convex_program(ball: str, seed: int) -> None:
    reweigh, distance = BALLS[ball]
    rng = np.random.default_rng(seed)
    losses, n = np.round(rng.normal(size=6) * 2, 1), 6
    p, radius = rng.dirichlet(np.full(n, 3.0)), float(rng.choice([0.01, 0.1, 0.4, 1.5]))
    found = reweigh(losses, radius=radius, base=p)
    limits = [{"type": "eq", "fun": lambda q: q.sum() - 1}, {"type": "ineq", "fun": lambda q: radius - distance(q, p)}]
    best = minimize(lambda q: -q @ losses, p, constraints=limits, bounds=[(1e-12, 1)] * n, options={"maxiter": 500, "ftol": 1e-13})
    assert distance(found.weights, p) <= radius + 1e-9
    assert found.value == pytest.approx(-best.fun, abs=2e-5)
    assert found.value == pytest.approx(float(found.weights @ losses))


@pytest.mark.parametrize("seed", range(8))
def test_cvar_and_total_variation_against_linear_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    losses, p, share = np.round(rng.normal(size=n), 1), rng.dirichlet(np.ones(n)), float(rng.uniform(0.05, 1))
    tail = linprog(-losses, A_eq=np.ones((1, n)), b_eq=[1.0], bounds=[(0, w / share) for w in p])
    assert kernels.cvar(losses, alpha=share, base=p).value == pytest.approx(-tail.fun)
    # q, and u >= |q - p|
    both = np.block([[np.eye(n), -np.eye(n)], [-np.eye(n), -np.eye(n)], [np.zeros((1, n)), np.full((1, n), 0.5)]])
    moved = linprog(
        np.concatenate([-losses, np.zeros(n)]),
        A_ub=both,
        b_ub=np.concatenate([p, -p, [share]]),
        A_eq=np.concatenate([np.ones((1, n)), np.zeros((1, n))], 1),
        b_eq=[1.0],
    )
    assert kernels.total_variation(losses, radius=share, base=p).value == pytest.approx(-moved.fun)


@pytest.mark.parametrize("seed", range(6))
def test_overlapping_groups_with_floors_against_a_linear_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses, members = rng.normal(size=9), rng.random((4, 9)) < 0.5
    members[:, 0] = True
    floors = rng.dirichlet(np.ones(4)) * 0.7
    means = members @ losses / members.sum(1)
    best = linprog(-means, A_eq=np.ones((1, 4)), b_eq=[1.0], bounds=[(f, 1) for f in floors])
    found = kernels.group_mixture(losses, members=members, floors=floors)
    assert found.value == pytest.approx(-best.fun)
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights @ losses == pytest.approx(found.value)


def test_an_empty_group_takes_no_part() -> None:
    found = kernels.group_mixture([1.0, 3.0], members=[[1, 0], [0, 1], [0, 0]], floors=0.2)
    assert found.value == pytest.approx(0.2 * 1 + 0.8 * 3)
    assert kernels.worst_group([1.0, 3.0, 0.0], groups=["a", "b", "b"]).value == 1.5


@pytest.mark.parametrize(
    ("penalised", "distance"),
    [(kernels.chi_square_penalised, chi), (kernels.kl_penalised, relative_entropy)],
)
def test_penalised_balls_against_a_convex_program(
    penalised: Callable[..., kernels.Reweighted], distance: Callable[[Floats, Floats], float]
) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        losses, p, price = np.round(rng.normal(size=5), 1), rng.dirichlet(np.full(5, 3.0)), float(rng.choice([0.1, 0.5, 3.0]))

        def short(q: Floats, p: Floats = p, losses: Floats = losses, price: float = price) -> float:
            return float(price * distance(q, p) - q @ losses)

        best = minimize(short, p, constraints={"type": "eq", "fun": lambda q: q.sum() - 1}, bounds=[(1e-12, 1)] * 5, tol=1e-13)
        found = penalised(losses, penalty=price, base=p)
        assert found.value == pytest.approx(-best.fun, abs=1e-5)
        assert short(found.weights) == pytest.approx(-found.value, abs=1e-9)


def test_closed_forms() -> None:
    wrong = np.array([1.0] * 3 + [0.0] * 7)
    assert kernels.chi_square(wrong, radius=0.2).value == pytest.approx(0.3 + np.sqrt(0.4 * 0.21))
    assert kernels.chi_square(wrong, radius=(1 / 0.3 - 1) / 2).value == pytest.approx(1)
    assert kernels.kl(wrong, radius=-np.log(0.3)).value == pytest.approx(1)
    assert kernels.kl_penalised(wrong, penalty=2.0).value == pytest.approx(2 * np.log(0.7 + 0.3 * np.exp(0.5)))
    assert kernels.total_variation_penalised(wrong, penalty=0.25).value == pytest.approx(0.3 + 0.7 * 0.75)
    draws = np.random.default_rng(0).choice([0.1, 0.4, 0.8], (200_000, 3)).max(1)
    assert kernels.spectral([0.1, 0.4, 0.8], cumulative=lambda u: u**3).value == pytest.approx(draws.mean(), abs=2e-3)


ALL: dict[str, Callable[[Floats, Floats | None], kernels.Reweighted]] = {
    "cvar": lambda x, b: kernels.cvar(x, alpha=0.3, base=b),
    "chi_square": lambda x, b: kernels.chi_square(x, radius=0.4, base=b),
    "chi_square_penalised": lambda x, b: kernels.chi_square_penalised(x, penalty=0.7, base=b),
    "kl": lambda x, b: kernels.kl(x, radius=0.4, base=b),
    "kl_penalised": lambda x, b: kernels.kl_penalised(x, penalty=0.7, base=b),
    "total_variation": lambda x, b: kernels.total_variation(x, radius=0.3, base=b),
    "total_variation_penalised": lambda x, b: kernels.total_variation_penalised(x, penalty=0.7, base=b),
    "extremile": lambda x, b: kernels.spectral(x, cumulative=lambda u: u**2.5, base=b),
}


@pytest.mark.parametrize("name", ALL)
@settings(deadline=None, max_examples=40)
@given(values=SAMPLES, shift=st.floats(-3, 3))
def test_what_every_reweighting_owes(name: str, values: list[float], shift: float) -> None:
    reweigh, x = ALL[name], np.array(values)
    value, weights = reweigh(x, None)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert x.mean() - 1e-9 <= value <= x.max() + 1e-9
    assert reweigh(x + shift, None).value == pytest.approx(value + shift)
    assert reweigh(np.maximum(x, 0), None).value >= value - 1e-9  # values that rise never lower it
    again = reweigh(np.concatenate([x, x]), None)
    assert again.value == pytest.approx(value)  # it sees the distribution alone
    distinct, counts = np.unique(x, return_counts=True)
    assert reweigh(distinct, counts.astype(np.float64)).value == pytest.approx(value)


@pytest.mark.parametrize("name", ALL)
def test_weights_are_the_gradient(name: str) -> None:
    x = np.array([0.9, -0.3, 0.2, 1.7, 0.55, -1.2, 1.1])
    weights = ALL[name](x, None).weights
    for row in range(len(x)):
        step = np.eye(len(x))[row] * 1e-5
        slope = (ALL[name](x + step, None).value - ALL[name](x - step, None).value) / 2e-5
        assert weights[row] == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_poisoning_and_sampling_together_against_the_dual(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, alpha, radius = np.round(rng.random(4), 2), float(rng.choice([0.0, 0.1, 0.4])), float(rng.choice([0.02, 0.3, 1.0]))
    found = Holistic(alpha, radius).reweigh(values)
    points, p = np.append(values, 1.0), np.append(np.full(4, 0.25), 0.0)

    eta = 1 + np.exp(np.linspace(-16, 6, 4001))[:, None]
    logs = np.log(eta - points)

    def dual(q: Floats) -> float:  # of the ball around q
        return float((eta[:, 0] - np.exp(-radius + logs @ q)).min())

    tampered, left = p.copy(), alpha
    for row in np.argsort(values):
        left -= (taken := min(left, 0.25))
        tampered[row] -= taken
    tampered[-1] = alpha
    assert found.value == pytest.approx(dual(tampered), abs=2e-5)
    for _ in range(100):  # no other tampering with that share is worse
        other = rng.dirichlet(np.ones(5))
        far = np.maximum(other - p, 0).sum()
        assert dual(p + (other - p) * min(1.0, alpha / far)) <= found.value + 2e-5
    for row in range(4):
        step = np.eye(4)[row] * 1e-6
        slope = Holistic(alpha, radius).reweigh(values + step).value - Holistic(alpha, radius).reweigh(values - step).value
        assert found.weights[row] == pytest.approx(slope / 2e-6, abs=1e-4)


def test_tampered_values_have_a_bound() -> None:
    with pytest.raises(UsageError, match="be numbers at most 1"):
        Holistic(0.1, 0.1).reweigh([1.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernels.cvar([1.0], alpha=0), "The 'alpha' of cvar must be in"),
        (lambda: kernels.chi_square([1.0], radius=-1), "The 'radius' of chi_square must be in"),
        (lambda: kernels.kl([], radius=1), "have shape \\(n,\\) with n >= 1"),
        (lambda: kernels.kl([np.nan], radius=1), "be finite numbers"),
        (lambda: kernels.kl([1.0, 2.0], radius=1, base=[0.0, 0.0]), "The 'base' of kl must be numbers >= 0"),
        (lambda: kernels.kl_penalised([1.0], penalty=0), "The 'penalty' of kl_penalised must be in"),
        (lambda: kernels.total_variation([1.0], radius=2), "It is the share of the sample"),
        (lambda: kernels.group_mixture([1.0], members=[[1, 1]]), "have shape \\(groups, 1\\)"),
        (lambda: kernels.group_mixture([1.0], members=[[-1]]), "be numbers >= 0"),
        (lambda: kernels.group_mixture([1.0], members=[[0]]), "have a group with examples"),
        (lambda: kernels.group_mixture([1.0], members=[[1]], floors=1.5), "a sum of at most 1"),
        (lambda: kernels.worst_group([1.0], groups=["a", "b"]), "have one name per loss"),
    ],
)
def test_what_kernels_refuse(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("chi_square(radius=-1)", "every half may stand alone"),
        ("chi_square_penalised(penalty=0)", "The 'penalty' of chi_square_penalised"),
        ("kl(radius=-1)", "at ln 2 every half"),
        ("tilted(penalty=0)", "The 'penalty' of kl_penalised"),
        ("tv(radius=1.5)", "The 'radius' of total_variation"),
        ("total_variation_penalised(penalty=-1)", "The 'penalty' of total_variation_penalised"),
        ("extremile(order=0.5)", "the mean of the worse of two draws"),
        ("esrm(rho=0)", "The 'rho' of exponential_spectral"),
        ("wasserstein(radius=-1)", "The 'radius' of wasserstein"),
        ("wasserstein(radius=1, order=3)", "be 1 or 2"),
        ("group_mixture(floor=2)", "the average of the groups"),
        ("group_mixture(separator='')", "joins the names"),
        ("holistic(alpha=2, radius=1)", "may have been tampered with"),
        ("holistic(alpha=0, radius=-1)", "The 'radius' of holistic"),
        ("conditional_cvar(alpha=0)", "0.1 is the worst tenth"),
    ],
)
def test_what_risks_refuse(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        risks.build(spec)


@pytest.mark.parametrize("name", ["group_mixture", "conditional_cvar(alpha=0.5)"])
def test_risks_of_groups_need_their_names(name: str) -> None:
    risk = risks.build(name)
    with pytest.raises(UsageError, match="Name a column of groups"):
        risk.measure(np.array([1.0, 0.0]))
    with pytest.raises(UsageError, match="have one name per value"):
        risk.measure(np.array([1.0, 0.0]), np.array(["a"]))
