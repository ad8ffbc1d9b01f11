"""Objects of any class: by their attributes where Python code keeps them, else by what their pickling gives."""

from __future__ import annotations

import copyreg
import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from shiftproof._identity.classes import owner_of_class
from shiftproof._identity.graph import ValueView
from shiftproof._identity.owners import namespace_of, seen_from

_POINTER = 8 if object.__basicsize__ == 16 else 4
_DESCRIBED = ("__doc__", "__module__", "__qualname__", "__annotations__")
"""What `functools.update_wrapper` copies into an object."""
_PICKLING = ("__reduce__", "__reduce_ex__", "__getstate__")
_NOT_ANSWERS = {
    "sklearn.model_selection._search.BaseSearchCV": {"cv_results_", "refit_time_"},
    "sklearn.utils._bunch.Bunch": {"_deprecated_key_to_warnings"},
    "numpy.vectorize": {"_ufunc"},
    "torch.amp.autocast_mode.autocast": {"prev", "prev_cache_enabled", "prev_fastdtype"},
    "functools.cached_property": {"lock"},
}
"""Attributes of packages' classes that note times, or are filled in by use."""


def instance(value: object) -> ValueView:
    """An object of a class that has no entry of its own."""
    cls = type(value)
    pickles = next((each for each in cls.__mro__ if any(name in vars(each) for name in _PICKLING)), object)
    own = owner_of_class(pickles) is None
    if _opaque(cls) or (pickles is not object and not own):
        return _reduced(value)
    return ValueView("object", [(".__class__", cls), *attributes(value)])


def attributes(value: object) -> list[tuple[str, object]]:
    """The attributes of an object by name, slots included, without what its cached properties have filled in."""
    cls = type(value)
    found: dict[str, object] = dict(getattr(value, "__dict__", {}))
    for name in copyreg._slotnames(cls):  # type: ignore[attr-defined]  # as pickle finds them
        if name not in ("__dict__", "__weakref__") and hasattr(value, name):
            found[name] = getattr(value, name)
    filled = set(_DESCRIBED)
    filled |= {name for each in cls.__mro__ for name, member in vars(each).items() if isinstance(member, cached_property)}
    for each in cls.__mro__:
        filled |= _NOT_ANSWERS.get(f"{each.__module__}.{each.__qualname__}", set())
    home = namespace_of(cls)
    return [(f".{name}", seen_from(each, home)) for name, each in sorted(found.items()) if name not in filled]


def _opaque(cls: type) -> bool:
    """Whether objects of this class hold more than Python code sees: the test that pickle makes."""
    held = (cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0) + len(copyreg._slotnames(cls))  # type: ignore[attr-defined]
    return bool(cls.__itemsize__) or cls.__basicsize__ > object.__basicsize__ + _POINTER * held


def _reduced(value: object) -> ValueView:
    """An object by what it would be rebuilt from."""
    cls = type(value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            registered = copyreg.dispatch_table.get(cls)
            given = value.__reduce_ex__(4) if registered is None else registered(value)
            if isinstance(given, str):
                return ValueView(f"{owner_of_class(cls)} {cls.__module__} {given}")
            make, arguments, state, items, pairs = (*given, None, None, None, None)[:5]
            held = list(items or ()), list(pairs or ())
    except Exception as error:  # the code of any package
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        return ValueView(
            f"object of type {cls.__qualname__}", gap=f"objects of type {cls.__module__}.{cls.__qualname__} cannot be read ({reason})"
        )
    skipped: set[str] = set().union(*(_NOT_ANSWERS.get(f"{each.__module__}.{each.__qualname__}", set()) for each in cls.__mro__))
    return ValueView(
        "object", [(".__class__", cls), (" made by", make), *_listed("made of", arguments), *_state(state, skipped), *_held(held)]
    )


def _listed(what: str, values: Any) -> list[tuple[str, object]]:
    return [(f" {what} [{i}]", each) for i, each in enumerate(values or ())]


def _state(state: object, skipped: set[str]) -> list[tuple[str, object]]:
    if isinstance(state, Mapping) and all(isinstance(name, str) for name in state):
        return [(f".{name}", each) for name, each in sorted(state.items()) if name not in skipped]
    if isinstance(state, tuple) and len(state) == 2 and all(isinstance(part, Mapping | None) for part in state):
        return [pair for part in state for pair in _state(part or {}, skipped)]
    return [] if state is None else [(" state", state)]


def _held(held: tuple[list[object], list[tuple[object, object]]]) -> list[tuple[str, object]]:
    items, pairs = held
    return [*_listed("item", items), *_listed("pair", pairs)]


def skipped(value: object) -> ValueView:
    """What no answer depends on: a lock, a thread, a logger."""
    return ValueView(f"no matter {type(value).__name__}")


def refused(value: object) -> ValueView:
    """What cannot be read by its nature."""
    return ValueView(type(value).__name__, gap=f"objects of type {type(value).__qualname__} cannot be read")
