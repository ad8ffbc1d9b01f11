"""AUROC, AUPR and both FPR95: exact values, nothing changed by rising maps, ties right, intervals that cover."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr, ndtri
from sklearn.metrics import average_precision_score, roc_auc_score

from shiftproof._errors import UsageError
from shiftproof.confidence.alarm import alarm_threshold, alarms
from shiftproof.confidence.checked import Refused
from shiftproof.confidence.separation import Separation, chernoff_interval, separation
from validity import assert_covers

Floats = npt.NDArray[np.float64]


@pytest.mark.parametrize("decimals", [8, 1, 0])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 20), (300, 70)])
def test_values_are_scikit_learns(decimals: int, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    a, b = np.round(rng.normal(size=sizes[0]), decimals), np.round(rng.normal(1, 1, sizes[1]), decimals)
    truth, both = np.repeat([0, 1], sizes), np.concatenate([a, b])
    found = separation(a, b)
    assert found.auroc == pytest.approx(roc_auc_score(truth, both))
    assert found.aupr == pytest.approx(average_precision_score(truth, both))
    assert found.fpr95_id_positive == (b <= np.sort(a)[int(np.ceil(0.95 * len(a))) - 1]).mean()
    assert found.fpr95_ood_positive == (a >= np.sort(b)[::-1][int(np.ceil(0.95 * len(b))) - 1]).mean()


@pytest.mark.parametrize("change", [lambda x: 60 + x, lambda x: 800 + 3 * x, lambda x: x - 200, np.exp, lambda x: 1 / (1 + np.exp(-x))])
def test_rising_maps_change_nothing(change: object) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=200), rng.normal(1, 1, 100)
    assert callable(change)
    assert separation(change(a), change(b)) == separation(a, b)


def test_tied_scores_say_nothing() -> None:
    found = separation(np.ones(30), np.ones(70))
    assert (found.auroc, found.aupr, found.prevalence) == (0.5, 0.7, 0.7)
    assert (found.fpr95_ood_positive, found.fpr95_id_positive) == (1, 1)


def truth(apart: float, odds: float, decimals: int | None) -> tuple[float, float, float, float]:
    """AUROC, AUPR and both FPR95 of normal strangeness, perhaps rounded to whole numbers."""
    if decimals is None:
        recall = (np.arange(200000) + 0.5) / 200000
        beyond = ndtr(-(apart - ndtri(recall)))
        precision = recall / (recall + odds * beyond)
        return float(ndtr(apart / np.sqrt(2))), float(precision.mean()), float(ndtr(ndtri(0.95) - apart)), float(ndtr(ndtri(0.95) - apart))
    levels = np.arange(-12, 13)[::-1]
    a, b = (ndtr(levels + 0.5 - shift) - ndtr(levels - 0.5 - shift) for shift in (0.0, apart))
    fpr, tpr = np.cumsum(a), np.cumsum(b)
    auroc = float((a * (np.cumsum(b) - b / 2)).sum())
    at = np.flatnonzero(tpr >= 0.95)[0]
    passing = np.flatnonzero(np.cumsum(a[::-1]) >= 0.95)[0]
    return auroc, float((b * tpr / np.maximum(tpr + odds * fpr, 1e-300)).sum()), float(fpr[at]), float(np.cumsum(b[::-1])[passing])


@pytest.mark.parametrize("sizes", [(5, 5), (20, 100), (100, 20), (400, 200)])
@pytest.mark.parametrize("apart", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("decimals", [None, 0])
def test_intervals_cover(sizes: tuple[int, int], apart: float, decimals: int | None) -> None:
    rng = np.random.default_rng(sizes[0])
    exact = truth(apart, sizes[0] / sizes[1], decimals)
    found: list[Separation] = []
    for _ in range(250):
        a, b = rng.normal(size=sizes[0]), rng.normal(apart, 1, sizes[1])
        found.append(separation(a, b) if decimals is None else separation(np.round(a), np.round(b)))
    spans = zip(
        exact,
        *([s.auroc_interval, s.aupr_interval, s.fpr95_ood_positive_interval, s.fpr95_id_positive_interval] for s in found),
        strict=True,
    )
    for value, *each in spans:
        assert_covers([not low - 1e-6 <= value <= high + 1e-6 for low, high in each], 0.05)


def test_intervals_hold_their_own_figure_and_narrow() -> None:
    rng = np.random.default_rng(0)
    found = separation(rng.normal(size=5000), rng.normal(1, 1, 5000))
    for value, span in (
        (found.auroc, found.auroc_interval),
        (found.aupr, found.aupr_interval),
        (found.fpr95_ood_positive, found.fpr95_ood_positive_interval),
        (found.fpr95_id_positive, found.fpr95_id_positive_interval),
    ):
        assert span.low <= value <= span.high
        assert span.high - span.low < 0.15


@pytest.mark.parametrize("n", [1, 5, 50])
@pytest.mark.parametrize("p", [0.001, 0.3, 0.5, 0.999])
def test_the_chernoff_interval_covers_exactly(n: int, p: float) -> None:
    from scipy.stats import binom

    missed = 0.0
    for k in range(n + 1):
        low, high = chernoff_interval(k / n, n)
        missed += binom.pmf(k, n, p) * (not low <= p <= high)
    assert missed <= 0.05


@pytest.mark.parametrize("n", [19, 20, 100])
@pytest.mark.parametrize("ties", [False, True])
def test_false_alarms_are_as_rare_as_stated(n: int, ties: bool) -> None:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(2000, n + 1))
    x = np.round(x) if ties else x
    assert_covers([row[n] > alarm_threshold(row[:n], rate=0.05) for row in x], 0.05)


def test_alarms_apart_for_right_and_wrong() -> None:
    found = alarms([1.0, 2, 3, 4, 5], [True, True, True, False, False], threshold=2.0)
    assert found.on_right == pytest.approx(1 / 3)
    assert found.on_wrong == 1
    assert found.on_right_interval.low <= 1 / 3 <= found.on_right_interval.high
    assert np.isnan(alarms([1.0], [True], threshold=2.0).on_wrong)


def test_messages() -> None:
    with pytest.raises(Refused, match="takes at least 19 familiar inputs, and there are 10"):
        alarm_threshold(range(10), rate=0.05)
    with pytest.raises(UsageError, match="The 'familiar' of separation must be numbers of shape \\(n,\\), n at least 1, got \\(0,\\)"):
        separation([], [1.0])
    with pytest.raises(UsageError, match="The 'unfamiliar' of separation must be finite, got 'nan and 0 more of 2'"):
        separation([1.0], [np.nan, 1.0])
