"""How unusual each label would be for an example: what prediction sets are made of."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must, unknown
from shiftproof.confidence.checked import Floats

SetScore = Literal["lac", "aps", "raps"]
PENALTY, FREE_RANKS = 0.01, 5
"""Of raps: what each rank beyond the free ones adds. The values of the paper's code for ImageNet."""


def set_scores(
    probabilities: Floats,
    *,
    kind: SetScore = "aps",
    uniform: npt.ArrayLike | None = None,
    penalty: float = PENALTY,
    free_ranks: int = FREE_RANKS,
) -> Floats:
    """The score of every label of every example, shape (n, classes); larger is stranger.

    lac: 1 - p_y. aps: the probability of labels more likely than y, plus a share u of that of labels exactly as likely (y among them); u =
    1 without `uniform`. raps: aps plus penalty * max(0, rank - free_ranks), where y ranks below all that are at least as likely.

    Args:
        probabilities: shape (n, classes).
        kind: lac, aps or raps.
        uniform: u per example, shape (n,), in [0, 1).
        penalty: at least 0.
        free_ranks: at least 0.

    Labels of equal probability get equal scores, zero probability among them, so that their order says nothing.

    >>> set_scores(np.array([[0.5, 0.3, 0.2]])).round(3).tolist()
    [[0.5, 0.8, 1.0]]

    Reference: Romano, Sesia & Candès 2020 [romano2020classification], "Classification with valid and adaptive coverage";
    Angelopoulos et al. 2021 [angelopoulos2021uncertainty], "Uncertainty sets for image classifiers using conformal prediction".
    """
    if kind not in get_args(SetScore):
        raise unknown("set score", kind, get_args(SetScore))
    if kind == "lac":
        return 1 - probabilities
    n, classes = probabilities.shape
    order = np.argsort(-probabilities, axis=1, kind="stable")
    p = np.take_along_axis(probabilities, order, 1)
    places = np.arange(classes)
    new = np.ones((n, classes + 1), dtype=bool)
    new[:, 1:-1] = p[:, 1:] != p[:, :-1]
    first = np.maximum.accumulate(np.where(new[:, :-1], places, 0), axis=1)
    last = np.minimum.accumulate(np.where(new[:, 1:], places, classes)[:, ::-1], axis=1)[:, ::-1]
    summed = np.zeros((n, classes + 1))
    np.cumsum(p, axis=1, out=summed[:, 1:])
    below, upto = np.take_along_axis(summed, first, 1), np.take_along_axis(summed, last + 1, 1)
    score = upto if uniform is None else below + _uniform(uniform, n)[:, None] * (upto - below)
    if kind == "raps":
        score = score + penalty * np.maximum(last + 1 - free_ranks, 0)
    found = np.empty_like(score)
    np.put_along_axis(found, order, score, 1)
    return found


def _uniform(values: npt.ArrayLike, n: int) -> Floats:
    u = np.asarray(values, dtype=np.float64)
    if u.shape != (n,) or not bool(((u >= 0) & (u <= 1)).all()):
        raise must("uniform", "aps", f"be {n} numbers in [0, 1)", u.shape)
    return u
