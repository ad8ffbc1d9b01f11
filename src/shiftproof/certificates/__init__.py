"""Proofs that decisions hold: one file, one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.certificates.abstract import Certificate, Proof
    from shiftproof.certificates.alpha_crown import AlphaCrown
    from shiftproof.certificates.auto import Auto
    from shiftproof.certificates.crown import Crown
    from shiftproof.certificates.interval_bounds import IntervalBounds
    from shiftproof.certificates.linear import Linear
    from shiftproof.certificates.lipschitz import Lipschitz
    from shiftproof.certificates.smoothing.cohen import Cohen
    from shiftproof.certificates.smoothing.smoothing import Smoothing

_HOME = "shiftproof.certificates"
certificates: Registry[Certificate] = Registry(
    "certificate",
    f"{_HOME}.abstract:Certificate",
    {
        "auto": f"{_HOME}.auto:Auto",
        "linear": f"{_HOME}.linear:Linear",
        "lipschitz": f"{_HOME}.lipschitz:Lipschitz",
        "interval_bounds": f"{_HOME}.interval_bounds:IntervalBounds",
        "crown": f"{_HOME}.crown:Crown",
        "alpha_crown": f"{_HOME}.alpha_crown:AlphaCrown",
        "smoothing": f"{_HOME}.smoothing.smoothing:Smoothing",
        "cohen": f"{_HOME}.smoothing.cohen:Cohen",
    },
)

__all__ = [
    "AlphaCrown",
    "Auto",
    "Certificate",
    "Cohen",
    "Crown",
    "IntervalBounds",
    "Linear",
    "Lipschitz",
    "Proof",
    "Smoothing",
    "certificates",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Certificate": "abstract",
        "Proof": "abstract",
        "AlphaCrown": "alpha_crown",
        "Auto": "auto",
        "Crown": "crown",
        "IntervalBounds": "interval_bounds",
        "Linear": "linear",
        "Lipschitz": "lipschitz",
        "Cohen": "smoothing.cohen",
        "Smoothing": "smoothing.smoothing",
    },
)
