"""Risks that move examples: the transport ball of linear models, Sinkhorn's, and the kernel ball, against what can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from shiftproof._errors import UsageError
from shiftproof.risks import Wasserstein
from shiftproof.risks.mmd import gaussian_kernel, mmd
from shiftproof.risks.sinkhorn import sinkhorn
from shiftproof.risks.wasserstein import wasserstein_linear
from shiftproof.training.losses import wasserstein_loss

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


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
