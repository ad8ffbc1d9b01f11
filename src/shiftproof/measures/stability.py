"""What the stability of answers says: of correctness, of another model's correctness, and of a model's uncertainty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.confidence.separation import rank_area
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson, proportion_difference


@dataclass(frozen=True)
class StabilityPredictor:
    """Items that are stable (all variants get one answer) against those that are not.

    Args:
        n: items.
        stable: items whose answers all agree.
        flip_rate: the share that is not stable.
        flip_interval: of it.
        right_if_stable: P(correct | stable); NaN for none.
        right_if_unstable: P(correct | unstable); NaN for none.
        difference: the former less the latter.
        interval: of the true difference; (-1, 1) where a side has no items.
        auroc: how well the agreement of the answers ranks correct items above wrong ones; NaN where all are either.
    """

    n: int
    stable: int
    flip_rate: float
    flip_interval: Interval
    right_if_stable: float
    right_if_unstable: float
    difference: float
    interval: Interval
    auroc: float


def agreement(answers: Sequence[Sequence[str]]) -> Floats:
    """For each item the share of its answers that is its most frequent one, in (0, 1].

    >>> agreement([["a", "a", "b", "a"], ["a", "b"]]).tolist()
    [0.75, 0.5]
    """
    if not answers or not all(len(own) for own in answers):
        raise must("answers", "agreement", "be at least one for each of at least one item", [len(own) for own in answers][:5])
    return np.array([Counter(own).most_common(1)[0][1] / len(own) for own in answers])


def answer_entropy(answers: Sequence[Sequence[str]]) -> Floats:
    """For each item the entropy of its answers in nats: semantic entropy, where answers that mean the same are given as one text.

    >>> [round(value, 3) for value in answer_entropy([["a", "a"], ["a", "b"]]).tolist()]
    [0.0, 0.693]

    Reference: Farquhar et al. 2024 [farquhar2024detecting], "Detecting hallucinations in large language models using semantic entropy".
    """
    agreement(answers)  # which checks them
    shares = [np.array([*Counter(own).values()]) / len(own) for own in answers]
    return np.array([float(-(p * np.log(p)).sum()) + 0.0 for p in shares])


def stability_predictor(answers: Sequence[Sequence[str]], right: npt.ArrayLike, *, confidence: float = 0.95) -> StabilityPredictor:
    """Whether stable answers are right more often than others.

    Args:
        answers: of each item those to its variants, the item as it is among them; n items with at least 2 each.
        right: whether each item is answered right, shape (n,): by this model, or by another that this one's stability shall predict.
        confidence: of each interval, in (0, 1).

    Guarantees: intervals hold for independent items at every n: the difference is that of two independent shares, given which are stable.

    Example:
        >>> found = stability_predictor([["a", "a"], ["a", "a"], ["a", "b"], ["b", "a"]], [1, 1, 0, 1])
        >>> found.flip_rate, found.right_if_stable, found.right_if_unstable, found.auroc
        (0.5, 1.0, 0.5, 0.8333333333333334)
    """
    shares, verdicts = agreement(answers), np.asarray(right, dtype=np.float64)
    if verdicts.shape != shares.shape or not np.isin(verdicts, (0.0, 1.0)).all() or any(len(own) < 2 for own in answers):
        raise must("right", "stability_predictor", f"be 0 or 1, of shape {shares.shape}, with 2 answers or more each", verdicts.shape)
    steady, correct = shares == 1.0, verdicts == 1.0
    kept, flipped = (int((correct & steady).sum()), int(steady.sum())), (int((correct & ~steady).sum()), int((~steady).sum()))
    both = kept[1] > 0 and flipped[1] > 0
    rates = [hits / n if n else float("nan") for hits, n in (kept, flipped)]
    return StabilityPredictor(
        n=len(shares),
        stable=kept[1],
        flip_rate=flipped[1] / len(shares),
        flip_interval=clopper_pearson(flipped[1], len(shares), confidence=confidence).one(),
        right_if_stable=rates[0],
        right_if_unstable=rates[1],
        difference=rates[0] - rates[1],
        interval=proportion_difference(flipped, kept, confidence=confidence).one() if both else Interval(-1.0, 1.0),
        auroc=rank_area(shares[~correct], shares[correct]) if 0 < correct.sum() < len(correct) else float("nan"),
    )
