"""How uncertain a model is by its answers to variants of an item, and whether that uncertainty tells right answers from wrong ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.confidence.calibration_gap import CalibrationGap, calibration_gap
from shiftproof.confidence.separation import chernoff_interval, rank_area
from shiftproof.measures.stability import agreement, answer_entropy
from shiftproof.outcomes import Interval
from shiftproof.risks.betting_intervals import betting_interval


@dataclass(frozen=True)
class AnswerUncertainty:
    """Uncertainty over n items with the same number of answers each.

    Args:
        n: items.
        answers: to each.
        agreement: mean over items of the share of answers that are the most frequent one, in (0, 1].
        entropy: mean over items of the entropy of the answers, in nats, at most log(answers).
        accuracy: share of items whose most frequent answer is right.
        calibration: of agreement as the confidence in the most frequent answer.
        auroc: how well agreement ranks items with a right most frequent answer above the others; NaN where all are either.
        agreement_interval, entropy_interval, auroc_interval: of the values over the population of items; (0, 1) for an AUROC of NaN.
    """

    n: int
    answers: int
    agreement: float
    agreement_interval: Interval
    entropy: float
    entropy_interval: Interval
    accuracy: float
    calibration: CalibrationGap
    auroc: float
    auroc_interval: Interval


def most_frequent(answers: Sequence[Sequence[str]]) -> list[int]:
    """For each item the place of its most frequent answer; of several the one that was given first.

    >>> most_frequent([["a", "b", "b"], ["a", "b"]])
    [1, 0]
    """
    agreement(answers)  # which checks them
    return [list(own).index(Counter(own).most_common(1)[0][0]) for own in answers]


def answer_uncertainty(answers: Sequence[Sequence[str]], right: npt.ArrayLike, *, confidence: float = 0.95) -> AnswerUncertainty:
    """Agreement and entropy of a model's answers to variants of each item, and how far agreement is a calibrated confidence.

    Args:
        answers: of each item those to its variants, the item as it is among them; n items with the same number of at least 2 each. Give
            answers that mean the same as one text.
        right: whether the most frequent answer of each item is right, see `most_frequent`; shape (n,).
        confidence: of each interval, in (0, 1).

    Guarantees: each interval misses with probability at most 1 - confidence for independent items, at every n: betting intervals of both
    means, that of `calibration_gap`, and given how many are right the Chernoff-Hoeffding bound of an AUROC.

    Cost: n log n, and the betting intervals.

    Example:
        >>> found = answer_uncertainty([["a", "a"], ["a", "a"], ["a", "b"], ["b", "a"]], [1, 1, 0, 1])
        >>> found.agreement, round(found.entropy, 3), found.accuracy, found.calibration.bias, round(found.auroc, 3)
        (0.75, 0.347, 0.75, 0.0, 0.833)

    Reference: Farquhar et al. 2024 [farquhar2024detecting], "Detecting hallucinations in large language models using semantic entropy", of
    the entropy; there answers are drawn from one prompt, here from variants.
    """
    shares, verdicts = agreement(answers), np.asarray(right, dtype=np.float64)
    count = len(answers[0])
    if count < 2 or any(len(own) != count for own in answers):
        raise must("answers", "answer_uncertainty", "be at least 2 for each item, as many for all", sorted({len(own) for own in answers}))
    if verdicts.shape != shares.shape or not np.isin(verdicts, (0.0, 1.0)).all():
        raise must("right", "answer_uncertainty", f"be 0 or 1, of shape {shares.shape}", verdicts.shape)
    if not 0 < confidence < 1:
        raise must("confidence", "answer_uncertainty", "be in (0, 1)", confidence)
    correct, entropies, most = verdicts == 1.0, answer_entropy(answers), float(np.log(count))
    low, high = betting_interval(np.clip(entropies / most, 0, 1), confidence=confidence).one()
    both = min(int(correct.sum()), int((~correct).sum()))
    auroc = rank_area(shares[~correct], shares[correct]) if both else float("nan")
    return AnswerUncertainty(
        n=len(shares),
        answers=count,
        agreement=float(shares.mean()),
        agreement_interval=betting_interval(shares, confidence=confidence).one(),
        entropy=float(entropies.mean()),
        entropy_interval=Interval(low * most, high * most),
        accuracy=float(verdicts.mean()),
        calibration=calibration_gap(shares, correct, level=confidence),
        auroc=auroc,
        auroc_interval=chernoff_interval(auroc, both, level=confidence) if both else Interval(0.0, 1.0),
    )
