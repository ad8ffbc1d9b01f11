"""A hash of any value, by `shiftproof._identity`."""

from __future__ import annotations

from shiftproof._errors import UsageError
from shiftproof._identity.graph import LENGTH
from shiftproof._identity.table import identify

__all__ = ["LENGTH", "value_digest"]


def value_digest(value: object) -> str:
    """A hash of a value: arrays and tensors by their numbers, objects by their state, functions and classes by their code.

    Raises:
        UsageError: something in it cannot be identified; the message says where.

    >>> value_digest([1, 2]) == value_digest([1, 2]) != value_digest([1, 3])
    True
    """
    found = identify(value, "value")
    if found.gaps:
        raise UsageError(
            f"This value cannot be identified: {'; '.join(found.gaps)}. Leave that out of it, or give it to a model with version=."
        )
    return found.digest
