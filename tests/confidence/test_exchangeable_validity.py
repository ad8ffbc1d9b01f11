"""The test of exchangeability errs as seldom as it says, and catches a model calibrated on what it was trained on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.datasets import load_digits
from sklearn.tree import DecisionTreeClassifier

from planted_confidence import TIES, probabilities
from shiftproof.confidence.conformal import split_sets
from shiftproof.confidence.exchangeable import exchangeability
from validity import SIZES, assert_covers


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("ties", TIES)
def test_exchangeable_samples_pass(n: int, ties: str) -> None:
    rng = np.random.default_rng(n)
    failed = []
    for _ in range(300):
        p, y = probabilities(rng, 2 * n, 4, ties)
        z = np.log(np.maximum(p, 1e-30))
        failed.append(not exchangeability(z[:n], y[:n], z[n:], y[n:]).holds)
    assert_covers(failed, 0.01)


@pytest.mark.parametrize("depth", [None, 6])
def test_a_tree_calibrated_apart_covers_and_one_on_its_own_training_rows_is_caught(depth: int | None) -> None:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    train, calibration, test = np.split(order, [700, 1250])
    tree = DecisionTreeClassifier(random_state=0, max_depth=depth).fit(x[train], y[train])

    def scores(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(np.maximum(tree.predict_proba(x[rows]), 1e-30)))

    assert exchangeability(scores(calibration), y[calibration], scores(test), y[test]).holds
    sets = split_sets(np.exp(scores(calibration)), y[calibration], np.exp(scores(test)), level=0.95)
    assert sets.coverage(y[test])[0] >= 0.95
    caught = exchangeability(scores(train), y[train], scores(test), y[test])
    assert not caught.holds
    assert caught.calibration > caught.test


def test_accuracy_tells_a_half_trained_sample_whose_confidences_all_tie() -> None:
    """A hypergeometric law: how many of the right answers lie in the calibration sample."""
    counts = {"calibration": (1201, 1059), "test": (596, 477)}
    one, other = (np.where(np.arange(n) < right, 0, 1) for n, right in counts.values())
    scores = [np.tile([0.0, -np.inf], (len(labels), 1)).clip(-60) for labels in (one, other)]
    found = exchangeability(scores[0], one, scores[1], other)
    law = hypergeom(1201 + 596, 1059 + 477, 1201)
    every = law.pmf(np.arange(1202))
    assert found.what == "accuracy"
    assert found.p == pytest.approx(3 * every[every <= law.pmf(1059) * (1 + 1e-9)].sum(), rel=1e-6)
    assert not found.holds
