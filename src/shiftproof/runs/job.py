"""What workers are handed: cells, and errands, which keep what they come to themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from shiftproof.runs.cell import Cell

if TYPE_CHECKING:
    from shiftproof.runs.store import Store
    from shiftproof.runs.work import Work


class Keyed(Protocol):
    """Anything that a worker may hold: it travels to another process, and is known by its key."""

    def key(self) -> str:
        """What tells it from all others of the run."""
        ...


class Errand(Keyed, Protocol):
    """Work of a run that is no cell. It does not depend on cells, and writes what it comes to into the run's folder itself."""

    @property
    def what(self) -> str:
        """What is being done, for whoever waits."""
        ...

    def finished(self, store: Store) -> bool:
        """Whether nothing of it is left to do; a file that is there and cannot be used is named in a warning."""
        ...

    def do(self, work: Work) -> None:
        """Does it and writes it, unless another run has meanwhile."""
        ...

    def fail(self, store: Store, error: str) -> None:
        """Writes down why it could not be done: its worker died, or the model could not be loaded."""
        ...


Job = TypeVar("Job", bound=Keyed)


@dataclass(frozen=True)
class Done(Generic[Job]):
    """What was finished, or has failed for `error`. The results themselves are in the store."""

    job: Job
    error: str | None


CellDone: TypeAlias = Done[Cell]
