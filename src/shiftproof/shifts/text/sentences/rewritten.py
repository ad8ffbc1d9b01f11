"""Texts written anew by a function of the user's: a translation there and back, a paraphrase, another voice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from shiftproof._errors import must
from shiftproof.shifts.text.pinned import FromFunction
from shiftproof.shifts.text.rewrite import LabelRule, Site, Unit


@dataclass(frozen=True)
class Rewritten(FromFunction):
    """A whole text replaced by one that a function of the user's makes of it: one edit, of which there is one.

    Args:
        edits: 1 is all there is.
        by: FILE.py:NAME or package.module:NAME of a function `rewrite(text)` that returns one text or a list of texts. It must answer the
            same text the same way.
        code: of the function; filled in.

    Whether the truth stays is for a person, or the guard, to say: translations lose denials and turn idioms into nonsense.

    Cost: one call of the function a text; remembered.
    """

    name: ClassVar[str] = "rewritten"
    label: ClassVar[LabelRule] = "person"
    unit: ClassVar[Unit] = "sentence"

    @classmethod
    def examples_for_check(cls) -> list[Rewritten]:
        """One that turns the words round."""
        return [cls(edits=1, by=f"{__name__}:backwards")]

    def sites(self, text: str) -> Iterator[Site]:
        said: Any = self.function(str(text))
        made = [said] if isinstance(said, str) else said
        if not isinstance(made, list | tuple) or not all(isinstance(one, str) for one in made):
            raise must("answer", f"the function '{self.by}'", "be a text or a list of texts", repr(said)[:80])
        yield Site(0, len(text), tuple(one for one in dict.fromkeys(made) if one != text and one.strip()))


def backwards(text: str) -> str:
    """A function for checks: the words in the other order."""
    return " ".join(text.split()[::-1])
