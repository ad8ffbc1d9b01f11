"""Chats in which the model's own answer stands: it is asked for first."""

from __future__ import annotations

from typing import Any

import torch

from shiftproof.data.chats import OwnAnswer, is_chat
from shiftproof.data.rows import Items, rows_of
from shiftproof.models.abstract import Answers
from shiftproof.models.unanswered import Unanswered


def in_turns(model: Answers, x: Any) -> Any:
    """The model's answers to n inputs; one with an `OwnAnswer` in it is asked twice, the second time with the first answer in its place.

    Cost: one forward each, and one more for each of these inputs. Both are asked in the same draw.

    Raises:
        Unanswered: an answer did not come, in either turn.
    """
    rows = [*x] if isinstance(x, Items) else []
    first = {place: own for place, row in enumerate(rows) if (own := _own(row)) is not None}
    if not first:
        return model.answers(x)
    said, why = _asked(model, [own.asked for own in first.values()])
    answered = dict(zip(first, said, strict=True))
    whole = [place for place in range(len(rows)) if place not in answered or answered[place] is not None]
    again, later = _asked(model, [_filled(rows[place], answered[place]) if place in answered else rows[place] for place in whole])
    final = dict(zip(whole, again, strict=True))
    found = [final.get(place) for place in range(len(rows))]
    if any(one is None for one in found):
        came = torch.tensor([one is not None for one in found])
        raise Unanswered(why or later, came, rows_of([one for one in found if one is not None]) if bool(came.any()) else None)
    return rows_of(found)


def _own(row: Any) -> OwnAnswer | None:
    return next((one["content"] for one in row if isinstance(one["content"], OwnAnswer)), None) if is_chat(row) else None


def _filled(row: Any, answer: Any) -> Any:
    """The chat with an answer in the place of the model's own; an empty one is a question mark, as no message may be empty."""
    return type(row)({**one, "content": str(answer).strip() or "?"} if isinstance(one["content"], OwnAnswer) else dict(one) for one in row)


def _asked(model: Answers, inputs: list[Any]) -> tuple[list[Any], str]:
    """An answer to each, None where none came, and why."""
    if not inputs:
        return [], ""
    try:
        return [*model.answers(Items(inputs))], ""
    except Unanswered as missing:
        said = iter(() if missing.said is None else missing.said)
        return [next(said) if came else None for came in missing.came.tolist()], str(missing)
