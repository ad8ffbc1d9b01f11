"""Robust training."""

from __future__ import annotations

from shiftproof.training.methods import __all__ as _names
from shiftproof.training.methods import __getattr__ as __getattr__

__all__ = [name for name in _names if name != "methods"]
