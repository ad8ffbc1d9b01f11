"""The share of right answers when an imperfect judge says what is right: measured on labelled answers, and corrected for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson


@dataclass(frozen=True)
class JudgeQuality:
    """How often a judge is right, on answers whose truth is known.

    Args:
        right: labelled answers that are right.
        called_right: of these, how many the judge calls right.
        wrong: labelled answers that are wrong.
        called_wrong: of these, how many the judge calls wrong.
    """

    right: int
    called_right: int
    wrong: int
    called_wrong: int

    @property
    def sensitivity(self) -> float:
        """Of right answers, the share that is called right."""
        return self.called_right / self.right if self.right else float("nan")

    @property
    def specificity(self) -> float:
        """Of wrong answers, the share that is called wrong."""
        return self.called_wrong / self.wrong if self.wrong else float("nan")


@dataclass(frozen=True)
class CorrectedShare:
    """A share of right answers, corrected.

    Args:
        called: the share that the judge calls right.
        value: the share that is right, in [0, 1]; NaN where the judge is no better than chance on the labelled answers.
        interval: of the true share.
        quality: of the judge.
        n: answers that it judged.
    """

    called: float
    value: float
    interval: Interval
    quality: JudgeQuality
    n: int


def judge_quality(verdicts: npt.ArrayLike, truth: npt.ArrayLike) -> JudgeQuality:
    """Counts on labelled answers: a verdict is 1 or 0, and NaN counts as wrong called; the truth is 1 or 0. Both of shape (n,).

    >>> found = judge_quality([1, 1, 0, 0], [1, 1, 1, 0])
    >>> round(found.sensitivity, 3), found.specificity
    (0.667, 1.0)
    """
    said, true = _binary(verdicts, "verdicts"), np.asarray(truth, dtype=np.float64)
    if true.shape != said.shape or not np.isin(true, (0.0, 1.0)).all():
        raise must("truth", "judge_quality", f"be 0 or 1, of shape {said.shape}", true.shape)
    right = true == 1
    return JudgeQuality(int(right.sum()), int((said & right).sum()), int((~right).sum()), int((~said & ~right).sum()))


def corrected_share(verdicts: npt.ArrayLike, quality: JudgeQuality, *, confidence: float = 0.95) -> CorrectedShare:
    """The share of right answers from what a judge called right.

    With q the share called right, s the sensitivity and f = 1 - specificity, it is (q - f) / (s - f).

    Args:
        verdicts: of the judge on answers of unknown truth: 1 for right, 0 for wrong, NaN for neither, which counts as 0; shape (n,).
        quality: measured on other answers, drawn as these are within right and within wrong ones.
        confidence: in (0, 1).

    Guarantees:
        The interval misses the true share with probability at most 1 - confidence, at every n: exact intervals of q, s and f together
        (Bonferroni), and the extreme shares that they allow. It is [0, 1] where the labelled answers do not show that s > f.

    Example:
        >>> found = corrected_share([1] * 62 + [0] * 38, JudgeQuality(500, 400, 500, 450))
        >>> round(found.value, 3)
        0.743

    Reference: Rogan & Gladen 1978 [rogan1978estimating], "Estimating prevalence from the results of a screening test".
    """
    said = _binary(verdicts, "verdicts")
    if not len(said):
        raise must("verdicts", "corrected_share", "be at least one", 0)
    if not 0 < confidence < 1:
        raise must("confidence", "corrected_share", "be in (0, 1)", confidence)
    each = 1 - (1 - confidence) / 3
    called = float(said.mean())
    q = clopper_pearson(int(said.sum()), len(said), confidence=each).one()
    s = clopper_pearson(quality.called_right, quality.right, confidence=each).one() if quality.right else Interval(0.0, 1.0)
    f = clopper_pearson(quality.wrong - quality.called_wrong, quality.wrong, confidence=each).one() if quality.wrong else Interval(0.0, 1.0)
    low, high = 0.0, 1.0
    if s.low > f.high:  # the share falls in s and f, and grows with q
        low, high = _share(q.low, s.high, f.high), _share(q.high, s.low, f.low)
    sensitivity, false = quality.sensitivity, 1 - quality.specificity
    value = _share(called, sensitivity, false) if sensitivity > false else float("nan")
    return CorrectedShare(called, value, Interval(low, high), quality, len(said))


def _share(q: float, s: float, f: float) -> float:
    return min(1.0, max(0.0, (q - f) / (s - f)))


def _binary(values: npt.ArrayLike, name: str) -> npt.NDArray[np.bool_]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not np.isin(found[~np.isnan(found)], (0.0, 1.0)).all():
        raise must(name, "a judge's verdicts", "be 1, 0 or NaN, of shape (n,)", found.shape)
    return np.asarray(found == 1.0)
