"""The robust objective of a linear model, its derivatives, and a dual bound that certifies the distance of a point from the optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg.lapack import dpotrf, dpotrs

from shiftproof._arrays import Floats
from shiftproof.sklearn._losses import At, ConvexLoss
from shiftproof.sklearn._norms import Absolute, Greatest, NormPenalty
from shiftproof.sklearn._risks import Weigher
from shiftproof.sklearn._rows import Rows
from shiftproof.sklearn._smoothed_risks import Weighing

REACH, ROUNDING = 1e3, 1e-9
SINGULAR = 1e-5
"""Least pivot of a Cholesky factor, relative to its diagonal."""


@dataclass(frozen=True, eq=False)
class Iterate:
    """The objective at some coefficients: scores (n, k), the smoothed loss, its worst weights, and the smoothed value.

    Args:
        shifted: the coefficients at which the smoothed norm is evaluated, flat, without intercepts.
        pull: the slope of the smoothed norm there, of the same shape.
    """

    theta: Floats
    scores: Floats
    loss: At
    worst: Weighing
    value: float
    shifted: Floats
    pull: Floats


@dataclass(frozen=True, eq=False)
class Objective:
    """F(theta) = R(loss(X w + b)) + ridge / 2 |w|^2 + norm(w), convex; theta is (k, d + 1), the intercepts last, or (k, d) without.

    `mu` smooths risk, loss and norm: F_mu <= F <= F_mu + mu * (a constant of the risk).
    """

    x: Rows
    loss: ConvexLoss
    risk: Weigher
    intercept: bool = True
    ridge: float = 0.0
    norm: NormPenalty | None = None

    @property
    def features(self) -> int:
        """D."""
        return self.x.shape[1]

    @property
    def start(self) -> Floats:
        """All coefficients 0."""
        return np.zeros((self.loss.scores, self.features + self.intercept))

    @cached_property
    def scale(self) -> Floats:
        """The mean square of the features, shape (k D,): the diagonal of the second derivative if that of every loss were 1."""
        squares = self.x.squares(self.risk.base)
        return np.tile(np.append(squares, 1.0) if self.intercept else squares, self.loss.scores)

    @property
    def smooth(self) -> bool:
        """Whether risk, loss and norm are smooth, except at isolated points."""
        return self.risk.smooth and self.loss.smooth and not isinstance(self.norm, (Absolute, Greatest))

    def scores(self, theta: Floats) -> Floats:
        """X w + b, shape (n, k)."""
        z = self.x.times(theta[:, : self.features])
        return np.asarray(z + theta[:, -1] if self.intercept else z)

    def exact(self, theta: Floats, scores: Floats) -> float:
        """F itself."""
        w = theta[:, : self.features]
        flat = self.ridge / 2 * float((w**2).sum()) + (self.norm.value(w.ravel()) if self.norm else 0.0)
        return self.risk.value(self.loss.values(scores)) + flat

    def at(self, theta: Floats, scores: Floats, mu: float, around: Iterate | None = None) -> Iterate:
        """F_mu; smoothed `around` the worst weights, slopes and pull of an earlier point, it is the objective of the method of multipliers.

        Any such smoothing is at most F, and around the optimal weights, slopes and pull it has the minimum of F, for every mu.
        """
        loss = self.rounded(self.loss, scores, mu, around.loss.slopes if around else None)
        worst = self.weighed(loss.values, mu, around)
        w = theta[:, : self.features].ravel()
        value = worst.value + self.ridge / 2 * float(w @ w)
        flat, pull, shifted = self.penalised(w, mu, around)
        return Iterate(theta, scores, loss, worst, value + flat, shifted, pull)

    @staticmethod
    def rounded(loss: ConvexLoss, scores: Floats, mu: float, slopes: Floats | None) -> At:
        """The losses with smoothed kinks, around these slopes if given."""
        if slopes is None or mu == 0 or loss.smooth:
            return loss.at(scores, mu)
        found = loss.at(scores + mu * slopes, mu)
        return replace(found, values=found.values - mu / 2 * (slopes**2).sum(1))

    def weighed(self, losses: Floats, mu: float, around: Iterate | None) -> Weighing:
        """The smoothed risk, around the worst weights of a point if given."""
        if around is None or mu == 0 or self.risk.root:
            return self.risk(losses, mu)
        return self.risk.around(losses, mu, around.worst.weights / self.risk.base)

    def penalised(self, w: Floats, mu: float, around: Iterate | None) -> tuple[float, Floats, Floats]:
        """Value and slope of the smoothed norm at the coefficients w, flat, and the w at which it is evaluated."""
        if self.norm is None:
            return 0.0, np.zeros(0), w
        if around is None or mu == 0:
            return *self.norm.rounded(w, mu), w
        width = mu / self.norm.strength
        value, pull = self.norm.rounded(w + width * around.pull, mu)
        return value - width / 2 * float(around.pull @ around.pull), pull, w + width * around.pull

    def snapped(self, point: Iterate, mu: float) -> tuple[Floats, Floats]:
        """Coefficients and scores with the coefficients near 0 that the norm sets to 0 exactly."""
        theta, scores = point.theta, point.scores
        if self.norm is None:
            return theta, scores
        w = theta[:, : self.features]
        held = np.where(self.norm.held(point.shifted, mu), 0.0, w.ravel()).reshape(w.shape)
        if np.array_equal(held, w):
            return theta, scores
        snapped = np.column_stack([held, theta[:, self.features :]])
        return snapped, self.scores(snapped)

    def pulled_back(self, per_score: Floats) -> Floats:
        """The derivative of sum(per_score * scores) with respect to theta, shape (k, d + 1)."""
        slope = self.x.pulled(per_score)
        return np.column_stack([slope, per_score.sum(0)]) if self.intercept else slope

    def gradient(self, point: Iterate) -> Floats:
        """The gradient of F_mu, of the shape of theta."""
        slope = self.pulled_back(point.worst.weights[:, None] * point.loss.slopes)
        w = point.theta[:, : self.features]
        slope[:, : self.features] += self.ridge * w
        if self.norm:
            slope[:, : self.features] += point.pull.reshape(w.shape)
        return slope

    def slope_along(self, point: Iterate, step: Floats, moved: Floats) -> float:
        """The derivative of F_mu along a step of the coefficients, which moves the scores by `moved`."""
        d = self.features
        along = step[:, :d].ravel()
        flat = self.ridge * float(point.theta[:, :d].ravel() @ along) + (float(point.pull @ along) if self.norm else 0.0)
        return float(point.worst.weights @ (point.loss.slopes * moved).sum(1)) + flat

    def hessian(self, point: Iterate, mu: float) -> Floats:
        """A generalised second derivative of F_mu, shape (k D, k D)."""
        k, width = point.theta.shape
        curvature = point.worst.curvature
        bent = self.bent(point, None if curvature is None else curvature.diagonal)
        if curvature is not None:
            flat = self.drawn(curvature.factors, point.loss.slopes)
            bent -= (flat.T * curvature.signs) @ flat
        if self.norm:
            inner = self._penalised(k, width)
            bent[np.ix_(inner, inner)] += self.norm.bend(point.shifted, mu)
        return bent

    def drawn(self, factors: Floats | sparse.csr_array, slopes: Floats) -> Floats:
        """factors^T times the derivative of the losses with respect to theta, for factors (n, r): shape (r, k D)."""
        k, width = slopes.shape[1], self.features + self.intercept
        found = np.zeros((factors.shape[1], k, width))
        for a in range(k):
            tilted = factors * slopes[:, [a]]
            for place, block in self.x.blocks():
                found[:, a, : self.features] += tilted[place].T @ block
            if self.intercept:
                found[:, a, -1] = np.asarray(tilted.sum(0)).ravel()
        return found.reshape(len(found), k * width)

    def bent(self, point: Iterate, moving: Floats | None) -> Floats:
        """The second derivative at fixed worst weights, plus that of a diagonal curvature `moving` of the risk and of the ridge."""
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
        """X^T diag(by_row) X with the intercept's row and column."""
        inner, edge = self.x.gram(by_row, positive=positive)
        if not self.intercept:
            return inner
        d = len(edge)
        whole = np.empty((d + 1, d + 1))
        whole[:d, :d], whole[:d, d], whole[d, :d], whole[d, d] = inner, edge, edge, by_row.sum()
        return whole

    def lower_bound(self, point: Iterate, *, rounds: int = 4, repair: Callable[[Floats], Floats] | None = None) -> float:
        """A proven lower bound of F over all theta (within the range that `_charge` states).

        For any weights q that the risk allows and any slopes u of the losses, F(theta) >= sum_i q_i (u_i z_i - loss*(u_i)) + penalty, by
        Fenchel's inequality, and the minimum of the right side over theta is the bound. q are the worst weights at the point, and u the
        slopes there, moved by Newton steps until the derivative with respect to the intercepts (and all coefficients without a penalty)
        is 0. `repair` computes those steps where their second derivative costs too much.
        """
        slopes, best = point.loss.slopes, 0.0  # losses and penalties are never negative
        k, moving = self.loss.scores, point
        if not self.loss.smooth:  # a slope at the end of its range can move back
            moving, rounds = replace(point, loss=replace(point.loss, bends=np.ones(len(slopes)))), 3 * rounds
        for turn in range(rounds + 1):
            bound, rest = self._bound(point, slopes)
            best = max(best, bound)
            if turn == rounds or float(np.abs(rest).max(initial=0.0)) < 1e-15:
                break
            bends = moving.loss
            if repair is None:
                repair = inverted(self.repair(moving))
            moved = self.scores(-repair(rest.ravel()).reshape(point.theta.shape))
            change = np.column_stack([sum(bends.bend(a, b) * moved[:, b] for b in range(k)) for a in range(k)])
            wanted = slopes - change
            slopes = self.loss.clip(wanted)
            if bends.bends.ndim == 1:  # slopes at an end of their range stay there
                stuck = (np.abs(slopes - wanted)[:, 0] > 0) & (bends.bends > 0)
                if stuck.any():
                    moving, repair = replace(moving, loss=replace(bends, bends=np.where(stuck, 0.0, bends.bends))), None
        return best

    def repair(self, point: Iterate) -> Floats:
        """The derivative of the gradient with respect to the coefficients at fixed worst weights; shape (k D, k D)."""
        if not self.norm or self.ridge or not self.intercept:
            return self.bent(point, None)
        k, width = point.theta.shape  # a norm absorbs any gradient within its dual ball: only the intercepts are left
        flat = np.eye(k * width).reshape(k, width, k, width)
        for a in range(k):
            for b in range(k):
                flat[a, -1, b, -1] = float(point.worst.weights @ point.loss.bend(a, b))
        return flat.reshape(k * width, k * width)

    def _bound(self, point: Iterate, slopes: Floats) -> tuple[float, Floats]:
        """The bound of these slopes, and the gradient that the next Newton step should remove.

        The minimum over coefficients with a penalty has a closed form: with a ridge directly, with a norm alone after the slopes are shrunk
        so that the gradient lies in the dual ball.
        """
        weights, d, theta = point.worst.weights, self.features, point.theta
        pull = self.pulled_back(weights[:, None] * slopes)
        flat = pull[:, :d].ravel()
        if self.ridge > 0:
            over = flat + (self.norm.project(-flat) if self.norm else 0.0)
            fixed = -float(weights @ self.loss.conjugate(slopes)) - float(over @ over) / (2 * self.ridge)
            rest = pull.copy()
            rest[:, :d] = (over + self.ridge * theta[:, :d].ravel()).reshape(-1, d)  # 0 at the theta that minimises the bound
            return fixed - self._charge(point, pull[:, d:], penalised=True), rest
        if self.norm:
            shrink = 1 / max(1.0, self.norm.gauge(flat))
            rest = pull * shrink
            rest[:, :d] = 0.0
            fixed = -float(weights @ self.loss.conjugate(slopes * shrink))
            return fixed - self._charge(point, rest[:, d:], penalised=True), rest
        return -float(weights @ self.loss.conjugate(slopes)) - self._charge(point, pull, penalised=False), pull

    def _charge(self, point: Iterate, rest: Floats, *, penalised: bool) -> float:
        """The cost of the remaining gradient of coefficients without a penalty: rounding, about 1e-15, after the Newton steps.

        It is charged for coefficients that move scores up to REACH times as far as the scores found here; if it is more than rounding there
        is no bound.
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
        return replace(self, x=self.x.take(rows), loss=self.loss.take(rows), risk=self.risk.take(rows))


def inverted(bent: Floats) -> Callable[[Floats], Floats]:
    """The Newton direction of a slope: -bent^-1 slope, or the least-squares solution of least norm if the matrix is singular."""
    factor, failed = dpotrf(regularised(bent), clean=0)  # LAPACK itself: at a few dozen numbers scipy's checks take most of the time
    if not failed:
        pivots = factor.diagonal() / np.sqrt(np.maximum(bent.diagonal(), 1e-300))
        if pivots.min() > SINGULAR:
            return lambda slope: np.asarray(dpotrs(factor, -slope)[0])
    return lambda slope: np.asarray(np.linalg.lstsq(bent, -slope, rcond=1e-12)[0])


def direction(bent: Floats, slope: Floats) -> Floats:
    """The Newton direction of one slope."""
    return inverted(bent)(slope)


def regularised(bent: Floats) -> Floats:
    """The matrix with its diagonal raised by the share 1e-12, so that it can be factorised."""
    diagonal = bent.diagonal()
    return raised(bent, 1e-12 * diagonal + max(1e-18 * float(diagonal.max(initial=0.0)), 1e-300))


def raised(matrix: Floats, by: Floats) -> Floats:
    """The square matrix with its diagonal raised, copied."""
    found: Floats = matrix.copy()
    found.ravel()[:: len(matrix) + 1] += by
    return found
