"""Prediction sets contain the label as often as they say: every size, ties, groups and shifts."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from planted_confidence import TIES, probabilities
from shiftproof._errors import UsageError
from shiftproof.confidence.checked import Refused
from shiftproof.confidence.conformal import conformal_quantile, effective_sample, group_sets, split_sets, weighted_quantiles, weighted_sets
from shiftproof.confidence.label_shift import class_weights, label_shift_sets
from shiftproof.confidence.set_scores import SetScore
from validity import SIZES, assert_covers

RUNS = 400


@pytest.mark.parametrize("score", get_args(SetScore))
@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_split_sets_cover(n: int, ties: str, score: SetScore, level: float) -> None:
    rng = np.random.default_rng(n)
    missed = []
    for _ in range(RUNS):
        p, y = probabilities(rng, n + 1, 5, ties)
        found = split_sets(p[:n], y[:n], p[n:], level=level, score=score)
        missed.append(not found.sets[0, y[n]])
    assert_covers(missed, 1 - level)


@pytest.mark.parametrize("ties", TIES)
def test_randomised_aps_covers_and_is_not_merely_wide(ties: str) -> None:
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(800):
        p, y = probabilities(rng, 100, 5, ties)
        u = rng.random(100)
        missed.append(not split_sets(p[:99], y[:99], p[99:], uniform=(u[:99], u[99:])).sets[0, y[99]])
    assert_covers(missed, 0.1)
    assert ties == "one_hot" or np.mean(missed) > 0.06


def test_too_few_examples_give_every_label() -> None:
    p, y = probabilities(np.random.default_rng(0), 6, 5, "none")
    assert split_sets(p[:5], y[:5], p[5:], level=0.9).sets.all()


@pytest.mark.parametrize("groups", [2, 10, 50])
def test_every_group_is_covered_by_itself(groups: int) -> None:
    rng = np.random.default_rng(groups)
    missed: list[list[bool]] = [[] for _ in range(2)]
    for _ in range(300):
        p, y = probabilities(rng, 20 * groups + 2, 4, "none")
        g = np.append(np.arange(20 * groups) % groups, [0, 1])
        hard = g == 1
        y[hard] = rng.integers(0, 4, hard.sum())  # the model knows nothing there
        found = group_sets(p[:-2], y[:-2], p[-2:], g[:-2], g[-2:], level=0.9)
        for place in range(2):
            missed[place].append(not found.sets[place, y[place - 2]])
    for each in missed:
        assert_covers(each, 0.1)


def test_an_unseen_group_gets_every_label() -> None:
    p, y = probabilities(np.random.default_rng(0), 101, 4, "none")
    found = group_sets(p[:100], y[:100], p[100:], ["a"] * 100, ["b"])
    assert found.sets.all()
    assert found.effective.tolist() == [0]


@pytest.mark.parametrize("n", [20, 100])
def test_known_weights_cover_under_the_shift(n: int) -> None:
    rng = np.random.default_rng(n)
    plain, missed = [], []
    for _ in range(700):
        x = np.append(rng.random(n), rng.beta(4, 1))
        truth = np.stack([1 - x * 0.7, x * 0.7], 1)  # the further right, the less the model is right
        y = (rng.random(n + 1) < truth[:, 1]).astype(int)
        p = np.tile([[0.9, 0.1]], (n + 1, 1)) + 0.05 * x[:, None] * np.array([[1, -1]])
        w = 4 * x**3
        plain.append(not split_sets(p[:n], y[:n], p[n:], level=0.8).sets[0, y[n]])
        try:
            found = weighted_sets(p[:n], y[:n], p[n:], w[:n], w[n:], level=0.8)
        except Refused:
            continue
        missed.append(not found.sets[0, y[n]])
    assert_covers(missed, 0.2)
    assert n == 20 or len(missed) == 700
    assert np.mean(missed) < np.mean(plain) + 0.02


def test_weighted_quantiles_are_the_definition() -> None:
    rng = np.random.default_rng(0)
    s, w, new = np.round(rng.random(30), 1), rng.random(30), np.append(rng.random(20) * 3, 1e6)
    found = weighted_quantiles(s, w, new, level=0.8)
    for limit, own in zip(found, new, strict=True):
        reached = [value for value in np.unique(s) if w[s <= value].sum() >= 0.8 * (w.sum() + own)]
        assert limit == (reached[0] if reached else np.inf)
    assert found[-1] == np.inf


def test_equal_weights_are_the_plain_quantile() -> None:
    rng = np.random.default_rng(0)
    for n in (5, 9, 10, 99, 100):
        s = rng.random(n)
        assert weighted_quantiles(s, np.ones(n), [1.0], level=0.9)[0] == conformal_quantile(s, level=0.9)


def test_weights_worth_enough_are_not_refused_and_sets_are_near_the_oracle() -> None:
    rng = np.random.default_rng(0)
    p, y = probabilities(rng, 2400, 5, "none")
    keep = rng.random(2400) < np.where(p.max(1) < 0.6, 1.0, 0.25)  # the new sample is the harder part
    cal, new = np.flatnonzero(~keep), np.flatnonzero(keep)
    chance = np.where(p.max(1) < 0.6, 1.0, 0.25)
    usable = cal[chance[cal] < 1]
    w = chance / np.maximum(1 - chance, 0.05)
    assert effective_sample(w[usable]) > 20
    easy = new[chance[new] < 1]
    found = weighted_sets(p[usable], y[usable], p[easy], w[usable], w[easy], level=0.9)
    oracle = split_sets(p[easy][::2], y[easy][::2], p[easy][1::2], level=0.9)
    assert found.size.mean() <= 1.2 * oracle.size.mean()


def test_weights_worth_too_little_are_refused() -> None:
    p, y = probabilities(np.random.default_rng(0), 101, 5, "none")
    w = np.append(np.full(99, 1e-6), [1.0, 1.0])
    with pytest.raises(Refused, match=r"worth 1\.0 calibration examples, and sets of level 0\.9 need at least 10"):
        weighted_sets(p[:100], y[:100], p[100:], w[:100], w[100:], level=0.9)


@pytest.mark.parametrize("n", [40, 200])
def test_label_shift_is_covered_with_true_weights(n: int) -> None:
    rng = np.random.default_rng(n)
    before, after = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])
    missed = []
    for _ in range(500):
        y = np.append(rng.choice(3, n, p=before), rng.choice(3, p=after))
        logits = rng.normal(size=(n + 1, 3)) + 2 * np.eye(3)[y] * np.array([1, 1, 0.3])
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        try:
            found = label_shift_sets(p[:n], y[:n], p[n:], after / before, level=0.8)
        except Refused:
            continue
        missed.append(not found.sets[0, y[n]])
    assert len(missed) > 400
    assert_covers(missed, 0.2)


def test_class_weights_of_a_planted_shift_are_found() -> None:
    rng = np.random.default_rng(0)
    before, after = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])
    says = np.array([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.1, 0.2, 0.7]])

    def sample(law: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = rng.choice(3, 60000, p=law)
        return (says[y].cumsum(1) < rng.random((60000, 1))).sum(1), y

    said, y = sample(before)
    new, _ = sample(after)
    assert class_weights(said, y, new, classes=3) == pytest.approx(after / before, rel=0.1)


def test_a_constant_model_tells_no_class_frequencies() -> None:
    with pytest.raises(Refused, match="do not separate the classes"):
        class_weights(np.zeros(50, int), np.arange(50) % 3, np.zeros(20, int), classes=3)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([[0.5, 0.6]], [0], r"sum to 1 in each row, got '\[0.5, 0.6\] and 0 more rows of 1'"),
        ([[np.nan, 0.5]], [0], "sum to 1 in each row"),
        (np.zeros((0, 3)), np.zeros(0, int), "n at least 1 and 2 classes or more, got \\(0, 3\\)"),
        ([[0.5, 0.5]], [2], "be 1 whole numbers from 0 to 1, got '2 to 2'"),
        ([[0.5, 0.5]], [0.0], "be 1 whole numbers from 0 to 1, got 'float64"),
    ],
)
def test_messages(p: object, y: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split_sets(p, y, [[0.5, 0.5]])  # type: ignore[arg-type]


def test_more_messages() -> None:
    p, y = probabilities(np.random.default_rng(0), 4, 3, "none")
    with pytest.raises(UsageError, match="have 3 classes, as the calibration examples, got 2"):
        split_sets(p, y, [[0.5, 0.5]])
    with pytest.raises(UsageError, match="Unknown set score 'abs'"):
        split_sets(p, y, p, score="abs")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="be 4 numbers in"):
        split_sets(p, y, p, uniform=([0.5], [0.5] * 4))
    with pytest.raises(UsageError, match="The 'level' of conformal_quantile must be in"):
        split_sets(p, y, p, level=1.0)
    with pytest.raises(UsageError, match="be at least 0, got -1.0"):
        weighted_sets(p, y, p, [-1.0, 1, 1, 1], [1.0] * 4)
    with pytest.raises(UsageError, match="be 3 numbers of at least 0, one per class"):
        label_shift_sets(p, y, p, [1.0])
    with pytest.raises(UsageError, match="name one group per example"):
        group_sets(p, y, p, ["a"], ["a"] * 4)
    with pytest.raises(UsageError, match="name one group per example \\(4\\), got 'several for some'"):
        group_sets(p, y, p, [["a", "b"], ["a"], ["a"], ["b"]], ["a"] * 4)
