"""Trees are read as scikit-learn scores them, and on one tree the search over leaves is exact: brute force says so."""

from __future__ import annotations

import itertools
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import Column, InputSpace
from shiftproof.door import confront
from shiftproof.models.load import as_model
from shiftproof.searches._trees import read_trees
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.leaf_tuples import LeafTuples
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


class Classifier(Protocol):
    """What scikit-learn's classifiers of trees share."""

    def fit(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.int64]) -> object: ...

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]: ...

    def predict_proba(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]: ...


def data(classes: int, features: int = 4, n: int = 300) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(classes)
    x = rng.random((n, features)).astype(np.float32)
    level = x[:, 0] + x[:, 1] * x[:, 2] + 0.1 * rng.standard_normal(n)
    return x, np.digitize(level, np.quantile(level, np.arange(1, classes) / classes)).astype(np.int64)


MODELS: list[Classifier] = [
    DecisionTreeClassifier(max_depth=6, random_state=0),
    RandomForestClassifier(12, max_depth=5, random_state=0),
    ExtraTreesClassifier(12, max_depth=5, random_state=0),
    GradientBoostingClassifier(n_estimators=12, max_depth=3, random_state=0),
    GradientBoostingClassifier(n_estimators=5, init="zero", random_state=0),
]


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{type(m).__name__}-{getattr(m, 'init', None)}")
def test_trees_score_as_the_estimator_does(model: Classifier, classes: int) -> None:
    x, y = data(classes)
    model.fit(x, y)
    scores = read_trees(model).scores(x)
    if isinstance(model, GradientBoostingClassifier):
        raw = model.decision_function(x)
        given = np.stack([np.zeros(len(x)), raw], axis=1) if classes == 2 else raw
    else:
        given = model.predict_proba(x)
    assert np.allclose(scores, given, atol=1e-10)


def test_the_boxes_of_leaves_tile_the_space() -> None:
    x, y = data(3)
    trees = read_trees(RandomForestClassifier(5, max_depth=4, random_state=0).fit(x, y))
    low, high, owner = trees.boxes(x.shape[1])
    inside: npt.NDArray[np.bool_] = np.all((low < x[:, None]) & (x[:, None] <= high), axis=2)
    for tree in range(5):
        assert (inside[:, owner == tree].sum(1) == 1).all()


def corners(tree: DecisionTreeClassifier, x: npt.NDArray[np.float32], eps: float) -> npt.NDArray[np.bool_]:
    """Whether any cell of all thresholds inside the ball and the box decides otherwise: exhaustive, by its middle point."""
    broken = np.zeros(len(x), dtype=bool)
    for row, point in enumerate(x):
        axes = []
        for column, value in enumerate(point):
            low, high = max(0.0, float(value) - eps), min(1.0, float(value) + eps)
            cuts = np.unique(tree.tree_.threshold[tree.tree_.feature == column])
            ends = np.array([low, *cuts[(cuts > low) & (cuts < high)], high])
            axes.append((ends[1:] + ends[:-1]) / 2)
        cells = np.array(list(itertools.product(*axes)), dtype=np.float32)
        broken[row] = (tree.predict(cells) != tree.predict(point[None])[0]).any()
    return broken


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_one_tree_is_searched_exactly(classes: int) -> None:
    x, y = data(classes)
    tree = DecisionTreeClassifier(max_depth=5, random_state=0).fit(x, y)
    x = x[:80]
    examples = Examples(torch.from_numpy(x), torch.from_numpy(tree.predict(x)), np.array([str(i) for i in range(80)]))
    truth = corners(tree, x, 0.04)
    assert 0.1 < truth.mean() < 0.95
    finding = confront(as_model(tree, name="tree"), Linf(0.04), search=LeafTuples.of(tree), examples=examples)
    assert ((finding.outcome == "broken") == truth).all()
    assert finding.forwards.max() <= 3  # one question, and the door's two


@pytest.mark.parametrize("model", MODELS[1:4], ids=lambda m: type(m).__name__)
def test_forests_break_where_a_hundred_draws_do(model: Classifier) -> None:
    x, y = data(3)
    model.fit(x, y)
    examples = Examples(torch.from_numpy(x[:60]), torch.from_numpy(model.predict(x[:60])), np.array([str(i) for i in range(60)]))
    adapter = as_model(model, name="forest")
    search = LeafTuples.of(model)
    finding = confront(adapter, Linf(0.04), search=search, examples=examples)
    chance = confront(adapter, Linf(0.04), search=BestOfN(100), examples=examples)
    assert not ((chance.outcome == "broken") & (finding.outcome != "broken")).any()
    assert (finding.outcome == "broken").sum() >= (chance.outcome == "broken").sum() > 0
    assert finding.forwards.max() <= search.queries + 2
    again = confront(adapter, Linf(0.04), search=search, examples=examples, batch_size=7)
    assert np.array_equal(finding.params, again.params, equal_nan=True)


def test_tables_stay_legal() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([rng.random(300) * 50, rng.integers(0, 30, 300), rng.integers(0, 3, 300)], axis=1).astype(np.float32)
    y = (x[:, 0] + x[:, 1] + 5 * x[:, 2] > 45).astype(np.int64)
    model = RandomForestClassifier(10, random_state=0).fit(x, y)
    columns = (Column("a", "real", 0, 50), Column("b", "integer", 0, 29), Column("c", "categorical", 0, 2, ("p", "q", "r")))
    space = InputSpace(kind="table", columns=columns)
    examples = Examples(torch.from_numpy(x[:80]), torch.from_numpy(y[:80]), np.array([str(i) for i in range(80)]), space=space)
    adapter = as_model(model, name="forest", space=space)
    finding = confront(adapter, Linf(0.1), search=LeafTuples.of(model), examples=examples)
    chance = confront(adapter, Linf(0.1), search=BestOfN(100), examples=examples)
    moved = (
        Linf(0.1).within(space).apply(examples.x, torch.from_numpy(finding.params).float())[torch.from_numpy(finding.outcome == "broken")]
    )
    assert len(moved) >= (chance.outcome == "broken").sum() > 0
    assert torch.equal(moved[:, 1], moved[:, 1].round())
    assert torch.isin(moved[:, 2], torch.tensor([0.0, 1.0, 2.0])).all()


def test_columns_are_looked_up_where_the_data_has_them() -> None:
    x, y = data(2)
    trees = read_trees(DecisionTreeClassifier(max_depth=4, random_state=0).fit(x[:, [2, 0]], y), columns=(2, 0))
    direct = read_trees(DecisionTreeClassifier(max_depth=4, random_state=0).fit(x[:, [2, 0]], y))
    assert np.array_equal(trees.scores(x), direct.scores(x[:, [2, 0]]))


def test_what_is_no_tree_is_refused() -> None:
    x, y = data(2)
    with pytest.raises(UsageError, match=r"The 'estimator' of read_trees must be a fitted DecisionTree-.*, got 'LogisticRegression'"):
        LeafTuples.of(LogisticRegression().fit(x, y))
    own = GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()).fit(x, y)
    with pytest.raises(UsageError, match="Boosting with a custom init estimator is not supported. Fit with init=None"):
        LeafTuples.of(own)
    twice = DecisionTreeClassifier().fit(x, np.stack([y, y], axis=1))
    with pytest.raises(UsageError, match="several outputs are not supported"):
        LeafTuples.of(twice)
    tree = LeafTuples.of(DecisionTreeClassifier().fit(x, y))
    assert "needs a shift that is a box, and l2 is not" in str(tree.objection(L2(0.1)))
    assert tree.reads
    assert tree != LeafTuples.of(DecisionTreeClassifier(max_depth=1).fit(x, y))
