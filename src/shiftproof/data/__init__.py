"""Samples: labelled examples, the box that inputs lie in, and the sources that examples come from."""

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
