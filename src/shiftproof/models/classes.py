"""An estimator's classes in the data's label codes: words and numbers in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must


@dataclass(frozen=True)
class Classes:
    """Where each of an estimator's classes lies among the data's labels.

    Args:
        codes: the label code of each class, in the estimator's order.
        count: classes of the data and the estimator together; codes are below it.
        names: the classes as the estimator says them, as text.
        notes: classes that only one of the two knows.
    """

    codes: tuple[int, ...]
    count: int
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def code_of(self, decisions: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """The codes of decisions said in the estimator's own words, shape (n,)."""
        code: Mapping[str, int] = dict(zip(self.names, self.codes, strict=True))
        return np.array([code[as_text(decision)] for decision in decisions.tolist()], dtype=np.int64)


def as_text(value: object) -> str:
    """A class as a label file writes it: whole floats without their point.

    >>> as_text(1.0), as_text(True), as_text("yes")
    ('1', 'True', 'yes')
    """
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def match_classes(classes: Sequence[object], class_names: Sequence[str], *, name: str) -> Classes:
    """The label codes of an estimator's `classes`.

    Names come first: classes are looked up among the data's `class_names`, and a class that only one of the two knows is told in a note
    (the data's sample may lack a rare class, or the model may never say it). Where no name fits, or the data have none, whole numbers
    0, 1, 2, ... are the codes themselves.

    Raises:
        UsageError: neither reading fits.
    """
    said = tuple(as_text(c) for c in classes)
    known = {as_text(_number(c)): code for code, c in enumerate(class_names)}
    if set(known) & set(said):
        return _by_name(said, known, name)
    truths = all(isinstance(c, bool) for c in classes)
    numbers = [float(bool(c)) if truths else _number(c) for c in classes]
    codes = [int(c) for c in numbers if isinstance(c, float) and c.is_integer() and c >= 0]
    hint = "Train it on the data's labels, or pass the data's classes as class_names."
    if len(codes) != len(said):
        raise must(
            "classes", f"the model '{name}'", f"be among the data's ({_few(class_names) or 'whole numbers 0, 1, 2, ...'})", _few(said), hint
        )
    if class_names and max(codes) >= len(class_names):
        raise must("classes", f"the model '{name}'", f"be below {len(class_names)}, or among {_few(class_names)}", _few(said), hint)
    notes = (
        (f"The classes of '{name}' are numbers, taken as places among the data's classes ({_few(class_names)}).",) if class_names else ()
    )
    return Classes(tuple(codes), max(max(codes) + 1, len(class_names)), said, notes)


def _by_name(said: Sequence[str], known: Mapping[str, int], name: str) -> Classes:
    strange = [c for c in said if c not in known]
    unsaid = [c for c in known if c not in set(said)]
    if strange and unsaid:
        raise UsageError(
            f"The classes of the model '{name}' ({_few(said)}) are not those of the data ({_few([*known])}): "
            f"the data lack {_few(strange)}, and the model lacks {_few(unsaid)}. Train it on the data's labels."
        )
    place = {**known, **{c: len(known) + i for i, c in enumerate(strange)}}
    notes = []
    if strange:
        notes.append(f"The data have no example of the model's classes {_few(strange)}.")
    if unsaid:
        notes.append(f"The model '{name}' never says the data's classes {_few(unsaid)}: it is wrong on all their examples.")
    return Classes(tuple(place[c] for c in said), len(place), tuple(said), tuple(notes))


def _number(text: object) -> object:
    try:
        return float(str(text))
    except ValueError:
        return text


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:6])) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
