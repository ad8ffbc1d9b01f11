"""Robust estimators as scikit-learn sees them: its own checks, clones, searches, pipelines, and messages for bad input."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from shiftproof._errors import MissingExtra, UsageError
from shiftproof.risks import CVaR
from shiftproof.sklearn import Chunks, RobustLinearSVC, RobustLogisticRegression, RobustRegressor, boosting, robust_objective

Floats = npt.NDArray[np.float64]


@pytest.mark.parametrize(
    "estimator",
    [
        RobustLogisticRegression(),
        RobustLinearSVC(),
        RobustRegressor(),
        RobustRegressor("wasserstein(radius=0.05)"),
        RobustRegressor("cvar(alpha=0.3)", loss="absolute"),
    ],
    ids=str,
)
def test_scikit_learns_own_checks(estimator: BaseEstimator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("risk", ["cvar(alpha=0.3)", "chi_square(radius=0.5)", "kl(radius=0.2)", "total_variation(0.2)", "extremile(2)"])
@pytest.mark.parametrize(
    "estimator",
    [
        RobustLogisticRegression(),
        RobustLinearSVC(),
        RobustRegressor(),
        RobustRegressor(loss="absolute"),
        RobustRegressor(loss="quantile", level=0.8),
    ],
    ids=str,
)
def test_scikit_learns_own_checks_under_other_risks(estimator: BaseEstimator, risk: str) -> None:
    estimator = clone(estimator).set_params(risk=risk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(estimator)


def table(n: int = 80) -> tuple[pd.DataFrame, npt.NDArray[np.str_]]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=n), "age": rng.normal(size=n), "town": rng.choice(["a", "b", "c"], n)})
    return frame, np.where(frame["size"] + (frame["town"] == "a") + rng.normal(size=n) > 0.3, "yes", "no")


def test_a_search_over_the_radius_in_a_pipeline() -> None:
    frame, labels = table()
    columns = ColumnTransformer([("numbers", StandardScaler(), ["size", "age"]), ("words", OneHotEncoder(), ["town"])])
    pipe = make_pipeline(columns, RobustLogisticRegression(strength=0.01))
    risks = [f"chi_square(radius={r})" for r in (0, 0.1, 0.5)]
    search = GridSearchCV(pipe, {"robustlogisticregression__risk": risks}, cv=3, error_score="raise").fit(frame, labels)
    assert search.best_params_["robustlogisticregression__risk"] in risks
    assert search.score(frame, labels) > 0.6
    assert set(search.predict(frame)) <= {"yes", "no"}


def test_clones_keep_the_options_and_a_part_is_a_risk() -> None:
    frame, labels = table()
    x = frame[["size", "age"]].to_numpy()
    part = RobustLogisticRegression(CVaR(0.5), strength=0.1)
    same = clone(part)
    assert same.get_params() == part.get_params()
    assert np.allclose(same.fit(x, labels).coef_, RobustLogisticRegression("cvar(0.5)", strength=0.1).fit(x, labels).coef_)


def test_what_a_fit_leaves_behind() -> None:
    x, y = load_iris(return_X_y=True)
    model = RobustLogisticRegression("cvar(alpha=0.5)", strength=0.01).fit(x, y)
    assert model.predict_proba(x).sum(1) == pytest.approx(1)
    assert np.array_equal(model.predict(x), model.classes_[model.predict_proba(x).argmax(1)])
    assert model.certified_gap_ <= 1e-6 * model.objective_
    assert model.worst_case_weights_.sum() == pytest.approx(1)
    assert model.worst_case_weights_.max() <= 2 / len(x) + 1e-12
    each = RobustLinearSVC("cvar(alpha=0.5)", strength=0.01).fit(x, y)
    assert each.worst_case_weights_.shape == (150, 3)


def test_no_weight_is_no_example_and_a_warm_start_is_quicker() -> None:
    frame, labels = table()
    x, weight = frame[["size", "age"]].to_numpy(), np.ones(80)
    weight[::4] = 0
    model = RobustLogisticRegression("chi_square(radius=0.3)", warm_start=True)
    weighted = clone(model).fit(x, labels, sample_weight=weight)
    assert np.allclose(weighted.coef_, clone(model).fit(x[weight > 0], labels[weight > 0]).coef_)
    assert (weighted.worst_case_weights_[::4] == 0).all()
    cold = model.fit(x, labels).n_iter_
    assert model.fit(x, labels).n_iter_ < cold


def test_progress_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.arange(8.0)[:, None]
    RobustRegressor("cvar(alpha=0.5)", verbose=1).fit(x, x[:, 0] ** 2)
    assert "gap" in capsys.readouterr().out
    RobustRegressor("cvar(alpha=0.5)").fit(x, x[:, 0] ** 2)
    assert capsys.readouterr().out == ""


def test_a_constant_column_does_no_harm() -> None:
    frame, labels = table()
    x = np.column_stack([frame[["size", "age"]], np.ones(80), np.zeros(80)])
    model = RobustLogisticRegression("cvar(alpha=0.8)", penalty=None).fit(x, labels)
    assert np.isfinite(model.coef_).all()
    assert model.certified_gap_ <= 1e-6 * model.objective_


def test_a_fit_that_ends_early_says_so() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    with pytest.warns(ConvergenceWarning, match=r"The gap .* is above tol=1e-09 times the objective .* after 1 steps. Raise max_iter"):
        RobustRegressor("cvar(alpha=0.3)", loss="absolute", max_iter=1, tol=1e-9).fit(x, y)


def fit(estimator: type[BaseEstimator] = RobustLogisticRegression, *, y: object = None, groups: object = None, **options: object) -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    estimator(**options).fit(x, np.arange(20) % 2 if y is None else y, groups=groups)


BAD = [
    ({"risk": "chi_sqare(radius=1)"}, r"Unknown risk 'chi_sqare'. Did you mean: chi_square"),
    ({"risk": "cvar"}, r"The risk 'cvar' needs alpha: write cvar\(alpha=...\)"),
    ({"risk": "cvar(alpha=2)"}, r"The 'alpha' of cvar must be in .*, got 2.0"),
    ({"risk": "cvar(alpha=big)"}, r"The 'alpha' of cvar must be a number, got 'big'"),
    ({"risk": "cvar(beta=0.5)"}, r"Unknown option of risk 'cvar' 'beta'"),
    ({"risk": "cvar(0.5, 1)"}, r"The risk 'cvar' takes 1 options \(alpha\), got 2"),
    ({"risk": 3}, r"The 'risk' of an estimator must be a spec"),
    ({"risk": "wasserstein(radius=0.1, order=3)"}, r"The 'order' of wasserstein must be 1, 2 or inf, got 3.0"),
    (
        {"risk": "holistic(0.1, 0.1)"},
        r"The risk 'holistic' can be measured but not optimised. Supported: mean, cvar",
    ),
    (
        {"risk": "sinkhorn(0.1, 0.1)"},
        r"'sinkhorn' needs the name of the example that it was drawn around for each example: fit\(X, y, groups",
    ),
    ({"risk": "sinkhorn(0.1)"}, r"The risk 'sinkhorn' needs epsilon: write sinkhorn\(epsilon=...\)"),
    ({"risk": "mmd(0.1)"}, r"'mmd' needs the value of what may shift for each example: fit\(X, y, groups=...\)"),
    ({"risk": "mmd(0.1, 0.5)", "groups": list("ab") * 10}, r"mmd with a bandwidth needs groups that are numbers"),
    ({"solver": "adam"}, r"Unknown solver 'adam'. Known: newton, stochastic"),
    (
        {"estimator": RobustLinearSVC, "solver": "stochastic"},
        r"with a loss that has kinks must be 'newton', got 'stochastic'. It reads chunks",
    ),
    ({"penalty": "l3"}, r"Unknown penalty 'l3'. Did you mean: l"),
    ({"strength": -1}, r"The 'strength' of RobustLogisticRegression must be in \[0, inf\], got -1"),
    ({"risk": "wasserstein(radius=0.1)", "penalty": "l1"}, r"must be None or 'l2', got 'l1'. Only order=inf, which is an l1 norm itself"),
    ({"risk": "worst_group"}, r"'worst_group' needs a group name for each example: fit\(X, y, groups=...\)"),
    ({"risk": "worst_group", "groups": ["a"] * 3}, r"must have one name per example \(20\), got \(3,\)"),
    ({"risk": "worst_group", "groups": [None, *["a"] * 19]}, r"must name a group for every example, got 'None or NaN'"),
    ({"risk": "worst_group", "groups": np.array([1, "a"] * 10, dtype=object)}, r"must be names of one kind, got 'int, str'. Make all"),
    ({"y": ["one"] * 20}, r"needs examples of at least 2 classes, got one class: 'one'"),
    ({"risk": "wasserstein(radius=0.1)", "y": [0, 1, 2, 0] * 5}, r"with 3 classes must have a closed form.*RobustLinearSVC supports it"),
    ({"estimator": RobustRegressor, "loss": "sqared"}, r"Unknown loss 'sqared'. Did you mean: squared"),
    ({"estimator": RobustRegressor, "level": 1}, r"The 'level' of RobustRegressor must be in \(0, 1\), got 1"),
    (
        {"estimator": RobustRegressor, "risk": "wasserstein(radius=0.1)", "penalty": "l2"},
        r"must be None, got 'l2'. Its radius is a penalty itself",
    ),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_input_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fit(**options)  # type: ignore[arg-type]  # what is wrong is the point


def test_nan_and_weights_below_zero() -> None:
    x = np.ones((4, 1))
    with pytest.raises(ValueError, match="NaN"):
        RobustRegressor().fit(np.full((4, 1), math.nan), np.arange(4))
    with pytest.raises(UsageError, match="'sample_weight' of RobustRegressor must be at least 0"):
        RobustRegressor().fit(x, np.arange(4), sample_weight=[-1, 1, 1, 1])


@pytest.mark.parametrize("estimator", [RobustLogisticRegression, RobustLinearSVC, RobustRegressor])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_features_that_are_no_numbers(estimator: type[RobustRegressor], wrong: float) -> None:
    x = np.ones((6, 2))
    x[3, 1] = wrong
    with pytest.raises(ValueError, match="NaN|infinity"):
        estimator().fit(x, [0, 1, 0, 1, 0, 1])
    with pytest.raises(ValueError, match="NaN|infinity"):
        estimator().fit_chunks([(x, [0, 1, 0, 1, 0, 1])])


def test_labels_are_words() -> None:
    frame, labels = table()
    x = frame[["size", "age"]].to_numpy()
    for estimator in (RobustLogisticRegression, RobustLinearSVC):
        model = estimator("cvar(alpha=0.8)").fit(x, labels)
        assert model.classes_.tolist() == ["no", "yes"]
        assert set(model.predict(x)) == {"no", "yes"}
        assert np.array_equal(model.coef_, estimator("cvar(alpha=0.8)").fit(x, labels == "yes").coef_)
    with pytest.raises(ValueError, match="could not convert string to float"):
        RobustRegressor().fit(x, labels)


def test_an_endless_radius_minimises_the_worst_example() -> None:
    frame, labels = table()
    x = frame[["size", "age"]].to_numpy()
    model = RobustLogisticRegression("kl(radius=inf)", strength=0.01).fit(x, labels)
    losses = -np.log(model.predict_proba(x)[np.arange(80), (labels == "yes").astype(int)])
    assert model.objective_ == pytest.approx(losses.max() + 0.005 * float((model.coef_**2).sum()), rel=1e-6)
    assert model.worst_case_weights_[losses < 0.99 * losses.max()].sum() < 1e-2
    assert model.certified_gap_ <= 1e-6 * model.objective_


def test_chunks_that_cannot_be_used() -> None:
    x, y = np.ones((6, 2)), np.arange(6) % 2
    with pytest.raises(UsageError, match="The 'chunks' of RobustLogisticRegression must have at least one chunk, got 0"):
        RobustLogisticRegression().fit_chunks([])
    with pytest.raises(ValueError, match="X has 3 features, but RobustLogisticRegression is expecting 2"):
        RobustLogisticRegression().fit_chunks([(x, y), (np.ones((6, 3)), y)])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        RobustLogisticRegression().fit_chunks([(x, y[:4])])
    with pytest.raises(UsageError, match=r"must have one name per example \(12\), got \(6,\)"):
        RobustLogisticRegression("worst_group").fit_chunks([(x, y), (x, y)], groups=y)
    with pytest.raises(UsageError, match="The 'rows' of Chunks must be at least 1, got 0"):
        Chunks(x, y, rows=0)
    with pytest.raises(UsageError, match=r"The 'y' of Chunks must have one label for each row of X \(6\), got 5"):
        Chunks(x, y[:5])
    chunks = Chunks(x, y, rows=4)
    assert [np.size(labels) for _, labels in chunks[:1]] == [4]
    assert np.size(chunks[-1][1]) == 2
    with pytest.raises(IndexError):
        chunks[2]


def test_a_group_without_examples_has_no_say() -> None:
    x, groups = np.arange(12.0)[:, None], np.array(["a", "b", "c"] * 4)
    weight = np.where(groups == "c", 0.0, 1.0)
    named = pd.Categorical(groups, categories=["a", "b", "c", "none"])
    with_c = RobustRegressor("worst_group").fit(x, x[:, 0] ** 2, sample_weight=weight, groups=named)
    kept = groups != "c"
    without = RobustRegressor("worst_group").fit(x[kept], x[kept, 0] ** 2, groups=groups[kept])
    assert with_c.groups_.tolist() == ["a", "b"]
    assert with_c.objective_ == pytest.approx(without.objective_)


def test_stress_curves_refuse_what_they_cannot_draw() -> None:
    x, y = load_iris(return_X_y=True)
    model = RobustLogisticRegression().fit(x, y)
    with pytest.raises(UsageError, match=r"The 'risk' of stress_curve must have a radius, got 'mean'. Supported: cvar, "):
        model.stress_curve(x, y)
    with pytest.raises(UsageError, match=r"must hold classes seen in fit \(0, 1, 2\), got '7'"):
        model.stress_curve(x[:3], [0, 1, 7])


def installed(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(boosting, "find_spec", lambda name: answer)


def test_boosting_follows_the_worst_case(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, object())
    y, scores = np.array([0.0, 1.0, 1.0, 0.0]), np.array([-3.0, 2.0, -1.0, 0.5])
    slope, bend = robust_objective("cvar(alpha=0.25)", smoothing=0)(y, scores)
    assert np.flatnonzero(slope).tolist() == [2]  # the worst of four
    assert slope[2] == pytest.approx(4 * -1 / (1 + math.exp(-1)))
    assert (bend > 0).all()
    plain, _ = robust_objective("mean")(y, scores)
    assert plain == pytest.approx(1 / (1 + np.exp(-scores)) - y)


@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
def test_boosted_trees_follow_the_worst_group(package: str) -> None:
    trees = pytest.importorskip(package)
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=(600, 2)), np.where(np.arange(600) % 10 == 0, "few", "many")
    y = (x[:, 0] * np.where(groups == "many", 1.0, -1.0) > 0).astype(int)
    losses = []
    for risk in ("mean", "worst_group"):
        options = {"n_estimators": 20, "max_depth": 2, "n_jobs": 1, "objective": robust_objective(risk, groups=groups)}
        if package == "xgboost":
            scores = trees.XGBClassifier(**options).fit(x, y).predict(x, output_margin=True)
        else:
            scores = trees.LGBMClassifier(verbose=-1, **options).fit(x, y).predict(x, raw_score=True)
        each = np.logaddexp(0, -np.where(y == 1, 1, -1) * scores)
        losses.append(max(each[groups == name].mean() for name in ("few", "many")))
    assert losses[1] < 0.7 * losses[0]


def test_boosting_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, None)
    with pytest.raises(MissingExtra, match=r"pip install 'shiftproof\[boosting\]'"):
        robust_objective("mean")
    installed(monkeypatch, object())
    with pytest.raises(UsageError, match="must reweigh examples"):
        robust_objective("wasserstein(radius=0.1)")
    with pytest.raises(UsageError, match="'groups' of robust_objective must be given for 'worst_group'"):
        robust_objective("worst_group")
    with pytest.raises(UsageError, match="'smoothing' of robust_objective must be in"):
        robust_objective("mean", smoothing=-1)
    with pytest.raises(UsageError, match="must be 'logistic' or 'squared'"):
        robust_objective("mean", loss="hinge")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="have one score per example"):
        robust_objective("mean")(np.zeros(2), np.zeros((2, 3)))
    with pytest.raises(UsageError, match=r"must have one name per example \(2\), got 3"):
        robust_objective("worst_group", groups=["a", "b", "b"])(np.zeros(2), np.zeros(2))
