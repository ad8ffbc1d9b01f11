"""Pronouns and people of the other gender: "he" as "she", "actor" as "actress"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class PronounGender(WordTable):
    """Up to `edits` words that tell a gender replaced by those of the other, or of none.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> PronounGender(edits=1).edited('he is a king', [(0, 0)])
        'she is a king'
    """

    name: ClassVar[str] = "pronoun_gender"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        he: she | they
        she: he | they
        his: her | their
        her: his | their
        him: her | them
        himself: herself
        herself: himself
        man: woman
        woman: man
        men: women
        women: men
        boy: girl
        girl: boy
        boys: girls
        girls: boys
        actor: actress
        actress: actor
        father: mother
        mother: father
        son: daughter
        daughter: son
        brother: sister
        sister: brother
        husband: wife
        wife: husband
        king: queen
        queen: king
        guy: gal
        guys: ladies
        mr: ms
        hero: heroine
        heroine: hero
        male: female
        female: male
        director: directress
        host: hostess
    """)
