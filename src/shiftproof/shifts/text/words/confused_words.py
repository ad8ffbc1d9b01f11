"""Words that writers mix up: "its" and "it's", "then" and "than"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class ConfusedWords(WordTable):
    """Up to `edits` words replaced by the one that they are commonly mistaken for.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> ConfusedWords(edits=1).edited('its plot', [(0, 0)])
        "it's plot"
    """

    name: ClassVar[str] = "confused_words"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        its: it's
        it's, it 's: its
        your: you're
        you're, you 're: your
        their: they're | there
        there: their
        they're, they 're: their
        to: too
        too: to
        than: then
        then: than
        of: off
        off: of
        have: of
        who: whom
        who's: whose
        whose: who's
        where: were
        were: where
        we're: were
        lose: loose
        loose: lose
        affect: effect
        effect: affect
        accept: except
        except: accept
        quite: quiet
        quiet: quite
        lead: led
        advice: advise
        breath: breathe
        less: fewer
        fewer: less
        lay: lie
        lie: lay
        principal: principle
        stationary: stationery
        dessert: desert
        weather: whether
        though: thought
        thought: though
        through: though
        casual: causal
        minute: minuet
        trial: trail
        moral: morale
        personal: personnel
        from: form
        form: from
    """)
