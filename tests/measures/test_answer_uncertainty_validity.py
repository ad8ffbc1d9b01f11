"""Uncertainty by answers to variants: closed forms, and its intervals against planted truths."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shiftproof._errors import UsageError
from shiftproof.measures.answer_uncertainty import AnswerUncertainty, answer_uncertainty, most_frequent
from validity import SIZES, assert_covers, assert_interval


def test_closed_forms() -> None:
    answers = [["a"] * 4, ["a", "a", "a", "b"], ["a", "a", "b", "b"], ["b", "c", "d", "a"]]
    right = [1, 1, 0, 0]
    found = answer_uncertainty(answers, right)
    assert (found.n, found.answers, found.accuracy) == (4, 4, 0.5)
    assert found.agreement == pytest.approx((1 + 0.75 + 0.5 + 0.25) / 4)
    three = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    assert found.entropy == pytest.approx((three + np.log(2) + np.log(4)) / 4)
    assert found.auroc == roc_auc_score(right, [1, 0.75, 0.5, 0.25]) == 1.0
    assert found.calibration.bias == pytest.approx(0.625 - 0.5)


def test_the_first_of_equally_frequent_answers_counts() -> None:
    assert most_frequent([["b", "a", "a", "b"], ["c", "a", "a"]]) == [0, 1]


def test_all_right_has_no_ranking() -> None:
    found = answer_uncertainty([["a", "a"], ["a", "b"]], [1, 1])
    assert np.isnan(found.auroc)
    assert found.auroc_interval == (0.0, 1.0)


@pytest.mark.parametrize("n", SIZES[1:])
@pytest.mark.parametrize(("steady", "sure", "unsure"), [(0.8, 0.9, 0.5), (0.5, 0.6, 0.6), (0.2, 1.0, 0.1)])
def test_the_intervals_hold_planted_truths(n: int, steady: float, sure: float, unsure: float) -> None:
    """An item has two equal answers with probability `steady`, which are right with `sure`, and else two others, right with `unsure`."""
    rng = np.random.default_rng(n)
    found: list[AnswerUncertainty] = []
    missed: list[bool] = []
    for _ in range(60):
        equal = rng.random(n) < steady
        right = rng.random(n) < np.where(equal, sure, unsure)
        one = answer_uncertainty([["a", "a" if same else "b"] for same in equal], right, confidence=0.9)
        share = float(equal.mean())
        gap = share * abs(1 - sure) + (1 - share) * abs(0.5 - unsure)  # that of the bins is at most this
        found.append(one)
        missed.append(one.calibration.interval.low > gap + 1e-9)
    assert_interval([one.agreement_interval for one in found], steady + (1 - steady) / 2, 0.9)
    assert_interval([one.entropy_interval for one in found], (1 - steady) * np.log(2), 0.9)
    p, q = steady * sure, steady * (1 - sure)
    r, s = (1 - steady) * unsure, (1 - steady) * (1 - unsure)
    area = (p * s + (p * q + r * s) / 2) / ((p + r) * (q + s))
    assert_interval([one.auroc_interval for one in found], area, 0.9)
    assert_covers(missed, 0.1)


def test_agreement_that_says_nothing_is_found_to_be_uncalibrated() -> None:
    """All items have one answer each, and a third of them is wrong."""
    found = answer_uncertainty([["a", "a", "a"]] * 90, [1, 1, 0] * 30)
    assert found.calibration.bias == pytest.approx(1 / 3)
    assert found.calibration.interval.low > 0.2
    assert found.auroc == 0.5


@pytest.mark.parametrize(
    ("answers", "right", "message"),
    [
        ([["a"]], [1], "be at least 2 for each item, as many for all"),
        ([["a", "b"], ["a", "b", "c"]], [1, 1], "be at least 2 for each item, as many for all"),
        ([["a", "b"]], [0.5], "be 0 or 1"),
        ([["a", "b"]], [1, 1], "be 0 or 1"),
        ([], [], "at least one"),
    ],
)
def test_what_cannot_be_used_is_told(answers: list[list[str]], right: list[float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        answer_uncertainty(answers, right)
    with pytest.raises(UsageError, match=r"in \(0, 1\)"):
        answer_uncertainty([["a", "a"]], [1], confidence=1.0)
