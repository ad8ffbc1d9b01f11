"""Casual words: "going to" as "gonna", "children" as "kids"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Casual(WordTable):
    """Up to `edits` words replaced by what people say among friends.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Casual(edits=2).edited('two films for children', [(4, 0), (14, 0)])
        'two flicks for kids'
    """

    name: ClassVar[str] = "casual"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        going to: gonna
        want to, wants to: wanna
        got to, have to, has to: gotta
        kind of: kinda
        sort of: sorta
        out of: outta
        because: cause
        children: kids
        child: kid
        friends: buddies
        film: flick | movie
        films: flicks | movies
        picture: flick
        excellent: awesome
        wonderful: awesome
        entertaining: fun
        humorous: funny
        enjoyable: fun
        interesting: cool
        a lot of: loads of
        many: loads of | tons of
        much: loads of
        very: super
        extremely: crazy
        man: guy | dude
        men: guys
        woman: gal
        people: folks
        thing: thingy
        things: stuff
        money: cash
        no: nope
        something: somethin
        nothing: zip
        good: good ol'
        about: 'bout
        probably: prolly
        let us: let's
        hello: hey
        mother: mom
        father: dad
        drunk: wasted
        tired: beat
        audience: crowd
        attempts: tries
        attempt: try
        often: a lot
        perhaps: maybe
        story: yarn
        humor: laughs
        performance: turn
        performances: turns
    """)
