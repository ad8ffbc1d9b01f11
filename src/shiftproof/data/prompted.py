"""A sample whose inputs are written into a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.data.prompts import Prompt, PromptRow, PromptSpace
from shiftproof.data.rows import Fields, Items
from shiftproof.data.source import Source, Wrapped
from shiftproof.data.space import FieldsSpace, TextSpace


class Prompted(Wrapped):
    """Texts in the slots of a prompt: one text in its one slot, fields in the slots of their names.

    Args:
        inner: the texts.
        prompt: with slots. Its options are the names of the data's classes, in their order.

    Raises:
        UsageError: the slots and the data do not fit.
    """

    def __init__(self, inner: Source, prompt: Prompt) -> None:
        super().__init__(inner)
        self.prompt = prompt
        space, slots = inner.space, prompt.slots
        if isinstance(space, FieldsSpace):
            absent = [slot for slot in slots if slot not in dict(space.fields)]
            if absent:
                raise must("slots", "the prompt", f"be among the fields {', '.join(dict(space.fields))}", absent[0])
        elif not isinstance(space, TextSpace):
            raise UsageError(f"A prompt is filled with texts, and the inputs of '{inner.uri}' are of kind '{space.kind}'.")
        elif len(slots) != 1:
            raise must("slots", "the prompt", "be one, as these data have one text each", ", ".join(slots))
        if prompt.options and inner.labelled:
            largest = max(len(inner.class_names), int(inner.y.max()) + 1)
            if largest > len(prompt.options):
                raise must("options", "the prompt", f"be one for each of the {largest} classes of '{inner.uri}'", len(prompt.options))

    @property
    def space(self) -> PromptSpace:
        return PromptSpace(self.prompt)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.prompt.options if self.prompt.options and self.inner.labelled else self.inner.class_names

    @property
    def notes(self) -> tuple[str, ...]:
        before = self.inner.class_names
        if not before or before == self.class_names:
            return self.inner.notes
        pairs = ", ".join(f"'{old}' is '{new}'" for old, new in zip(before, self.class_names, strict=False))
        return (*self.inner.notes, f"The prompt's options stand for the data's classes in their order: {pairs}.")

    def fingerprint(self) -> str:
        return f"{self.inner.fingerprint()}&prompt={self.prompt.digest}"

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        found = self.inner.take(rows)
        filled = Items(PromptRow(self.prompt, slots) for slots in self._slots(found.x))
        return Examples(filled, found.y, found.ids, found.groups, self.space, self.class_names)

    def _slots(self, x: Any) -> list[Mapping[str, str]]:
        if not isinstance(x, Fields):
            return [{self.prompt.slots[0]: str(text)} for text in x]
        return [dict(zip(self.prompt.slots, row, strict=True)) for row in zip(*(x[slot] for slot in self.prompt.slots), strict=True)]
