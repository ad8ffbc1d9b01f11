"""A shift of one field of inputs that have several, or of one message of a chat: typos in the question about an image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.chats import ChatSpace, column_of, with_column
from shiftproof.data.prompts import PromptSpace
from shiftproof.data.space import FieldsSpace, Kind, Space
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Params, Shift
from shiftproof.shifts.edits import Edits


@dataclass(frozen=True)
class On(Shift):
    """The shift `inner` on the field called `field`; the other fields stay as they are.

    Args:
        field: which. Of a chat, which message: its place, such as 0 or -1, or a role, whose last message is meant; of a prompt, which
            slot.
        inner: the shift, written as a spec such as typos(edits=1), or in Python the shift itself.

    Params and budget are those of the inner shift. Searches by edits, by decisions and by chance draws can be used where they can for the
    inner shift; those that climb gradients or lay grids cannot.

    Example:
        >>> import torch
        >>> from shiftproof.data.rows import Fields
        >>> shift = On("question", "casing(edits=1)")
        >>> both = Fields(question=["why"], context=["So."])
        >>> [*shift.apply(both, torch.tensor([[[0.0, 0.0]]]))["question"]]
        ['WHY']
    """

    name: ClassVar[str] = "on"
    kinds: ClassVar[frozenset[Kind]] = frozenset()

    field: str
    if TYPE_CHECKING:
        inner: Any  # a shift may be given too, and is then written as its spec
    else:
        inner: str
    part: Shift | None = dataclasses.field(default=None, kw_only=True, repr=False)
    """The shift itself, where it cannot be built from a spec, and put on the field's space. Set by the library, not by users."""

    def __post_init__(self) -> None:
        given: object = self.inner
        if isinstance(given, Shift):  # parts may be given as they are
            object.__setattr__(self, "part", given)
            object.__setattr__(self, "inner", given.spec())
        super().__post_init__()

    def check(self) -> None:
        if isinstance(self.moved, On):
            raise UsageError(f"The inner shift of on must move one field itself, got {self.inner}. Name the field once.")

    @classmethod
    def examples_for_check(cls) -> list[On]:
        """One of edits and one of numbers."""
        return [cls("question", "typos(edits=1)"), cls("image", "linf(eps=0.1)")]

    @cached_property
    def moved(self) -> Shift:
        """The shift of the field."""
        from shiftproof.shifts import shifts  # the registry knows this file

        found: Shift = self.part or shifts.build(self.inner)
        return found

    @property
    def family(self) -> str:
        """That of what moves the field, and the field."""
        return f"{self.moved.family} in {self.field}"

    def check_kind(self, space: Space) -> None:
        if not isinstance(space, FieldsSpace | ChatSpace | PromptSpace):
            raise UsageError(f"on moves one of several fields, and these inputs have none: use {self.inner} itself.")

    def within(self, space: Any) -> On:
        self.check_kind(space)
        if self.moved.demands == "chats":
            raise UsageError(f"{self.inner} adds a turn to the whole input: use it without on.")
        return replace(self, part=self.moved.within(space.of(self.field)))

    def check_inputs(self, x: Any) -> None:
        self.moved.check_inputs(column_of(x, self.field))

    @property
    def fixed(self) -> bool:
        return self.moved.fixed

    @property
    def varied(self) -> bool:
        return self.moved.varied

    @property
    def random(self) -> bool:
        return self.moved.random

    @property
    def gene(self) -> int:
        return self.moved.gene

    @property
    def tolerance(self) -> float:
        return self.moved.tolerance

    def sample(self, x: Any, rng: Rng) -> Params:
        return self.moved.sample(column_of(x, self.field), rng)

    def project(self, x: Any, params: Params) -> Params:
        return self.moved.project(column_of(x, self.field), params)

    def apply(self, x: Any, params: Params) -> Any:
        return with_column(x, self.field, self.moved.apply(column_of(x, self.field), params))

    def excess(self, x: Any, params: Params) -> Tensor:
        return self.moved.excess(column_of(x, self.field), params)


def edits_in(shift: Shift) -> Edits | None:
    """The edits that a shift makes: its own, or those of the field that it moves; None where it makes none."""
    inner = shift.moved if isinstance(shift, On) else shift
    return inner if isinstance(inner, Edits) else None


def edited_rows(shift: Shift, x: Any) -> Any:
    """What the edits of a shift are made in: the inputs, or their field."""
    return column_of(x, shift.field) if isinstance(shift, On) else x
