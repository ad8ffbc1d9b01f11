"""The robust objective of a linear model, its derivatives, and the dual bound that certifies how far a point is from the optimum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from shiftproof.sklearn._losses import At, Loss
from shiftproof.sklearn._norms import Absolute, Greatest, Norm
from shiftproof.sklearn._risks import Weigher
from shiftproof.sklearn._smoothed import Floats, Weighing

ROWS = 4096
"""Rows of a block of a Gram matrix: what is copied of the data at a time."""
REACH, ROUNDING = 1e3, 1e-9
SINGULAR = 1e-5
"""Least pivot of a Cholesky factor, relative to its diagonal."""


@dataclass(frozen=True, eq=False)
class Point:
    """The objective at some coefficients: scores (n, k), the smoothed loss, its worst weights, and the smoothed value."""

    theta: Floats
    scores: Floats
    loss: At
    worst: Weighing
    value: float


@dataclass(frozen=True, eq=False)
class Objective:
    """F(theta) = R(loss(X w + b)) + ridge / 2 |w|^2 + norm(w), convex; theta is (k, d + 1), the intercepts last, or (k, d) without.

    `mu` smooths risk, loss and norm: F_mu <= F <= F_mu + mu * (a constant of the risk).
    """

    x: Floats
    loss: Loss
    risk: Weigher
    intercept: bool = True
    ridge: float = 0.0
    norm: Norm | None = None

    @property
    def features(self) -> int:
        """D."""
        return int(self.x.shape[1])

    @property
    def start(self) -> Floats:
        """All coefficients 0."""
        return np.zeros((self.loss.scores, self.features + self.intercept))

    @cached_property
    def scale(self) -> Floats:
        """The mean square of the features, shape (k D,): the diagonal of the second derivative if every loss bent by 1."""
        squares = np.einsum("i,ij,ij->j", self.risk.base, self.x, self.x)
        return np.tile(np.append(squares, 1.0) if self.intercept else squares, self.loss.scores)

    @property
    def smooth(self) -> bool:
        """Whether nothing has a kink but at exceptional points."""
        return self.risk.smooth and self.loss.smooth and not isinstance(self.norm, (Absolute, Greatest))

    def scores(self, theta: Floats) -> Floats:
        """X w + b, shape (n, k)."""
        z = self.x @ theta[:, : self.features].T
        return np.asarray(z + theta[:, -1] if self.intercept else z)

    def exact(self, theta: Floats, scores: Floats) -> float:
        """F itself."""
        w = theta[:, : self.features]
        flat = self.ridge / 2 * float((w**2).sum()) + (self.norm.value(w.ravel()) if self.norm else 0.0)
        return self.risk(self.loss.values(scores)).value + flat

    def at(self, theta: Floats, scores: Floats, mu: float) -> Point:
        """F_mu."""
        loss = self.loss.at(scores, mu)
        worst = self.risk(loss.values, mu)
        w = theta[:, : self.features]
        value = worst.value + self.ridge / 2 * float((w**2).sum())
        return Point(theta, scores, loss, worst, value + (self.norm.rounded(w.ravel(), mu)[0] if self.norm else 0.0))

    def snapped(self, theta: Floats, scores: Floats, mu: float) -> tuple[Floats, Floats]:
        """Coefficients and scores with those coefficients at 0 that the rounded norm holds there."""
        if self.norm is None:
            return theta, scores
        w = theta[:, : self.features]
        held = self.norm.snap(w.ravel(), mu).reshape(w.shape)
        if np.array_equal(held, w):
            return theta, scores
        snapped = np.column_stack([held, theta[:, self.features :]])
        return snapped, self.scores(snapped)

    def pulled_back(self, per_score: Floats) -> Floats:
        """The derivative by theta of sum(per_score * scores), shape (k, d + 1)."""
        slope = per_score.T @ self.x
        return np.column_stack([slope, per_score.sum(0)]) if self.intercept else slope

    def gradient(self, point: Point, mu: float) -> Floats:
        """Of F_mu, the shape of theta."""
        slope = self.pulled_back(point.worst.weights[:, None] * point.loss.slopes)
        w = point.theta[:, : self.features]
        slope[:, : self.features] += self.ridge * w
        if self.norm:
            slope[:, : self.features] += self.norm.rounded(w.ravel(), mu)[1].reshape(w.shape)
        return slope

    def hessian(self, point: Point, mu: float) -> Floats:
        """A generalised second derivative of F_mu, shape (k D, k D)."""
        k, width = point.theta.shape
        curvature = point.worst.curvature
        bent = self.bent(point, None if curvature is None else curvature.diagonal)
        if curvature is not None:
            factors = curvature.factors
            drawn = np.empty((factors.shape[1], k, width))
            for a in range(k):
                tilted = factors * point.loss.slopes[:, [a]]
                drawn[:, a, : self.features] = tilted.T @ self.x
                if self.intercept:
                    drawn[:, a, -1] = np.asarray(tilted.sum(0)).ravel()
            flat = drawn.reshape(len(drawn), k * width)
            bent -= (flat.T * curvature.signs) @ flat
        if self.norm:
            inner = self._penalised(k, width)
            bent[np.ix_(inner, inner)] += self.norm.bend(point.theta[:, : self.features].ravel(), mu)
        return bent

    def bent(self, point: Point, moving: Floats | None) -> Floats:
        """The second derivative with the worst weights held, plus that of a diagonal curvature `moving` of the risk, and the ridge's."""
        k, width = point.theta.shape
        bent = np.zeros((k, width, k, width))
        for a in range(k):
            for b in range(a, k):
                by_row = point.worst.weights * point.loss.bend(a, b)
                if moving is not None:
                    by_row = by_row + moving * point.loss.slopes[:, a] * point.loss.slopes[:, b]
                gram = self.gram(by_row, positive=a == b)
                bent[a, :, b, :] = gram
                bent[b, :, a, :] = gram
        flat = bent.reshape(k * width, k * width)
        inner = self._penalised(k, width)
        flat[inner, inner] += self.ridge
        return flat

    def _penalised(self, k: int, width: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero(np.tile(np.arange(width) < self.features, k))

    def gram(self, by_row: Floats, *, positive: bool) -> Floats:
        """X^T diag(by_row) X with the intercept's row and column, in blocks of rows; rows of weight 0 are not touched."""
        d = self.features
        found = np.zeros((d + self.intercept, d + self.intercept))
        for block, weights in self._blocks(by_row):
            if positive:
                root = np.sqrt(weights)
                scaled = block * root[:, None]
                found[:d, :d] += scaled.T @ scaled
                edge = root @ scaled
            else:
                scaled = block * weights[:, None]
                found[:d, :d] += scaled.T @ block
                edge = scaled.sum(0)
            if self.intercept:
                found[:d, -1] += edge
                found[-1, :d] += edge
                found[-1, -1] += weights.sum()
        return found

    def _blocks(self, by_row: Floats) -> Iterator[tuple[Floats, Floats]]:
        for begin in range(0, len(by_row), ROWS):
            weights = by_row[begin : begin + ROWS]
            block = self.x[begin : begin + ROWS]
            kept = np.flatnonzero(weights)
            yield (block, weights) if len(kept) > 0.7 * len(weights) else (block[kept], weights[kept])

    def lower_bound(self, point: Point, *, rounds: int = 4) -> float:
        """A proof: no theta has F below this (within the reach that `_charge` names).

        For any weights q that the risk allows and any slopes u of the losses, F(theta) >= sum_i q_i (u_i z_i - loss*(u_i)) + penalty, by
        Fenchel's inequality, and the least of the right side over theta is a number. q are the worst weights at the point, and u the slopes
        there, moved by Newton steps to where the intercepts (and all coefficients without a penalty) have no pull left.
        """
        slopes, best = point.loss.slopes, 0.0  # losses and penalties are never negative
        k, moving = self.loss.scores, point
        for turn in range(rounds + 1):
            bound, rest = self._bound(point, slopes)
            best = max(best, bound)
            if turn == rounds or float(np.abs(rest).max(initial=0.0)) < 1e-15:
                break
            bends = moving.loss
            moved = self.scores(-direction(self.bent(moving, None), rest.ravel()).reshape(point.theta.shape))
            change = np.column_stack([sum(bends.bend(a, b) * moved[:, b] for b in range(k)) for a in range(k)])
            wanted = slopes - change
            slopes = self.loss.clip(wanted)
            if bends.bends.ndim == 1:  # those at an end of their range stay there
                stuck = np.abs(slopes - wanted)[:, 0] > 0
                moving = replace(moving, loss=replace(bends, bends=np.where(stuck, 0.0, bends.bends)))
        return best

    def _bound(self, point: Point, slopes: Floats) -> tuple[float, Floats]:
        """The bound of these slopes, and the pull that the next Newton step is to take away.

        Coefficients with a penalty are minimised over in closed form: under a ridge as they are, under a norm alone once the slopes are
        shrunk so that the pull lies in the dual ball.
        """
        weights, d, theta = point.worst.weights, self.features, point.theta
        pull = self.pulled_back(weights[:, None] * slopes)
        flat = pull[:, :d].ravel()
        if self.ridge > 0:
            over = flat + (self.norm.project(-flat) if self.norm else 0.0)
            fixed = -float(weights @ self.loss.conjugate(slopes)) - float(over @ over) / (2 * self.ridge)
            rest = pull.copy()
            rest[:, :d] = (over + self.ridge * theta[:, :d].ravel()).reshape(-1, d)  # 0 at the bound's own best theta
            return fixed - self._charge(point, pull[:, d:], penalised=True), rest
        if self.norm:
            shrink = 1 / max(1.0, self.norm.gauge(flat))
            rest = pull * shrink
            rest[:, :d] = 0.0
            fixed = -float(weights @ self.loss.conjugate(slopes * shrink))
            return fixed - self._charge(point, rest[:, d:], penalised=True), rest
        return -float(weights @ self.loss.conjugate(slopes)) - self._charge(point, pull, penalised=False), pull

    def _charge(self, point: Point, rest: Floats, *, penalised: bool) -> float:
        """What is left of the pull on coefficients without a penalty may cost: rounding, about 1e-15, once the Newton steps are done.

        It is charged for every coefficient that moves scores up to REACH times as far as the scores found here go; where it is more than
        rounding there is no bound.
        """
        d = self.features
        size = np.sqrt(self.scale).reshape(point.theta.shape)[:, d:] if penalised else np.sqrt(self.scale).reshape(point.theta.shape)
        if rest.size == 0:
            return 0.0
        if (np.abs(rest) > ROUNDING * size).any():
            return np.inf
        far = REACH * (1 + float(np.abs(point.scores).max()))
        return float((np.abs(rest) * far / np.where(size > 0, size, 1.0)).sum())

    def take(self, rows: npt.NDArray[np.intp]) -> Objective:
        """The objective on some of the examples, copied."""
        return replace(self, x=self.x[rows], loss=self.loss.take(rows), risk=self.risk.take(rows))


def direction(bent: Floats, slope: Floats) -> Floats:
    """The Newton direction -bent^-1 slope; where the matrix cannot be inverted, the shortest of the best ones."""
    try:
        factor = cho_factor(lifted(bent))
    except LinAlgError:
        factor = None
    if factor is not None:
        pivots = factor[0].diagonal() / np.sqrt(np.maximum(bent.diagonal(), 1e-300))
        if pivots.min() > SINGULAR:
            return np.asarray(cho_solve(factor, -slope))
    return np.asarray(np.linalg.lstsq(bent, -slope, rcond=1e-12)[0])


def lifted(bent: Floats) -> Floats:
    """The matrix made safe to solve with: its diagonal raised by a millionth of a millionth."""
    diagonal = bent.diagonal()
    return bent + np.diag(1e-12 * diagonal + max(1e-18 * float(diagonal.max(initial=0.0)), 1e-300))
