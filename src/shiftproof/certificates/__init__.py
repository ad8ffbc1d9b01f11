"""Proofs that decisions hold: one file, one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.certificates.abstract import Certificate, Proof
    from shiftproof.certificates.linear import Linear

_HOME = "shiftproof.certificates"
certificates: Registry[Certificate] = Registry("certificate", f"{_HOME}.abstract:Certificate", {"linear": f"{_HOME}.linear:Linear"})

__all__ = ["Certificate", "Linear", "Proof", "certificates"]

__getattr__ = lazy_exports(__name__, {"Certificate": "abstract", "Proof": "abstract", "Linear": "linear"})
