"""Tables of published constants: one named tuple per severity."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

C = TypeVar("C", bound=NamedTuple)
"""The constants of a corruption at one severity."""


def table(constants: Callable[..., C], *rows: float | tuple[float, ...]) -> tuple[C, ...]:
    """Constants at severities 1 to 5, or at 0 to 5 where severity 0 has constants that leave the image as it is.

    >>> table(Sigma, 0.0, 0.1)
    (Sigma(sigma=0.0), Sigma(sigma=0.1))
    """
    return tuple(constants(*row) if isinstance(row, tuple) else constants(row) for row in rows)


class Sigma(NamedTuple):
    """A standard deviation."""

    sigma: float


class Blend(NamedTuple):
    """How much of the published effect is applied, from 0 to 1."""

    share: float


class Strength(NamedTuple):
    """The one scale of ImageNet-C-bar and CIFAR-10-C-bar; each corruption's formula says what it multiplies."""

    strength: float


class Quality(NamedTuple):
    """JPEG quality, 1 to 100."""

    quality: float


class Reduction(NamedTuple):
    """The shorter side of the reduced image over that of the original."""

    scale: float


class Angle(NamedTuple):
    """An angle in radians."""

    angle: float


MIXED = table(Blend, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""For corruptions of one published strength, which is severity 5."""
