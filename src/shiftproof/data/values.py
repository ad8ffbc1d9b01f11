"""One value per example, from arrays, lists, tensors or pandas columns. Numbers stay numbers, and missing values are marked."""

from __future__ import annotations

import numbers
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must

if TYPE_CHECKING:
    import torch

Given: TypeAlias = "npt.ArrayLike | Iterable[object] | torch.Tensor"
Kind = Literal["words", "integers", "reals", "booleans"]
EXACT = 2**53
"""From here on neighbouring whole numbers share one double float."""


@dataclass(frozen=True, eq=False)
class Values:
    """One value per example, shape (n,).

    Args:
        kind: what they are.
        values: words as text, integers (as Python objects where int64 is too small), float64, or booleans; anything where missing.
        missing: where there is none: None, NaN, NaT, pandas.NA, masked, or an empty word.
    """

    kind: Kind
    values: npt.NDArray[np.generic]
    missing: npt.NDArray[np.bool_]

    def first_missing(self) -> str:
        """How many are missing and where the first is, for messages."""
        return f"missing in {int(self.missing.sum())} of {len(self.missing)} rows, first in row {int(self.missing.argmax())}"

    def text(self, *, name: str, owner: str) -> npt.NDArray[np.str_]:
        """The values as words: integers exactly, and whole floats without their point where all of them are whole; "" where missing."""
        if self.kind == "reals":
            return _real_text(self.values[~self.missing].astype(np.float64), self.missing, name, owner)
        said = np.array([str(value) for value in self.values.tolist()], dtype=np.str_) if len(self.values) else np.array([], dtype=np.str_)
        return np.where(self.missing, "", said)


def _real_text(present: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_], name: str, owner: str) -> npt.NDArray[np.str_]:
    whole = bool((present == np.floor(present)).all())
    if whole and bool((np.abs(present) >= EXACT).any()):
        hint = "Keep them as integers or words: a column with missing values becomes floats in pandas unless its type is Int64."
        raise must(name, owner, "be exact, and floats from 2**53 on are not", float(np.abs(present).max()), hint)
    words = np.array([str(int(value)) if whole else str(value) for value in present.tolist()], dtype=np.str_)
    said = np.full(len(missing), "", dtype=words.dtype if len(words) else np.dtype("<U1"))
    said[~missing] = words
    return said


def read_values(given: Given, *, name: str, owner: str, column: bool = False) -> Values:
    """What was given as one value per example.

    Args:
        given: an array (masked ones, and those of Python objects, too), a list, a torch tensor, or a column of pandas or polars; (n,).
        name: what they are, for messages.
        owner: whose they are, for messages.
        column: takes the shape (n, 1) too, as labels are often stored.

    Raises:
        UsageError: another shape, values of a kind that is neither number nor word, or words and numbers in one column.
    """
    array, masked = _as_array(given)
    if column and array.ndim == 2 and array.shape[1] == 1:
        array, masked = array[:, 0], masked[:, 0]
    if array.ndim != 1:
        hint = "One-hot labels: take their argmax(1)." if column else ""
        raise must(name, owner, f"have shape (n,), one {'class ' if column else ''}each", array.shape, hint)
    if array.dtype.kind in "SU":
        words = np.array([_decoded(value, name, owner) for value in array.tolist()], dtype=np.str_)
        return Values("words", words, masked | (words == ""))
    if array.dtype.kind == "O":
        return _from_objects(array, masked, name, owner)
    if array.dtype.kind == "M" and not column:  # days and times name examples and groups, never classes
        return Values("words", array.astype(np.str_), np.isnat(array))
    kinds: dict[str, Kind] = {"b": "booleans", "i": "integers", "u": "integers", "f": "reals"}
    if array.dtype.kind not in kinds:
        raise must(name, owner, "be numbers or words", str(array.dtype))
    return Values(kinds[array.dtype.kind], array, masked | (array != array))


def _as_array(given: Given) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """An array, of Python objects where the container does not say one type for all, and where it is masked."""
    torch = sys.modules.get("torch")  # a tensor can only be there where torch is
    if torch is not None and isinstance(given, torch.Tensor):
        given = given.detach().cpu().numpy()
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(given, arrow.Array | arrow.ChunkedArray):
        given = given.to_pylist()
    if isinstance(given, np.ma.MaskedArray):
        return given.data, np.ma.getmaskarray(given)
    array = np.asarray(given)
    if array.dtype.kind == "T":  # NumPy's words of any length
        array = array.astype(object)
    if not isinstance(given, np.ndarray) and array.ndim == 1 and array.dtype.kind not in "cM" and isinstance(given, Iterable):
        array = np.empty(len(array), dtype=object)  # a list is looked at value by value, and so is a column of pandas
        array[:] = list(given)
    return array, np.zeros(array.shape, dtype=np.bool_)


def _decoded(value: object, name: str, owner: str) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise must(name, owner, "be UTF-8 text", value) from error


def _from_objects(array: npt.NDArray[np.generic], masked: npt.NDArray[np.bool_], name: str, owner: str) -> Values:
    plain = [_plain(value) for value in array.tolist()]
    missing = masked | np.array([value is None for value in plain], dtype=np.bool_)
    kinds: dict[Kind, object] = {}
    for value, absent in zip(plain, missing.tolist(), strict=True):
        if not absent:
            kinds.setdefault(_kind(value, name, owner), value)
    if set(kinds) == {"integers", "reals"}:
        del kinds["integers"]
    if len(kinds) > 1:
        first, second, *_ = kinds.items()
        raise UsageError(
            f"The '{name}' of {owner} mix {first[0]} and {second[0]}, such as {first[1]!r} and {second[1]!r}. Make them all of one kind."
        )
    kind: Kind = next(iter(kinds), "words")
    blank: dict[Kind, object] = {"words": "", "integers": 0, "reals": np.nan, "booleans": False}
    full = [blank[kind] if absent else value for value, absent in zip(plain, missing.tolist(), strict=True)]
    if kind == "words":
        words = np.array([_decoded(value, name, owner) for value in full], dtype=np.str_)
        return Values(kind, words, missing | (words == ""))
    if kind == "integers" and any(not -(2**63) <= int(str(value)) < 2**63 for value in full):
        return Values(kind, np.array(full, dtype=object), missing)
    types: dict[Kind, type[np.generic]] = {"integers": np.int64, "reals": np.float64, "booleans": np.bool_}
    return Values(kind, np.array(full).astype(types[kind]), missing)


def _plain(value: object) -> object:
    """A value as Python's own: numbers out of NumPy's and torch's wrappers, None for every way of saying that there is none."""
    torch = sys.modules.get("torch")
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if torch is not None and isinstance(value, torch.Tensor) and value.dim() == 0:
        value = value.item()
    if value is np.ma.masked or value is None or _absent(value):
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _absent(value: object) -> bool:
    """NaN, NaT or pandas.NA: what is not equal to itself."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return True
    return isinstance(value, float | Decimal) and value != value


def _kind(value: object, name: str, owner: str) -> Kind:
    match value:
        case bool():
            return "booleans"
        case str() | bytes():
            return "words"
        case numbers.Integral():
            return "integers"
        case float():
            return "reals"
        case _:
            raise must(name, owner, "be words or numbers", value)
