"""A prompt written in another layout: what should not matter to who answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof._errors import UsageError
from shiftproof.data.prompts import PARTS, PromptRow, PromptSpace
from shiftproof.data.space import Kind
from shiftproof.shifts.edits import Edit, Edits

_NAMES = tuple(PARTS)


@dataclass(frozen=True)
class PromptFormat(Edits):
    """Up to `edits` parts of a prompt's layout written otherwise: case of names, separators, brackets and numbers of options.

    Args:
        edits: how many parts at most, at least 1; there are 2, and 5 where the prompt lists its options.

    The grammar is that of FormatSpread: 4 cases, 14 separators with 15 spaces (a separator with a line break goes with a space that has
    one), 6 brackets, 5 kinds of numbers and 4 gaps. The words and their order stay. An average draw changes `edits` parts, each to any
    other value.

    Example:
        >>> from shiftproof.data.prompts import Prompt, PromptRow
        >>> row = PromptRow(Prompt(fields=(("text", "Sentence"),), answer="Mood"), {"text": "So good."})
        >>> print(PromptFormat(edits=2).edited(row, [(0, 1), (1, 21)]))
        SENTENCE::: So good. || MOOD:::

    Reference: Sclar et al. 2024, "Quantifying language models' sensitivity to spurious features in prompt design".
    """

    name: ClassVar[str] = "prompt_format"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"prompt"})
    references: ClassVar[tuple[str, ...]] = ("sclar2024quantifying",)

    edits: int = 5

    def within(self, space: object) -> PromptFormat:
        if isinstance(space, PromptSpace) and space.prompt.template:
            raise UsageError("prompt_format needs a prompt with fields, as a template has one layout. Write [fields] in the prompt.")
        return super().within(space)

    def places(self, one: PromptRow) -> list[int]:
        return list(range(len(_NAMES) if one.prompt.list_options else 2))

    def choices(self, one: PromptRow, place: int) -> int:
        return PARTS[_NAMES[place]] - 1

    def edited(self, one: PromptRow, edits: list[Edit]) -> PromptRow:
        now = vars(one.layout)
        return one.written(**{_NAMES[place]: choice + (choice >= now[_NAMES[place]]) for place, choice in edits})
