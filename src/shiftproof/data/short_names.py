"""Short names of samples: `usps=npz:usps.npz` is the sample `npz:usps.npz`, called usps in reports and conditions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shiftproof._errors import UsageError

_NAMED = re.compile(r"([A-Za-z_][\w.-]*)=(?=[A-Za-z_]+:|.*/)(.*)", re.DOTALL)


def short_names(given: Sequence[object], taken: Sequence[str] = ()) -> list[tuple[str | None, object]]:
    """For each sample its short name, if it has one, and what it is.

    >>> short_names(["usps=npz:usps.npz", "npz:b.npz?y=a"])
    [('usps', 'npz:usps.npz'), (None, 'npz:b.npz?y=a')]

    Raises:
        UsageError: two samples have one name, or a name is among `taken`.
    """
    found = [_NAMED.fullmatch(text) if isinstance(text, str) else None for text in given]
    pairs = [(match[1], match[2]) if match else (None, what) for match, what in zip(found, given, strict=True)]
    names = [name if name is not None else what for name, what in pairs]
    for name in names:
        if isinstance(name, str) and (names.count(name) > 1 or name in taken) and any(name == own for own, _ in pairs):
            raise UsageError(f"The name '{name}' is taken by another sample. Write NAME=URI with a name of its own.")
    return pairs
