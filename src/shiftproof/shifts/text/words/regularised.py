"""Irregular words made regular: "made" as "maked", "children" as "childs"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class Regularised(WordTable):
    """Up to `edits` irregular verbs, plurals and degrees formed as the rule has it, as children and learners do.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Regularised(edits=2).edited('made for children', [(0, 0), (9, 0)])
        'maked for childs'
    """

    name: ClassVar[str] = "regularised"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        made: maked
        went: goed
        came: comed
        took: taked
        saw: seed
        seen: seed
        got: getted
        gave: gived
        given: gived
        felt: feeled
        found: finded
        kept: keeped
        knew: knowed
        known: knowed
        left: leaved
        lost: losed
        said: sayed
        thought: thinked
        told: telled
        done: doed
        did: doed
        been: beed
        written: writed
        wrote: writed
        drawn: drawed
        taken: taked
        shown: showed
        seeks: seekes
        built: builded
        caught: catched
        fell: falled
        held: holded
        spent: spended
        stood: standed
        ran: runned
        broken: breaked
        worn: weared
        better: gooder | more good
        best: goodest
        worse: badder | more bad
        worst: baddest
        children: childs
        men: mans
        women: womans
        people: peoples
        feet: foots
        teeth: tooths
        lives: lifes
        became: becomed
        begun: beginned
        sat: sitted
        sent: sended
        meant: meaned
        brought: bringed
        bought: buyed
    """)
