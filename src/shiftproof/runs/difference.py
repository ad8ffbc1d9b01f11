"""Where two values of a plan differ first, short enough for a message."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile, zip_longest

_MOST = 120
_BEFORE = 30
_ENDS = " ,;()[]"


def first_difference(what: str, old: object, new: object) -> str:
    """`its seed is 0, and this run's is 1`: of two lists the first item that differs, of two texts what surrounds the difference."""
    if isinstance(old, list) and isinstance(new, list):
        pairs = zip_longest(map(str, old), map(str, new))
        at, (one, two) = next((place, pair) for place, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
        if one is None or two is None:
            longer, extra = ("it has", one) if two is None else ("this run has", two)
            return f"its {what} are {len(old)}, and this run's are {len(new)}: {longer} also {_clipped(str(extra), 0)}"
        if max(len(old), len(new)) > 1:
            what = f"{what} differ first at number {at}, which"
        old, new = one, two
    one, two = str(old), str(new)
    place = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
    return f"its {what} is {_clipped(one, place)}, and this run's is {_clipped(two, place)}"


def _clipped(text: str, place: int) -> str:
    """At most about 120 letters of a text, around this place, cut between its words."""
    if len(text) <= _MOST:
        return text
    begin = max(0, place - _BEFORE)
    begin = _after_word(text, begin, place) if begin else 0
    end = begin + _MOST
    return f"{'...' if begin else ''}{text[begin:end]}{'...' if end < len(text) else ''}"


def _after_word(text: Sequence[str], begin: int, place: int) -> int:
    return next((i + 1 for i in range(begin, place) if text[i] in _ENDS), begin)
