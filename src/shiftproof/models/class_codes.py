"""An estimator's classes in the data's label codes: words and numbers in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.class_names import by_number, canonical, few, keys, near


@dataclass(frozen=True)
class ClassCodes:
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

    >>> as_text(1.0), as_text(True), as_text("yes"), as_text(b"no")
    ('1', 'True', 'yes', 'no')
    """
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def match_classes(classes: Sequence[object], class_names: Sequence[str], *, name: str) -> ClassCodes:
    """The label codes of an estimator's `classes`.

    Names come first: classes are looked up among the data's `class_names`, and a class that only one of the two knows is named in a note
    (the data's sample may lack a rare class, or the model may never say it). Where no name fits, or the data have none, whole numbers
    0, 1, 2, ... are the codes themselves.

    Raises:
        UsageError: neither reading fits.
    """
    said = tuple(as_text(c) for c in classes)
    if set(keys(class_names)) & set(keys(said)):
        return _by_name(said, class_names, name)
    truths = all(isinstance(c, bool) for c in classes)
    numbers = tuple(str(int(bool(c))) for c in classes) if truths else said
    codes = [int(canonical(number)) for number in numbers] if by_number(numbers) else []
    hint = "Train it on the data's labels, or name the model's classes in its order with ?classes=."
    if not codes or min(codes) < 0:
        rule = f"be among the data's ({few(class_names) or 'whole numbers 0, 1, 2, ...'})"
        raise must("classes", f"the model '{name}'", rule, few(said), f"{near(said, class_names)} {hint}".strip())
    if class_names and max(codes) >= len(class_names):
        raise must("classes", f"the model '{name}'", f"be below {len(class_names)}, or among {few(class_names)}", few(said), hint)
    notes = (f"The classes of '{name}' are numbers, taken as indices into the data's classes ({few(class_names)}).",) if class_names else ()
    return ClassCodes(tuple(codes), max(max(codes) + 1, len(class_names)), said, notes)


def _by_name(said: Sequence[str], class_names: Sequence[str], name: str) -> ClassCodes:
    known = {key: code for code, key in enumerate(keys(class_names))}
    theirs = keys(said)
    strange = [c for c, key in zip(said, theirs, strict=True) if key not in known]
    unsaid = [c for c, key in zip(class_names, known, strict=True) if key not in set(theirs)]
    if strange and unsaid:
        way = f"{near(strange, unsaid)} Train it on the data's labels, or change their names with ?rename=OLD:NEW.".strip()
        raise UsageError(
            f"The classes of the model '{name}' ({few(said)}) are not those of the data ({few(class_names)}): "
            f"the data lack {few(strange)}, and the model lacks {few(unsaid)}. {way}"
        )
    place = {**known, **{key: len(known) + i for i, key in enumerate(key for key in theirs if key not in known)}}
    notes = []
    if strange:
        notes.append(f"The data have no example of the model's classes {few(strange)}.")
    if unsaid:
        notes.append(f"The model '{name}' never says the data's classes {few(unsaid)}: it is wrong on all their examples.")
    return ClassCodes(tuple(place[key] for key in theirs), len(place), tuple(said), tuple(notes))
