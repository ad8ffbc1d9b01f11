"""Words of like meaning from a file of the user's, such as counter-fitted neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from shiftproof._errors import must
from shiftproof.shifts.text.pinned import FromFile, read_json
from shiftproof.shifts.text.rewrite import Site, each_word, others


@dataclass(frozen=True)
class Neighbours(FromFile):
    """Up to `edits` words replaced by their neighbours in a table: a JSON file of word to list of words, such as the counter-fitted ones.

    Args:
        edits: how many at most, at least 1.
        file: the table, plain or as .gz.
        most: neighbours of a word that are used, the first of its list, at least 1.
        sha256: of the file; filled in.

    Reference: Alzantot et al. 2018, "Generating natural language adversarial examples"; the neighbours are those of Mrksic et al. 2016,
    "Counter-fitting word vectors to linguistic constraints", where the file is theirs.
    """

    name: ClassVar[str] = "neighbours"
    references: ClassVar[tuple[str, ...]] = ("alzantot2018generating", "mrksic2016counter")

    most: int = 10

    @classmethod
    def examples_for_check(cls) -> list[Neighbours]:
        """One over a table of a few words."""
        return [cls(edits=2, file=str(_EXAMPLE))]

    def check(self) -> None:
        self.require("most", least=1)
        super().check()

    def sites(self, text: str) -> Iterator[Site]:
        table = _table(self.path, self.sha256)
        for start, end, word in each_word(text):
            yield Site(start, end, others(word, table.get(word.lower(), ())[: self.most]))


_EXAMPLE = Path(__file__).parent / "neighbours.json"


@lru_cache(maxsize=4)
def _table(path: Path, sha256: str) -> Mapping[str, tuple[str, ...]]:
    """The table of a file in the state that `sha256` names."""
    del sha256  # a file that has changed is read again
    content = read_json(path, "a table of neighbours")
    if not isinstance(content, dict) or not all(isinstance(near, list) and all(map(_is_word, near)) for near in content.values()):
        raise must("file", "neighbours", "map words to lists of words", str(path))
    return {word.lower(): tuple(near) for word, near in content.items()}


def _is_word(one: object) -> bool:
    return isinstance(one, str) and bool(one.strip())
