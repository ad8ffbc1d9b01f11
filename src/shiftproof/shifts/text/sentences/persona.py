"""Who asks, said before a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.rewrite import Framing


@dataclass(frozen=True)
class Persona(Framing):
    """A sentence about who asks put before a text; the question stays, and so does its answer.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> Persona(edits=1).edited('What is the capital of Peru?', [(0, 0)])
        'I am a nurse. What is the capital of Peru?'
    """

    name: ClassVar[str] = "persona"

    before: ClassVar[tuple[str, ...]] = (
        "I am a nurse. ",
        "I am ten years old. ",
        "I am a professor of mathematics. ",
        "I am learning English. ",
        "I am retired. ",
        "I am blind. ",
        "I never went to school. ",
        "I am in a great hurry. ",
    )
