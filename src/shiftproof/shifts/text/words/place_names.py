"""Other places: "Paris" as "Lagos", "American" as "Kenyan"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import LabelRule, WordTable


@dataclass(frozen=True)
class PlaceNames(WordTable):
    """Up to `edits` names of places and peoples replaced by others of their kind.

    Args:
        edits: how many at most, at least 1.

    Whether the truth stays is for a person to say.

    Example:
        >>> PlaceNames(edits=1).edited('a French film', [(2, 0)])
        'a Kenyan film'
    """

    name: ClassVar[str] = "place_names"
    label: ClassVar[LabelRule] = "person"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        paris, london, berlin, new york, rome, madrid, hollywood, boston, chicago, los angeles: Lagos | Jakarta | Lima | Dhaka
        america, france, germany, england, italy, spain, russia, china, japan, canada: Kenya | Peru | Vietnam | Bolivia
        american, french, german, british, english, italian, spanish: Kenyan | Peruvian | Vietnamese | Bolivian
        russian, chinese, japanese, canadian: Kenyan | Peruvian | Vietnamese | Bolivian
        europe: Africa
        europeans, americans: Kenyans
    """)
