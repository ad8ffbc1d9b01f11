"""Which sample we stand on: examples, the box they live in, and where they come from."""

from __future__ import annotations

from shiftproof._lazy import lazy_exports

__all__, __getattr__ = lazy_exports(
    __name__,
    "arrays:ArraySource",
    "examples:Examples",
    "groups:ExampleInfo",
    "groups:crossed",
    "load:load_data",
    "source:Source",
    "space:Column",
    "space:InputSpace",
)
