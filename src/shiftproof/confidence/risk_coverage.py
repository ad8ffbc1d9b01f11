"""Answering only where confident: the error rate among the answers kept, against the share kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof.confidence.checked import Bools, Floats, checked_flags, checked_scores, checked_share
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The curve of a sample, one point per distinct confidence, from the most confident on.

    Args:
        threshold: answers of at least this confidence are kept, shape (k,), descending.
        coverage: the share kept, shape (k,), ascending to 1.
        risk: the error rate among those, shape (k,).
        area: mean risk over coverage, as a step curve (AURC).
    """

    threshold: Floats
    coverage: Floats
    risk: Floats
    area: float


def risk_coverage(confidence: npt.ArrayLike, right: npt.ArrayLike) -> RiskCoverage:
    """The curve of confidences (n,), any finite numbers, and whether each answer is right (n,). Equal confidences are kept together.

    >>> curve = risk_coverage([0.9, 0.9, 0.6, 0.5], [True, True, True, False])
    >>> curve.coverage.tolist(), curve.risk.tolist(), curve.area
    ([0.5, 0.75, 1.0], [0.0, 0.0, 0.25], 0.0625)

    Reference: Geifman & El-Yaniv 2017 [geifman2017selective], "Selective classification for deep neural networks".
    """
    c = checked_scores(confidence, "risk_coverage", name="confidence")
    kept, wrong, threshold = kept_above(c, checked_flags(right, len(c), "risk_coverage"))
    coverage, risk = kept / len(c), wrong / kept
    return RiskCoverage(threshold, coverage, risk, float((np.diff(coverage, prepend=0) * risk).sum()))


def kept_above(confidence: Floats, right: Bools) -> tuple[Floats, Floats, Floats]:
    """How many are at or above each distinct confidence, how many of those are wrong, and the confidences, descending."""
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    last = np.append(descending[1:] != descending[:-1], True)
    kept = np.flatnonzero(last) + 1.0
    wrong: Floats = np.cumsum(~right[order])[last].astype(np.float64)
    return np.asarray(kept), wrong, descending[last]


@dataclass(frozen=True)
class KeptRisk:
    """What a threshold comes to on a sample.

    Args:
        kept: answers at or above the threshold.
        wrong: of those.
        n: examples.
        coverage: kept / n.
        risk: wrong / kept; NaN where none is kept.
        interval: of the risk, exact (Clopper-Pearson); NaN where none is kept.
    """

    kept: int
    wrong: int
    n: int
    coverage: float
    risk: float
    interval: Interval


def kept_risk(confidence: npt.ArrayLike, right: npt.ArrayLike, *, threshold: float, level: float = 0.95) -> KeptRisk:
    """The error rate among answers of at least this confidence, on a sample that the threshold was not chosen on.

    >>> kept_risk([0.9, 0.8, 0.6], [True, False, False], threshold=0.7).risk
    0.5
    """
    c = checked_scores(confidence, "kept_risk", name="confidence")
    z = checked_flags(right, len(c), "kept_risk")
    keep = c >= threshold
    kept, wrong = int(keep.sum()), int((keep & ~z).sum())
    interval = clopper_pearson(wrong, kept, confidence=checked_share(level, "level", "kept_risk")).one()
    return KeptRisk(kept, wrong, len(c), kept / len(c), wrong / kept if kept else float("nan"), interval)
