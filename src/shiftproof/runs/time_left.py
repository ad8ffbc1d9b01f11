"""How long a run may still take: learned from what its cells took so far, and from what a pass of the model took."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shiftproof.models.abstract import Gradients
from shiftproof.outcomes import Bound
from shiftproof.runs.cell import Cell
from shiftproof.searches.abstract import Search

_USED, _USED_BY_STAGES = 0.6, 0.1
"""Shares of their most passes that adversaries take, and those of several stages: a guess until one is seen."""
_BETWEEN = 0.5
"""Weight of what is expected, in logarithms, against what the method took elsewhere."""
_AT_ONCE = 5.0
"""Passes of an example that the first stage breaks."""


def expected_passes(cell: Cell) -> float:
    """Passes that an example of this cell takes, as far as can be said before any is seen."""
    if not isinstance(cell.method, Search):
        return 2.0
    most = 1.0 + cell.method.most_passes(cell.shift)
    if cell.method.bound is not Bound.AT_MOST:
        return most
    return most * (_USED_BY_STAGES if cell.method.pools else _USED)


def by_gradients(cell: Cell) -> bool:
    """Whether this cell's search asks for gradients."""
    return isinstance(cell.method, Search) and cell.method.needs is Gradients


def weight_of_a_pass(cell: Cell) -> float:
    """What a pass of this cell costs, in forwards: with gradients every second one is a backward, at about two forwards."""
    return 1.5 if by_gradients(cell) else 1.0


@dataclass
class _Taken:
    """What a method took: seconds, for so many expected passes."""

    seconds: float = 0.0
    passes: float = 0.0

    def add(self, seconds: float, passes: float) -> None:
        """So much more."""
        self.seconds += seconds
        self.passes += passes


class _Price:
    """Seconds of a cell and of a forward in it, from what finished cells took: the least squares of seconds = cell + forward * forwards."""

    def __init__(self) -> None:
        self._cells, self._seconds, self._forwards, self._squares, self._products = 0, 0.0, 0.0, 0.0, 0.0

    def add(self, forwards: float, seconds: float) -> None:
        """One more cell."""
        self._cells += 1
        self._seconds += seconds
        self._forwards += forwards
        self._squares += forwards**2
        self._products += forwards * seconds

    @property
    def known(self) -> bool:
        """Whether any cell is among them."""
        return self._cells > 0

    def __call__(self) -> tuple[float, float]:
        """Seconds of a cell, and of a forward; neither is below 0."""
        spread = self._cells * self._squares - self._forwards**2
        forward = (self._cells * self._products - self._forwards * self._seconds) / spread if spread > 1e-9 * self._squares else 0.0
        each = (self._seconds - forward * self._forwards) / self._cells
        if forward <= 0 or each < 0:  # all in the forwards, as far as can be told
            return 0.0, self._products / self._squares
        return each, forward


@dataclass(eq=False)
class TimeLeft:
    """The seconds that are left of a plan.

    A method that has been seen on a kind of shift takes as long as it did there the last time; one of several stages, which works longest
    on what holds, is expected to take the less on a stronger shift the fewer held (`stood`). One that was seen on others only takes what
    lies between that and its expected passes, and one that was not takes these, at what a pass of the model was measured to take: the rows
    that reached it are counted, so that neither what a cell costs beside them nor a search that stops early is taken for the price of a
    pass. Of several workers at once, where they cannot be counted, expected passes take what they took so far.

    Args:
        cells: all that is to be done.
        later: expected passes, half of them backwards, of what comes after them.
        alone: whether the cells are worked on one after the other.
        clock: seconds, from any origin.
        sent: how many rows have reached models so far, from any origin; None where that is not known.
    """

    cells: Sequence[Cell]
    later: Callable[[], float] = lambda: 0.0
    alone: bool = True
    clock: Callable[[], float] = time.monotonic
    sent: Callable[[], int] | None = None

    def __post_init__(self) -> None:
        self._left = {cell.key(): len(cell) for cell in self.cells}
        self._taken: dict[tuple[str, str], _Taken] = {}
        self._last: dict[str, _Taken] = {}
        self._stood: dict[tuple[str, str], tuple[float, float]] = {}
        self._held: dict[str, float] = {}
        self._now = ""
        self._since, self._rows = self.clock(), self._sent()
        self._spent, self._price = _Taken(), _Price()
        self._under_way = (0.0, 0.0)

    def _sent(self) -> int:
        return self.sent() if self.sent else 0

    def advance(self, cell: Cell, examples: int) -> int:
        """So many more examples of a cell are done; how many of them were not before."""
        done = min(examples, self._left[cell.key()])
        self._left[cell.key()] -= done
        if done:
            passed, passes = self.clock() - self._since, done * expected_passes(cell)
            forwards = (self._sent() - self._rows) * (3.0 if by_gradients(cell) else 1.0)  # a backward is not sent
            self._since, self._rows = self._since + passed, self._sent()
            if self._now != cell.key():
                self._now = cell.key()
                # whole at once: another thread, which draws the bar, may read it at any time
                self._taken[_kind(cell)] = self._last[cell.method.name] = _Taken(passed, passes)
            else:
                self._taken[_kind(cell)].add(passed, passes)
            self._spent.add(passed, passes)
            self._under_way = (self._under_way[0] + forwards, self._under_way[1] + passed)
            if not self._left[cell.key()]:
                if self._under_way[0] > 0:
                    self._price.add(*self._under_way)
                self._under_way = (0.0, 0.0)
        return done

    def stood(self, cell: Cell, share: float) -> None:
        """This share of a finished cell's examples held."""
        self._held[cell.method.name] = share
        if cell.shift.strength is not None:
            self._stood[_kind(cell)] = share, cell.shift.full_strength

    def drop(self, cell: Cell) -> int:
        """Others have done what is left of a cell, which says nothing of the pace here; how many examples that is."""
        dropped, self._left[cell.key()] = self._left[cell.key()], 0
        return dropped

    def pass_beside(self, passes: float) -> None:
        """So many passes of what `later` speaks of are done, beside the cells."""
        self._spent.passes += passes if self._spent.passes and not self.alone else 0.0

    def seconds(self) -> float | None:
        """What is left; None while nothing is done."""
        if not self._spent.passes:
            return None
        left = self._at_pace(self.later(), 1.5) + sum(self._of(cell, self._left[cell.key()]) for cell in self.cells)
        return max(left - (self.clock() - self._since), left / 10)  # what is under way has been for a while

    def _of(self, cell: Cell, examples: int) -> float:
        """Seconds that so many examples of a cell take."""
        passes, taken = examples * expected_passes(cell), self._taken.get(_kind(cell))
        if taken and self.alone:
            return self._again(cell, examples, passes * taken.seconds / taken.passes)
        beside = self._price()[0] if examples and self._measured else 0.0
        guess = self._at_pace(passes, weight_of_a_pass(cell))
        elsewhere = self._last.get(cell.method.name)
        if elsewhere and self.alone:  # between what it is expected to take and what it took on another kind of shift: that, if little held
            part = min(_BETWEEN, self._held.get(cell.method.name, _BETWEEN))
            guess = guess**part * (passes * elsewhere.seconds / elsewhere.passes) ** (1 - part)
        return beside + guess

    def _again(self, cell: Cell, examples: int, seconds: float) -> float:
        """Seconds where the last cell of this kind would take `seconds`: as long where all held, next to nothing where none did."""
        share, strength = self._stood.get(_kind(cell), (1.0, math.inf))
        if cell.shift.strength is None or cell.shift.full_strength <= strength or not self._measured:
            return seconds
        least = self._price()[0] + self._at_pace(_AT_ONCE * examples, weight_of_a_pass(cell))
        return float(seconds**share * min(seconds, least) ** (1 - share))

    def _at_pace(self, passes: float, weight: float) -> float:
        """Seconds of so many passes of this weight."""
        return passes * (self._price()[1] * weight if self._measured else self._spent.seconds / self._spent.passes)

    @property
    def _measured(self) -> bool:
        return self.alone and self._price.known


def _kind(cell: Cell) -> tuple[str, str]:
    """What a cell has in common with those that take about as long."""
    return cell.method.name, cell.shift.name


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
