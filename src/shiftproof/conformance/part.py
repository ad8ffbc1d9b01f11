"""What every part owes, whatever its kind."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import typing

from shiftproof._errors import UsageError
from shiftproof._part import Part, option_types
from shiftproof.conformance.report import NotApplicable, describe, expect
from shiftproof.registry import parse_spec


def has_a_name(part: Part) -> None:
    """It has a name of its own in snake_case, as people write it in a spec."""
    name = getattr(type(part), "name", None)
    good = isinstance(name, str) and name.replace("/", "_").replace("-", "_").isidentifier() and name == name.lower()
    expect(good, f'Its class must say name: ClassVar[str] = "my_part" (lower case, words joined by _), got {name!r}.')


def options_are_fields(part: Part) -> None:
    """Every option is a field: the class itself is decorated with @dataclass(frozen=True)."""
    known = {f.name for f in dataclasses.fields(part)}
    declared = {k for k, hint in inspect.get_annotations(type(part)).items() if "ClassVar" not in str(hint)}
    lost = sorted(declared - known)
    expect(not lost, f"{', '.join(lost)} of {type(part).__name__} is no field. Decorate the class with @dataclass(frozen=True).")
    types = option_types(type(part))
    hints = typing.get_type_hints(type(part))
    other = sorted(f.name for f in dataclasses.fields(part) if f.init and f.name not in types and _required(f))
    shown = ", ".join(f"{name}: {hints[name]}" for name in other)
    expect(not other, f"Options are float, int, str or bool, so that a spec can write them, and {type(part).__name__} requires {shown}.")


def _required(option: dataclasses.Field[object]) -> bool:
    return option.default is dataclasses.MISSING and option.default_factory is dataclasses.MISSING


def is_immutable_and_hashable(part: Part) -> None:
    """It is frozen, and equal parts have equal hashes, so it can stand in a plan and be sent to another process."""
    twin = copy.deepcopy(part)
    expect(
        twin == part and hash(twin) == hash(part),
        "A deep copy of it is not equal to it, or hashes differently. Drop its own __eq__ and __hash__.",
    )
    for option in option_types(type(part)):
        try:
            setattr(part, option, getattr(part, option))
        except dataclasses.FrozenInstanceError:
            continue
        expect(False, f"Its option '{option}' can be set afterwards. Decorate the class with @dataclass(frozen=True).")


def spec_reads_back(part: Part) -> None:
    """What it writes as its spec, short and full, builds an equal part."""
    for spec in (part.spec(), part.full_spec()):
        try:
            name, _, named = parse_spec(spec)
            again = type(part)(**named)
        except (TypeError, UsageError) as error:
            expect(False, f"Its spec {spec!r} does not build it again. {describe(error)}")
        expect(name == part.name, f"Its spec {spec!r} reads back as the name {name!r}.")
        expect(again.options() == part.options(), f"Its spec {spec!r} reads back as {again.full_spec()}, not {part.full_spec()}.")


def refuses_wrong_options(part: Part) -> None:
    """An option of a wrong type, or a number that is not one (NaN), is refused with a UsageError."""
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
            way_out = "Check it in `check`, and call super().__post_init__() where you define your own."
            expect(False, f"It takes {option}={value!r} (a {getattr(kind, '__name__', kind)}) without complaint. {way_out}")


PART_CHECKS = (options_are_fields, is_immutable_and_hashable, spec_reads_back, refuses_wrong_options)
