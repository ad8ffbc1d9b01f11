"""What people give as labels, names and groups, and what the library works with: int64 classes, unique words, words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.examples import Ids

LabelArray = npt.NDArray[np.int64]
MOST_CLASSES = 2**31


def encode_labels(values: npt.ArrayLike, *, owner: str, classes: Sequence[str] | None = None) -> tuple[LabelArray, tuple[str, ...]]:
    """Classes 0..k-1 and their names.

    Args:
        values: labels of shape (n,) or (n, 1). Numbers are kept as they are and must be whole and not negative; words become the places
            of their sorted names; booleans become 0 and 1.
        owner: who they belong to, for messages.
        classes: the names in label order, where they are known beforehand.

    Returns:
        The labels, int64 of shape (n,), and the classes' names, empty where the labels are numbers.

    >>> encode_labels(["spam", "ham", "spam"], owner="mail")
    (array([1, 0, 1]), ('ham', 'spam'))
    """
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise must("labels", owner, "have shape (n,), one class each", array.shape, "One-hot labels: take their argmax(1).")
    if array.dtype.kind in "USO":
        return _from_words(words(array, name="labels", owner=owner), owner, classes)
    if array.dtype.kind == "b":
        return array.astype(np.int64), ("False", "True")
    if array.dtype.kind not in "iuf":
        raise must("labels", owner, "be numbers or words", str(array.dtype))
    _refuse_fractions(array, owner)
    return array.astype(np.int64), tuple(classes or ())


def _refuse_fractions(array: npt.NDArray[np.generic], owner: str) -> None:
    numbers = array.astype(np.float64)
    good = (numbers >= 0) & (numbers < MOST_CLASSES) & (numbers == np.floor(numbers))  # NaN fails all three
    if not good.all():
        row = int(np.argmin(good))
        hint = f"The first such is in row {row}." + (" Add 1 and halve labels of -1 and 1." if numbers[row] == -1 else "")
        raise must("labels", owner, "be whole numbers 0, 1, 2, ...", float(numbers[row]), hint)


def _from_words(names: npt.NDArray[np.str_], owner: str, classes: Sequence[str] | None) -> tuple[LabelArray, tuple[str, ...]]:
    known = tuple(np.unique(names).tolist()) if classes is None else tuple(classes)
    place = {name: code for code, name in enumerate(known)}
    strange = sorted(set(names.tolist()) - set(place))
    if strange:
        raise unknown(f"class of {owner}", strange[0], known)
    return np.array([place[name] for name in names.tolist()], dtype=np.int64), known


def words(values: npt.ArrayLike, *, name: str, owner: str) -> npt.NDArray[np.str_]:
    """Values of shape (n,) as text; bytes are read as UTF-8, and objects must be words or numbers."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise must(name, owner, "have shape (n,), one each", array.shape)
    if array.dtype.kind == "S":
        try:
            return np.char.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise must(name, owner, "be UTF-8 text", error.object) from error
    if array.dtype.kind == "O":
        wrong = next((v for v in array.tolist() if not isinstance(v, str | int | float)), None)
        if wrong is not None:
            raise must(name, owner, "be words or numbers", wrong)
    return array.astype(np.str_)


def check_ids(ids: Ids, *, owner: str) -> Ids:
    """The ids, refused where two examples share one: randomness and pairing hang on them."""
    names, counts = np.unique(ids, return_counts=True)
    if len(names) < len(ids):
        twice = names[counts > 1]
        shown = ", ".join(repr(str(name)) for name in twice[:3])
        raise UsageError(f"The ids of {owner} must be unique: {len(twice)} occur more than once ({shown}). Name each example once.")
    return ids


def row_ids(n: int) -> Ids:
    """Names that count rows, for examples that have none of their own."""
    return np.arange(n).astype(np.str_)
