"""Numbers, words and collections of them."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from shiftproof._identity.graph import ValueView

_SCALARS = (type(None), bool, int, float, complex, str, bytes)
_CONSTANTS = (type(...), type(NotImplemented), range)


def plain(value: object) -> str | None:
    """A value of plain numbers and words as text that no other value has; None for anything else.

    Sets are written in order. Long texts are hashed.

    >>> plain(1), plain(True), plain(("a", 0.1)), plain([object()])
    ('int 1', 'bool True', "tuple(str 'a', float 0.1)", None)
    """
    kind = type(value)
    if kind in _SCALARS or kind in _CONSTANTS:
        return _short(f"{kind.__name__} {value!r}")
    if isinstance(value, (list, tuple, set, frozenset)) and kind in (list, tuple, set, frozenset):
        texts = [plain(each) for each in value]
        known = [text for text in texts if text is not None]
        if len(known) < len(texts):
            return None
        ordered = sorted(known) if isinstance(value, (set, frozenset)) else known
        return _short(f"{kind.__name__}({', '.join(ordered)})")
    if isinstance(value, dict) and kind is dict:
        pairs = [(plain(key), plain(each)) for key, each in value.items()]
        return None if any(None in pair for pair in pairs) else _short(f"dict({', '.join(f'{key}: {each}' for key, each in pairs)})")
    return None


def _short(text: str) -> str:
    return text if len(text) < 200 else f"{text[:20]}#{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def sequence(value: Iterable[object]) -> ValueView:
    """A list, tuple, deque or the like."""
    return ValueView(type(value).__name__, [(f"[{i}]", each) for i, each in enumerate(value)])


def collection(value: Iterable[object]) -> ValueView:
    """A set: its order does not count."""
    return ValueView(type(value).__name__, [("{}", each) for each in value], ordered=False)


def mapping(value: Mapping[object, object]) -> ValueView:
    """A dictionary: its order counts, since whoever walks over it may do one thing after the other."""
    if all(type(key) is str for key in value):
        return ValueView("dict", [(f"[{key!r}]", each) for key, each in value.items()])
    keys = [(f" key {i}", key) for i, key in enumerate(value)]
    return ValueView(
        "dict", [*keys, *((f"[{key!r}]" if plain(key) else f"[key {i}]", each) for i, (key, each) in enumerate(value.items()))]
    )


def path(value: PurePath) -> ValueView:
    """A path, by how it is written."""
    return ValueView(f"path {value.as_posix()}")


def member(value: enum.Enum) -> ValueView:
    """A member of an enumeration."""
    return ValueView(f"member {value.name}", [(".__class__", type(value)), (".value", value.value)])


def buffer(value: bytearray | memoryview) -> ValueView:
    """Bytes that can be written to."""
    return ValueView(f"{type(value).__name__} {hashlib.sha256(bytes(value)).hexdigest()}")
