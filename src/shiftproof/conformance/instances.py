"""Instances of a part to check: those that its class offers, or one with common values of its required options."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from shiftproof._errors import UsageError
from shiftproof._part import Part, Value, option_types, required_options
from shiftproof.shifts.abstract import Shift

KNOWN: dict[str, tuple[Value, ...]] = {
    "eps": (0.1,),
    "severity": (3, 3.0),
    "degrees": (15, 15.0),
    "pixels": (2, 2.0),
    "radius": (0.5, 2),
    "cutoff": (0.5, 4),
    "low": (0.1, 1),
    "high": (0.4, 3),
    "sigma": (0.25,),
    "alpha": (0.1,),
    "n": (5,),
    "edits": (2,),
    "steps": (5,),
    "draws": (20,),
    "points": (3,),
    "queries": (50,),
    "confidence": (0.95,),
}
"""Values tried first for a required option of this name."""
BY_TYPE: dict[object, tuple[Value, ...]] = {float: (0.1, 0.5, 1.0, 2.0, 10.0), int: (1, 2, 3, 10), bool: (True,), str: ()}
"""Values tried for other required options."""
LARGEST: dict[str, int] = {"steps": 30, "rounds": 3, "restarts": 2, "n_targets": 2, "queries": 100, "draws": 200, "n": 200}
"""Larger defaults are lowered to these for the checks, which test the contract and not the strength."""
_TRIES = 200


@runtime_checkable
class OffersExamples(Protocol):
    """A class that provides the instances of its checks."""

    def examples_for_check(self) -> Sequence[object]:
        """Instances with typical options; a classmethod."""
        ...


@runtime_checkable
class OffersShifts(Protocol):
    """A search or certificate that names the shifts of its checks, if it does not support ours."""

    def shifts_for_check(self) -> Sequence[Shift]:
        """Shifts that it supports; a classmethod."""
        ...


def instances(part: type[Part]) -> list[Part]:
    """Instances of `part` for its checks: those it offers, or one with common values and with large defaults lowered.

    Raises:
        UsageError: it is abstract, or no valid values are known for its required options.
    """
    if inspect.isabstract(part):
        missing = ", ".join(sorted(part.__abstractmethods__))
        raise UsageError(f"{part.__name__} is abstract and cannot be checked: it lacks {missing}. Define them, or name a class that does.")
    offer: object = part
    if isinstance(offer, OffersExamples):
        offered = [example for example in offer.examples_for_check() if isinstance(example, part)]
        if not offered:
            raise UsageError(f"{part.__name__}.examples_for_check() must return a list of {part.__name__}, and returned none.")
        return offered
    return [_built(part)]


def _built(part: type[Part]) -> Part:
    types = option_types(part)
    required = required_options(part)
    choices = [KNOWN.get(option, BY_TYPE[types[option]]) for option in required]
    refusals: list[str] = []
    for values in itertools.islice(itertools.product(*choices), _TRIES):
        try:
            return _lowered(part(**dict(zip(required, values, strict=True))))
        except UsageError as refusal:
            refusals.append(str(refusal))
    last = f" The last error was: {refusals[-1]}" if refusals else ""
    raise UsageError(
        f"No valid values are known for the options {', '.join(required)} of {part.__name__}, so it cannot be checked.{last} "
        f"Give the class a classmethod examples_for_check() that returns a list of instances, or check an instance."
    )


def _lowered(part: Part) -> Part:
    """The part with large defaults lowered where that is valid."""
    for option, most in LARGEST.items():
        value = part.options().get(option)
        if isinstance(value, int) and value > most:
            with suppress(UsageError):
                part = type(part)(**{**part.options(), option: most})
    return part
