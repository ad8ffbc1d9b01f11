"""Words of Spanish among English ones: "the movie" as "la película"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class CodeSwitching(WordTable):
    """Up to `edits` frequent words replaced by a Spanish one, as bilingual people mix them; a table of ours, made by hand.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> CodeSwitching(edits=2).edited('a very good movie', [(2, 0), (12, 0)])
        'a muy good película'
    """

    name: ClassVar[str] = "code_switching"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        the: el | la
        a, an: un | una
        and: y
        of: de
        is: es
        in: en
        to: a
        with: con
        for: para
        but: pero
        not: no
        film, movie: película
        films, movies: películas
        story: historia
        good: bueno
        bad: malo
        very: muy
        more: más
        all: todo
        love: amor
        life: vida
        time: tiempo
        world: mundo
        people: gente
        funny: gracioso
        comedy: comedia
        drama: drama
        music: música
        old: viejo
        new: nuevo
        great: gran
        little: poco
        big: grande
        beautiful: hermoso
        never: nunca
        always: siempre
        without: sin
        because: porque
        its: su
        this: este
        that: que
        as: como
        on: sobre
        by: por
        from: desde
        he: él
        she: ella
        i: yo
        you: tú
        we: nosotros
        they: ellos
        one: uno
        two: dos
        yes: sí
        man: hombre
        woman: mujer
        heart: corazón
        dull: aburrido
        director: director
        audience: público
    """)
