"""Robust estimators against closed forms, linear programs and scikit-learn's own; their certificates against planted optima."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import linprog, minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from shiftproof.risks import MMD, CVaR, Sinkhorn
from shiftproof.sklearn import RobustLinearSVC, RobustLogisticRegression, RobustRegressor
from shiftproof.sklearn._losses import Logistic, Softmax, Squared, hinge, quantile
from shiftproof.sklearn._norms import Absolute, Euclidean, Greatest
from shiftproof.sklearn._objective import Objective
from shiftproof.sklearn._risks import Weigher, group_kernel, read
from shiftproof.sklearn._rows import ArrayRows
from shiftproof.sklearn._smoothed_risks import clipped, tail_mean

Floats = npt.NDArray[np.float64]


def two_classes(n: int = 120, d: int = 3, seed: int = 0) -> tuple[Floats, npt.NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, (x @ np.arange(1, d + 1) + rng.logistic(size=n) > 0.2).astype(np.intp)


def regression(n: int = 60, d: int = 2, seed: int = 1) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, x @ np.arange(1, d + 1) + 1 + rng.standard_t(4, size=n)


KERNELS = (
    "cvar(alpha=0.4)",
    "chi_square_penalised(penalty=0.5)",
    "kl_penalised(penalty=0.5)",
    "sinkhorn(radius=0.3, epsilon=0.5)",
    "sinkhorn(radius=0.01, epsilon=0.5)",
    "mmd(radius=0.2)",
    "mmd(radius=0.5, bandwidth=0.7)",
    "chi_square(radius=0.15)",
    "kl(radius=0.2)",
    "total_variation(radius=0.2)",
    "extremile(order=2.5)",
    "exponential_spectral(rho=2)",
    "worst_group",
)


@pytest.mark.parametrize("mu", [0.0, 1e-3, 0.3])
@pytest.mark.parametrize("name", KERNELS)
def test_weights_and_curvature_are_derivatives(name: str, mu: float) -> None:
    rng = np.random.default_rng(3)
    losses, base, along = rng.exponential(size=25), rng.random(25) + 0.1, rng.normal(size=25)
    base /= base.sum()
    weigher, step = Weigher(read(name), base, np.arange(25) % 3, gram=group_kernel(read(name), np.arange(3))), 1e-6
    here, up, down = (weigher(losses + s * along, mu) for s in (0.0, step, -step))
    assert here.weights.sum() == pytest.approx(1, abs=1e-9)
    assert here.weights.min() >= -1e-12
    assert (up.value - down.value) / (2 * step) == pytest.approx(here.weights @ along, abs=1e-7)
    if here.curvature is not None:
        c = here.curvature
        bent = c.diagonal * along - np.asarray(c.factors @ (c.signs * (c.factors.T @ along)))
        assert np.allclose((up.weights - down.weights) / (2 * step), bent, atol=1e-6)


@pytest.mark.parametrize("name", [*KERNELS, "extremile(order=3)"])
def test_smoothing_around_weights_is_what_it_says(name: str) -> None:
    """The greatest q . l - mu D(q, c), D a Bregman divergence: below R for all c, and R itself at the weights of R."""
    rng = np.random.default_rng(4)
    losses, base = rng.exponential(size=25), rng.random(25) + 0.1
    base /= base.sum()
    weigher = Weigher(read(name), base, np.arange(25) % 3, gram=group_kernel(read(name), np.arange(3)))
    plain, mu = weigher(losses), 0.2
    centre = weigher(rng.exponential(size=25), 0.3).weights / base
    found = weigher.around(losses, mu, centre)
    density = found.weights / base
    if name.startswith(("kl", "sinkhorn")):
        distance = float(found.weights @ np.log(density / centre))
    else:
        distance = float(base @ (density - centre) ** 2) / 2
    if "penalised" not in name:  # a priced distance is part of the value
        assert found.value == pytest.approx(found.weights @ losses - mu * distance, abs=1e-9)
    assert found.value <= plain.value + 1e-9
    again = weigher.around(losses, mu, plain.weights / base)
    assert again.value == pytest.approx(plain.value, abs=1e-9)
    assert again.weights == pytest.approx(plain.weights, abs=1e-7)


@pytest.mark.parametrize("equal", [True, False])
def test_the_tail_mean_is_cvar(equal: bool) -> None:
    rng = np.random.default_rng(5)
    losses, base = rng.integers(0, 5, 23).astype(float), np.ones(23) if equal else rng.random(23) + 0.1
    base /= base.sum()
    for alpha in (1e-9, 0.1, 0.5, 11 / 23, 0.999, 1.0):
        assert tail_mean(losses, base, alpha) == pytest.approx(CVaR(alpha).reweigh(losses, base).value, rel=1e-12)


def test_a_width_near_zero_leaves_weights_that_are_numbers() -> None:
    losses, base = np.array([1e3, 1e3, 1e3 - 1e-9, 0.0]), np.full(4, 0.25)
    with np.errstate(all="raise"):
        found = clipped(losses, base, math.inf, 1e-12)
    assert found.weights[:2] == pytest.approx(0.5)


GROUPED = [("mmd(radius=0.3)", MMD(0.3)), ("mmd(radius=0.3, bandwidth=0.8)", MMD(0.3, 0.8)), ("sinkhorn(0.2, 0.5)", Sinkhorn(0.2, 0.5))]


@pytest.mark.parametrize(("name", "part"), GROUPED, ids=[name for name, _ in GROUPED])
def test_risks_over_groups_are_those_that_measure(name: str, part: MMD | Sinkhorn) -> None:
    rng = np.random.default_rng(6)
    losses, groups = rng.random(60), np.repeat(np.arange(6), 10)
    weigher = Weigher(read(name), np.full(60, 1 / 60), groups, gram=group_kernel(read(name), np.arange(6)))
    assert weigher(losses).value == pytest.approx(part.weigh(losses, groups.astype(str)).value, abs=1e-9)


def test_sinkhorn_is_fitted_to_its_dual() -> None:
    """min over theta and l > 0 of l radius + l epsilon mean_i ln mean_j exp(loss(z_ij) / (l epsilon)), by another solver."""
    rng = np.random.default_rng(7)
    x, y = two_classes(40)
    draws = (x[:, None] + 0.3 * rng.normal(size=(40, 5, 3))).reshape(-1, 3)
    sign, names = np.repeat(2 * y - 1, 5), np.repeat(np.arange(40), 5)

    def dual(theta: Floats) -> float:
        losses = np.logaddexp(0, -sign * (draws @ theta[:3] + theta[3])).reshape(40, 5)
        price = math.exp(theta[4])
        return float(price * 0.05 + price * 0.09 * (logsumexp(losses / (price * 0.09), axis=1) - math.log(5)).mean())

    model = RobustLogisticRegression("sinkhorn(radius=0.05, epsilon=0.09)", penalty=None).fit(draws, np.repeat(y, 5), groups=names)
    best = minimize(dual, np.zeros(5), method="BFGS", options={"gtol": 1e-7})
    assert model.objective_ == pytest.approx(best.fun, rel=1e-6)
    assert model.certified_gap_ <= 1e-6 * model.objective_


def test_mmd_of_any_radius_is_the_worst_group_and_of_none_the_mean() -> None:
    x, y = regression()
    groups = np.arange(len(x)) % 3
    ends = [RobustRegressor(risk).fit(x, y, groups=groups).objective_ for risk in ("mmd(radius=0)", "mmd(radius=inf)")]
    others = [RobustRegressor(risk).fit(x, y, groups=groups).objective_ for risk in ("mean", "worst_group")]
    assert ends == pytest.approx(others, rel=1e-6)
    inside = RobustRegressor("mmd(radius=0.1)").fit(x, y, groups=groups).objective_
    assert ends[0] < inside < ends[1]


def test_the_mean_is_scikit_learns_logistic_regression() -> None:
    x, y = two_classes()
    ours = RobustLogisticRegression(strength=0.01).fit(x, y)
    theirs = LogisticRegression(C=1 / (len(x) * 0.01), tol=1e-10, max_iter=1000).fit(x, y)
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert np.allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)


@pytest.mark.parametrize(
    "risk", ["chi_square(radius=0)", "kl(radius=0)", "total_variation(radius=0)", "wasserstein(radius=0)", "cvar(alpha=1)"]
)
@pytest.mark.parametrize("estimator", [RobustLogisticRegression, RobustLinearSVC])
def test_radius_zero_is_the_mean(risk: str, estimator: type[RobustLogisticRegression]) -> None:
    x, y = two_classes()
    robust, plain = (estimator(r, strength=0.01).fit(x, y) for r in (risk, "mean"))
    assert robust.objective_ == plain.objective_
    assert np.array_equal(robust.coef_, plain.coef_)
    assert np.allclose(robust.worst_case_weights_, 1 / len(x))


def cvar_program(x: Floats, y: Floats, alpha: float) -> float:
    """min t + (1 / (alpha n)) sum s, s >= |y - x w - b| - t, s >= 0, over (w, b, t, s)."""
    n, d = x.shape
    cost = np.concatenate([np.zeros(d + 1), [1.0], np.full(n, 1 / (alpha * n))])
    design = np.column_stack([x, np.ones(n)])
    rows = [np.hstack([s * design, -np.ones((n, 1)), -np.eye(n)]) for s in (1, -1)]
    bounds = [(None, None)] * (d + 2) + [(0, None)] * n
    return float(linprog(cost, A_ub=np.vstack(rows), b_ub=np.concatenate([y, -y]), bounds=bounds).fun)


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.17])
def test_cvar_of_absolute_errors_is_its_linear_program(alpha: float) -> None:
    x, y = regression()
    model = RobustRegressor(f"cvar(alpha={alpha})", loss="absolute", tol=1e-8).fit(x, y)
    best = cvar_program(x, y, alpha)
    assert model.objective_ == pytest.approx(best, rel=1e-7)
    assert model.objective_ - model.certified_gap_ <= best + 1e-9


def test_an_endless_radius_is_the_worst_point() -> None:
    x, y = regression()
    best = cvar_program(x, y, 1e-9)  # the least greatest error
    for risk in ("chi_square(radius=inf)", "kl(radius=inf)", "total_variation(radius=1)"):
        model = RobustRegressor(risk, loss="absolute", max_iter=2000).fit(x, y)
        errors = np.abs(y - model.predict(x))
        assert errors.max() == pytest.approx(best, rel=1e-4)
        assert model.worst_case_weights_[errors < errors.max() * 0.99].sum() < 1e-2
        assert model.objective_ - model.certified_gap_ <= best + 1e-9


def test_the_quantile_loss_alone_gives_quantiles() -> None:
    y = np.arange(1, 102.0)
    model = RobustRegressor(loss="quantile", level=0.9).fit(np.zeros((101, 1)), y)
    assert model.intercept_ == pytest.approx(91, abs=1e-3)


def test_wasserstein_of_squares_is_the_root_lasso_form() -> None:
    x, y = regression()

    def objective(theta: Floats) -> float:
        return float((np.sqrt(np.mean((x @ theta[:2] + theta[2] - y) ** 2)) + 0.3 * np.linalg.norm(theta[:2])) ** 2)

    model = RobustRegressor("wasserstein(radius=0.3)", tol=1e-9).fit(x, y)
    found = minimize(objective, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 5000})
    assert model.objective_ == pytest.approx(found.fun, rel=1e-8)
    assert objective(np.append(model.coef_, model.intercept_)) == pytest.approx(model.objective_, rel=1e-12)


@pytest.mark.parametrize(("order", "dual"), [("1", math.inf), ("2", 2), ("inf", 1)])
def test_wasserstein_of_the_log_loss_adds_the_dual_norm(order: str, dual: float) -> None:
    x, y = two_classes()
    model = RobustLogisticRegression(f"wasserstein(radius=0.05, order={order})", penalty=None).fit(x, y)
    sign = 2 * y - 1

    def objective(theta: Floats) -> float:
        return float(np.logaddexp(0, -sign * (x @ theta[:3] + theta[3])).mean() + 0.05 * np.linalg.norm(theta[:3], dual))

    theta = np.append(model.coef_[0], model.intercept_[0])
    assert objective(theta) == pytest.approx(model.objective_, rel=1e-9)
    assert model.certified_gap_ <= 1e-6 * model.objective_
    rng = np.random.default_rng(0)
    assert all(
        objective(theta + 10.0 ** -rng.integers(1, 6) * rng.normal(size=4)) >= model.objective_ - model.certified_gap_ for _ in range(200)
    )


def test_the_worst_group_is_evened_out() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    groups = np.where(np.arange(200) < 180, "many", "few")
    y = x[:, 0] * np.where(groups == "many", 1.0, -1.0) + 0.1 * rng.normal(size=200)
    model = RobustRegressor("worst_group").fit(x, y, groups=groups)
    errors = (y - model.predict(x)) ** 2
    means = [errors[groups == name].mean() for name in ("many", "few")]
    assert max(means) == pytest.approx(model.objective_, rel=1e-6)
    assert means[0] == pytest.approx(means[1], rel=1e-3)  # both bind
    assert model.groups_.tolist() == ["few", "many"]


def test_l1_coefficients_are_exactly_zero() -> None:
    x, y = two_classes(d=3)
    noise = np.random.default_rng(5).normal(size=(len(x), 5))
    model = RobustLogisticRegression("cvar(alpha=0.5)", penalty="l1", strength=0.1).fit(np.hstack([x, noise]), y)
    assert (model.coef_[0, 3:] == 0).sum() >= 3
    assert model.certified_gap_ <= 1e-6 * model.objective_


def at_random(loss: str, risk: str, penalty: str, seed: int) -> tuple[Objective, Floats]:
    """An objective on few examples, and coefficients that are not its best."""
    rng = np.random.default_rng(seed)
    x, base = rng.normal(size=(40, 3)), rng.random(40) + 0.1
    sign, targets = np.where(rng.random(40) < 0.5, 1.0, -1.0), rng.normal(size=40)
    made = {
        "logistic": Logistic(sign),
        "softmax": Softmax(rng.integers(0, 3, 40).astype(np.intp), 3),
        "squared": Squared(targets),
        "absolute": quantile(targets, 0.5, scale=2.0),
        "hinge": hinge(sign),
    }[loss]
    ridge, norm = {"none": (0.0, None), "l2": (0.1, None), "l1": (0.0, Absolute(0.05)), "net": (0.05, Absolute(0.02)),
                   "euclidean": (0.0, Euclidean(0.1)), "greatest": (0.0, Greatest(0.1))}[penalty]  # fmt: skip
    groups = rng.integers(0, 3, 40).astype(np.intp)
    problem = Objective(ArrayRows(x), made, Weigher(read(risk), base / base.sum(), groups), True, ridge, norm)
    return problem, rng.normal(size=problem.start.shape) * rng.choice([0.0, 0.1, 1.0])


@pytest.mark.parametrize("loss", ["logistic", "softmax", "squared", "absolute", "hinge"])
@pytest.mark.parametrize("penalty", ["none", "l2", "l1", "net", "euclidean", "greatest"])
def test_the_gap_is_never_below_the_true_one(loss: str, penalty: str) -> None:
    """At coefficients far from the optimum, and with any smoothing: the bound stays under the objective of every other point tried."""
    from shiftproof.sklearn._newton import solve

    risks = ["mean", "cvar(alpha=0.3)", "chi_square(radius=0.4)", "kl(radius=0.2)", "worst_group", "extremile(order=3)"]
    for seed, risk in enumerate(risks[len(loss + penalty) % 2 :: 2]):
        problem, theta = at_random(loss, risk, penalty, seed)
        best = solve(problem, tol=1e-5, steps=200, say=lambda line: None)
        true = problem.exact(best.theta, problem.scores(best.theta))
        assert true == pytest.approx(best.objective, rel=1e-12)
        for mu in (1e-6, 1e-2, 1.0):
            for point in (theta, best.theta, problem.start, best.theta + 1e-3):
                bound = problem.lower_bound(problem.at(point, problem.scores(point), mu))
                assert bound <= true + 1e-9
        assert best.gap <= 1e-5 * max(true, 1e-3 * problem.exact(problem.start, problem.scores(problem.start)))  # and it is of use


KINKED = ("mean", "cvar(alpha=0.5)", "cvar(alpha=0.05)", "chi_square(radius=0.5)", "kl(radius=0.3)", "total_variation(radius=0.2)",
          "extremile(order=2)", "esrm(rho=2)", "worst_group", "chi_square(radius=inf)")  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("risk", KINKED)
@pytest.mark.parametrize("penalty", [None, "l1", "l2"])
def test_losses_with_kinks_reach_the_gap_that_was_asked_for(risk: str, penalty: str | None) -> None:
    rng = np.random.default_rng(8)
    x, groups = rng.normal(size=(90, 4)), rng.integers(0, 4, 90)
    y = x @ rng.normal(size=4) + rng.standard_t(3, size=90)
    for model in (
        RobustRegressor(risk, loss="absolute", penalty=penalty, strength=1e-3),
        RobustRegressor(risk, loss="quantile", level=0.9, penalty=penalty, strength=1e-3),
        RobustLinearSVC(risk, penalty=penalty, strength=1e-3),
    ):
        targets = y if isinstance(model, RobustRegressor) else (y > 0).astype(float)
        model.fit(x, targets, groups=groups)
        assert model.certified_gap_ <= 1e-6 * model.objective_


def test_a_bound_that_claims_too_much_would_be_seen() -> None:
    from shiftproof.sklearn._newton import solve

    problem, _ = at_random("squared", "cvar(alpha=0.9)", "l2", 0)
    larger = Objective(problem.x, problem.loss, Weigher(read("cvar(alpha=0.1)"), problem.risk.base), True, 0.1, None)
    low, high = (solve(p, tol=1e-6, steps=300, say=lambda line: None) for p in (problem, larger))
    assert high.objective - high.gap > low.objective + 1e-3  # weights that the risk does not allow give a bound that is none


def test_stress_curve_starts_at_the_mean_and_rises() -> None:
    x, y = two_classes()
    model = RobustLogisticRegression("chi_square(radius=0.5)").fit(x, y)
    curve = model.stress_curve(x, y)
    losses = -np.log(model.predict_proba(x)[np.arange(len(y)), y])
    assert curve.option == "radius"
    assert curve.risks[0] == pytest.approx(losses.mean())
    assert (np.diff(curve.risks) > 0).all()
    worst = model.stress_curve(x, y, risk="kl(radius=0)", radii=[math.inf])
    assert worst.risks[0] == pytest.approx(losses.max())
    moved = model.stress_curve(x, y, risk="wasserstein(radius=0)", radii=[0.1])
    assert moved.risks[0] == pytest.approx(losses.mean() + 0.1 * np.linalg.norm(model.coef_))
