"""Labels, ids and groups as people hold them, converted to int64 classes, unique text and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Ints
from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.class_names import by_number, canonical
from shiftproof.data.examples import Ids
from shiftproof.data.values import Given, Values, read_values

MOST_CLASSES = 2**31
MISSING = "(missing)"
"""The group of the examples that have none."""
_SIGNS = ("-1", "1")


def encode_labels(values: Given, *, owner: str, classes: Sequence[str] | None = None, signed: bool = False) -> tuple[Ints, tuple[str, ...]]:
    """Classes 0..k-1 and their names.

    Args:
        values: labels of shape (n,) or (n, 1), as `read_values` takes them. Numbers are kept as they are and must be whole and not
            negative; words become the places of their sorted names; booleans become 0 and 1. Missing ones are refused.
        owner: who they belong to, for messages.
        classes: the names in label order, where they are known beforehand; numbers are looked up among them where these are numbers too.
        signed: labels of -1 and 1 become the classes "-1" and "1"; otherwise they are refused.

    Returns:
        The labels, int64 of shape (n,), and the classes' names, empty where the labels are numbers.

    >>> encode_labels(["spam", "ham", "spam"], owner="mail")
    (array([1, 0, 1]), ('ham', 'spam'))
    """
    read = read_values(values, name="labels", owner=owner, column=True)
    if read.kind == "words":
        if read.missing.any():
            raise UsageError(f"The labels of {owner} are {read.first_missing()}. Drop those rows first.")
        return _from_words(read.values.astype(np.str_), owner, classes)
    if read.kind == "booleans":
        if read.missing.any():
            raise UsageError(f"The labels of {owner} are {read.first_missing()}. Drop those rows first.")
        return read.values.astype(np.int64), ("False", "True")
    if signed and _is_signed(read):
        classes = classes or _SIGNS
    if classes and by_number(classes):
        return _from_words(read.text(name="labels", owner=owner), owner, [canonical(name) for name in classes])[0], tuple(classes)
    _refuse_fractions(read, owner)
    return read.values.astype(np.int64), tuple(classes or ())


def _is_signed(read: Values) -> bool:
    there = set(np.unique(read.values).tolist()) if not read.missing.any() else set()
    return -1 in there and there <= {-1, 1}


def _refuse_fractions(read: Values, owner: str) -> None:
    numbers = np.where(read.missing, np.nan, read.values.astype(np.float64))
    good = (numbers >= 0) & (numbers < MOST_CLASSES) & (numbers == np.floor(numbers))  # NaN fails all three
    if good.all():
        return
    row = int(np.argmin(good))
    hint = f"The first such is in row {row}."
    if read.missing[row]:
        hint = f"They are {read.first_missing()}: drop those rows first."
    elif numbers[row] == -1:
        hint += " Add 1 and halve labels of -1 and 1."
    raise must("labels", owner, "be whole numbers 0, 1, 2, ...", float(numbers[row]), hint)


def _from_words(names: npt.NDArray[np.str_], owner: str, classes: Sequence[str] | None) -> tuple[Ints, tuple[str, ...]]:
    known = tuple(np.unique(names).tolist()) if classes is None else tuple(classes)
    place = {name: code for code, name in enumerate(known)}
    strange = sorted(set(names.tolist()) - set(place))
    if strange:
        raise unknown(f"class of {owner}", strange[0], known)
    return np.array([place[name] for name in names.tolist()], dtype=np.int64), known


def text_values(values: Given, *, name: str, owner: str, missing: str | None = None) -> npt.NDArray[np.str_]:
    """Values of shape (n,) as text, as `read_values` takes them; bytes are read as UTF-8.

    Where a value is missing, `missing` stands for it; without that, missing values are refused.
    """
    read = read_values(values, name=name, owner=owner)
    if read.missing.any() and missing is None:
        raise UsageError(f"The '{name}' of {owner} are {read.first_missing()}. Fill them or drop those rows first.")
    said = read.text(name=name, owner=owner)
    return np.where(read.missing, missing or "", said)


def group_names(values: Given, *, name: str, owner: str) -> npt.NDArray[np.str_]:
    """Groups of shape (n,) as text; examples without one are a group of their own."""
    return text_values(values, name=name, owner=owner, missing=MISSING)


def missing_groups(groups: Mapping[str, npt.NDArray[np.str_]]) -> tuple[str, ...]:
    """A note for each column of groups that some examples lack."""
    counts = {column: int((values == MISSING).sum()) for column, values in groups.items()}
    return tuple(
        f"The group '{column}' is missing in {count} of {len(groups[column])} examples: they are a group of their own, '{MISSING}'."
        for column, count in counts.items()
        if count
    )


def check_ids(ids: Ids, *, owner: str) -> Ids:
    """The ids, refused where two examples share one: randomness and pairing depend on them."""
    names, counts = np.unique(ids, return_counts=True)
    if len(names) < len(ids):
        twice = names[counts > 1]
        shown = ", ".join(repr(str(name)) for name in twice[:3])
        raise UsageError(f"The ids of {owner} must be unique: {len(twice)} occur more than once ({shown}). Name each example once.")
    return ids


def row_ids(n: int) -> Ids:
    """Names that count rows, for examples that have none of their own."""
    return np.arange(n).astype(np.str_)
