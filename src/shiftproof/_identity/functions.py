"""Functions: their code, what they carry, and what their code names, as far as the user wrote it."""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType

from shiftproof._identity.bytecode import Import, read
from shiftproof._identity.graph import ValueView
from shiftproof._identity.owners import OURS, is_own, owner_of, owner_of_module, owner_to_be, seen_from, stands_in

_WHOLE_MODULE = {"globals", "eval", "exec", "vars", "locals"}
"""Builtins that reach every name of a module."""
_BY_NAME = {("importlib", "import_module"), ("builtins", "__import__")}
"""What imports code under a name that only the running program knows."""
_ORIGINAL = "_torchdynamo_orig_callable"


def function(value: FunctionType) -> ValueView:
    """A function: of a package by its name there, of the user's own by its code; both with what they close over."""
    if _ORIGINAL in vars(value):  # by torch.compile, which wraps it anew in every process
        return ValueView("compiled", [("", vars(value)[_ORIGINAL])])
    owner, home, code = owner_of(value.__globals__), value.__globals__.get("__name__"), value.__code__
    closed: list[tuple[str, object]] = list(zip((f" ({name})" for name in code.co_freevars), value.__closure__ or (), strict=True))
    if (home, value.__name__) in _BY_NAME:
        return by_name()
    if owner is not None:
        name = value.__qualname__ if owner == OURS else f"{home} {code.co_name} {code.co_firstlineno}"
        return ValueView(
            f"{owner} function {name}", [] if stands_in(value, str(home)) else closed
        )  # else a package made it, of what it closes over
    carried = [(f" ({name} =)", default) for name, default in _defaults(value)]
    carried += [(f".{name}", each) for name, each in sorted(vars(value).items())]
    return ValueView(f"function {read(code).text}", [*carried, *closed, *_named(code, value.__globals__)])


def code(value: CodeType) -> ValueView:
    """A code object by itself; the names that it uses are not known."""
    return ValueView(f"code {read(value).text}")


def method(value: MethodType) -> ValueView:
    """A function bound to an object."""
    return ValueView("method", [("", value.__func__), (".__self__", value.__self__)])


def cell(value: CellType) -> ValueView:
    """A variable that functions share."""
    try:
        return ValueView("cell", [("", value.cell_contents)])
    except ValueError:
        return ValueView("empty cell")


def builtin(value: BuiltinFunctionType) -> ValueView:
    """A function written in C, by its name, and what it is bound to."""
    home = value.__module__
    if (home, value.__name__) in _BY_NAME:
        return by_name()
    owner = owner_of_module(home) or ""
    bound = value.__self__
    held = [] if isinstance(bound, ModuleType | type | None) else [(".__self__", bound)]
    return ValueView(f"builtin {owner} {home} {value.__qualname__}", held)


def by_name() -> ValueView:
    """An import by a name that is made while the program runs."""
    return ValueView("import by name", gap="it imports code by a name that is not known before it runs")


def slot(value: object) -> ValueView:
    """A method of a type written in C, by its name; bound to an object, with the object."""
    bound = getattr(value, "__self__", None)
    home = getattr(value, "__objclass__", None)
    held = [(f".{name}", each) for name, each in (("__self__", bound), ("__objclass__", home)) if each is not None]
    return ValueView(f"slot {getattr(value, '__name__', '')}", held)


def cached(value: functools._lru_cache_wrapper[object]) -> ValueView:
    """A function behind a cache of its answers."""
    return ValueView("cached", [("", value.__wrapped__)])


def module(value: ModuleType) -> ValueView:
    """A module as a whole: of a package by version, of the user's own by everything in it."""
    owner = owner_of(vars(value))
    if owner is not None:
        return ValueView(f"module {owner} {value.__name__ if owner != OURS else ''}")
    names = sorted(name for name in vars(value) if not (name.startswith("__") and name.endswith("__")))
    return ValueView("module", [(f".{name}", seen_from(vars(value)[name], vars(value))) for name in names])


def _defaults(value: FunctionType) -> Iterator[tuple[str, object]]:
    names = value.__code__.co_varnames[: value.__code__.co_argcount]
    given = value.__defaults__ or ()
    yield from zip(names[len(names) - len(given) :], given, strict=True)
    yield from (value.__kwdefaults__ or {}).items()


def _named(value: CodeType, namespace: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """What the names in a function's code stand for."""
    found = read(value)
    for names in found.names:
        held = _resolved(names, namespace)
        counts = names[0] in found.counters and type(held) is int
        yield f" -> {'.'.join(names)}", "a counter" if counts else held
    for each in found.imports:
        yield from _imported(each, namespace)


def _resolved(names: tuple[str, ...], namespace: Mapping[str, object]) -> object:
    """What a global name and the attributes asked of it stand for, as far as modules of the user's own lead."""
    first, *rest = names
    if first not in namespace:
        if first in _WHOLE_MODULE and "__name__" in namespace:
            return Everything(namespace)
        return vars(builtins).get(first, f"undefined {first}")
    held = seen_from(namespace[first], namespace)
    for name in rest:
        if not isinstance(held, ModuleType) or name not in vars(held):
            break
        inner = vars(held)[name]
        if not is_own(held) and not isinstance(inner, ModuleType) and not _counts(inner, held.__name__):
            break
        held = seen_from(inner, vars(held))
    return held


def _counts(inner: object, home: str) -> bool:
    """Whether what stands in a package's module counts by itself: a function that the user put there, or one that imports by a name."""
    return isinstance(inner, FunctionType) and (owner_of(inner.__globals__) is None or (home, inner.__name__) in _BY_NAME)


class Everything:
    """All names of a module, for code that reaches them by words."""

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self.namespace = namespace


def everything(value: Everything) -> ValueView:
    """All names of a module."""
    names = sorted(name for name in value.namespace if not (name.startswith("__") and name.endswith("__")))
    return ValueView("everything", [(f".{name}", seen_from(value.namespace[name], value.namespace)) for name in names])


def _imported(wanted: Import, namespace: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """What an import inside a function brings. What raises when it is imported, or is not there, is known by that."""
    where = f" -> import {'.' * wanted.level}{wanted.module}"
    try:
        package = str(namespace.get("__package__") or "")
        name = importlib.util.resolve_name("." * wanted.level + wanted.module, package) if wanted.level else wanted.module
        owner = owner_to_be(name)
        if owner is not None:
            yield where, owner
            return
        found = importlib.import_module(name)
        brought = [(each, vars(found)[each] if each in vars(found) else importlib.import_module(f"{name}.{each}")) for each in wanted.names]
    except Exception as error:  # the user's code; the function will raise it too
        yield where, f"raises {type(error).__name__}"
        return
    if not brought:
        yield where, found
    for each, held in brought:
        yield f"{where}.{each}", seen_from(held, vars(found))
