"""The keys of RobustBench's `model_info` files, and what their values say apart from how they are written."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from shiftproof._errors import must

Scalar = str | bool | int | float | None
Info = dict[str, Scalar]

_WORDS = ("link", "name", "authors", "venue", "architecture", "footnote", "dataset")
_SHARES = ("clean_acc", "reported", "external", "autoattack_acc", "corruptions_acc", "corruptions_acc_3d")
_ERRORS = ("corruptions_mce", "corruptions_mce_3d")
MEASURED = ("external", "autoattack_acc", "corruptions_acc")
"""The numbers that it ranks by."""
KEYS = (*_WORDS, *_SHARES, *_ERRORS, "additional_data", "number_forward_passes", "eps", "unreliable")
ALWAYS = frozenset(
    (
        *("link", "name", "authors", "additional_data", "number_forward_passes", "dataset", "venue", "architecture"),
        *("eps", "clean_acc", "reported", "autoattack_acc"),
    )
)
"""The keys that every file has, null where nothing is known."""


def meaning(key: str, value: object, owner: str) -> Scalar:
    """What a value says, apart from how it is written; raises where it says nothing that this key can hold."""
    if value is None or (isinstance(value, str) and value.strip() in ("", "null")):
        return None
    if key in ("additional_data", "unreliable"):
        if not isinstance(value, bool):
            raise must(key, owner, "be true or false", value)
        return value
    if key == "number_forward_passes":
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise must(key, owner, "be a whole number of at least 1", value)
        return value
    if key in _WORDS:
        if not isinstance(value, str):
            raise must(key, owner, "be text", value)
        return value
    if key == "eps":
        return _quantity(key, value, owner, 'be a number above 0, such as "8/255" or "0.5"', math.inf)
    most, rule = (100.0, "be a percentage from 0 to 100") if key in _SHARES else (math.inf, "be a percentage of at least 0")
    return _quantity(key, value, owner, f'{rule}, such as "53.42"', most)


def _quantity(key: str, value: object, owner: str, rule: str, most: float) -> float:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool) and len(str(value)) <= 40
    if not plain or not re.fullmatch(r"\d+(\.\d*)?(e-?\d{1,3})?(/\d+(\.\d*)?)?", str(value).strip(), re.IGNORECASE):
        raise must(key, owner, rule, value)
    top, _, bottom = str(value).strip().partition("/")
    below = Fraction(bottom or 1)
    if not below or Fraction(top) / below > most or (key == "eps" and not Fraction(top)):
        raise must(key, owner, rule, value)
    return float(Fraction(top) / below / (1 if key == "eps" else 100))
