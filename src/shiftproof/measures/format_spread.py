"""How far accuracy depends on the layout of a prompt, and calibration against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson


@dataclass(frozen=True, eq=False)
class FormatSpread:
    """Accuracy in the best layout less that in the worst, over the same examples.

    Args:
        accuracy: in each layout, shape (formats,).
        spread: the largest less the smallest.
        interval: holds the spread of the true accuracies of these layouts with the stated confidence, whatever they are.
        n: examples.
    """

    accuracy: Floats
    spread: float
    interval: Interval
    n: int


def format_spread(right: npt.ArrayLike, *, confidence: float = 0.95) -> FormatSpread:
    """The spread max - min of accuracy over layouts.

    Args:
        right: whether each answer is right, shape (formats, n), n >= 1.
        confidence: of the interval, in (0, 1).

    Guarantees:
        The interval comes from exact intervals that hold for all layouts at once (Bonferroni): it misses with probability at most
        1 - confidence. It is about these layouts, not about all that there are. The spread itself is biased upward: layouts that are alike
        differ by chance.

    Example:
        >>> found = format_spread([[1, 1, 1, 1], [1, 0, 0, 0]])
        >>> found.spread
        0.75

    Reference: Sclar et al. 2024 [sclar2024quantifying], "Quantifying language models' sensitivity to spurious features in prompt design".
    """
    table = np.asarray(right, dtype=np.float64)
    if table.ndim != 2 or table.size == 0 or not np.isin(table, (0.0, 1.0)).all():
        raise must("right", "format_spread", "be 0 or 1, of shape (formats, n)", table.shape)
    formats, n = table.shape
    accuracy = table.mean(1)
    ends = clopper_pearson(table.sum(1), np.full(formats, n), confidence=1 - (1 - confidence) / formats)
    low, high = np.asarray(ends.low), np.asarray(ends.high)
    least = max(0.0, float(low.max() - high.min()))
    return FormatSpread(accuracy, float(accuracy.max() - accuracy.min()), Interval(least, float(high.max() - low.min())), n)


def calibrated(log_probabilities: npt.ArrayLike) -> Floats:
    """The log-probabilities of options less their mean over the examples of the same layout: batch calibration over the whole sample.

    Args:
        log_probabilities: in nats, shape (..., n, options). Examples with one that is not finite stand as they are, and do not count in the
            mean.

    Guarantees:
        An answer does not depend on the order of the examples or on how they are cut into batches, as it does where the mean runs on. It
        assumes that the options are about equally often right: it moves answers towards that.

    Example:
        >>> calibrated([[-1.0, -2.0], [-1.0, -4.0]]).argmax(-1).tolist()
        [1, 0]

    Reference: Zhou et al. 2024 [zhou2024batch], "Batch calibration: rethinking calibration for in-context learning and prompt engineering".
    """
    values = np.asarray(log_probabilities, dtype=np.float64)
    if values.ndim < 2 or values.shape[-1] < 2:
        raise UsageError(f"Log-probabilities must have shape (..., n, options) with at least 2 options, got {values.shape}.")
    finite = np.isfinite(values).all(-1, keepdims=True)
    counts = np.maximum(finite.sum(-2, keepdims=True), 1)
    mean = np.where(finite, values, 0.0).sum(-2, keepdims=True) / counts
    found: Floats = np.where(finite, values - mean, values)
    return found
