"""What an edit of a text costs: the letters and the words that somebody must type to get from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class EditCost(NamedTuple):
    """How far two texts lie apart: insertions, deletions and replacements of letters, and of words between white space."""

    letters: int
    words: int


def edit_cost(before: str, after: str) -> EditCost:
    """The Levenshtein distance of two texts in letters and in words.

    Cost: the product of the lengths of what is between their common start and end.

    >>> edit_cost("a good film", "a god film !")
    EditCost(letters=3, words=2)
    """
    return EditCost(_distance(before, after), _distance(before.split(), after.split()))


def _distance(one: Sequence[str], two: Sequence[str]) -> int:
    start = 0
    shorter = min(len(one), len(two))
    while start < shorter and one[start] == two[start]:
        start += 1
    ends = 0
    while ends < shorter - start and one[-1 - ends] == two[-1 - ends]:
        ends += 1
    one, two = one[start : len(one) - ends], two[start : len(two) - ends]
    row: list[int] = [*range(len(two) + 1)]
    for above, left in enumerate(one, start=1):
        corner, row[0] = row[0], above
        for place, right in enumerate(two, start=1):
            corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (left != right))
    return row[-1]
