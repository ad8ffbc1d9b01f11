"""What every figure of confidence asks of its input: shapes, ranges and no NaN, said once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from shiftproof._errors import UsageError, must

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]
_SUM = 1e-3
"""How far the probabilities of a row may sum from 1: float16 rounding over a thousand classes."""


def checked_scores(values: npt.ArrayLike, owner: str, *, name: str = "scores") -> Floats:
    """One number per example, shape (n,), finite, n >= 1."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x):
        raise must(name, owner, "be numbers of shape (n,), n at least 1", x.shape)
    bad = ~np.isfinite(x)
    if bad.any():
        raise must(name, owner, "be finite", f"{x[bad][0]} and {bad.sum() - 1} more of {len(x)}", "Leave these examples out, and say so.")
    return x


def checked_confidences(values: npt.ArrayLike, owner: str) -> Floats:
    """Probabilities of being right, shape (n,), in [0, 1]."""
    x = checked_scores(values, owner, name="confidence")
    outside = (x < 0) | (x > 1)
    if outside.any():
        raise must("confidence", owner, "lie in [0, 1]", float(x[outside][0]), "Scores become probabilities by a softmax.")
    return x


def checked_flags(values: npt.ArrayLike, n: int, owner: str, *, name: str = "right") -> Bools:
    """One yes or no per example, shape (n,), from booleans or 0 and 1."""
    x = np.asarray(values)
    if x.shape != (n,) or not bool(((x == 0) | (x == 1)).all()):
        raise must(name, owner, f"be {n} booleans, one per example", f"{x.dtype} {x.shape}")
    return x.astype(bool)


def checked_probabilities(values: npt.ArrayLike, owner: str) -> Floats:
    """Probabilities of shape (n, classes), at least two classes, each row summing to 1."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2 or not len(x):
        raise must("probabilities", owner, "have shape (n, classes), n at least 1 and 2 classes or more", x.shape)
    bad = ~(np.isfinite(x).all(1) & (x >= 0).all(1) & (np.abs(x.sum(1) - 1) <= _SUM))
    if bad.any():
        rule = "be at least 0 and sum to 1 in each row"
        raise must(
            "probabilities", owner, rule, f"{x[bad][0].tolist()} and {bad.sum() - 1} more rows of {len(x)}", "Apply a softmax to logits."
        )
    return x


def checked_labels(values: npt.ArrayLike, shape: tuple[int, ...], owner: str) -> Ints:
    """Labels 0..classes-1, shape (n,), where `shape` is (n, classes)."""
    n, classes = shape
    x = np.asarray(values)
    if x.shape != (n,) or x.dtype.kind not in "iu" or (n and (int(x.min()) < 0 or int(x.max()) >= classes)):
        got = f"{x.dtype} {x.shape}" if x.shape != (n,) or x.dtype.kind not in "iu" else f"{int(x.min())} to {int(x.max())}"
        raise must("y", owner, f"be {n} whole numbers from 0 to {classes - 1}", got)
    return x.astype(np.int64)


def checked_groups(values: npt.ArrayLike, n: int, owner: str) -> Names:
    """The group of each example, shape (n,), as text."""
    try:
        x = np.asarray(values)
    except ValueError as error:  # rows of several lengths
        raise must("groups", owner, f"name one group per example ({n})", "several for some") from error
    if x.shape != (n,):
        raise must("groups", owner, f"name one group per example ({n})", x.shape)
    return x.astype(np.str_)


def checked_share(value: float, name: str, owner: str) -> float:
    """A number strictly between 0 and 1."""
    if not 0 < value < 1:
        raise must(name, owner, "be in (0, 1)", value)
    return float(value)


def positive_probabilities(scores: Floats) -> Floats:
    """The softmax of scores (n, classes), none of it 0, so that ranks and logarithms are defined."""
    p: Floats = np.maximum(softmax(scores, axis=1), 1e-12)
    return np.asarray(p / p.sum(1, keepdims=True))


class Refused(UsageError):
    """Nothing true can be said from these numbers; the message is the reason, for a report to print in the figure's place."""
