"""Inputs to which no answer came, and answers by which a model declines: two things that no number may mix up.

A time-out or a server error after all tries is no answer: nobody knows whether it would have been right. A refusal is an answer: wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from shiftproof._errors import UsageError
from shiftproof.data.rows import Items

if TYPE_CHECKING:
    from torch import Tensor


class Unanswered(UsageError):
    """A model gave no answer to some of its inputs, after all tries. Whoever can do without them goes on with `said`.

    Args:
        message: why, and how many.
        came: to which of the n inputs an answer came, shape (n,).
        said: the answers that came, as rows, in order; None where there are none.
    """

    def __init__(self, message: str, came: Tensor, said: Any = None) -> None:
        super().__init__(message)
        self.came, self.said = came, said


class Refusal(str):
    """An answer in which a model, or the service in front of it, declines: wrong whatever it says, and counted apart.

    >>> from shiftproof.judges import ExactMatch
    >>> ExactMatch().graded_score([Refusal("a cat"), "a cat"], [("cat",), ("cat",)]).tolist()
    [0.0, 1.0]
    """

    __slots__ = ()


def present(answer: object) -> tuple[Any, list[bool] | None]:
    """The answers that are not None, and which these are; the answer as it is, and None, where none is."""
    given = answer.tolist() if isinstance(answer, np.ndarray) and answer.dtype == object else answer
    if not isinstance(given, list | tuple | Items) or all(one is not None for one in given):
        return answer, None
    return [one for one in given if one is not None], [one is not None for one in given]


def read_present(answer: object, n: int, owner: str, read: Callable[[Any, int], Any], *, keep: int | None = None) -> Any:
    """What `read` makes of the first `keep` of n answers; where some of them are None, of the others.

    Raises:
        Unanswered: some are None.
    """
    import torch

    keep = n if keep is None else keep
    given, there = present(answer)
    if there is None or len(there) != n or all(there[:keep]):
        return read(answer if there is None else given, n if there is None else len(given))[:keep]
    came = torch.tensor(there[:keep], dtype=torch.bool)
    heard = int(came.sum())
    said = read(given[:heard], heard) if heard else None
    raise Unanswered(f"The {owner} gave no answer to {keep - heard} of {keep} inputs.", came, said)


_DRAW: ContextVar[int] = ContextVar("shiftproof_draw", default=0)


@contextmanager
def drawing(draw: int) -> Iterator[None]:
    """Inside, a model is asked for its answer number `draw` to each input: what a stored answer is known by, beside model and input."""
    token = _DRAW.set(draw)
    try:
        yield
    finally:
        _DRAW.reset(token)


def current_draw() -> int:
    """Which of several answers to the same input is asked for now; 0 where one is."""
    return _DRAW.get()
