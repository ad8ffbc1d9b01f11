"""Contractions written out: "isn't" as "is not", "it's" as "it is"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Rewrite, Site, like

_PRONOUNS = "it|he|she|that|there|here|who|what|this|you|they|we|i"
_CONTRACTED = re.compile(rf"(?<![\w'’])(?:(\w+?) ?n['’]t|({_PRONOUNS}) ?['’](s|re|ve|ll|m))(?![\w'’])", re.IGNORECASE)
_IRREGULAR = {"wo": "will", "ca": "can", "sha": "shall", "ai": "is"}
_SHORT = {"s": "is", "re": "are", "ve": "have", "ll": "will", "m": "am"}


@dataclass(frozen=True)
class Expanded(Rewrite):
    """Up to `edits` contractions written out, also those that a tokenizer has split, as in does n't; the s of a possessive stays.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Expanded(edits=1).edited("it isn't", [(3, 0)])
        'it is not'
    """

    name: ClassVar[str] = "expanded"

    def sites(self, text: str) -> Iterator[Site]:
        for found in _CONTRACTED.finditer(text):
            verb, pronoun, short = found.groups()
            if verb:
                yield Site(found.start(), found.end(), (like(verb, f"{_IRREGULAR.get(verb.lower(), verb.lower())} not"),))
            else:
                yield Site(found.start(), found.end(), (f"{pronoun} {_SHORT[short.lower()]}",))
