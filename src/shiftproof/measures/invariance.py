"""Whether a regression is the same in every environment: a check of what invariant prediction assumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must


@dataclass(frozen=True, eq=False)
class Invariance:
    """How much the regression of a target on features differs between environments.

    Args:
        groups: names of the environments, in order.
        slopes: least squares in each, without an intercept, shape (groups, features).
        pooled: over all of them, shape (features,).
        gap: the largest excess of mean squared error, over environments, of the pooled slopes over the environment's own.
        p_value: of the F test (Chow's) that all slopes are the same, for noise that is normal with one variance.
    """

    groups: tuple[str, ...]
    slopes: Floats
    pooled: Floats
    gap: float
    p_value: float


def invariance(features: npt.ArrayLike, target: npt.ArrayLike, groups: npt.ArrayLike) -> Invariance:
    """Compares the least-squares regression of a target on features over environments.

    gap = max_e [MSE_e(pooled) - MSE_e(own)]: it is 0 exactly where one regression is best in every environment, and features whose gap is
    at most eps are eps-approximately invariant.

    Args:
        features: shape (n, k); add a column of ones for an intercept.
        target: shape (n,).
        groups: the environment of each row, shape (n,); at least two, of more than k rows each.

    Guarantees:
        The gap is that of the sample: it is positive by chance alone, by about k times the noise over the rows of an environment. Under
        equal slopes and normal noise of one variance the p-value is uniform.
    Cost: one least squares for each environment.

    Raises:
        UsageError: shapes differ, a number is not finite, or an environment has too few rows.

    Example:
        >>> import numpy as np
        >>> x = np.arange(1.0, 9.0)[:, None]
        >>> same = invariance(x, 2 * x[:, 0], ["a"] * 4 + ["b"] * 4)
        >>> other = invariance(x, np.where(x[:, 0] < 5, 2, 3) * x[:, 0], ["a"] * 4 + ["b"] * 4)
        >>> round(same.gap, 6), other.gap > 1
        (0.0, True)

    Reference: Parulekar, Shanmugam & Shakkottai 2023 [parulekar2023pac], "PAC generalization via invariant representations"; Chow 1960
    [chow1960tests].
    """
    from scipy import stats

    x, y, names = np.asarray(features, dtype=np.float64), np.asarray(target, dtype=np.float64), np.asarray(groups).astype(np.str_)
    if x.ndim != 2 or y.shape != (len(x),) or names.shape != (len(x),):
        raise must("features", "invariance", "have shape (n, k) with n targets and n groups", (x.shape, y.shape, names.shape))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise must("features and target", "invariance", "be finite", "NaN or infinite ones")
    found, count = np.unique(names, return_counts=True)
    k = x.shape[1]
    if len(found) < 2 or count.min() <= k:
        raise must(
            "groups", "invariance", f"be at least two, of more than {k} rows each", dict(zip(found.tolist(), count.tolist(), strict=True))
        )
    pooled: Floats = np.linalg.lstsq(x, y, rcond=None)[0].astype(np.float64)
    slopes = np.array([np.linalg.lstsq(x[names == name], y[names == name], rcond=None)[0] for name in found])
    left = [_squares(x[names == name], y[names == name], own) for name, own in zip(found, slopes, strict=True)]
    left_pooled = [_squares(x[names == name], y[names == name], pooled) for name in found]
    gap = max((b - a) / n for a, b, n in zip(left, left_pooled, count.tolist(), strict=True))
    own, more = sum(left), (len(found) - 1) * k
    rest = len(x) - len(found) * k
    ratio = (sum(left_pooled) - own) / more / (own / rest) if own > 0 else (0.0 if sum(left_pooled) == own else np.inf)
    return Invariance(tuple(found.tolist()), slopes, pooled, max(gap, 0.0), float(stats.f.sf(ratio, more, rest)))


def _squares(x: Floats, y: Floats, slopes: Floats) -> float:
    return float(((x @ slopes - y) ** 2).sum())
