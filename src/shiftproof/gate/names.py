"""What a condition or a record calls a part, made comparable: aliases resolved, options complete and in the part's own order."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from shiftproof._errors import UsageError, unknown
from shiftproof._part import Part, Value, option_types, show, written_option
from shiftproof.registry import Registry, parse_spec

CLEAN = "clean"
"""The word for the sample as it is; records call it identity."""
NATURAL = "natural"
"""The word for another sample: a natural shift."""
AVERAGE = "one_draw"
"""The search whose numbers are average cases: one chance draw per example."""
Registries = Sequence[Registry[Any]]


@dataclass(frozen=True)
class Name:
    """A part by name.

    Args:
        part: its canonical name.
        options: every option in the part's order, defaults included; None where people wrote the name alone, which fits any options.
        text: how it is written; not part of its identity.
    """

    part: str
    options: tuple[tuple[str, Value], ...] | None
    text: str = field(compare=False)

    def fits(self, other: Name) -> bool:
        """Whether `other`, which a run has, can be what is meant."""
        return self.part == other.part and (self.options is None or self.options == other.options)


IDENTITY = Name("identity", (), CLEAN)


def word_of(segment: str) -> str:
    """A part's name as written, without its options."""
    return segment.partition("(")[0].strip()


def inside(segment: str) -> str | None:
    """The only option of a spec, where it is a text without a name; else None.

    >>> inside("expectation(linf(eps=0.1))"), inside("linf(0.1)"), inside("on(field=a, inner=b)")
    ('linf(eps=0.1)', None, None)
    """
    _, positional, named = parse_spec(segment)
    only = positional[0] if len(positional) == 1 and not named else None
    return only if isinstance(only, str) else None


def find(spec: str, registries: Registries) -> Name | None:
    """The part that `spec` names in the first registry that knows it; None where none does.

    Only names and options are checked, not their range: that depends on the inputs' units, which a condition does not know.

    Raises:
        UsageError: the part has no such option, or an option without a default is missing.
    """
    word = word_of(spec)
    return next((_read(spec, registry, registries) for registry in registries if _knows(registry, word)), None)


def _knows(registry: Registry[Any], word: str) -> bool:
    if word in registry.names():
        return True  # also a plugin that cannot be imported: asking for it then says why
    try:
        registry.get(word)
    except UsageError:
        return False
    return True


def _read(spec: str, registry: Registry[Any], registries: Registries) -> Name:
    word, positional, named = parse_spec(spec)
    part: type[Part] = registry.get(word)
    types = option_types(part)
    if "(" not in spec:
        return Name(part.name, None if types else (), part.name)
    defaults = {f.name: f.default for f in fields(part) if f.name in types and f.default is not MISSING}
    given = dict(zip(types, positional, strict=False)) | named
    if len(positional) > len(types) or not given.keys() <= types.keys() or not types.keys() <= given.keys() | defaults.keys():
        registry.build(spec)  # raises, naming the option
    options: dict[str, Value] = {option: nested(given.get(option, defaults.get(option, 0)), registries) for option in types}
    shown = {option: value for option, value in options.items() if option not in defaults or defaults[option] != value}
    return Name(part.name, tuple(options.items()), part.name + (written(shown) if types else ""))


def nested(value: Value, registries: Registries) -> Value:
    """An option's value, in its canonical form where it is the spec of a part of one of these kinds: typos(1) is typos(edits=1)."""
    if not isinstance(value, str) or not value.endswith(")"):
        return value
    try:
        found = find(value, registries)
    except UsageError:
        return value  # a text that only looks like a spec
    return found.text if found else value


def recorded(spec: str, registries: Registries) -> Name:
    """The part that a record's `spec` names, options left out being at their defaults; a name unknown here stands for itself alone."""
    try:
        found = find(spec if "(" in spec else f"{spec}()", registries)
    except UsageError:
        found = None
    return Name(found.part, found.options, spec) if found else Name(spec, (), spec)


def natural(spec: str) -> Name:
    """`natural`, any other sample, or `natural(source=...)`, that one.

    >>> natural("natural('b.csv')").text
    "natural(source='b.csv')"
    """
    _, positional, named = parse_spec(spec)
    if "(" not in spec:
        return Name(NATURAL, None, NATURAL)
    options = dict(zip(["source"], positional, strict=False)) | named
    if set(options) - {"source"}:
        raise unknown("option of natural", min(set(options) - {"source"}), ["source"])
    if len(positional) > 1 or not isinstance(options.get("source"), str):
        raise UsageError(f"Cannot read {spec!r}. Write natural for any other sample, or natural(source='its URI').")
    return Name(NATURAL, tuple(options.items()), NATURAL + written(options))


def written(options: dict[str, Value]) -> str:
    """Options as a spec has them, so that reading them gives the same values back.

    >>> written({"eps": 8 / 255, "loss": "margin", "source": "a b.csv"})
    "(eps=8/255, loss=margin, source='a b.csv')"
    """
    return f"({', '.join(f'{written_option(option)}={_value(value)}' for option, value in options.items())})"


def _value(value: Value) -> str:
    if not isinstance(value, str):
        return show(value)
    word = value.isascii() and value.isidentifier()  # Python reads other letters as their normal forms
    return value if word and not keyword.iskeyword(value) and value.lower() not in ("true", "false", "inf") else repr(value)
