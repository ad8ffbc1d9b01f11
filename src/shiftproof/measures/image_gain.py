"""Visual question answering beside what can be answered without the picture, and its robustness to other samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.risks.paired import Difference, paired_difference


@dataclass(frozen=True)
class ImageGain:
    """A model of pictures and questions on n items.

    Args:
        n: items.
        score: its mean score.
        blind: that of the same model with a blank picture.
        most_frequent: that of always giving the most frequent accepted answer.
        gain: the score less the blind one, in pairs, with its interval.
    """

    n: int
    score: float
    blind: float
    most_frequent: float
    gain: Difference


def image_gain(score: npt.ArrayLike, blind: npt.ArrayLike, accepted: Sequence[str], *, confidence: float = 0.95) -> ImageGain:
    """What the picture adds.

    Args:
        score: of each answer, in [0, 1], shape (n,).
        blind: of the answers of the same model to the same questions without the picture, shape (n,).
        accepted: the accepted answer of each.
        confidence: of the interval, in (0, 1).

    Guarantees: the interval misses with probability at most 1 - confidence at every n. A model that ignores the picture gains 0 exactly.

    >>> image_gain([1, 0, 1], [1, 0, 1], ["yes", "no", "yes"]).gain.value
    0.0

    Reference: Kahl et al. 2025 [kahl2025surevqa], "SURE-VQA: Systematic understanding of robustness evaluation in medical VQA tasks".
    """
    one, two = (np.asarray(values, dtype=np.float64) for values in (score, blind))
    if one.ndim != 1 or not len(one) or one.shape != two.shape or len(accepted) != len(one):
        raise must("score, blind and accepted", "image_gain", "be of one length, at least 1", (one.shape, two.shape, len(accepted)))
    if not bool(((one >= 0) & (one <= 1) & (two >= 0) & (two <= 1)).all()):
        raise must("score and blind", "image_gain", "be in [0, 1]", "others")
    frequent = Counter(accepted).most_common(1)[0][1] / len(accepted)
    gain = paired_difference(two, one, confidence=confidence)
    return ImageGain(len(one), float(one.mean()), float(two.mean()), frequent, gain)


def relative_robustness(score: float, shifted: float) -> float:
    """RR = 1 - (score - shifted) / score: 1 where the other sample costs nothing; NaN where the score is 0.

    >>> relative_robustness(0.8, 0.6)
    0.75
    """
    return 1 - (score - shifted) / score if score else float("nan")
