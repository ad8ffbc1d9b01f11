"""Which sample we stand on: examples, the box they live in, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports

if TYPE_CHECKING:
    from shiftproof.data.arrays import ArraySource
    from shiftproof.data.examples import Examples
    from shiftproof.data.groups import About, crossed
    from shiftproof.data.load import load_data
    from shiftproof.data.source import Source
    from shiftproof.data.space import Column, InputSpace

__all__ = ["About", "ArraySource", "Column", "Examples", "InputSpace", "Source", "crossed", "load_data"]

__getattr__ = lazy_exports(
    __name__,
    {
        "About": "groups",
        "ArraySource": "arrays",
        "Column": "space",
        "Examples": "examples",
        "InputSpace": "space",
        "Source": "source",
        "crossed": "groups",
        "load_data": "load",
    },
)
