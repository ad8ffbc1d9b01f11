"""Risks that move examples: the transport ball of linear models, Sinkhorn's, and the kernel ball, against what can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from shiftproof._errors import UsageError
from shiftproof.outcomes import Interval
from shiftproof.risks import MMD, Sinkhorn, Wasserstein
from shiftproof.risks.betting_intervals import betting_interval
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.risks.mmd import gaussian_kernel, mmd, mmd_bound
from shiftproof.risks.sinkhorn import sinkhorn
from shiftproof.risks.wasserstein import wasserstein_linear
from shiftproof.training.pieces.risk_losses import wasserstein_loss

RNG = np.random.default_rng(0)
X, B = RNG.normal(size=(12, 3)), np.array([0.5, -2.0, 1.0])


def test_values_move_as_far_as_the_ball_lets_them() -> None:
    v = np.array([0.2, 0.9, 0.5])
    assert Wasserstein(0.1).measure(v).value == pytest.approx(v.mean() + 0.1)
    assert Wasserstein(5).measure(v).value == 1
    assert Wasserstein(5, order=2).measure(v).value == 1
    # order 2: all rise by t, the second only by 0.1
    t = 0.3
    radius = np.sqrt((2 * t**2 + 0.1**2) / 3)
    assert Wasserstein(radius, order=2).measure(v).value == pytest.approx(v.mean() + (2 * t + 0.1) / 3)


@pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1), ("l1", np.inf)])
def test_the_squared_loss_is_attained_by_moving_every_input(norm: str, dual: float) -> None:
    y = X @ np.array([1.0, 0.0, 1.0]) + 0.3
    worst = wasserstein_linear(B, X, y=y, radius=0.2, loss="squared", norm=norm)  # type: ignore[arg-type]
    residual, size = X @ B - y, np.linalg.norm(B, dual)
    # each input moves along the dual direction, in proportion to its residual
    moved = residual + 0.2 * residual / np.sqrt(np.mean(residual**2)) * size
    assert worst.value == pytest.approx(np.mean(moved**2))


@pytest.mark.parametrize("loss", ["logistic", "hinge", "absolute", "squared"])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_the_gradient_is_that_of_the_value(loss: str, norm: str) -> None:
    y = np.where(X[:, 0] > 0, 1.0, -1.0)

    def value(b: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        return wasserstein_linear(b, X, y=y, radius=0.3, loss=loss, norm=norm).value  # type: ignore[arg-type]

    found = wasserstein_linear(B, X, y=y, radius=0.3, loss=loss, norm=norm).gradient  # type: ignore[arg-type]
    slopes = [(value(B + step) - value(B - step)) / 2e-6 for step in np.eye(3) * 1e-6]
    assert found == pytest.approx(np.array(slopes), abs=1e-5)


def test_no_chance_move_of_that_size_is_worse_than_the_closed_form() -> None:
    y = np.where(X[:, 0] > 0, 1.0, -1.0)
    bound = wasserstein_linear(B, X, y=y, radius=0.5, loss="logistic").value
    for _ in range(50):
        step = RNG.normal(size=X.shape)
        step *= 0.5 / np.linalg.norm(step, axis=1).mean()
        assert np.logaddexp(0, -y * ((X + step) @ B)).mean() <= bound + 1e-9
    aimed = X - 0.5 * y[:, None] * B / np.linalg.norm(B)
    assert np.logaddexp(0, -y * (aimed @ B)).mean() > np.logaddexp(0, -y * (X @ B)).mean()


def test_the_dual_of_a_linear_loss_is_its_closed_form() -> None:
    x, b = torch.from_numpy(X), torch.from_numpy(B)
    found = wasserstein_loss(lambda z: z @ b, x, penalty=2.0, steps=1)
    assert found.item() == pytest.approx(float((X @ B).mean() + (B @ B) / (4 * 2.0)))
    with pytest.raises(UsageError, match="The 'penalty' of wasserstein_loss"):
        wasserstein_loss(lambda z: z @ b, x, penalty=0)
    with pytest.raises(UsageError, match="The 'steps' of wasserstein_loss"):
        wasserstein_loss(lambda z: z @ b, x, penalty=1, steps=0)


@pytest.mark.parametrize("radius", [0.01, 0.2, 0.5])
def test_sinkhorn_against_its_dual(radius: float) -> None:
    f = RNG.normal(size=(5, 9))
    found = sinkhorn(f, radius=radius, epsilon=0.7)

    def dual(log: float) -> float:
        price = np.exp(log) * 0.7
        return float(np.exp(log) * radius + price * np.log(np.exp(f / price).mean(1)).mean())

    best = min(dual(float(log)) for log in np.linspace(-3, 6, 4001))
    assert found.value == pytest.approx(best, abs=1e-4)
    assert dual(float(np.log(found.multiplier))) == pytest.approx(found.value)
    assert (found.weights.sum(1)) == pytest.approx(np.full(5, 0.2))


@pytest.mark.parametrize("radius", [0.02, 0.2])
def test_sinkhorn_against_a_convex_program(radius: float) -> None:
    f = np.array([[0.0, 1.0, 0.3], [0.2, 0.5, 0.9]])

    def divergence(flat: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        w = np.maximum(flat.reshape(2, 3), 1e-12)
        return float((w * np.log(3 * w)).sum() / 2)

    limits = [
        {"type": "eq", "fun": lambda flat: flat.reshape(2, 3).sum(1) - 1},
        {"type": "ineq", "fun": lambda flat: radius / 0.7 - divergence(flat)},
    ]
    start = np.full(6, 1 / 3) + 0.01 * np.array([-1, 1, 0, -1, 0, 1])
    best = minimize(lambda flat: -(flat @ f.ravel()) / 2, start, constraints=limits, bounds=[(0, 1)] * 6, options={"ftol": 1e-14})
    found = sinkhorn(f, radius=radius, epsilon=0.7)
    assert found.value == pytest.approx(-best.fun, abs=1e-6)
    assert found.weights.ravel() * 2 == pytest.approx(best.x, abs=1e-3)
    assert divergence(found.weights.ravel() * 2) == pytest.approx(radius / 0.7)


def test_sinkhorn_at_its_ends() -> None:
    f = np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]])
    assert sinkhorn(f, radius=0, epsilon=1).value == pytest.approx(f.mean())
    assert sinkhorn(f, radius=99, epsilon=1).value == pytest.approx(3.5)


def test_the_kernel_ball_against_a_convex_program() -> None:
    losses, gram = RNG.normal(size=6), gaussian_kernel(RNG.normal(size=(6, 2)))
    for radius in (0.02, 0.1, 0.3):
        found = mmd(losses, kernel=gram, radius=radius)
        limits = [
            {"type": "eq", "fun": lambda q: q.sum() - 1},
            {"type": "ineq", "fun": lambda q, r=radius: r**2 - (q - 1 / 6) @ gram @ (q - 1 / 6)},
        ]
        start = np.full(6, 1 / 6) + np.array([1, -1, 0, 0, 0, 0]) * 1e-3
        best = minimize(lambda q: -q @ losses, start, constraints=limits, bounds=[(0, 1)] * 6, options={"ftol": 1e-14, "maxiter": 900})
        assert found.value <= -best.fun + 1e-6
        assert found.at_most >= -best.fun - 1e-6
        assert found.at_most - found.value < 1e-3
        assert (found.weights - 1 / 6) @ gram @ (found.weights - 1 / 6) <= radius**2 * (1 + 1e-9)


def test_the_kernel_ball_at_its_ends() -> None:
    losses = np.array([0.0, 1.0, 0.5])
    assert mmd(losses, kernel=np.eye(3), radius=0).value == 0.5
    assert mmd(losses, kernel=np.eye(3), radius=5).value == 1
    assert mmd(np.ones(3), kernel=np.eye(3), radius=1).value == 1


@pytest.mark.parametrize("bandwidth", [0.0, 0.5])
@pytest.mark.parametrize("radius", [0.03, 0.15, 0.4])
def test_the_kernel_risk_against_a_convex_program(radius: float, bandwidth: float) -> None:
    rng = np.random.default_rng(int(100 * radius))
    means, counts = rng.random(5), rng.integers(1, 12, 5)
    gram = gaussian_kernel(np.arange(5) * 0.3, bandwidth=bandwidth) if bandwidth else np.eye(5)
    p = counts / counts.sum()
    limits = [
        {"type": "eq", "fun": lambda q: q.sum() - 1},
        {"type": "ineq", "fun": lambda q: radius**2 - (q - p) @ gram @ (q - p)},
    ]
    start = p + np.array([1e-3, -1e-3, 0, 0, 0])
    best = minimize(lambda q: -q @ means, start, constraints=limits, bounds=[(0, 1)] * 5, options={"ftol": 1e-15})
    names = np.repeat(np.array([str(0.3 * k) for k in range(5)]), counts)
    values = np.repeat(means, counts)
    risk = MMD(radius, bandwidth)
    assert risk.measure(values, names).value == pytest.approx(-best.fun, abs=1e-6)
    found = risk.weigh(values, names)
    assert found.value == pytest.approx(-best.fun, abs=1e-6)
    assert found.weights @ values == pytest.approx(found.value)
    shift = np.array([found.weights[names == str(0.3 * k)].sum() for k in range(5)]) - p
    assert shift @ gram @ shift <= radius**2 * (1 + 1e-9)


def test_the_kernel_risk_of_numbers_is_that_of_their_points() -> None:
    x, losses = RNG.normal(size=(8, 2)), RNG.random(8)
    names = np.array([f"{a}|{b}" for a, b in x])
    found = MMD(0.1, bandwidth=0.8).measure(losses, names)
    assert found.value == pytest.approx(mmd(losses, kernel=gaussian_kernel(x, bandwidth=0.8), radius=0.1).value, abs=1e-7)


def test_the_ends_of_the_kernel_risk_are_those_of_the_means_in_a_wider_and_a_narrower_ball() -> None:
    right, wrong, tail = (150, 90), (50, 10), 0.05  # two values of z, 200 and 100 examples, and the share that each end may miss
    values = np.concatenate([np.repeat([0.0, 1.0], pair) for pair in zip(right, wrong, strict=True)])
    names = np.repeat(["a", "b"], [200, 100])

    def ball(means: tuple[float, float], radius: float) -> float:
        """Mass moves to a, the worse one: (q - p)'(q - p) = 2 move^2."""
        move = min(radius / np.sqrt(2), 1 / 3)
        return float((2 / 3 + move) * means[0] + (1 / 3 - move) * means[1])

    def reach(at: float) -> float:
        return float((1 + np.sqrt(np.log(1 / at))) / np.sqrt(300))

    def ends(at: float) -> list[Interval]:
        return [clopper_pearson(k, n, confidence=1 - at).one() for k, n in ((50, 200), (10, 100))]  # each end at / 2, two values

    found = MMD(0.4).measure(values, names, confidence=0.9)
    high = ball((ends(tail / 2)[0].high, ends(tail / 2)[1].high), 0.4 + reach(tail / 2))
    low = ball((ends(tail / 3)[0].low, ends(tail / 3)[1].low), 0.4 - reach(tail / 3))
    mean = clopper_pearson(60, 300, confidence=1 - 2 * tail / 3).one().low
    assert found.value == pytest.approx(ball((0.25, 0.1), 0.4))
    assert found.interval == pytest.approx((max(low, mean), high), abs=1e-9)
    narrow = MMD(0.05).measure(values, names, confidence=0.9)
    assert narrow.interval.low == pytest.approx(clopper_pearson(60, 300, confidence=0.9).one().low)


def test_values_that_were_declared_and_never_seen_are_named_and_may_be_all_wrong() -> None:
    risk, right = MMD(0.5), np.zeros(400)
    state = risk.update(risk.init(), right, np.repeat(["a", "b"], 200))
    known, wider = risk.compute(state), risk.compute(risk.declare(state, ["c"]))
    assert wider.notes == ("not measured, no examples: c",)
    assert (known.value, wider.value, wider.n) == (0.0, 0.0, 400)
    assert known.interval.high < 0.1 < wider.interval.high


def test_the_norm_bound_is_above_the_ball_and_is_the_ball_of_linear_losses() -> None:
    x = RNG.normal(size=(9, 2))
    losses, gram = RNG.normal(size=9), gaussian_kernel(x)
    for radius in (0.0, 0.05, 0.5):
        assert mmd_bound(losses, kernel=gram, radius=radius) >= mmd(losses, kernel=gram, radius=radius).at_most - 1e-7
    slope = np.array([0.3, -0.4])
    assert mmd_bound(x @ slope, kernel=x @ x.T, radius=0.1) == pytest.approx((x @ slope).mean() + 0.1 * 0.5)
    assert mmd_bound(losses, kernel=x @ x.T, radius=0.1) == np.inf  # no linear function goes through them


def test_reference_weights_of_the_kernel_ball_are_counts() -> None:
    losses, gram = np.array([0.0, 1.0, 0.4]), gaussian_kernel([0.0, 1.0, 2.0])
    twice = mmd(losses[[0, 0, 1, 2]], kernel=gram[np.ix_([0, 0, 1, 2], [0, 0, 1, 2])], radius=0.1)
    assert mmd(losses, kernel=gram, radius=0.1, base=[2, 1, 1]).value == pytest.approx(twice.value, abs=1e-7)


def test_the_sinkhorn_risk_is_that_of_its_draws_however_they_come() -> None:
    f = RNG.random((5, 6))
    names = np.repeat(np.arange(5), 6).astype(str)
    due = sinkhorn(f, radius=0.2, epsilon=0.7)
    risk = Sinkhorn(0.2, 0.7)
    assert risk.measure(f.ravel(), names).value == pytest.approx(due.value)
    assert risk.weigh(f.ravel(), names).weights == pytest.approx(due.weights.ravel())
    uneven = risk.weigh([0.0, 1.0, 0.5], ["a", "a", "b"])
    # b has one draw and no room; a's weights have the divergence 2 * 0.2 / 0.7
    w = uneven.weights[1] * 2
    assert w * np.log(2 * w) + (1 - w) * np.log(2 * (1 - w)) == pytest.approx(2 * 0.2 / 0.7)
    m = risk.measure(np.array([0.0, 1.0, 0.5]), np.array(["a", "a", "b"]))
    assert m.n == 2
    assert m.notes == ("1 of 2 examples have only one draw, which gives no information about worse ones",)


def test_the_ends_of_the_sinkhorn_risk_from_their_definition() -> None:
    rng = np.random.default_rng(0)
    f, tail, budget = np.round(rng.random((60, 5)) ** 3, 2), 0.05, 0.1 / 0.5
    low_at, high_at = 0.05 * 1.25 ** np.arange(26), 0.125 * 2.0 ** np.arange(6)

    def end(x: np.ndarray[tuple[int], np.dtype[np.float64]], at: float) -> float:
        return betting_interval(x, confidence=1 - 2 * at).one().low

    softs = [t * np.log(np.exp(f / t).mean(1)) for t in low_at]
    ends = [end(soft, tail / 27) for soft in [*softs, f.mean(1)]]
    low = min(t * budget + at for t, at in zip([0.0, *low_at], ends, strict=True))
    highs = []
    for t in high_at:
        powers, most = np.exp(f / t), t * np.expm1(1 / t)
        others = (powers.sum(1, keepdims=True) - powers) / 4
        above = (t * (powers / others - 1 + np.log(others))).mean(1)
        highs.append(t * budget + most * (1 - end(1 - above / most, tail / 6)))
    found = Sinkhorn(0.1, 0.5).measure(f.ravel(), np.repeat(np.arange(60), 5).astype(str), confidence=0.9)
    assert found.interval == pytest.approx((low, min(highs)), abs=1e-8)
    assert 0 < found.interval.low < found.value < found.interval.high < 1


def test_what_the_high_end_averages_is_never_below_the_logarithm_of_the_mean() -> None:
    values, chances = np.array([0.0, 0.3, 1.0]), np.array([0.6, 0.3, 0.1])
    for t in (0.125, 0.5, 2.0):
        powers = np.exp(values / t)
        truth = np.log(chances @ powers)
        pairs = chances[:, None] * chances  # of a draw, and of the other one
        assert (pairs * (powers[:, None] / powers - 1 + np.log(powers))).sum() >= truth


def test_the_linear_ball_merges_and_has_an_interval() -> None:
    y = np.where(X[:, 0] > 0, 1.0, -1.0)
    for loss in ("logistic", "squared"):
        whole = wasserstein_linear(B, X, y=y, radius=0.3, loss=loss)
        parts = [wasserstein_linear(B, X[rows], y=y[rows], radius=0.3, loss=loss) for rows in (slice(0, 5), slice(5, 12))]
        merged = parts[0].merge(parts[1])
        assert merged.value == pytest.approx(whole.value)
        assert merged.gradient == pytest.approx(whole.gradient)
        assert merged.weights == pytest.approx(whole.weights)
        low, high = merged.interval(most=100.0, confidence=0.9)
        assert low < merged.value < high
        ends = betting_interval(whole.losses / 100, confidence=0.9).one()
        assert (low, high) == pytest.approx((whole.at(100 * ends.low), whole.at(100 * ends.high)))
    none = wasserstein_linear(B, X, y=X @ B, radius=0.3, loss="squared")
    assert none.interval(most=0.0) == (none.value, none.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: wasserstein_linear(B, X, y=X[:, 0], radius=1, loss="squared").interval(most=0.1),
            "be finite and at least the largest loss seen",
        ),
        (
            lambda: wasserstein_linear(B, X, y=X[:, 0], radius=1, loss="squared").merge(
                wasserstein_linear(B, X, y=X[:, 0], radius=2, loss="squared")
            ),
            "be of the same model and ball",
        ),
        (lambda: Sinkhorn(0.1, 0), "The 'epsilon' of sinkhorn"),
        (lambda: Sinkhorn(0.1, 1).weigh([np.nan], ["a"]), "The 'losses' of sinkhorn"),
        (lambda: MMD(0.1, -1), "The 'bandwidth' of mmd"),
        (lambda: MMD(0.1).weigh([np.nan], ["a"]), "The 'losses' of mmd"),
        (lambda: MMD(0.1, 1).measure(np.array([0.1]), np.array(["day"])), "needs groups that are numbers, several joined by a bar"),
        (lambda: MMD(0.1, 1).measure(np.array([0.1, 0.2]), np.array(["1", "1|2"])), "have as many numbers each"),
        (lambda: mmd([1.0], kernel=np.eye(1), radius=1, base=[-1.0]), "The 'base' of mmd"),
        (lambda: mmd_bound([1.0], kernel=np.eye(2), radius=1), "The 'kernel' of mmd_bound"),
        (lambda: wasserstein_linear([1.0], X, y=X[:, 0], radius=1, loss="squared"), "have shape \\(n, d\\)"),
        (lambda: wasserstein_linear(B, X, y=X[:, 0], radius=-1, loss="squared"), "The 'radius' of wasserstein_linear"),
        (lambda: wasserstein_linear(B, X, y=X[:, 0], radius=1, loss="hinge"), "be -1 or 1"),
        (lambda: wasserstein_linear(B, X, y=X[:, 0], radius=1, loss="cubed"), "be one of logistic"),  # type: ignore[arg-type]
        (lambda: wasserstein_linear(B, X, y=X[:, 0], radius=1, loss="squared", norm="l3"), "be one of l1"),  # type: ignore[arg-type]
        (lambda: sinkhorn([1.0], radius=1, epsilon=1), "of shape \\(n, m\\)"),
        (lambda: sinkhorn([[1.0]], radius=-1, epsilon=1), "The 'radius' of sinkhorn"),
        (lambda: sinkhorn([[1.0]], radius=1, epsilon=0), "The 'epsilon' of sinkhorn"),
        (lambda: mmd([[1.0]], kernel=np.eye(1), radius=1), "of shape \\(n,\\)"),
        (lambda: mmd([1.0], kernel=np.eye(2), radius=1), "be symmetric of shape"),
        (lambda: mmd([1.0], kernel=np.eye(1), radius=-1), "The 'radius' of mmd"),
        (lambda: mmd([1.0], kernel=np.eye(1), radius=1, iterations=0), "The 'iterations' of mmd"),
        (lambda: gaussian_kernel(X, bandwidth=0), "The 'bandwidth' of gaussian_kernel"),
    ],
)
def test_what_they_refuse(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
