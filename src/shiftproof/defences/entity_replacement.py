"""The mean over other names of the same type, with the type itself uncertain."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from shiftproof._errors import must
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import hash_file, the_file
from shiftproof.defences.text_mixture import TextMixture, Writing
from shiftproof.randomness import Rng
from shiftproof.shifts.text.pinned import read_json

_EXAMPLE = Path(__file__).parent / "names.json"


@dataclass(frozen=True)
class EntityReplacement(TextMixture):
    """The mean class probabilities over texts in which every name stands replaced by one of the same type.

    p(y | x) = sum over types t of p(t | name) times the mean over the names e of type t of p(y | x with e in the name's place), for
    several names over all combinations. p(t | name) is the share of the name's count that it has as t. A name that occurs twice in a text
    is replaced by one and the same name.

    Args:
        file: a JSON object of type to names: a list, or an object of name to count, such as {"person": {"Paris": 1, "Ann": 9}, "place":
            {"Paris": 30}}. Names are found as whole words, as they are written there, the longest first.
        copies: texts in the mean, at least 1. Where there are no more combinations the mean is exact; else so many are drawn by their
            probabilities.
        seed: of these draws.
        sha256: of the file; filled in.

    Guarantees:
        Where the mean is exact, texts that differ by names of one and the same type only, in the same places, get the same answer, as long
        as each of these names has no other type. No guarantee against any other change.
    Differentiable: no. Cost: up to `copies` passes for a text with names, one for others.

    Example:
        >>> [*EntityReplacement(str(_EXAMPLE)).writings("Ann left")]
        [Writing(text='Ann left', weight=0.5), Writing(text='Wei left', weight=0.5)]

    Reference: Balasubramanian et al. 2020, "What's in a name? Are BERT named entity representations just as good for any other name?" Where
    a tagger is uncertain of types there, counts of a table are here.
    """

    name: ClassVar[str] = "entity_replacement"
    references: ClassVar[tuple[str, ...]] = ("balasubramanian2020whats",)

    file: str
    copies: int = 20
    seed: int = 0
    sha256: str = ""

    @classmethod
    def examples_for_check(cls) -> list[EntityReplacement]:
        """One over a few names."""
        return [cls(str(_EXAMPLE), copies=3)]

    def check(self) -> None:
        self.require("copies", least=1)
        self.pin("sha256", hash_file(self.path), f"the file '{self.file}' as it is")
        _names(self.path, self.sha256)

    @property
    def path(self) -> Path:
        """The file."""
        return the_file(Address(self.name, self.file))

    @property
    def passes(self) -> int:
        return self.copies

    def writings(self, text: str) -> list[Writing]:
        known = _names(self.path, self.sha256)
        found = list(dict.fromkeys(known.pattern.findall(text)))
        others = [known.others[one] for one in found]
        if not found:
            return [Writing(text, 1.0)]
        if math.prod(map(len, others)) <= self.copies:
            whole = product(*(each.items() for each in others))
            return [
                Writing(_written(text, known.pattern, found, [new for new, _ in each]), math.prod(weight for _, weight in each))
                for each in whole
            ]
        chance = Rng.for_ids(self.seed, [text]).uniform(self.copies, len(found))[0].double().numpy()
        drawn = [_drawn(each, chance[:, place]) for place, each in enumerate(others)]
        return [Writing(_written(text, known.pattern, found, list(new)), 1 / self.copies) for new in zip(*drawn, strict=True)]


class _Names(NamedTuple):
    """What finds names, and for each name the names that may replace it with their probabilities."""

    pattern: re.Pattern[str]
    others: Mapping[str, Mapping[str, float]]


def _drawn(others: Mapping[str, float], chance: Any) -> list[str]:
    names, sums = list(others), np.cumsum(list(others.values()))
    places = np.searchsorted(sums, chance * sums[-1], side="right")
    return [names[min(int(place), len(names) - 1)] for place in places]


def _written(text: str, pattern: re.Pattern[str], found: list[str], new: list[str]) -> str:
    table = dict(zip(found, new, strict=True))
    return pattern.sub(lambda match: table[match[0]], text)


@lru_cache(maxsize=4)
def _names(path: Path, sha256: str) -> _Names:
    """The names of a file in the state that `sha256` names."""
    del sha256  # a file that has changed is read again
    content = read_json(path, "a table of names")
    if not isinstance(content, dict) or not content:
        raise must("file", "entity_replacement", "be a JSON object of type to names", str(path))
    counts = {kind: _counts(kind, given, path) for kind, given in content.items()}
    every = list(dict.fromkeys(name for names in counts.values() for name in names))
    others: dict[str, dict[str, float]] = {}
    for name in every:
        total = sum(names.get(name, 0.0) for names in counts.values())
        mine: dict[str, float] = {}
        for names in counts.values():
            share = names.get(name, 0.0) / total
            for other in names if share else ():
                mine[other] = mine.get(other, 0.0) + share / len(names)
        others[name] = mine
    longest = sorted(every, key=len, reverse=True)
    return _Names(re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)"), others)


def _counts(kind: str, given: Any, path: Path) -> dict[str, float]:
    names = dict.fromkeys(given, 1.0) if isinstance(given, list) and all(isinstance(one, str) for one in given) else given
    if not isinstance(names, dict) or not names or not all(name.strip() and _is_count(count) for name, count in names.items()):
        rule = f"give the type '{kind}' a list of names, or an object of name to a count above 0"
        raise must("file", "entity_replacement", rule, str(path))
    return {name: float(count) for name, count in names.items()}


def _is_count(count: Any) -> bool:
    return isinstance(count, int | float) and not isinstance(count, bool) and 0 < count < math.inf
