"""Registries: parts by name, ours and those that installed packages add through entry points.

A package adds a part with an entry point in the group of its kind::

    [project.entry-points."shiftproof.shifts"]
    "mypkg/rain" = "mypkg.shifts:Rain"

A plugin that fails to import is listed with its traceback (`failures`), and requesting it raises an error with that traceback; it is never
dropped silently. Specs such as ``linf(eps=8/255)`` are parsed, not evaluated.
"""

from __future__ import annotations

import ast
import importlib
import math
import re
import traceback
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from shiftproof._errors import UsageError, must, unknown
from shiftproof._imports import load_object
from shiftproof._lazy import LazyExports
from shiftproof._part import Part, Value, as_python, as_written, declared_name, option_types, required_options, written_option

P = TypeVar("P", bound=Part)


_USUAL = {"edits": "1"}
"""Usual values of options that have no default, for messages."""


class Registry(Generic[P]):
    """All parts of one kind by name."""

    def __init__(self, kind: str, base: str, ours: Mapping[str, str]) -> None:
        """`base` and the values of `ours` are "module:Class", imported when they are used."""
        self.kind = kind
        self._base = base
        self._ours = dict(ours)

    @cached_property
    def base(self) -> type[P]:
        """The base class of all parts of this kind."""
        return _import(self._base)

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=f"shiftproof.{plural(self.kind)}")}

    def names(self) -> list[str]:
        """Every canonical name, ours first. Plugins have the prefix of their package."""
        return [*self._ours, *sorted(self._plugins)]

    def aliases(self) -> list[str]:
        """Every other name of a part of ours."""
        return list(self._aliases)

    def holds(self, place: str) -> bool:
        """Whether "FILE.py:Name" or "package.module:Name" is a class of this kind."""
        part = load_object(place)
        return isinstance(part, type) and issubclass(part, self.base)

    def plugins(self) -> list[str]:
        """The names of the parts that other packages bring."""
        return sorted(self._plugins)

    @cached_property
    def failures(self) -> dict[str, str]:
        """The traceback of each plugin that failed to import."""
        broken: dict[str, str] = {}
        for name, entry in self._plugins.items():
            try:
                entry.load()
            except Exception:  # a plugin may fail in any way; the traceback is shown
                broken[name] = traceback.format_exc()
        return broken

    @cached_property
    def _aliases(self) -> dict[str, str]:
        return {alias: name for name in self._ours for alias in self._load(name).aliases}

    def _load(self, name: str) -> type[P]:
        if name in self._ours:
            return _import(self._ours[name])
        if name in self.failures:
            raise UsageError(f"The plugin {self.kind} '{name}' could not be imported:\n{self.failures[name]}")
        return self._plugins[name].load()  # type: ignore[no-any-return]  # checked by `get`

    def get(self, name: str) -> type[P]:
        """The class with this name or alias, or at this place: "FILE.py:Name" or "package.module:Name"."""
        if ":" in name:
            return self._at(name)
        if name not in self._ours and name not in self._plugins:
            if name not in self._aliases:
                known = [*self.names(), *self._aliases]
                raise unknown(self.kind, name, known, listed_by=f"shiftproof list {plural(self.kind)}")
            name = self._aliases[name]
        part = self._load(name)
        if not (isinstance(part, type) and issubclass(part, self.base)):
            raise UsageError(f"The {self.kind} '{name}' must be a subclass of {self._base.replace(':', '.')}, got {part!r}.")
        declared = declared_name(part)
        if declared != name:  # otherwise its spec, from which records are read back, would name another part
            raise UsageError(f"The {self.kind} '{name}' has the name {declared!r}: its class must declare name = {name!r}.")
        return part

    def _at(self, place: str) -> type[P]:
        """The class that a place names, which must not take the name of a part that there is."""
        part = load_object(place)
        if not (isinstance(part, type) and issubclass(part, self.base)):
            raise UsageError(f"The {self.kind} '{place}' must be a subclass of {self._base.replace(':', '.')}, got {part!r}.")
        declared = declared_name(part)
        if declared is None or declared in self.names() or declared in self._aliases:
            hint = "Records name parts by it, and this one would be taken for another." if declared else "Records name parts by it."
            raise must("name", f"the {self.kind} '{place}'", "be a name of its own", declared, hint)
        return part

    def build(self, spec: str, **setting: Any) -> P:
        """A part from its spec. `setting` are fields set by the library, such as the space of a shift.

        >>> from shiftproof.shifts import shifts
        >>> shifts.build("linf(eps=8/255)").eps == 8 / 255
        True
        """
        name, positional, named = parse_spec(spec)
        part = self.get(name)
        allowed = option_types(part)
        if len(positional) > len(allowed):
            raise UsageError(
                f"{self.kind} '{name}' takes {len(allowed)} options ({', '.join(map(written_option, allowed))}), got {len(positional)}."
            )
        placed = dict(zip(allowed, positional, strict=False))
        twice = sorted(placed.keys() & named.keys())
        if twice:
            raise UsageError(f"{self.kind} {spec!r} gives '{twice[0]}' twice, by place and by name. Give each option once.")
        options: dict[str, Value] = {**placed, **named}
        for option in options:
            if option not in allowed:
                raise unknown(f"option of {self.kind} '{name}'", written_option(option), map(written_option, allowed))
        missing = [written_option(option) for option in required_options(part) if option not in options]
        if missing:
            written = ", ".join(f"{option}={_USUAL.get(option, '...')}" for option in missing)
            raise UsageError(f"{self.kind} '{name}' needs {', '.join(missing)}: write {name}({written}).")
        return part(**options, **setting)


def package_of_parts(
    package: str, kind: str, *, base: str, parts: Mapping[str, str], also: Iterable[str] = ()
) -> tuple[Registry[Any], list[str], LazyExports]:
    """The registry of a package of parts, its `__all__` and its `__getattr__`, from one table.

    Args:
        package: the package, `__name__`; all modules are relative to it.
        kind: the word for one part, in the singular.
        base: "module:Class" of the base class of the parts; exported too.
        parts: "module:Class" by the name of the part.
        also: "module:Name" of other names that the package exports.
    """
    homes = {name: f"{package}.{home}" for name, home in parts.items()}
    registry: Registry[Any] = Registry(kind, f"{package}.{base}", homes)
    exports = LazyExports(package, [base, *parts.values(), *also])
    return registry, sorted([*exports.homes, plural(kind)]), exports


def plural(kind: str) -> str:
    """The plural of a kind: shifts, searches, ..."""
    if kind.endswith("y"):
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith("ch") else f"{kind}s"


def _import(path: str) -> type:
    module, _, attribute = path.partition(":")
    found: type = getattr(importlib.import_module(module), attribute)
    return found


def parse_spec(spec: str) -> tuple[str, list[Value], dict[str, Value]]:
    """Splits ``name(a, key=b)`` without evaluating it; values are numbers, quotients of numbers, words, booleans and specs (as text).

    >>> parse_spec("linf(eps=8/255)")
    ('linf', [], {'eps': 0.03137254901960784})
    """
    name, bracket, rest = spec.strip().partition("(")
    if not bracket:
        return name, [], {}
    try:
        call = ast.parse(as_python(f"f({rest}"), mode="eval").body
    except (SyntaxError, ValueError):  # ValueError: a null byte
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or any(k.arg is None for k in call.keywords):
        quotes = (
            " Texts with other signs than letters stand in quotes: model='chat:URL#MODEL'." if re.search(r"=\s*[^'\"(,]*[:#]", rest) else ""
        )
        raise UsageError(f"Cannot read {spec!r}. Write it as name(option=value, ...), for example linf(eps=8/255).{quotes}")
    values = [_literal(node, spec) for node in call.args]
    names = [str(k.arg) for k in call.keywords]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise UsageError(f"{spec!r} gives '{twice[0]}' twice. Give each option once.")
    return name.strip(), values, {str(k.arg): _literal(k.value, spec) for k in call.keywords}


def _literal(node: ast.expr, spec: str) -> Value:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=word):
            return {"true": True, "false": False, "inf": math.inf}.get(word.lower(), word)
        case ast.Call(func=ast.Name()):  # the spec of another part
            return as_written(ast.unparse(node))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _literal(operand, spec)
            if isinstance(number, int | float):
                return -number
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            top, bottom = _literal(left, spec), _literal(right, spec)
            if isinstance(top, int | float) and isinstance(bottom, int | float) and bottom:
                return top / bottom
        case _:
            pass
    raise UsageError(f"Cannot read the value {ast.unparse(node)!r} in {spec!r}: use a number, a quotient such as 8/255, or a word.")
