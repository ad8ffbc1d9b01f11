"""A model asked several times about the same inputs, some of which may stay without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from shiftproof.judges.abstract import Judge, Reading
from shiftproof.models.abstract import Answers
from shiftproof.models.unanswered import Unanswered, drawing


class Asked(NamedTuple):
    """What a judge reads of a model.

    Args:
        said: an entry a draw, each of the answers to the inputs that were answered in every draw; empty where none was.
        came: which inputs these are, shape (n,); None for all.
    """

    said: Sequence[Any]
    came: Tensor | None


def ask(judge: Judge, model: Answers, x: Any, draws: int = 1) -> Asked:
    """Asks the model `draws` times about n inputs. Cost: `draws` forwards each."""
    said: list[Any] = []
    came: list[Tensor | None] = []
    for draw in range(draws):
        with drawing(draw):
            try:
                said.append(judge.ask(model, x))
                came.append(None)
            except Unanswered as missing:
                said.append(missing.said)
                came.append(missing.came)
    there = [one for one in came if one is not None]
    if not there:
        return Asked(said, None)
    every = torch.stack(there).all(0)
    if not bool(every.any()):
        return Asked([], every)
    return Asked([one[every if mine is None else every[mine]] for one, mine in zip(said, came, strict=True)], every)


def read(judge: Judge, model: Answers, x: Any, y: Any, draws: int = 1) -> Reading:
    """What the model answers to n inputs, judged by the truth y. Cost: `draws` forwards each."""
    if not len(x):
        return judge.reading([], y)
    said, came = ask(judge, model, x, draws)
    if came is None:
        return judge.reading(said, y)
    return judge.reading(said, y[came]).spread(came.to(y.device))
