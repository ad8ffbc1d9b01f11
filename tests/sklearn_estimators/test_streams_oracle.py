"""Fits by stochastic gradients and from chunks against the exact solver in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shiftproof.sklearn import Chunks, RobustLinearSVC, RobustLogisticRegression, RobustRegressor
from shiftproof.sklearn._objective import Iterate, Objective
from shiftproof.sklearn._risks import Weigher, group_kernel, read
from shiftproof.sklearn._rows import ArrayRows, Stream
from shiftproof.sklearn._stochastic import passed

Floats = npt.NDArray[np.float64]
RISKS = (
    "mean",
    "cvar(alpha=0.5)",
    "chi_square(radius=0.5)",
    "kl(radius=0.2)",
    "extremile(order=2)",
    "esrm(rho=2)",
    "worst_group",
    "mmd(radius=0.2)",
)


def sample(n: int = 1500, d: int = 4, seed: int = 0) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, x @ np.arange(1, d + 1) + 0.3 + rng.logistic(size=n) > 0, rng.integers(0, 3, n).astype(np.intp)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("risk", RISKS)
def test_stochastic_gradients_find_the_same_optimum(risk: str) -> None:
    x, y, groups = sample()
    exact, found = (
        RobustLogisticRegression(risk, strength=1e-3, solver=solver, tol=1e-5).fit(x, y, groups=groups)
        for solver in ("newton", "stochastic")
    )
    assert found.certified_gap_ <= 1e-5 * found.objective_
    assert found.objective_ - found.certified_gap_ <= exact.objective_ <= found.objective_ + 1e-12 + exact.certified_gap_
    assert np.allclose(found.predict_proba(x), exact.predict_proba(x), atol=0.02)


@pytest.mark.parametrize("options", [{"penalty": None}, {"penalty": "l1", "strength": 0.01}, {"risk": "wasserstein(radius=0.05)"}])
def test_stochastic_gradients_under_other_penalties(options: dict[str, object]) -> None:
    x, y, _ = sample()
    exact, found = (
        RobustLogisticRegression(**{"risk": "cvar(alpha=0.7)", **options}, solver=solver, tol=1e-4).fit(x, y)  # type: ignore[arg-type]
        for solver in ("newton", "stochastic")
    )
    assert found.certified_gap_ <= 1e-4 * found.objective_
    assert found.objective_ == pytest.approx(exact.objective_, rel=2e-4)


def test_stochastic_gradients_of_squares_and_of_several_classes() -> None:
    x, _, _ = sample()
    y = x @ [1.0, -2.0, 0.5, 0.0] + np.random.default_rng(1).normal(size=len(x))
    exact, found = (RobustRegressor("cvar(alpha=0.3)", solver=solver, tol=1e-5).fit(x, y) for solver in ("newton", "stochastic"))
    assert found.objective_ == pytest.approx(exact.objective_, rel=2e-5)
    labels = np.digitize(y, [-1.0, 1.0])
    exact_of, found_of = (
        RobustLogisticRegression("cvar(alpha=0.3)", strength=0.01, solver=solver, tol=1e-4).fit(x, labels)
        for solver in ("newton", "stochastic")
    )
    assert found_of.objective_ == pytest.approx(exact_of.objective_, rel=2e-4)


@pytest.mark.parametrize("risk", ["cvar(alpha=0.5)", "extremile(order=2)", "worst_group"])
def test_a_pass_of_small_steps_goes_down_the_gradient(risk: str) -> None:
    """What a pass moves, by its step, tends to the gradient: no bias from weighing batches."""
    from shiftproof.sklearn._losses import Logistic

    x, y, groups = sample(400)
    weigher = Weigher(read(risk), np.full(400, 1 / 400), groups, gram=group_kernel(read(risk), np.arange(3)))
    problem = Objective(ArrayRows(x), Logistic(np.where(y, 1.0, -1.0)), weigher, True, 0.01)
    theta = np.full((1, 5), 0.3)
    point: Iterate = problem.at(theta, problem.scores(theta), 0.05)
    batches, small = 400 // 12 + 1, 1e-7
    moved = passed(problem, point, None, 0.05, small * np.eye(5), np.random.default_rng(0)) - theta
    assert -moved / small / batches == pytest.approx(problem.gradient(point), abs=1e-4)


class Source(Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]):
    """Chunks of different sizes, that count how often they are read."""

    def __init__(self, x: Floats, y: npt.NDArray[np.generic], ends: Sequence[int]) -> None:
        self.x, self.y, self.ends, self.reads = x, y, [0, *ends, len(x)], 0

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int) -> tuple[npt.ArrayLike, npt.ArrayLike]:  # type: ignore[override]  # no slices are asked for
        self.reads += 1
        place = slice(self.ends[index], self.ends[index + 1])
        return self.x[place], self.y[place]


@pytest.mark.parametrize("solver", ["newton", "stochastic"])
def test_chunks_are_fitted_as_the_whole(solver: str) -> None:
    x, y, groups = sample()
    weight = np.where(np.arange(len(x)) % 5 == 0, 0.0, 1.0 + groups)
    source = Source(x, np.where(y, "yes", "no"), [100, 101, 900])
    model = RobustLogisticRegression("worst_group", strength=1e-3, solver=solver, tol=1e-5)
    chunked = model.fit_chunks(source, sample_weight=weight, groups=groups)
    whole = RobustLogisticRegression("worst_group", strength=1e-3, tol=1e-5).fit(x, y, sample_weight=weight, groups=groups)
    assert chunked.certified_gap_ <= 1e-5 * chunked.objective_
    assert chunked.objective_ == pytest.approx(whole.objective_, rel=2e-5)
    assert chunked.classes_.tolist() == ["no", "yes"]
    assert (chunked.worst_case_weights_[weight == 0] == 0).all()
    assert source.reads <= 4 * 400


def test_a_memory_map_of_half_precision_is_read_in_chunks(tmp_path: Path) -> None:
    x, y, _ = sample(12_000)
    np.save(tmp_path / "x.npy", x.astype(np.float16))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    chunked = RobustLinearSVC("cvar(alpha=0.5)", strength=0.01).fit_chunks(Chunks(mapped, y, rows=1000))
    whole = RobustLinearSVC("cvar(alpha=0.5)", strength=0.01).fit(mapped.astype(np.float64), y)
    assert chunked.objective_ == pytest.approx(whole.objective_, rel=2e-6)
    assert chunked.certified_gap_ <= 1e-6 * chunked.objective_
    again = RobustRegressor(random_state=1).fit_chunks(Chunks(mapped, y, rows=1000))
    assert np.array_equal(again.coef_, RobustRegressor(random_state=1).fit_chunks(Chunks(mapped, y, rows=1000)).coef_)


def test_products_with_chunks_are_products_with_the_whole() -> None:
    rng = np.random.default_rng(2)
    x, kept = rng.normal(size=(50, 3)), rng.random(50) < 0.7
    source = Source(x, np.zeros(50), [7, 8, 30])
    stream = Stream(source, np.array([7, 1, 22, 20]), 3, np.ones(50, dtype=bool)).only(kept)
    whole = ArrayRows(x).only(kept)
    n = int(kept.sum())
    assert stream.shape == whole.shape == (n, 3)
    weights, both = np.where(rng.random(n) < 0.5, 0.0, rng.random(n)), rng.normal(size=(2, 3))
    assert stream.times(both) == pytest.approx(whole.times(both))
    per_row = rng.normal(size=(n, 2)) * (weights > 0)[:, None]
    assert stream.pulled(per_row) == pytest.approx(whole.pulled(per_row))
    assert stream.squares(weights) == pytest.approx(whole.squares(weights))
    for positive in (True, False):
        for ours, theirs in zip(stream.gram(weights, positive=positive), whole.gram(weights, positive=positive), strict=True):
            assert ours == pytest.approx(theirs)
    rows = np.flatnonzero(rng.random(n) < 0.5)
    assert np.array_equal(stream.take(rows).x, whole.take(rows).x)
    seen = [(row, values) for numbers, block in stream.batches(rng, 6) for row, values in zip(numbers, block, strict=True)]
    assert sorted(int(row) for row, _ in seen) == list(range(n))
    assert all(np.array_equal(values, whole.x[row]) for row, values in seen)


def test_only_chunks_with_weight_are_read() -> None:
    source = Source(np.ones((40, 1)), np.zeros(40), [10, 20, 30])
    stream = Stream(source, np.full(4, 10), 1, np.ones(40, dtype=bool))
    weights = np.zeros(40)
    weights[25] = 2.0
    assert stream.gram(weights, positive=True)[0] == pytest.approx(2.0)
    assert source.reads == 1
