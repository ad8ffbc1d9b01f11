"""Least squares with a studentised bootstrap; many weighted fits at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof.risks.intervals import tail_of


def fits(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted fits, one per row of weights: coefficients (draws, k), NaN where they are not determined, and HC3 covariances."""
    gram = np.einsum("dn,ni,nj->dij", weights, x, x)
    scale = np.sqrt(np.einsum("dii->di", gram))
    normed = gram / np.maximum(scale[:, :, None] * scale[:, None, :], 1e-300)
    good = np.linalg.eigvalsh(normed)[:, 0] > 1e-10
    gram[~good] = np.eye(x.shape[1])
    inverse = np.linalg.inv(gram)
    beta = np.einsum("dij,dn,nj,n->di", inverse, weights, x, y, optimize=True)
    rest = y - beta @ x.T
    leverage = np.einsum("ni,dij,nj->dn", x, inverse, x, optimize=True)
    used = weights * (rest / np.maximum(1 - leverage, 1e-6)) ** 2
    meat = np.einsum("dn,ni,nj->dij", used, x, x, optimize=True)
    beta[~good] = np.nan
    return beta, inverse @ meat @ inverse


def bootstrap(
    x: Floats, y: Floats, chosen: npt.NDArray[np.bool_], draws: int, seed: int, confidence: float, *, own: bool
) -> tuple[Floats, Floats]:
    """Intervals of the coefficients, shape (k, 2), and of the line at each model, shape (2, models), by the studentised bootstrap."""
    xf, yf = x[chosen], y[chosen]
    m = len(xf)
    weights = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), size=draws).astype(np.float64)
    beta, covariance = fits(xf, yf, np.ones((1, m)))
    drawn, spreads = fits(xf, yf, weights)
    kept = np.isfinite(drawn).all(1)
    drawn, spreads = drawn[kept], spreads[kept]

    def ends(at: Floats, tail: float) -> Floats:
        """At each row of `at`, shape (rows, k)."""
        error = np.sqrt(np.einsum("ri,ij,rj->r", at, covariance[0], at, optimize=True))
        errors = np.sqrt(np.maximum(np.einsum("ri,dij,rj->dr", at, spreads, at, optimize=True), 0))
        tiny = 1e-12 * (1 + np.abs(yf).max())  # avoids division by 0 where the points lie on a line
        t = (drawn - beta[0]) @ at.T / np.maximum(errors, tiny)
        low, high = np.quantile(t, [tail, 1 - tail], axis=0)
        middle = at @ beta[0]
        return np.stack([middle - high * error, middle - low * error])

    tail = tail_of(confidence)
    return ends(np.eye(x.shape[1]), tail).T, ends(x, tail / 2 if own else tail)
