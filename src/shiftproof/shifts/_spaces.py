"""Checks that a shift makes sense in an input space."""

from __future__ import annotations

import math

from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace


def check_bounded(name: str, space: InputSpace) -> None:
    """Raises `UsageError` where the shift's amounts are shares of a range and the space has none."""
    ends = [(c.low, c.high) for c in space.columns if c.kind != "categorical"] or [(space.low, space.high)]
    if not all(math.isfinite(low) and math.isfinite(high) for low, high in ends):
        raise UsageError(
            f"{name} moves by shares of the inputs' range, and {space.units} is unbounded. Declare the box, for example --box 0,1."
        )


def check_movable(name: str, space: InputSpace) -> None:
    """Raises `UsageError` for a table without a numeric column: nothing could move, and every model would look robust."""
    if space.columns and all(c.kind == "categorical" for c in space.columns):
        raise UsageError(f"{name} moves numbers, and every column of this table is categorical: nothing could move.")
