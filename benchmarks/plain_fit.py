"""What robustness costs a linear model: CPU time of a CVaR fit, certified to 1e-6, over scikit-learn's plain logistic regression."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.robust_estimators import D, sample
from benchmarks.timing import Figure, ratio
from shiftproof.sklearn import RobustLogisticRegression

SIZES = {1_000: 20, 100_000: 2}
"""How often each is measured, for every repeat."""


def measure(repeats: int) -> list[Figure]:
    found = []
    for n, often in SIZES.items():
        x, y = sample(n)
        robust = RobustLogisticRegression("cvar(alpha=0.5)", penalty=None, tol=1e-6)
        plain = LogisticRegression(C=np.inf, max_iter=1000)
        what = f"cvar, n = {n}, d = {D}"
        found.append(
            ratio(what, lambda: robust.fit(x, y), "LogisticRegression without a penalty", lambda: plain.fit(x, y), often * repeats)  # noqa: B023
        )
    return found
