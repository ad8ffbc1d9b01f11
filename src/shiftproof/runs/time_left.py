"""How long a run may still take: learned from what its cells took so far, method by method."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shiftproof.outcomes import Bound
from shiftproof.runs.cell import Cell
from shiftproof.searches.abstract import Search

_USED, _USED_BY_STAGES = 0.6, 0.1
"""Shares of their most passes that adversaries take, and those of several stages: a guess until one is seen."""
DIAGNOSIS_PASSES = 2000.0
"""Passes that an example of a diagnosis takes, about."""


def expected_passes(cell: Cell) -> float:
    """Passes that an example of this cell takes, as far as can be said before any is seen."""
    if not isinstance(cell.method, Search):
        return 2.0
    most = 1.0 + cell.method.most_passes(cell.shift)
    if cell.method.bound is not Bound.AT_MOST:
        return most
    return most * (_USED_BY_STAGES if cell.method.pools else _USED)


@dataclass
class _Taken:
    """What a method took: seconds, for so many expected passes."""

    seconds: float = 0.0
    passes: float = 0.0


@dataclass(eq=False)
class TimeLeft:
    """The seconds that are left of a plan.

    A method that has been seen takes as long as it did, whatever the strength of the move; one that has not takes its expected passes, at
    the seconds that a pass took so far. Of several workers at once only the latter is known.

    Args:
        cells: all that is to be done.
        later: expected passes of what comes after them.
        alone: whether the cells are worked on one after the other.
        clock: seconds, from any origin.
    """

    cells: Sequence[Cell]
    later: float = 0.0
    alone: bool = True
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._left = {cell.key(): len(cell) for cell in self.cells}
        self._taken: dict[str, _Taken] = {}
        self._since = self.clock()
        self._spent = _Taken()

    def advance(self, cell: Cell, examples: int) -> int:
        """So many more examples of a cell are done; how many of them were not before."""
        done = min(examples, self._left[cell.key()])
        self._left[cell.key()] -= done
        if done:
            passed, passes = self.clock() - self._since, done * expected_passes(cell)
            self._since += passed
            for taken in (self._spent, self._taken.setdefault(cell.method.name, _Taken())):
                taken.seconds += passed
                taken.passes += passes
        return done

    def seconds(self) -> float | None:
        """What is left; None while nothing is done."""
        if not self._spent.passes:
            return None
        each = [(cell, self._left[cell.key()]) for cell in self.cells]
        left = self._pace("") * self.later + sum(n * expected_passes(cell) * self._pace(cell.method.name) for cell, n in each)
        return max(left - (self.clock() - self._since), left / 10)  # what is under way has been for a while

    def _pace(self, method: str) -> float:
        """Seconds of an expected pass."""
        taken = self._taken.get(method, self._spent) if self.alone else self._spent
        return taken.seconds / taken.passes


def in_words(seconds: float | None) -> str:
    """The time left as a person would say it.

    >>> in_words(None), in_words(42.0), in_words(400.0), in_words(9000.0)
    ('', 'less than a minute left', 'about 7 minutes left', 'about 2.5 hours left')
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return "less than a minute left"
    return f"about {round(seconds / 60)} minutes left" if seconds < 5400 else f"about {seconds / 3600:.1f} hours left"
