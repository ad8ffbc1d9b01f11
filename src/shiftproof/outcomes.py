"""What a number claims, what happened to each example, and what may be wrong with a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt


class Bound(str, Enum):
    """What a number claims about the truth it stands for."""

    AT_MOST = "at_most"
    """An attack found these failures: true robust accuracy is at most this."""
    AT_LEAST = "at_least"
    """A certificate holds: true robust accuracy is at least this."""
    ESTIMATE = "estimate"
    """A sample mean: the truth lies in its interval with the stated confidence."""


class Interval(NamedTuple):
    """A confidence interval; NaN on both ends where nothing was measured."""

    low: float
    high: float


@dataclass(frozen=True)
class Skipped:
    """The model is wrong already before anything moved."""


@dataclass(frozen=True)
class Broken:
    """The model is wrong at this move."""

    params: npt.NDArray[np.floating]


@dataclass(frozen=True)
class Held:
    """This search found no failure. Another might."""


@dataclass(frozen=True)
class Certified:
    """Proven: no move up to `radius` (in the shift's own units) changes the decision."""

    radius: float


@dataclass(frozen=True)
class Abstained:
    """No verdict, and why."""

    reason: str


Outcome = Skipped | Broken | Held | Certified | Abstained

SKIPPED, BROKEN, HELD, CERTIFIED, ABSTAINED, NO_ANSWER = "skipped", "broken", "held", "certified", "abstained", "no_answer"
"""The outcomes' names in stored tables."""
MOST_MISSING = 0.05
"""The largest share of examples without an answer with which a run still counts as one."""


AUDITED_SAMPLE = "audited sample"
"""The name of the stage in which the cascade searches a random sample of the examples that it would have left out."""


@dataclass(frozen=True)
class Stage:
    """What one part of a search that has several did.

    Args:
        name: which part.
        examples: those it was asked about.
        broken: those of them that it broke.
        forwards, backwards: passes over all of them together.
        seconds: wall time.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # in a record, an unknown key is an error

    name: str
    examples: int
    broken: int
    forwards: int
    backwards: int
    seconds: float

    def plus(self, other: Stage) -> Stage:
        """The same part over other examples too."""
        sums = (getattr(self, key) + getattr(other, key) for key in ("examples", "broken", "forwards", "backwards", "seconds"))
        return Stage(self.name, *sums)


def join_stages(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Every part once, in order of first appearance, summed over the batches."""
    joined: dict[str, Stage] = {}
    for stage in stages:
        joined[stage.name] = joined[stage.name].plus(stage) if stage.name in joined else stage
    return tuple(joined.values())


@dataclass(frozen=True)
class Flag:
    """A reason to distrust a verdict, with the figure that raised it and what to do.

    Args:
        name: a stable snake_case word, for gates and tests.
        detail: one sentence for people: the figure, and how to fix it.
        share: the share of examples concerned, in [0, 1], where that makes sense.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # in a record, an unknown key is an error

    name: str
    detail: str
    share: float | None = None


MISSING_ANSWERS, UNREADABLE_ANSWERS = "missing_answers", "unreadable_answers"


def answer_flags(outcome: npt.NDArray[np.str_], unreadable: npt.NDArray[np.bool_] | None) -> tuple[Flag, ...]:
    """What is to be said of answers that did not come, and of those that could not be read; both of shape (n,)."""
    found: list[Flag] = []
    n, missing = len(outcome), int((outcome == NO_ANSWER).sum())
    if missing:
        detail = (
            f"No answer came to {missing} of {n} examples after all tries (time-outs, server errors). Numbers over them are brackets: "
            "all of them wrong, all of them right. Run again with the same output folder to ask only these."
        )
        found.append(Flag(MISSING_ANSWERS, detail, missing / n))
    read = 0 if unreadable is None else int(unreadable.sum())
    if read:
        detail = f"{read} of {n} answers are refusals, or hold nothing that the judge can read. They count as wrong."
        found.append(Flag(UNREADABLE_ANSWERS, detail, read / n))
    return tuple(found)


def join_flags(parts: Iterable[tuple[tuple[Flag, ...], int]]) -> tuple[Flag, ...]:
    """Every flag of several parts once, from each part's flags and size; a share is the mean over the parts, weighed by their sizes."""
    raised: dict[str, list[tuple[Flag, int]]] = {}
    total = 0
    for flags, n in parts:
        total += n
        for flag in flags:
            raised.setdefault(flag.name, []).append((flag, n))
    return tuple(_joined([flag for flag, _ in found], [n for _, n in found], total) for found in raised.values())


def _joined(flags: list[Flag], sizes: list[int], total: int) -> Flag:
    share = None if flags[0].share is None else sum((flag.share or 0.0) * n for flag, n in zip(flags, sizes, strict=True)) / total
    return Flag(flags[0].name, flags[0].detail, share)
