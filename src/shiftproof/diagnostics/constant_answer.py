"""Is a model better than a constant prediction? Decided from stored answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof.data.examples import Examples
from shiftproof.finding import Finding
from shiftproof.outcomes import SKIPPED, Flag
from shiftproof.risks.intervals import binomial_low, clopper_pearson, tail_of

NAME = "no_better_than_constant"
Codes = npt.NDArray[np.integer[Any]]
_NEARLY_ONE = 0.9
"""From this share of equal answers on, a model answers nearly always the same."""
_NEARLY_EVEN = 1.5
"""A mean largest probability below this multiple of 1 / classes is that of an uninformative model."""
_SHOWN = 4
_ROUNDING = 1e-9
_SKEWED = "The model does separate the classes. On a sample this imbalanced, look at each class, not only at accuracy"


def constant_answer(
    label: Codes,
    prediction: Codes,
    *,
    sure: npt.NDArray[np.floating[Any]] | None = None,
    class_names: Sequence[str] = (),
    classes: int = 0,
    units: str = "",
    confidence: float = 0.95,
) -> Flag | None:
    """The flag `no_better_than_constant`, with likely reasons; None where the answers rule that out, or are too few to say.

    The best constant answer is the most frequent class of these n examples, right on a share m of them. The flag is raised where

    - the exact interval of accuracy lies below m altogether; or
    - it does not lie above m, and the answers agree with the labels no more often than they would in random order (a permutation test by
      its normal approximation, one-sided): a model that is good on a skewed sample agrees more often, and is not flagged.

    It is not raised where even n right answers of n would not be told from m: the sample is too small or too skewed.

    Args:
        label: true classes, shape (n,).
        prediction: what the model answered, shape (n,).
        sure: its largest probability, shape (n,); NaN where it has none.
        class_names: of the data.
        classes: of the data; where 0, those that occur.
        units: the legal inputs, in words.
        confidence: of the interval and of the test.

    Guarantees: a model better than m in truth is flagged by chance in at most (1 - confidence) / 2 of samples for the first reason, and by
    the second only where its agreement is not seen either.
    Cost: none of the model; O(n + classes^3).

    Example:
        >>> import numpy as np
        >>> y = np.arange(200) % 2
        >>> print(constant_answer(y, 1 - y).detail.split(". ")[1])
        With the classes numbered differently, accuracy is 100.0% (its 0 is 1, its 1 is 0): the codes of the data or the model are mixed up.
        >>> constant_answer(y, y) is None
        True
    """
    n = len(label)
    if not n:
        return None
    tail = tail_of(confidence)
    counts = np.bincount(label)
    top = int(counts.argmax())
    share, right = float(counts[top]) / n, int((label == prediction).sum())
    low, high = clopper_pearson(right, n, confidence=confidence).one()
    perfect = float(binomial_low(np.float64(n), np.float64(n), tail))
    agrees = _agrees(label, prediction, confidence)
    if low > share or perfect <= share or (high >= share and agrees):
        return None
    known = max(classes, len(counts), len(class_names))
    reasons = _renumbered(label, prediction, share, tail, class_names)
    if not reasons:
        reasons = [_SKEWED] if agrees else _reasons(prediction, sure, known, units, class_names)
    return Flag(
        "no_better_than_constant",
        f"Accuracy {right / n:.1%} is no better than always answering {_name(top, class_names)} ({share:.1%}). {'; '.join(reasons)}.",
    )


def of_finding(finding: Finding, examples: Examples, *, confidence: float = 0.95) -> Flag | None:
    """`constant_answer` of the examples as they are, from a worst-case finding: what it did not skip, the model got right unmoved."""
    y = examples.y.numpy()
    wrong = finding.outcome == SKIPPED
    prediction, sure = np.where(wrong, finding.prediction, y), np.where(wrong, finding.confidence, np.nan)
    return constant_answer(y, prediction, sure=sure, units=examples.space.units, confidence=confidence)


def _agrees(label: Codes, prediction: Codes, confidence: float) -> bool:
    """Whether answers and labels match more often than in random order."""
    from scipy.special import ndtri

    mean, variance = _matches(label, prediction)
    found = int((label == prediction).sum())
    return variance > _ROUNDING * len(label) and found - mean > float(ndtri(confidence)) * math.sqrt(variance)


def _matches(label: Codes, prediction: Codes) -> tuple[float, float]:
    """Mean and variance of the number of matches over all orders of the labels."""
    n = len(label)
    size = 1 + int(max(label.max(), prediction.max()))
    a, b = (np.bincount(codes, minlength=size).astype(np.float64) for codes in (label, prediction))
    mean = float((a * b).sum()) / n
    pairs = float((a * b).sum() ** 2 - (a * b * (a + b)).sum() + (a * b).sum())  # ordered, of two places that both match, times n (n - 1)
    return mean, mean + (pairs / (n * (n - 1)) if n > 1 else 0.0) - mean**2


def _renumbered(label: Codes, prediction: Codes, share: float, tail: float, class_names: Sequence[str]) -> list[str]:
    """The reason where some renumbering of its answers is right on most that the best constant is not, beyond the chance of trying all."""
    from scipy.optimize import linear_sum_assignment

    size = 1 + int(max(label.max(), prediction.max()))
    confusion = np.zeros((size, size), dtype=np.int64)
    np.add.at(confusion, (prediction, label), 1)
    theirs, ours = linear_sum_assignment(-confusion)
    right = int(confusion[theirs, ours].sum())
    tried = math.exp(min(700.0, math.lgamma(1 + len(np.unique(label)))))
    if right <= int(np.trace(confusion)) or float(binomial_low(np.float64(right), np.float64(len(label)), tail / tried)) <= (1 + share) / 2:
        return []
    moved = [(one, other) for one, other in zip(theirs.tolist(), ours.tolist(), strict=True) if one != other and confusion[one, other]]
    said = ", ".join(f"its {one} is {_name(other, class_names)}" for one, other in moved[:_SHOWN])
    more = ", ..." if len(moved) > _SHOWN else ""
    other = f"With the classes numbered differently, accuracy is {right / len(label):.1%} ({said}{more})"
    return [f"{other}: the codes of the data or the model are mixed up"]


def _reasons(
    prediction: Codes, sure: npt.NDArray[np.floating[Any]] | None, classes: int, units: str, class_names: Sequence[str]
) -> list[str]:
    """Other explanations, the likeliest first, each with its evidence."""
    counts = np.bincount(prediction)
    often = float(counts.max()) / len(prediction)
    finite = sure[np.isfinite(sure)] if sure is not None else np.zeros(0)
    signs = [f"it predicts {_name(int(counts.argmax()), class_names)} for {often:.1%}"] if often >= _NEARLY_ONE else []
    if len(finite) and float(finite.mean()) < _NEARLY_EVEN / classes:
        signs.append(f"its largest probability is {float(finite.mean()):.2g} on average")
    found = ["weights that were not trained or not loaded" + (f" ({', '.join(signs)})" if signs else "")]
    found.append("inputs on another scale than in training" + (f" (here {units})" if units else ""))
    found.append("labels numbered differently from training")
    beyond = float((prediction >= classes).mean())
    if beyond:
        head = f"{beyond:.1%} of its predictions are classes that the data do not have (they have {classes})"
        found.insert(0 if beyond > 0.5 else len(found), f"a head for other classes ({head})")
    return [f"Likely reasons: {found[0]}", *found[1:]]


def _name(code: int, class_names: Sequence[str]) -> str:
    return f"'{class_names[code]}'" if code < len(class_names) else str(code)
