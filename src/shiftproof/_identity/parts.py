"""What a part is known by: its registered name, its options and fields, and where it is not ours, its code."""

from __future__ import annotations

from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof._part import Part


def known_part(part: Part) -> Fingerprint:
    """The fingerprint of a shift, a search or any other part. Neither its module nor its file counts.

    >>> from shiftproof.shifts import Linf
    >>> known_part(Linf(0.1)) == known_part(Linf(0.1)), known_part(Linf(0.1)) == known_part(Linf(0.2))
    (True, False)
    """
    known = fingerprint_of("", identify(part, part.name), version=part.code_version or None)
    return Fingerprint(f"{part.full_spec()} #{known.text[1:]}", known.gaps)
