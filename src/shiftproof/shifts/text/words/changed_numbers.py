"""Other numbers: "90 minutes" as "91 minutes"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import LabelRule, Rewrite, Site

_NUMBER = re.compile(r"(?<![\w.])[0-9]{1,9}(?![\w.])")


@dataclass(frozen=True)
class ChangedNumbers(Rewrite):
    """Up to `edits` numbers in digits raised by one, lowered by one or ten times as large.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> ChangedNumbers(edits=1).edited('90 minutes', [(0, 0)])
        '91 minutes'
    """

    name: ClassVar[str] = "changed_numbers"
    label: ClassVar[LabelRule] = "person"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _NUMBER.finditer(text):
            number = int(found[0])
            yield Site(
                found.start(), found.end(), tuple(str(other) for other in (number + 1, max(0, number - 1), 10 * number) if other != number)
            )
