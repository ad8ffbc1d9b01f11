"""Small tables of English words that edits and the guard share, made by hand for this package, and letters that look alike (Unicode)."""

from __future__ import annotations

from collections.abc import Mapping

from shiftproof._errors import must


def parsed(table: str) -> Mapping[str, tuple[str, ...]]:
    """A table written one entry a line, `old: new | new`; several old ones share a line as `old, old: new`.

    >>> parsed("movie, film: picture | flick")["film"]
    ('picture', 'flick')
    """
    made: dict[str, tuple[str, ...]] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        old, colon, new = line.partition(": ")
        if not colon:
            raise must("line", "a table of words", "be `old: new | new`", line)
        for word in old.split(", "):
            made[word] = (*made.get(word, ()), *(form for form in new.split(" | ") if form != word))
    return made


def words_of(text: str) -> frozenset[str]:
    """The words of a list written with blanks."""
    return frozenset(text.split())


ALIKE = {
    "a": "\u0430", "c": "\u0441", "d": "\u0501", "e": "\u0435", "h": "\u04bb", "i": "\u0456", "j": "\u0458", "o": "\u043e\u03bf",
    "p": "\u0440", "q": "\u051b", "s": "\u0455", "v": "\u03bd", "w": "\u051d", "x": "\u0445", "y": "\u0443",
    "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421", "E": "\u0415\u0395", "H": "\u041d\u0397", "I": "\u0406\u0399", "J": "\u0408",
    "K": "\u041a\u039a", "M": "\u041c\u039c", "N": "\u039d", "O": "\u041e\u039f", "P": "\u0420\u03a1", "S": "\u0405", "T": "\u0422\u03a4",
    "X": "\u0425\u03a7", "Y": "\u03a5", "Z": "\u0396",
}  # fmt: skip
"""Cyrillic and Greek letters that most fonts draw as these Latin ones (Unicode's confusables)."""

ANTONYMS = parsed("""
good: bad | poor
bad: good
great: terrible
terrible: great
best: worst
worst: best
better: worse
worse: better
funny: unfunny
unfunny: funny
interesting: boring
boring: interesting
dull: exciting | lively
fun: tedious
enjoyable: unpleasant
entertaining: tedious
beautiful: ugly
ugly: beautiful
smart: stupid
stupid: smart
clever: stupid
dumb: smart
strong: weak
weak: strong
fresh: stale
stale: fresh
original: derivative
love: hate
loves: hates
hate: love
like: dislike
happy: sad
sad: happy
success: failure
succeeds: fails
fails: succeeds
failure: success
fail: succeed
perfect: flawed
rich: poor
poor: rich
deep: shallow
shallow: deep
warm: cold
cold: warm
charming: repellent
moving: tedious
powerful: feeble
compelling: dull
engaging: tedious
worth: not worth
works: fails
excellent: awful
awful: excellent
wonderful: awful
easy: hard
hard: easy
new: old
old: new
more: less
less: more
well: badly
badly: well
right: wrong
wrong: right
true: false
always: never
never: always
up: down
with: without
without: with
enough: insufficient
fine: poor
solid: flimsy
subtle: crude
sweet: bitter
gorgeous: ugly
intelligent: stupid
brilliant: awful
delightful: dreadful
hilarious: unfunny
thoughtful: thoughtless
honest: dishonest
sincere: insincere
satisfying: unsatisfying
predictable: surprising
pointless: meaningful
bright: dim
light: heavy
big: small
little: big
long: short
short: long
""")
"""Words that judge, with their opposites."""
SYNONYMS = parsed("""
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
"""Frequent words with others of the same part of speech and degree."""
