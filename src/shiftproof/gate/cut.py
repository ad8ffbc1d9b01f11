"""A condition cut into its pieces, before any of them is read."""

from __future__ import annotations

import re
from typing import NamedTuple

QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_MARK = re.compile(rf"{QUOTED}|[<>=!]+|[^\"'<>=!()\[\].]+|.", re.DOTALL)
_SEGMENT = re.compile(r"[\w/-]+\s*(?:\(.*\))?", re.DOTALL)


class Pieces(NamedTuple):
    """The pieces of a condition, as written.

    Args:
        segments: what stands between dots, the measure last (or an end of its interval, where there is no group).
        group: what stands in brackets, with them; None where there is none.
        end: what follows the group.
        op: the comparison.
        number: what follows it.
    """

    segments: list[str]
    group: str | None
    end: str | None
    op: str
    number: str


def cut(text: str) -> Pieces | None:
    """Cuts at the dots, the bracket and the comparison outside of quotes and parentheses, however deep specs nest; None where it cannot.

    >>> cut("on(field=q, inner=typos(edits=1)).exact_match[a='x.y'].low < 80%")
    Pieces(segments=['on(field=q, inner=typos(edits=1))', 'exact_match'], group="[a='x.y']", end='low', op='<', number=' 80%')
    """
    pieces, depth = [""], 0
    for found in _MARK.finditer(text):
        mark = found[0]
        if not depth and mark[0] in "<>=!":
            return _told_apart(pieces, mark, text[found.end() :])
        if not depth and mark in ".[":
            pieces.append(mark.strip("."))
        else:
            pieces[-1] += mark
        group = pieces[-1].startswith("[")  # in brackets, parentheses are letters
        depth += (mark == "[" or (mark == "(" and not group)) - (mark == "]" or (mark == ")" and not group))
    return None


def _told_apart(pieces: list[str], op: str, number: str) -> Pieces | None:
    """Which piece is what: behind a group stands at most the end of the interval."""
    place = next((place for place, piece in enumerate(pieces) if piece.startswith("[")), len(pieces))
    segments, behind = [_plain(piece) for piece in pieces[:place]], [piece.strip() for piece in pieces[place:]]
    closed = all(piece.endswith("]") for piece in behind[:1])
    if len(behind) > 2 or not closed or not segments or not all(map(_SEGMENT.fullmatch, segments)):
        return None
    return Pieces(segments, behind[0] if behind else None, behind[1] if len(behind) > 1 else None, op, number)


def _plain(segment: str) -> str:
    return segment.strip() if '"' in segment or "'" in segment else " ".join(segment.split())
