"""Words of the same meaning, of a small table: "film" as "movie", "smart" as "clever"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import WordTable, parsed


@dataclass(frozen=True)
class CommonSynonyms(WordTable):
    """Up to `edits` frequent words replaced by synonyms, of the same part of speech and degree; a table of ours, made by hand.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> CommonSynonyms(edits=2).edited('a smart film', [(2, 0), (8, 0)])
        'a clever movie'
    """

    name: ClassVar[str] = "common_synonyms"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        film: movie | picture
        movie: film | picture
        films: movies | pictures
        movies: films | pictures
        story: tale | narrative
        tale: story
        plot: storyline
        actor: performer
        actors: performers
        director: filmmaker
        audience: viewers
        viewers: audience
        characters: figures
        character: figure
        performance: portrayal
        performances: portrayals
        comedy: farce
        drama: play
        script: screenplay
        screenplay: script
        scene: sequence
        funny: amusing | humorous
        amusing: funny
        smart: clever | bright
        clever: smart
        stupid: dumb | foolish
        dumb: stupid
        boring: dull | tedious
        dull: boring | tedious
        tedious: boring
        great: terrific | superb
        good: fine | decent
        bad: poor | lousy
        terrible: awful | dreadful
        awful: terrible | dreadful
        wonderful: marvellous | superb
        beautiful: gorgeous | lovely
        lovely: beautiful
        sad: sorrowful
        happy: glad
        scary: frightening
        strange: odd | weird
        odd: strange
        weird: strange
        big: large
        large: big
        small: little
        little: small
        old: aged
        new: fresh
        fresh: new
        quick: fast
        fast: quick
        slow: sluggish
        hard: difficult
        difficult: hard
        easy: simple
        simple: plain
        entertaining: enjoyable
        enjoyable: entertaining
        interesting: engaging
        engaging: interesting
        moving: touching
        touching: moving
        powerful: strong
        strong: powerful
        weak: feeble
        original: novel
        silly: goofy
        charming: delightful
        delightful: charming
        sweet: lovable
        dark: gloomy
        deep: profound
        compelling: gripping
        gripping: compelling
        predictable: foreseeable
        makes: renders
        shows: displays
        feels: seems
        seems: appears
        looks: appears
        tries: attempts
        manages: contrives
        offers: provides
        gives: provides
        keeps: holds
        find: discover
        finds: discovers
        works: functions
        begins: starts
        starts: begins
        ends: finishes
        loves: adores
        love: adore
        hate: detest
        like: such as
        enough: sufficiently
        never: not once
        always: invariably
        often: frequently
        rarely: seldom
        perhaps: maybe
        maybe: perhaps
        almost: nearly
        nearly: almost
        mostly: mainly
        really: truly
        very: extremely
        also: too
        about: concerning
        despite: in spite of
        because: since
        although: though
        though: although
        while: whereas
        but: yet
        many: numerous
        few: not many
        lot: great deal
        whole: entire
        entire: whole
        people: persons
        kids: children
        children: kids
        life: existence
        world: globe
        way: manner
        time: moment
        humor: wit
        wit: humor
        heart: soul
        job: task
        piece: work
        idea: notion
        ideas: notions
        thing: matter
        things: matters
        moments: instants
        feeling: sentiment
        emotion: feeling
        experience: adventure
        american: u.s.
        hollywood: tinseltown
    """)
