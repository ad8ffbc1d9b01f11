"""What a worker is handed, and what it says when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from shiftproof.runs.cell import Cell


class Keyed(Protocol):
    """Anything that a worker may hold: it travels to another process, and is known by its key."""

    def key(self) -> str:
        """What tells it from all others of the run."""
        ...


Job = TypeVar("Job", bound=Keyed)
Said: TypeAlias = tuple[str | None, bool]
"""What another process says of a job: why it failed, None where it did not; and whether it was left to another call."""


@dataclass(frozen=True)
class Done(Generic[Job]):
    """What was finished, or has failed for `error`. The results themselves are in the store.

    `elsewhere`: it was left alone, as another call of the run is at it or has done it.
    """

    job: Job
    error: str | None
    elsewhere: bool = False

    @property
    def said(self) -> Said:
        """All but the job, which whoever handed it out has."""
        return self.error, self.elsewhere


CellDone: TypeAlias = Done[Cell]
