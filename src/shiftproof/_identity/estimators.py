"""Objects of scikit-learn and XGBoost whose own pickling says more than their answers depend on."""

from __future__ import annotations

from typing import Any

from sklearn.neighbors import BallTree, KDTree

from shiftproof._identity.graph import ValueView

_COUNTERS = slice(7, 11)
"""Where a tree's saved state counts what it was asked."""
TREES = (KDTree, BallTree)


def tree(value: Any) -> ValueView:
    """A tree of neighbours."""
    state = list(value.__getstate__())
    del state[_COUNTERS]
    return ValueView(f"tree {type(value).__name__}", [(f".state[{i}]", each) for i, each in enumerate(state)])


def booster(value: Any) -> ValueView:
    """A booster of XGBoost: its model, without the settings of its training and of the machine."""
    return ValueView("booster", [("", value.save_raw("json")), (".features", [value.feature_names, value.feature_types])])
