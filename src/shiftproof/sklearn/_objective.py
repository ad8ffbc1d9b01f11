"""The robust objective of a linear model, its derivatives, and the dual bound that certifies how far a point is from the optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from shiftproof.sklearn._losses import At, Loss
from shiftproof.sklearn._norms import Absolute, Greatest, Norm
from shiftproof.sklearn._risks import Weigher
from shiftproof.sklearn._rows import Rows
from shiftproof.sklearn._smoothed import Floats, Weighing

REACH, ROUNDING = 1e3, 1e-9
SINGULAR = 1e-5
"""Least pivot of a Cholesky factor, relative to its diagonal."""


@dataclass(frozen=True, eq=False)
class Point:
    """The objective at some coefficients: scores (n, k), the smoothed loss, its worst weights, and the smoothed value.

    Args:
        shifted: the coefficients as the rounded norm sees them, flat, without intercepts.
        pull: the slope of the rounded norm there, of the same shape.
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
    loss: Loss
    risk: Weigher
    intercept: bool = True
    ridge: float = 0.0
    norm: Norm | None = None

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
        """The mean square of the features, shape (k D,): the diagonal of the second derivative if every loss bent by 1."""
        squares = self.x.squares(self.risk.base)
        return np.tile(np.append(squares, 1.0) if self.intercept else squares, self.loss.scores)

    @property
    def smooth(self) -> bool:
        """Whether nothing has a kink but at exceptional points."""
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

    def at(self, theta: Floats, scores: Floats, mu: float, around: Point | None = None) -> Point:
        """F_mu; smoothed `around` the worst weights, slopes and pull of an earlier point, it is the method of multipliers' objective.

        Any such smoothing is below F, and at the best weights, slopes and pull it has F's minimum, whatever mu.
        """
        loss = self.rounded(self.loss, scores, mu, around.loss.slopes if around else None)
        worst = self.weighed(loss.values, mu, around)
        w = theta[:, : self.features].ravel()
        value = worst.value + self.ridge / 2 * float(w @ w)
        flat, pull, shifted = self.penalised(w, mu, around)
        return Point(theta, scores, loss, worst, value + flat, shifted, pull)

    @staticmethod
    def rounded(loss: Loss, scores: Floats, mu: float, slopes: Floats | None) -> At:
        """The losses with their kinks rounded, around these slopes where there are any."""
        if slopes is None or mu == 0 or loss.smooth:
            return loss.at(scores, mu)
        found = loss.at(scores + mu * slopes, mu)
        return replace(found, values=found.values - mu / 2 * (slopes**2).sum(1))

    def weighed(self, losses: Floats, mu: float, around: Point | None) -> Weighing:
        """The smoothed risk, around the worst weights of a point where there is one."""
        if around is None or mu == 0 or self.risk.root:
            return self.risk(losses, mu)
        return self.risk.around(losses, mu, around.worst.weights / self.risk.base)

    def penalised(self, w: Floats, mu: float, around: Point | None) -> tuple[float, Floats, Floats]:
        """Value and slope of the rounded norm at the coefficients w, flat, and the w that it is rounded at."""
        if self.norm is None:
            return 0.0, np.zeros(0), w
        if around is None or mu == 0:
            return *self.norm.rounded(w, mu), w
        width = mu / self.norm.strength
        value, pull = self.norm.rounded(w + width * around.pull, mu)
        return value - width / 2 * float(around.pull @ around.pull), pull, w + width * around.pull

    def snapped(self, point: Point, mu: float) -> tuple[Floats, Floats]:
        """Coefficients and scores with those coefficients at 0 that the rounded norm holds there."""
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
        """The derivative by theta of sum(per_score * scores), shape (k, d + 1)."""
        slope = self.x.pulled(per_score)
        return np.column_stack([slope, per_score.sum(0)]) if self.intercept else slope

    def gradient(self, point: Point) -> Floats:
        """Of F_mu, the shape of theta."""
        slope = self.pulled_back(point.worst.weights[:, None] * point.loss.slopes)
        w = point.theta[:, : self.features]
        slope[:, : self.features] += self.ridge * w
        if self.norm:
            slope[:, : self.features] += point.pull.reshape(w.shape)
        return slope

    def slope_along(self, point: Point, step: Floats, moved: Floats) -> float:
        """The derivative of F_mu along a step of the coefficients, which moves the scores by `moved`."""
        d = self.features
        along = step[:, :d].ravel()
        flat = self.ridge * float(point.theta[:, :d].ravel() @ along) + (float(point.pull @ along) if self.norm else 0.0)
        return float(point.worst.weights @ (point.loss.slopes * moved).sum(1)) + flat

    def hessian(self, point: Point, mu: float) -> Floats:
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
        """factors^T times the derivative of the losses by theta, for factors (n, r): shape (r, k D)."""
        k, width = slopes.shape[1], self.features + self.intercept
        found = np.zeros((factors.shape[1], k, width))
        for a in range(k):
            tilted = factors * slopes[:, [a]]
            for place, block in self.x.blocks():
                found[:, a, : self.features] += tilted[place].T @ block
            if self.intercept:
                found[:, a, -1] = np.asarray(tilted.sum(0)).ravel()
        return found.reshape(len(found), k * width)

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
        """X^T diag(by_row) X with the intercept's row and column."""
        inner, edge = self.x.gram(by_row, positive=positive)
        if not self.intercept:
            return inner
        return np.block([[inner, edge[:, None]], [edge[None, :], np.full((1, 1), by_row.sum())]])

    def lower_bound(self, point: Point, *, rounds: int = 4, repair: Callable[[Floats], Floats] | None = None) -> float:
        """A proof: no theta has F below this (within the reach that `_charge` names).

        For any weights q that the risk allows and any slopes u of the losses, F(theta) >= sum_i q_i (u_i z_i - loss*(u_i)) + penalty, by
        Fenchel's inequality, and the least of the right side over theta is a number. q are the worst weights at the point, and u the slopes
        there, moved by Newton steps to where the intercepts (and all coefficients without a penalty) have no pull left. `repair` gives
        those steps where their second derivative costs too much.
        """
        slopes, best = point.loss.slopes, 0.0  # losses and penalties are never negative
        k, moving = self.loss.scores, point
        if not self.loss.smooth:  # a slope at the end of its range can move back from it
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
            if bends.bends.ndim == 1:  # those at an end of their range stay there
                stuck = (np.abs(slopes - wanted)[:, 0] > 0) & (bends.bends > 0)
                if stuck.any():
                    moving, repair = replace(moving, loss=replace(bends, bends=np.where(stuck, 0.0, bends.bends))), None
        return best

    def repair(self, point: Point) -> Floats:
        """How the pull of the slopes changes with the coefficients, the worst weights held; shape (k D, k D)."""
        if not self.norm or self.ridge or not self.intercept:
            return self.bent(point, None)
        k, width = point.theta.shape  # a norm takes any pull within its ball: the intercepts alone are left
        flat = np.eye(k * width).reshape(k, width, k, width)
        for a in range(k):
            for b in range(k):
                flat[a, -1, b, -1] = float(point.worst.weights @ point.loss.bend(a, b))
        return flat.reshape(k * width, k * width)

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
        return replace(self, x=self.x.take(rows), loss=self.loss.take(rows), risk=self.risk.take(rows))


def inverted(bent: Floats) -> Callable[[Floats], Floats]:
    """The Newton direction of a slope: -bent^-1 slope; where the matrix cannot be inverted, the shortest of the best ones."""
    try:
        factor = cho_factor(lifted(bent))
    except LinAlgError:
        factor = None
    if factor is not None:
        pivots = factor[0].diagonal() / np.sqrt(np.maximum(bent.diagonal(), 1e-300))
        if pivots.min() > SINGULAR:
            return lambda slope: np.asarray(cho_solve(factor, -slope))
    return lambda slope: np.asarray(np.linalg.lstsq(bent, -slope, rcond=1e-12)[0])


def direction(bent: Floats, slope: Floats) -> Floats:
    """`inverted` of one slope."""
    return inverted(bent)(slope)


def lifted(bent: Floats) -> Floats:
    """The matrix made safe to solve with: its diagonal raised by a millionth of a millionth."""
    diagonal = bent.diagonal()
    return bent + np.diag(1e-12 * diagonal + max(1e-18 * float(diagonal.max(initial=0.0)), 1e-300))
