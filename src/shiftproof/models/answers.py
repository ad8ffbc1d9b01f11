"""Reads the answers of a user's model: scores or labels, checked in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.class_names import canonical, few, keys
from shiftproof.data.rows import Items
from shiftproof.data.values import read_values

Gives = Literal["scores", "labels"]
"""What a user's model answers with: one score per class, or its decision only."""
ROWS, STEP = 16, 4
"""Calls hold at least so many rows, and a multiple of so many: measured with the CPU kernels of torch 2.13 (MKL, oneDNN), a row's scores
and gradients are then mostly the same bits whatever the rest of the batch, as they are in multiples of 16; in double kernels go by 8 rows.
Smaller batches take other kernels and differ in the last bits: below 8 rows on every processor that was tried, below 16 on those with AMX.
Sums over about 1,000 features and more are an exception, in any batch, and so is about one network of eight in numpy."""


def rows_of(n: int, least: int = ROWS, *, step: int = STEP) -> int:
    """How many rows a batch of n is filled up to.

    >>> [rows_of(n) for n in (0, 1, 17, 256)]
    [0, 16, 20, 256]
    """
    return max(least, -(-n // step) * step) if n else 0


def filled(x: Any, rows: int | None = None) -> Any:
    """The batch with its last row repeated until it has so many rows, by itself `rows_of` its length; one of texts stays as it is."""
    if not isinstance(x, Tensor):
        return x
    missing = (rows_of(len(x)) if rows is None else rows) - len(x)
    return torch.cat([x, x[-1:].expand(missing, *x.shape[1:])]) if missing else x


def as_array(answer: object, owner: str) -> npt.NDArray[np.generic]:
    """The answer (tensor, array or nested lists) as an array; raises `UsageError` where its rows differ in length."""
    if isinstance(answer, Tensor):
        return answer.detach().cpu().to(torch.float32 if answer.dtype == torch.bfloat16 else answer.dtype).numpy()
    try:
        array = np.asarray(answer)
    except ValueError as error:
        raise UsageError(f"The {owner} must answer with one row per input, all of the same length: {error}") from error
    if array.dtype == object and array.ndim in (1, 2) and array.size:  # as pandas holds words, and some holds numbers
        read = read_values(array.ravel(), name="answer", owner=owner)
        if read.missing.any():
            raise UsageError(f"The answer of the {owner} is {read.first_missing()}.")
        return read.values.reshape(array.shape)
    if array.dtype == object:
        raise must("answer", owner, "be an array of numbers, shape (n, classes) or (n,)", type(answer).__name__)
    return array


def kind_of(answer: object, n: int, owner: str, *, class_names: Sequence[str] = ()) -> Gives:
    """Whether an answer to n inputs is scores, shape (n, classes), or labels, shape (n,); words are not looked up."""
    array = as_array(answer, owner)
    if array.ndim == 1:
        read_labels(answer, n, owner, class_names=None if array.dtype.kind in "US" else class_names)
        return "labels"
    read_scores(answer, n, owner)
    return "scores"


def read_scores(answer: object, n: int, owner: str) -> Tensor:
    """Scores of shape (n, classes) with at least two classes, floating, a copy; anything else is a `UsageError`, but NaN is let through."""
    array = as_array(answer, owner)
    hint = (
        "For two classes give both columns, for example [1 - p, p]; for decisions only give one label per input." if array.ndim < 3 else ""
    )
    if array.ndim != 2 or array.shape[0] != n or array.shape[1] < 2 or array.dtype.kind not in "fiub":
        rule = f"be numbers of shape (n, classes) with at least 2 classes for n = {n} inputs"
        raise must("answer", owner, rule, f"{array.dtype} {array.shape}", hint)
    return torch.from_numpy(np.array(array, dtype=array.dtype if array.dtype in (np.float32, np.float64) else np.float32, order="C"))


def read_labels(answer: object, n: int, owner: str, *, class_names: Sequence[str] | None = ()) -> Tensor:
    """Labels of shape (n,), int64, from whole numbers (the codes themselves) or names (their positions in `class_names`).

    With `class_names` None names are accepted and not looked up: all codes are then 0.
    """
    array = as_array(answer, owner)
    if array.shape != (n,):
        raise must("answer", owner, f"be labels of shape (n,) for n = {n} inputs", f"{array.dtype} {array.shape}")
    if array.dtype.kind in "US":
        return _codes([str(name) for name in array.tolist()], owner, class_names)
    hint = "Probabilities of one class are not labels: give both columns, [1 - p, p]."
    if array.dtype.kind not in "fiub" or not bool(np.isfinite(array.astype(np.float64)).all()):
        raise must("answer", owner, "be labels 0, 1, 2, ... or class names", f"{array.dtype} {array.shape}", hint)
    whole = array.astype(np.int64)
    if bool((whole != array).any()):
        raise must("answer", owner, "be labels 0, 1, 2, ... or class names", float(array[np.argmax(whole != array)]), hint)
    if bool((whole < 0).any()):  # no codes: the numbers are names, as -1 and 1 are
        if not class_names:
            raise must("answer", owner, "be labels 0, 1, 2, ... or class names", int(whole.min()), "Count the classes from 0 on.")
        return _codes([str(number) for number in whole.tolist()], owner, class_names)
    return torch.from_numpy(whole)


def read_numbers(answer: object, n: int, owner: str) -> Tensor:
    """Numbers of shape (n,) or (n, k), float64, a copy; NaN is let through, as a judge calls it wrong."""
    array = as_array(answer, owner)
    if array.ndim not in (1, 2) or array.shape[0] != n or array.dtype.kind not in "fiub":
        hint = "Under --judge classify it may answer with classes." if array.dtype.kind in "US" else ""
        raise must("answer", owner, f"be numbers of shape (n,) or (n, k) for n = {n} inputs", f"{array.dtype} {array.shape}", hint)
    return torch.from_numpy(np.array(array, dtype=np.float64, order="C"))


def read_texts(answer: object, n: int, owner: str) -> Items[str]:
    """One text for each input."""
    said = answer.tolist() if isinstance(answer, np.ndarray) else answer
    if not isinstance(said, list | tuple | Items) or len(said) != n:
        got = f"{type(answer).__name__} of {len(said)}" if isinstance(said, list | tuple | Items) else type(answer).__name__
        raise must("answer", owner, f"be a list of {n} texts, one per input", got)
    strange = next((one for one in said if not isinstance(one, str)), None)
    if strange is not None:
        hint = "A model that refuses to answer says so in a text; None stands for an answer that did not come."
        raise must("answer", owner, "be texts", type(strange).__name__, hint)
    return Items(said)


def _codes(names: Sequence[str], owner: str, class_names: Sequence[str] | None) -> Tensor:
    if class_names is None:
        return torch.zeros(len(names), dtype=torch.int64)
    code = {name: i for i, name in enumerate(keys(class_names))}
    said = [name if name in code else canonical(name) for name in names]
    strangers = sorted({name for name, key in zip(names, said, strict=True) if key not in code})
    if strangers:
        known = few(class_names) or "none: pass class_names"
        raise UsageError(
            f"The {owner} answers with labels that the data do not have: {', '.join(strangers[:5])}. The data's classes are: {known}."
        )
    return torch.tensor([code[key] for key in said], dtype=torch.int64)
