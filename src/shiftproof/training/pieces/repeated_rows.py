"""Just train twice for your own loop: the rows of the second training set. `training.methods.just_train_twice` is the registered method."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Ints
from shiftproof._errors import UsageError, must


def jtt_rows(wrong: npt.ArrayLike | None, *, times: int) -> Ints:
    """The rows of the second training set: every example once, and those that the first model got wrong `times` times.

    Args:
        wrong: whether the first model is wrong on each training example, in the data set's order, shape (n,). Train that model by plain
            risk minimisation, and stop it early: one that fits everything marks nothing.
        times: lambda_up, at least 1.

    Returns: rows to index the training set with (or to give to `torch.utils.data.Subset`), ascending.

    >>> jtt_rows([False, True, False], times=3).tolist()
    [0, 1, 1, 1, 2]

    Reference: Liu et al. 2021 [liu2021just], "Just train twice: improving group robustness without training group information".
    """
    if wrong is None:
        raise UsageError("jtt needs the training examples that the first model misclassifies. Pass `wrong`, in the order of the data set.")
    marks = np.asarray(wrong)
    if marks.ndim != 1 or not bool(np.isin(marks, (0, 1)).all()):
        raise must("wrong", "jtt_rows", "be true or false for each training example, shape (n,)", marks.shape)
    if times < 1:
        raise must("times", "jtt_rows", "be at least 1", times)
    if len(marks) and not marks.any():
        raise UsageError(
            "The first model of jtt classifies every training example correctly, so none would be repeated. Stop its training earlier."
        )
    return np.repeat(np.arange(len(marks)), np.where(marks.astype(bool), times, 1))
