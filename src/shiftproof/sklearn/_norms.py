"""Norms as penalties: strength * norm(w), smoothed near their kinks, with the ball of the dual norm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats


@dataclass(frozen=True)
class NormPenalty(ABC):
    """strength * norm(w), w flat. Smoothed, it is its Moreau envelope: equal up to a constant outside a width `mu` of the kinks."""

    strength: float

    @abstractmethod
    def value(self, w: Floats) -> float:
        """The penalty itself."""

    @abstractmethod
    def project(self, v: Floats) -> Floats:
        """The nearest point in the set of its slopes: the dual ball of radius `strength`."""

    @abstractmethod
    def gauge(self, v: Floats) -> float:
        """The least t with v in t times that ball."""

    @abstractmethod
    def bend(self, w: Floats, mu: float) -> Floats:
        """The second derivative of the envelope, shape (p, p)."""

    def held(self, w: Floats, mu: float) -> npt.NDArray[np.bool_]:
        """Which coefficients the penalty sets to 0."""
        return np.zeros(len(w), dtype=bool)

    def rounded(self, w: Floats, mu: float) -> tuple[float, Floats]:
        """Value and slope of the envelope, of width mu > 0 in the units of w."""
        slope = self.project(w * (self.strength / mu))
        return float(slope @ w) - mu / (2 * self.strength) * float(slope @ slope), slope


@dataclass(frozen=True)
class Euclidean(NormPenalty):
    """strength * sqrt(sum w^2)."""

    def value(self, w: Floats) -> float:
        return self.strength * float(np.linalg.norm(w))

    def project(self, v: Floats) -> Floats:
        length = float(np.linalg.norm(v))
        return v if length <= self.strength else v * (self.strength / length)

    def gauge(self, v: Floats) -> float:
        return float(np.linalg.norm(v)) / self.strength

    def bend(self, w: Floats, mu: float) -> Floats:
        length = float(np.linalg.norm(w))
        if length <= mu:
            return np.eye(len(w)) * (self.strength / mu)
        along = w / length
        return np.asarray((np.eye(len(w)) - np.outer(along, along)) * (self.strength / length))


@dataclass(frozen=True)
class Absolute(NormPenalty):
    """strength * sum |w|."""

    def value(self, w: Floats) -> float:
        return self.strength * float(np.abs(w).sum())

    def project(self, v: Floats) -> Floats:
        return np.clip(v, -self.strength, self.strength)

    def gauge(self, v: Floats) -> float:
        return float(np.abs(v).max(initial=0.0)) / self.strength

    def bend(self, w: Floats, mu: float) -> Floats:
        return np.diag(np.where(np.abs(w) < mu, self.strength / mu, 0.0))

    def held(self, w: Floats, mu: float) -> npt.NDArray[np.bool_]:
        return np.abs(w) < mu


@dataclass(frozen=True)
class Greatest(NormPenalty):
    """strength * max |w|."""

    def value(self, w: Floats) -> float:
        return self.strength * float(np.abs(w).max(initial=0.0))

    def project(self, v: Floats) -> Floats:
        size = np.abs(v)
        if size.sum() <= self.strength:
            return v
        falling = np.sort(size)[::-1]
        cuts = (np.cumsum(falling) - self.strength) / np.arange(1, len(v) + 1)
        cut = cuts[np.flatnonzero(falling > cuts)[-1]]
        return np.asarray(np.sign(v) * np.maximum(size - cut, 0.0))

    def gauge(self, v: Floats) -> float:
        return float(np.abs(v).sum()) / self.strength

    def bend(self, w: Floats, mu: float) -> Floats:
        scale = self.strength / mu
        if np.abs(w * scale).sum() <= self.strength:
            return np.eye(len(w)) * scale
        signs = np.sign(self.project(w * scale))
        return np.asarray((np.diag(np.abs(signs)) - np.outer(signs, signs) / np.abs(signs).sum()) * scale)


def dual_norm(order: float, strength: float) -> NormPenalty:
    """Strength times the norm dual to the `order`-norm, order in {1, 2, inf}."""
    if order == 2:
        return Euclidean(strength)
    return Greatest(strength) if order == 1 else Absolute(strength)
