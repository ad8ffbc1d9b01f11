"""The options of a prompt in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof._errors import UsageError
from shiftproof.data.prompts import PromptRow, PromptSpace, orders_of
from shiftproof.data.space import Kind
from shiftproof.shifts.edits import Edit, Edits


@dataclass(frozen=True)
class OptionOrder(Edits):
    """The options that a prompt lists in another order; the numbers stay where they are. Of more than 120 orders, the first 120.

    Args:
        edits: 1, as there is one order.

    Example:
        >>> from shiftproof.data.prompts import Prompt, PromptRow
        >>> prompt = Prompt(fields=(("text", "Sentence"),), options=("bad", "good"), list_options=True)
        >>> print(OptionOrder().edited(PromptRow(prompt, {"text": "So so."}), [(0, 0)]))
        Sentence: So so.
        Options: (A) good (B) bad
        Answer:
    """

    name: ClassVar[str] = "option_order"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"prompt"})

    edits: int = 1

    def check(self) -> None:
        self.require("edits", within="[1, 1]")

    def within(self, space: object) -> OptionOrder:
        if isinstance(space, PromptSpace) and not space.prompt.list_options:
            raise UsageError("option_order needs a prompt that lists its options. Write list_options = true in the prompt.")
        return super().within(space)

    def places(self, one: PromptRow) -> list[int]:
        return [0] if one.prompt.list_options else []

    def choices(self, one: PromptRow, place: int) -> int:
        return orders_of(one.prompt.options) - 1

    def edited(self, one: PromptRow, edits: list[Edit]) -> PromptRow:
        ((_, choice),) = edits
        return one.written(order=choice + (choice >= one.layout.order))
