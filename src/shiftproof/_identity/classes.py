"""Classes: of a package by name and version, of the user's own by their bases, methods and attributes."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator
from types import FunctionType, GenericAlias, GetSetDescriptorType, MemberDescriptorType

from shiftproof._identity.graph import ValueView
from shiftproof._identity.owners import OURS, owner_of, owner_of_module, stands_in
from shiftproof._identity.plain import plain

_SKIPPED = {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__slots__", "__slotnames__"}
_SLOTS = (MemberDescriptorType, GetSetDescriptorType)
_CODE = (FunctionType, staticmethod, classmethod, property)


def kind(value: type) -> ValueView:
    """A class."""
    owner = owner_of_class(value)
    if owner is None:
        bases, members = list(_bases(value)), list(_members(value))
        if len(bases) == 1 and not members:  # it adds nothing
            return kind(value.__bases__[0])
        return ValueView(f"class {value.__name__}", [*bases, *members])
    name = value.__qualname__ if owner == OURS else f"{value.__module__}.{value.__qualname__}"
    return ValueView(f"class {owner} {name}", [] if owner == OURS else list(_replaced(value)))


def owner_of_class(value: type) -> str | None:
    """Who wrote a class; None for the user's own, and for one that was made while the program ran."""
    owner = owner_of_module(value.__module__)
    made = bool(value.__flags__ & _HEAP) and owner != OURS and not stands_in(value, value.__module__)
    return None if made else owner


_HEAP = 1 << 9
"""CPython's mark of classes that are made while a program runs; those of C that stand in no module have fixed names."""


def _replaced(value: type) -> Iterator[tuple[str, object]]:
    """Methods of a package's class that are the user's: put there from outside."""
    for each in value.__mro__:
        for name, member in list(vars(each).items()):
            if isinstance(member, FunctionType) and member.__module__ != each.__module__ and _of_a_file(member):
                yield f".{name}", member


def _of_a_file(member: FunctionType) -> bool:
    """Whether the user wrote it, and not a package that makes code while it runs."""
    home = member.__globals__
    return owner_of(home) is None and ("__file__" in home or home.get("__name__") == "__main__")


def _bases(value: type) -> Iterator[tuple[str, object]]:
    yield from ((f" of {base.__name__}", base) for base in value.__bases__ if base is not object)
    if type(value) not in (type, abc.ABCMeta):
        yield " by its metaclass", type(value)


def _members(value: type) -> Iterator[tuple[str, object]]:
    """Methods and attributes; of what Python and packages note under names of their own only code and plain values."""
    for name, member in sorted(vars(value).items()):
        hidden = name.startswith("__") and name.endswith("__")
        noted = hidden and not isinstance(member, _CODE) and name != "__dataclass_fields__" and plain(member) is None
        if name not in _SKIPPED and not noted and not name.startswith("_abc_") and not isinstance(member, _SLOTS):
            yield f".{name}", member


def wrapper(value: staticmethod[..., object] | classmethod[object, ..., object]) -> ValueView:
    """A static method or a class method."""
    return ValueView(type(value).__name__, [("", value.__func__)])


def computed(value: property) -> ValueView:
    """A property."""
    return ValueView(
        "property", [(f".{name}", each) for name, each in (("get", value.fget), ("set", value.fset), ("del", value.fdel)) if each]
    )


def field(value: dataclasses.Field[object]) -> ValueView:
    """A field of a dataclass, without its annotation."""
    default = {"default": value.default, "default_factory": value.default_factory}
    given = [(f".{name}", each) for name, each in default.items() if each is not dataclasses.MISSING]
    return ValueView(f"field {value.init} {value.kw_only}", [*given, (".metadata", value.metadata)])


def annotation(value: GenericAlias) -> ValueView:
    """A type such as list[int], which says something and does nothing."""
    return ValueView(f"annotation {type(value).__name__}")
