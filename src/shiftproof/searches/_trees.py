"""Decision trees of fitted scikit-learn ensembles as flat arrays: their scores, and the box of each leaf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats, Ints
from shiftproof._errors import UsageError, must
from shiftproof._identity.table import identify


class _Nodes(Protocol):
    feature: Ints
    threshold: Floats
    children_left: Ints
    children_right: Ints
    value: Floats


@runtime_checkable
class _Tree(Protocol):
    """A fitted decision tree of scikit-learn."""

    tree_: _Nodes


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of trees with m nodes in all, T roots and k classes: the decision is the class of the largest sum.

    Args:
        feature: the column that a node splits, -1 at leaves, shape (m,).
        threshold: values up to it go left, shape (m,).
        left, right: a node's children, shape (m,); leaves lead to themselves.
        value: what a leaf adds to the classes' scores, shape (m, k).
        roots: shape (T,).
        base: the scores before any tree, shape (k,).
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    roots: Ints
    base: Floats

    def scores(self, points: npt.NDArray[np.floating]) -> Floats:
        """The classes' sums at points of shape (n, columns), shape (n, k). Points count as float32, as scikit-learn takes them."""
        points = points.astype(np.float32)
        at = np.broadcast_to(self.roots, (len(points), len(self.roots))).copy()
        row = np.arange(len(points))[:, None]
        while True:
            column = self.feature[at]
            if (column < 0).all():
                break
            at = np.where(points[row, column] <= self.threshold[at], self.left[at], self.right[at])
        total: Floats = self.base + self.value[at].sum(1)
        return total

    def boxes(self, columns: int) -> tuple[Floats, Floats, Ints]:
        """Each leaf as a box: above `low` and up to `high`, both of shape (leaves, columns), and the tree that it belongs to."""
        lows: list[Floats] = []
        highs: list[Floats] = []
        owners: list[int] = []
        for tree, root in enumerate(self.roots):
            stack = [(int(root), np.full(columns, -np.inf), np.full(columns, np.inf))]
            while stack:
                node, low, high = stack.pop()
                split = int(self.feature[node])
                if split < 0:
                    lows.append(low)
                    highs.append(high)
                    owners.append(tree)
                    continue
                middle = self.threshold[node]
                cut_high, cut_low = high.copy(), low.copy()
                cut_high[split], cut_low[split] = min(high[split], middle), max(low[split], middle)
                stack += [(int(self.left[node]), low, cut_high), (int(self.right[node]), cut_low, high)]
        return np.stack(lows), np.stack(highs), np.array(owners, dtype=np.int64)

    def digest(self) -> str:
        """A hash of the structure."""
        arrays = (self.feature, self.threshold, self.left, self.right, self.value, self.roots, self.base)
        return identify(tuple(array.tobytes() for array in arrays)).digest


def read_trees(estimator: object, columns: Sequence[int] | None = None) -> Trees:
    """The trees of a fitted scikit-learn DecisionTree, RandomForest, ExtraTrees or GradientBoosting classifier.

    Args:
        estimator: fitted on numbers (a table's categories as codes), not a pipeline.
        columns: where each of its features lies in the data's inputs; None for all, in their order.

    Raises:
        UsageError: it is none of these.
    """
    from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    if isinstance(estimator, DecisionTreeClassifier):
        members, weight = [[estimator]], 1.0
    elif isinstance(estimator, RandomForestClassifier | ExtraTreesClassifier):
        members, weight = [[tree] for tree in estimator.estimators_], 1.0 / len(estimator.estimators_)
    elif isinstance(estimator, GradientBoostingClassifier):
        members, weight = [list(stage) for stage in estimator.estimators_], float(estimator.learning_rate)
    else:
        rule = "be a fitted DecisionTree-, RandomForest-, ExtraTrees- or GradientBoostingClassifier of scikit-learn"
        fix = "For other models use hop_skip_jump or best_of_n. For a pipeline, pass its last step and encoded data."
        raise must("estimator", "read_trees", rule, type(estimator).__name__, fix)
    if isinstance(estimator, GradientBoostingClassifier) and estimator.init not in (None, "zero"):
        raise UsageError("Boosting with a custom init estimator is not supported. Fit with init=None.")
    if not isinstance(estimator, GradientBoostingClassifier) and estimator.n_outputs_ != 1:
        raise UsageError("Tree models with several outputs are not supported. Pass a model with one output.")
    classes = len(estimator.classes_)
    trees = _flatten(members, weight, np.zeros(classes))
    if isinstance(estimator, GradientBoostingClassifier):
        at = np.zeros((1, estimator.n_features_in_))
        raw = np.asarray(estimator.decision_function(at), dtype=np.float64).ravel()
        start = np.array([0.0, raw[0]]) if len(raw) == 1 else raw  # of two classes it scores the second
        trees = replace(trees, base=start - trees.scores(at)[0])
    if columns is not None:
        trees = replace(trees, feature=np.where(trees.feature < 0, -1, np.asarray(columns, dtype=np.int64)[trees.feature]))
    return trees


def _flatten(members: Sequence[Sequence[object]], weight: float, base: Floats) -> Trees:
    parts: list[tuple[Ints, Floats, Ints, Ints, Floats]] = []
    roots: list[int] = []
    start = 0
    for stage in members:
        for which, tree in enumerate(stage):
            assert isinstance(tree, _Tree)  # they are scikit-learn's own
            nodes = tree.tree_
            count, leaf = len(nodes.feature), nodes.children_left < 0
            self_ = np.arange(count)
            feature = np.where(leaf, -1, nodes.feature)
            left, right = (start + np.where(leaf, self_, child) for child in (nodes.children_left, nodes.children_right))
            parts.append((feature, nodes.threshold, left, right, _leaf_values(nodes, which, len(base), len(stage)) * weight))
            roots.append(start)
            start += count
    joined = [np.concatenate([part[i] for part in parts]) for i in range(5)]
    return Trees(
        joined[0].astype(np.int64),
        joined[1].astype(np.float64),
        joined[2].astype(np.int64),
        joined[3].astype(np.int64),
        joined[4],
        np.array(roots, dtype=np.int64),
        base,
    )


def _leaf_values(nodes: _Nodes, which: int, classes: int, stage: int) -> Floats:
    """What each node adds to each class: a share of the class in a forest; in boosting one number, for one class."""
    values = nodes.value[:, 0, :]
    if values.shape[1] == classes:
        share: Floats = values / values.sum(1, keepdims=True)
        return share
    spread = np.zeros((len(values), classes))
    spread[:, 1 if stage == 1 else which] = values[:, 0]
    return spread
