"""Whether the number in an answer is right, in whatever unit it is given."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.judges._texts import scores
from shiftproof.judges.abstract import Judge

_PREFIXES = {"n": 1e-9, "µ": 1e-6, "u": 1e-6, "m": 1e-3, "c": 1e-2, "d": 1e-1, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_METRIC: dict[str, tuple[str, float, str]] = {
    "m": ("length", 1.0, "nµumcdk"),
    "g": ("mass", 1.0, "µumk"),
    "l": ("volume", 1.0, "µumcd"),
    "L": ("volume", 1.0, "µumcd"),
    "s": ("time", 1.0, "nµum"),
    "W": ("power", 1.0, "mkMG"),
    "J": ("energy", 1.0, "mkMG"),
    "V": ("voltage", 1.0, "mkM"),
    "A": ("current", 1.0, "µum"),
    "N": ("force", 1.0, "mkM"),
    "Pa": ("pressure", 1.0, "mkMG"),
    "Hz": ("frequency", 1.0, "kMG"),
}
_WORDS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("metre", "metres", "meter", "meters"), ("length", 1.0)),
    **dict.fromkeys(("centimetre", "centimetres", "centimeter", "centimeters"), ("length", 0.01)),
    **dict.fromkeys(("kilometre", "kilometres", "kilometer", "kilometers"), ("length", 1000.0)),
    **dict.fromkeys(("inch", "inches"), ("length", 0.0254)),
    **dict.fromkeys(("foot", "feet", "ft"), ("length", 0.3048)),
    **dict.fromkeys(("yard", "yards"), ("length", 0.9144)),
    **dict.fromkeys(("mile", "miles"), ("length", 1609.344)),
    **dict.fromkeys(("gram", "grams"), ("mass", 1.0)),
    **dict.fromkeys(("kilogram", "kilograms", "kilo", "kilos"), ("mass", 1000.0)),
    **dict.fromkeys(("pound", "pounds", "lb", "lbs"), ("mass", 453.59237)),
    **dict.fromkeys(("ounce", "ounces", "oz"), ("mass", 28.349523125)),
    **dict.fromkeys(("litre", "litres", "liter", "liters"), ("volume", 1.0)),
    **dict.fromkeys(("second", "seconds", "sec", "secs"), ("time", 1.0)),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), ("time", 60.0)),
    **dict.fromkeys(("hour", "hours", "h", "hr", "hrs"), ("time", 3600.0)),
    **dict.fromkeys(("day", "days"), ("time", 86400.0)),
    **dict.fromkeys(("week", "weeks"), ("time", 604800.0)),
    **dict.fromkeys(("dollar", "dollars", "usd"), ("dollars", 1.0)),
    **dict.fromkeys(("cent", "cents"), ("dollars", 0.01)),
    **dict.fromkeys(("euro", "euros", "eur"), ("euros", 1.0)),
    **dict.fromkeys(("percent",), ("", 0.01)),
}
UNITS: dict[str, tuple[str, float]] = {
    **{f"{prefix}{unit}": (of, size * _PREFIXES[prefix]) for unit, (of, size, fit) in _METRIC.items() for prefix in ("", *fit)},
    **_WORDS,
    "%": ("", 0.01),
    "$": ("dollars", 1.0),
    "€": ("euros", 1.0),
}
"""Each unit: what it measures, and its size. A share has no unit."""
_NUMBER = re.compile(
    r"(?:(?<![\w.])(?P<sign>[-−])(?=[$€]))?(?P<before>[$€])?\s?(?:(?<![\w.])(?P<whole>[-+−]?\d+)\s+(?=\d+\s?/\s?\d))?"
    r"(?<![\w.])(?P<number>[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+−]?\.\d+)(?P<exponent>[eE][-+]?\d+)?"
    r"(?:\s?/\s?(?P<under>\d+(?:\.\d+)?))?(?:\s?(?P<unit>%|[$€]|[A-Za-zµ]+))?"
)
_MARKED = re.compile(r"####|\banswer(?:\s+is)?\s*:?|=", re.IGNORECASE)


class Amount(NamedTuple):
    """A number in the base unit of what it measures; "" where it has no unit that is known."""

    value: float
    of: str


@dataclass(frozen=True)
class NumberWithUnit(Judge):
    """Right where the number in the answer is an accepted one, its unit converted.

    Args:
        absolute: the error that is allowed, at least 0, in the unit of the accepted answer.
        relative: the error that is allowed as a share of it, at least 0.

    The answer's number is the first one after the last "answer is", "####" or "=", else the last one that it has. Commas between
    thousands, fractions (3/4, 3 1/2), powers of ten (2e3), % and $ are read; 1.5 km is 1500 m. An answer with a unit of another kind than
    the accepted one is wrong; one without any unit is taken in the accepted one's, but for shares: 75 is not 75%. An answer without
    a number cannot be read: it is wrong, and counted apart.

    Example:
        >>> said = ["So it is 1,500 m.", "3/4", "The answer is 12 apples, not 13."]
        >>> NumberWithUnit().score(said, [("1.5 km",), ("75%",), ("12",)]).tolist()
        [1.0, 1.0, 1.0]
    """

    name: ClassVar[str] = "number_with_unit"
    measure: ClassVar[str] = "right_number"
    word: ClassVar[str] = "share of right numbers"

    absolute: float = 0.0
    relative: float = 0.0

    def check(self) -> None:
        self.require("absolute", "relative", within="[0, inf)")

    def truth(self, examples: Examples) -> Any:
        y = super().truth(examples)
        for name, accepted in zip(examples.ids, y, strict=True):
            strange = next((text for text in accepted if amount_of(text) is None), None)
            if strange is not None:
                raise must("answer", f"the example '{name}'", "have a number", strange)
        return y

    def unreadable(self, said: Any) -> Tensor:
        return super().unreadable(said) | torch.tensor([amount_of(one) is None for one in said], dtype=torch.bool)

    def score(self, said: Any, y: Any) -> Tensor:
        return scores(said, y, self._one)

    def _one(self, answer: str, accepted: str) -> float:
        said, true, unit = amount_of(answer), amount_of(accepted), _size_of(accepted)
        if said is None or true is None or (said.of and said.of != true.of):
            return 0.0
        bare = not said.of and _size_of(answer) == 1.0  # a number alone is in the accepted unit; a share stays one
        value = said.value * unit if bare and true.of else said.value
        allowed = max(self.absolute * unit, self.relative * abs(true.value), 1e-9 * max(abs(value), abs(true.value)))
        return float(abs(value - true.value) <= allowed)


def amount_of(text: str) -> Amount | None:
    """The number that an answer gives; None where it has none.

    >>> amount_of("First 3 boxes, so the answer is 2.5 kg."), amount_of("none")
    (Amount(value=2500.0, of='mass'), None)
    """
    found = _found(text)
    if found is None:
        return None
    value = float(found["number"].replace(",", "").replace("−", "-") + (found["exponent"] or ""))
    value = -value if found["sign"] else value
    if found["under"]:
        value = value / float(found["under"]) if float(found["under"]) else math.inf
    if found["whole"]:  # 3 1/2
        whole = float(found["whole"].replace("−", "-"))
        value = math.copysign(abs(whole) + value, -1.0 if found["whole"][0] in "-−" else 1.0)
    of, size = UNITS.get(_unit_text(found), ("", 1.0))
    return Amount(value * size, of) if math.isfinite(value) else None


def _size_of(text: str) -> float:
    """The size of the unit in a text; 1 where it has none that is known."""
    found = _found(text)
    return 1.0 if found is None else UNITS.get(_unit_text(found), ("", 1.0))[1]


def _unit_text(found: re.Match[str]) -> str:
    unit = found["unit"] or found["before"] or ""
    return unit if unit in UNITS else unit.lower() if unit.lower() in _WORDS else ""


def _found(text: str) -> re.Match[str] | None:
    marks: Sequence[re.Match[str]] = [*_MARKED.finditer(text)]
    after = _NUMBER.search(text, marks[-1].end()) if marks else None
    return after or next(iter(reversed([*_NUMBER.finditer(text)])), None)
