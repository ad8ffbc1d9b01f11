"""The contract of parts of every kind."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import typing

from shiftproof._errors import UsageError
from shiftproof._part import Part, declared_name, option_types
from shiftproof.conformance.report import NotApplicable, describe, expect
from shiftproof.registry import parse_spec


def has_a_name(part: Part) -> None:
    """Its class declares a name in snake_case, for specs."""
    name = declared_name(type(part))
    good = name is not None and name.replace("/", "_").replace("-", "_").isidentifier() and name == name.lower()
    expect(good, f'Its class must declare name: ClassVar[str] = "my_part" (lower case, words joined by _), got {name!r}.')


def options_are_fields(part: Part) -> None:
    """Every option is a field: the class itself is decorated with @dataclass(frozen=True)."""
    known = {f.name for f in dataclasses.fields(part)}
    declared = {k for k, hint in inspect.get_annotations(type(part)).items() if "ClassVar" not in str(hint)}
    lost = sorted(declared - known)
    expect(not lost, f"{', '.join(lost)} of {type(part).__name__} is not a field. Decorate the class with @dataclass(frozen=True).")
    types = option_types(type(part))
    hints = typing.get_type_hints(type(part))
    other = sorted(f.name for f in dataclasses.fields(part) if f.init and f.name not in types and _required(f))
    shown = ", ".join(f"{name}: {hints[name]}" for name in other)
    expect(not other, f"Options must be float, int, str or bool, which a spec can contain, and {type(part).__name__} requires {shown}.")


def _required(option: dataclasses.Field[object]) -> bool:
    return option.default is dataclasses.MISSING and option.default_factory is dataclasses.MISSING


def is_immutable_and_hashable(part: Part) -> None:
    """It is frozen, and equal parts have equal hashes, so it can be part of a plan and be sent to another process."""
    twin = copy.deepcopy(part)
    expect(
        twin == part and hash(twin) == hash(part),
        "A deep copy is not equal to it, or hashes differently. Remove its own __eq__ and __hash__.",
    )
    for option, value in part.options().items():
        try:
            setattr(part, option, value)
        except dataclasses.FrozenInstanceError:
            continue
        expect(False, f"Its option '{option}' can be changed. Decorate the class with @dataclass(frozen=True).")


def spec_reads_back(part: Part) -> None:
    """Its spec, short and full, builds an equal part."""
    for spec in (part.spec(), part.full_spec()):
        try:
            name, _, named = parse_spec(spec)
            again = type(part)(**named)
        except (TypeError, UsageError) as error:
            expect(False, f"Its spec {spec!r} does not build it. {describe(error)}")
        expect(name == part.name, f"Its spec {spec!r} reads back as the name {name!r}.")
        expect(again.options() == part.options(), f"Its spec {spec!r} reads back as {again.full_spec()}, not {part.full_spec()}.")


def refuses_wrong_options(part: Part) -> None:
    """An option of a wrong type, or NaN, is refused with a UsageError."""
    options = part.options()
    if not options:
        raise NotApplicable("It has no options.")
    for option, kind in option_types(type(part)).items():
        wrong: object = 1.5 if kind is str else "a word"
        for value in (wrong, math.nan) if kind is float else (wrong,):
            try:
                type(part)(**{**options, option: value})
            except UsageError:
                continue
            advice = "Check it in `check`, and call super().__post_init__() if you define your own."
            expect(False, f"It accepts {option}={value!r} (a {kind.__name__}). {advice}")


PART_CHECKS = (options_are_fields, is_immutable_and_hashable, spec_reads_back, refuses_wrong_options)
