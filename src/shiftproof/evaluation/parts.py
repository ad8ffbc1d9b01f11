"""Parts that a run was given: by spec, by the place of a class of the user's own, or as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from shiftproof._errors import UsageError
from shiftproof._part import Part
from shiftproof.catalogue import registries
from shiftproof.registry import Registry

P = TypeVar("P", bound=Part)


def build_parts(registry: Registry[P], given: Sequence[Any], **setting: Any) -> list[P]:
    """The parts, in their order.

    A spec names a part of the registry, as `linf(eps=8/255)`, or a class of the user's own with its options, as `rain.py:Rain(most=3)`.
    Such a class must pass the tests that `shiftproof check` runs, which takes seconds: a number from a part that breaks its contract
    means nothing. Objects are taken as they are. `setting` are fields set by the library, such as the space of a shift.

    Raises:
        UsageError: a spec cannot be read, or a class fails a test.
    """
    return [part if isinstance(part, registry.base) else _built(registry, str(part), **setting) for part in given]


def _built(registry: Registry[P], spec: str, **setting: Any) -> P:
    place = spec.partition("(")[0].strip()
    if ":" in place:
        _check(place, registry.get(place))
    elif place not in registry.names() and place not in registry.aliases():  # aliases load every part
        _refuse_other_kind(registry, place)
    return registry.build(spec, **setting)


_OPTIONS = {"shift": "--shift", "search": "--search", "certificate": "--certify", "measure": "--measure", "defence": "--defence"}


def _refuse_other_kind(registry: Registry[P], name: str) -> None:
    """Raises where a name is that of a part of another kind, which another option takes."""
    for other in registries().values():
        if other.kind != registry.kind and other.kind in _OPTIONS and (name in other.names() or name in other.aliases()):
            raise UsageError(f"'{name}' is a {other.kind}, not a {registry.kind}: name it with {_OPTIONS[other.kind]}.")


@cache
def _check(place: str, part: type[Part]) -> None:
    """Raises where the class fails a test of its contract; an edited file is another class, and is checked again."""
    from shiftproof.conformance import check_part

    report = check_part(part)
    if not report.passed:
        failed = "; ".join(f"{result.check} of {result.case}: {result.message}" for result in report.results if result.status == "fail")
        raise UsageError(f"The {report.kind} '{place}' does not keep its contract: {failed}. See: shiftproof check {place}")
