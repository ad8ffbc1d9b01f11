"""British for American spelling, or the other way: "color" as "colour"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class UsUkSpelling(WordTable):
    """Up to `edits` words in the spelling of the other side of the Atlantic.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> UsUkSpelling(edits=1).edited('a colorful film', [(2, 0)])
        'a colourful film'
    """

    name: ClassVar[str] = "us_uk_spelling"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        color: colour
        colour: color
        colors: colours
        colorful: colourful
        humor: humour
        humour: humor
        humorous: humourous
        honor: honour
        favor: favour
        favorite: favourite
        favourite: favorite
        flavor: flavour
        labor: labour
        neighbor: neighbour
        behavior: behaviour
        rumor: rumour
        savor: savour
        center: centre
        centre: center
        theater: theatre
        theatre: theater
        meter: metre
        realize: realise
        realise: realize
        realizes: realises
        recognize: recognise
        organize: organise
        analyze: analyse
        apologize: apologise
        criticize: criticise
        emphasize: emphasise
        memorize: memorise
        stylized: stylised
        traveled: travelled
        traveling: travelling
        canceled: cancelled
        marvelous: marvellous
        jewelry: jewellery
        dialog: dialogue
        dialogue: dialog
        catalog: catalogue
        program: programme
        defense: defence
        offense: offence
        license: licence
        gray: grey
        grey: gray
        plow: plough
        skeptical: sceptical
        mom: mum
        movie: film
        movies: films
        apartment: flat
        vacation: holiday
        elevator: lift
        fall: autumn
        soccer: football
        pants: trousers
        cookie: biscuit
        candy: sweets
        gas: petrol
        truck: lorry
        while: whilst
        among: amongst
        toward: towards
        mold: mould
        fulfill: fulfil
        skillful: skilful
        aging: ageing
        judgment: judgement
        tire: tyre
        pajamas: pyjamas
        airplane: aeroplane
        check: cheque
        story: storey
        math: maths
        z: zed
        learned: learnt
        dreamed: dreamt
        burned: burnt
        spelled: spelt
        whimsy: whimsey
        honored: honoured
    """)
