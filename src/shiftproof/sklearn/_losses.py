"""Losses as convex functions of the scores z, shape (n, k), with the derivatives and conjugates for Newton steps and dual bounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit, xlogy

from shiftproof._arrays import Floats


@dataclass(frozen=True, eq=False)
class At:
    """A loss at some scores.

    Args:
        values: shape (n,).
        slopes: derivative with respect to the scores, shape (n, k); always a slope that the unsmoothed loss has somewhere, so that it is
            in the domain of `conjugate`.
        bends: second derivative for k = 1, shape (n,); for k > 1 that of the softmax, diag(P) - P P^T, with `bends` the P (n, k).
    """

    values: Floats
    slopes: Floats
    bends: Floats

    def bend(self, a: int, b: int) -> Floats:
        """The second derivative with respect to scores a and b, shape (n,)."""
        if self.bends.ndim == 1:
            return self.bends
        return np.asarray(self.bends[:, a] * ((a == b) - self.bends[:, b]))


class ConvexLoss(ABC):
    """A convex loss per example, at least 0; `mu` is the width over which kinks are smoothed, 0 for the loss itself."""

    scores: int = 1
    smooth: ClassVar[bool] = True

    @abstractmethod
    def at(self, z: Floats, mu: float) -> At:
        """Value, slope and second derivative at scores z (n, k)."""

    @abstractmethod
    def values(self, z: Floats) -> Floats:
        """The loss itself, shape (n,)."""

    @abstractmethod
    def conjugate(self, slopes: Floats) -> Floats:
        """Sup over z of slopes . z - loss(z), shape (n,), for slopes (n, k) in its domain."""

    @abstractmethod
    def clip(self, slopes: Floats) -> Floats:
        """The nearest slopes that the loss can have."""

    @abstractmethod
    def take(self, rows: npt.NDArray[np.intp]) -> ConvexLoss:
        """The loss of these examples only."""


@dataclass(frozen=True, eq=False)
class Logistic(ConvexLoss):
    """log(1 + exp(-s z)), s = +-1 the class, shape (n,)."""

    sign: Floats

    def at(self, z: Floats, mu: float) -> At:
        margin = self.sign * z[:, 0]
        small = np.exp(-np.abs(margin))
        far = small / (1 + small)
        wrong = np.where(margin >= 0, far, 1 - far)
        return At(np.log1p(small) + np.maximum(-margin, 0.0), (-self.sign * wrong)[:, None], far * (1 - far))

    def values(self, z: Floats) -> Floats:
        margin = self.sign * z[:, 0]
        return np.asarray(np.log1p(np.exp(-np.abs(margin))) + np.maximum(-margin, 0.0))

    def conjugate(self, slopes: Floats) -> Floats:
        a = np.clip(-self.sign * slopes[:, 0], 0.0, 1.0)
        return np.asarray(xlogy(a, a) + xlogy(1 - a, 1 - a))

    def clip(self, slopes: Floats) -> Floats:
        return (self.sign * np.clip(self.sign * slopes[:, 0], -1.0, 0.0))[:, None]

    def take(self, rows: npt.NDArray[np.intp]) -> Logistic:
        return Logistic(self.sign[rows])

    @staticmethod
    def probabilities(z: Floats) -> Floats:
        """Of both classes, shape (n, 2)."""
        positive = expit(z[:, 0])
        return np.column_stack([1 - positive, positive])


@dataclass(frozen=True, eq=False)
class Softmax(ConvexLoss):
    """log sum_k exp(z_k) - z_y, y the class as a whole number, shape (n,)."""

    labels: npt.NDArray[np.intp]
    scores: int

    def _log_sum(self, z: Floats) -> tuple[Floats, Floats]:
        top = z.max(1)
        powers = np.exp(z - top[:, None])
        total = powers.sum(1)
        return top + np.log(total), powers / total[:, None]

    def at(self, z: Floats, mu: float) -> At:
        sums, shares = self._log_sum(z)
        rows = np.arange(len(z))
        slopes = shares.copy()
        slopes[rows, self.labels] -= 1
        return At(sums - z[rows, self.labels], slopes, shares)

    def values(self, z: Floats) -> Floats:
        return np.asarray(self._log_sum(z)[0] - z[np.arange(len(z)), self.labels])

    def conjugate(self, slopes: Floats) -> Floats:
        shares = slopes.copy()
        shares[np.arange(len(slopes)), self.labels] += 1
        shares = np.maximum(shares, 0.0)
        return np.asarray(xlogy(shares, shares).sum(1))

    def clip(self, slopes: Floats) -> Floats:
        shares = slopes.copy()
        rows = np.arange(len(slopes))
        shares[rows, self.labels] += 1
        shares = np.maximum(shares, 0.0)
        shares /= shares.sum(1, keepdims=True)
        shares[rows, self.labels] -= 1
        return np.asarray(shares)

    @staticmethod
    def probabilities(z: Floats) -> Floats:
        """Of all classes, shape (n, k)."""
        powers = np.exp(z - z.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True))

    def take(self, rows: npt.NDArray[np.intp]) -> Softmax:
        return Softmax(self.labels[rows], self.scores)


@dataclass(frozen=True, eq=False)
class Squared(ConvexLoss):
    """(y - z)^2."""

    targets: Floats

    def at(self, z: Floats, mu: float) -> At:
        rest = z[:, 0] - self.targets
        return At(rest**2, 2 * rest[:, None], np.full(len(z), 2.0))

    def values(self, z: Floats) -> Floats:
        return np.asarray((z[:, 0] - self.targets) ** 2)

    def conjugate(self, slopes: Floats) -> Floats:
        return np.asarray(slopes[:, 0] * (self.targets + slopes[:, 0] / 4))

    def clip(self, slopes: Floats) -> Floats:
        return slopes

    def take(self, rows: npt.NDArray[np.intp]) -> Squared:
        return Squared(self.targets[rows])


@dataclass(frozen=True, eq=False)
class Kinked(ConvexLoss):
    """max(low * r, high * r) with r = z - target and low <= 0 <= high the slopes on either side, (n,) or numbers.

    The quantile loss at level t has low = -t and high = 1 - t; twice that at t = 1/2 is the absolute loss. The hinge of class s has
    target s, and slopes -1 and 0 (s = 1) or 0 and 1 (s = -1).
    """

    smooth: ClassVar[bool] = False
    targets: Floats
    low: Floats
    high: Floats

    def at(self, z: Floats, mu: float) -> At:
        rest = z[:, 0] - self.targets
        if mu == 0:
            slopes = np.where(rest > 0, self.high, np.where(rest < 0, self.low, (self.low + self.high) / 2))
            return At(slopes * rest, slopes[:, None], np.zeros(len(z)))
        slopes = np.clip(rest / mu, self.low, self.high)
        bends = np.where((rest > mu * self.low) & (rest < mu * self.high), 1 / mu, 0.0)
        return At(slopes * rest - mu / 2 * slopes**2, slopes[:, None], bends)

    def values(self, z: Floats) -> Floats:
        rest = z[:, 0] - self.targets
        return np.maximum(self.low * rest, self.high * rest)

    def conjugate(self, slopes: Floats) -> Floats:
        return np.asarray(slopes[:, 0] * self.targets)

    def clip(self, slopes: Floats) -> Floats:
        return np.clip(slopes[:, 0], self.low, self.high)[:, None]

    def take(self, rows: npt.NDArray[np.intp]) -> Kinked:
        return Kinked(self.targets[rows], self.low[rows], self.high[rows])


def quantile(targets: Floats, level: float, *, scale: float = 1.0) -> Kinked:
    """The quantile loss times `scale`."""
    return Kinked(targets, np.full(len(targets), -level * scale), np.full(len(targets), (1 - level) * scale))


def hinge(sign: Floats) -> Kinked:
    """max(0, 1 - s z)."""
    return Kinked(sign, np.where(sign > 0, -1.0, 0.0), np.where(sign > 0, 0.0, 1.0))
