"""A training set of the same size with other examples in a part of it: the uncertain ones of a first model, or generated ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Ints
from shiftproof._errors import must


def most_uncertain(probabilities: npt.ArrayLike, *, count: int) -> Ints:
    """The rows of the `count` examples whose predicted classes have the greatest entropy, -sum p log p.

    Args:
        probabilities: of a first model's classes for each candidate, shape (n, classes).
        count: how many, from 0 to n.

    Returns: rows, the most uncertain first; of equal ones the earlier.

    >>> most_uncertain([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]], count=2).tolist()
    [1, 2]

    Reference: after the abstract of Stacey et al. 2025 [stacey2025closed], "How to Improve the Robustness of Closed-Source Models on NLI",
    which upsamples challenging examples; that the entropy of a model trained on the rest says which, is taken from a public summary of it.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or not p.shape[1] or not bool(((p >= 0) & (p <= 1)).all()):
        raise must("probabilities", "most_uncertain", "lie in [0, 1], shape (n, classes)", p.shape)
    if not 0 <= count <= len(p):
        raise must("count", "most_uncertain", f"lie between 0 and the number of candidates, {len(p)}", count)
    entropy = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0).sum(1)
    return np.argsort(-entropy, kind="stable")[:count].astype(np.int64)


def exchanged_rows(n: int, *, count: int, numbers: np.random.Generator) -> Ints:
    """The rows that stay of n training examples when `count` of them, drawn by chance, make room for others.

    With the `count` new examples behind them the training set has its old size, so that as many steps are made over it as before, and a
    gain is not one of more training.

    Args:
        n: training examples.
        count: how many leave, from 0 to n.
        numbers: the chance.

    Returns: n - count rows, ascending.

    >>> len(exchanged_rows(10, count=3, numbers=np.random.default_rng(0)))
    7

    Reference: after the abstract of Stacey et al. 2025 [stacey2025closed], "How to Improve the Robustness of Closed-Source Models on NLI",
    which replaces a part of the training examples by generated ones.
    """
    if not 0 <= count <= n:
        raise must("count", "exchanged_rows", f"lie between 0 and the number of training examples, {n}", count)
    return np.sort(numbers.permutation(n)[count:]).astype(np.int64)
