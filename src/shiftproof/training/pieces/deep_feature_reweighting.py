"""Deep feature reweighting: keep the features that plain training found, and fit the last layer again on balanced groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shiftproof._arrays import Floats
from shiftproof._errors import must


def dfr_layer(
    features: npt.ArrayLike, y: npt.ArrayLike, *, groups: npt.ArrayLike, seed: int, penalty: float = 1.0, subsets: int = 10
) -> nn.Linear:
    """A last layer fitted on held-out data with groups in balance.

    Args:
        features: what the network's last layer sees, on data that it was not trained on, shape (n, d).
        y: labels 0..K-1, shape (n,).
        groups: each example's group (label crossed with attribute), shape (n,).
        seed: of the subsets drawn.
        penalty: of the l1 norm, above 0: the inverse of scikit-learn's C.
        subsets: how many balanced subsets are drawn and averaged, at least 1.

    Returns: a linear layer from d features to K scores, to take the place of the network's own; standardising the features is part of it.

    Guarantees: each subset holds as many examples of every group as the smallest group has. With few in that group the layer is noisy.
    Cost: `subsets` logistic regressions.

    Reference: Kirichenko, Izmailov & Wilson 2023 [kirichenko2023last], "Last layer re-training is sufficient for robustness to spurious
    correlations".
    """
    from sklearn.linear_model import LogisticRegression

    x, labels = np.asarray(features, dtype=np.float64), np.asarray(y)
    names, place, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if x.ndim != 2 or labels.shape != x.shape[:1] or place.shape != labels.shape:
        raise must("features", "dfr_layer", "have shape (n, d), with n labels and n groups", (x.shape, labels.shape, place.shape))
    if penalty <= 0:
        raise must("penalty", "dfr_layer", "be above 0", penalty)
    if subsets < 1:
        raise must("subsets", "dfr_layer", "be at least 1", subsets)
    classes = int(labels.max()) + 1
    if classes < 2 or len(np.unique(labels)) < classes:
        raise must("y", "dfr_layer", "hold every label from 0 to the largest, at least two", sorted(set(labels.tolist())))
    middle, scale = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1.0)
    standard = (x - middle) / scale
    rng = np.random.default_rng(seed)
    coefficients, offsets = np.zeros((classes, x.shape[1])), np.zeros(classes)
    for _ in range(subsets):
        rows = np.concatenate([rng.permutation(np.flatnonzero(place == g))[: counts.min()] for g in range(len(names))])
        for k, (coefficient, offset) in enumerate(_fits(LogisticRegression, standard[rows], labels[rows], classes, penalty)):
            coefficients[k] += coefficient / subsets
            offsets[k] += offset / subsets
    layer = nn.Linear(x.shape[1], classes)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(coefficients / scale))
        layer.bias.copy_(torch.from_numpy(offsets - (coefficients / scale) @ middle))
    return layer


def _fits(regression: type[object], x: Floats, y: npt.NDArray[np.int64], classes: int, penalty: float) -> list[tuple[Floats, float]]:
    """Coefficients and offset of each class against the others; two classes share one fit, halved and turned."""
    found: list[tuple[Floats, float]] = []
    for k in range(1 if classes == 2 else 0, classes):
        fit = regression(C=1 / penalty, solver="liblinear", random_state=0, **_lasso())  # type: ignore[call-arg]
        fit.fit(x, y == k)  # type: ignore[attr-defined]
        found.append((np.asarray(fit.coef_[0]), float(fit.intercept_[0])))  # type: ignore[attr-defined]
    if classes == 2:
        ((coefficient, offset),) = found
        return [(-coefficient / 2, -offset / 2), (coefficient / 2, offset / 2)]
    return found


def _lasso() -> dict[str, float | str]:
    """How this scikit-learn writes the l1 norm: by its share from 1.8 on, where the word for it is being retired."""
    import sklearn

    major, minor = (int(part) for part in sklearn.__version__.split(".")[:2])
    return {"l1_ratio": 1.0} if (major, minor) >= (1, 8) else {"penalty": "l1"}
