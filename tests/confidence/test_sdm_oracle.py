"""SDM against brute force and its two closed forms; the paper's rule and what it lacks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from shiftproof._errors import UsageError
from shiftproof.confidence.sdm import Likeness, SimilarityDistanceMagnitude, reliable_region, rescaled_similarity


def test_q_and_d_are_brute_force() -> None:
    rng = np.random.default_rng(0)
    train, y, said = rng.normal(size=(20, 2)), rng.integers(0, 2, 20), rng.integers(0, 2, 20)
    own, own_y, own_said = rng.normal(size=(30, 2)), rng.integers(0, 2, 30), rng.integers(0, 2, 30)
    new, new_said = rng.normal(size=(15, 2)), rng.integers(0, 2, 15)
    model = SimilarityDistanceMagnitude.fit(train, y, said, (own, own_y, own_said), classes=2)

    def similar(x: np.ndarray, answer: int) -> tuple[int, float]:
        distance = np.linalg.norm(train - x, axis=1)
        q = 0
        for at in np.argsort(distance):
            if not (y[at] == said[at] == answer):
                break
            q += 1
        return q, float(distance.min())

    known = [similar(x, a) for x, a in zip(own, own_said, strict=True)]
    found = model.likeness(new, new_said)
    for row, (x, a) in enumerate(zip(new, new_said, strict=True)):
        q, nearest = similar(x, a)
        shares = []
        for k in range(2):
            class_distances = [dist for (near, dist), label in zip(known, own_y, strict=True) if label == k and near > 0]
            shares.append(np.mean([dist >= nearest for dist in class_distances]))
        assert found.q[row] == q
        assert found.nearest[row] == pytest.approx(nearest)
        assert found.d[row] == pytest.approx(min(shares) if q else 0)


def model() -> SimilarityDistanceMagnitude:
    return SimilarityDistanceMagnitude.fit(np.eye(3), [0, 1, 2], [0, 1, 2], (np.eye(3), [0, 1, 2], [0, 1, 2]), classes=3)


def test_without_similarity_every_class_is_as_likely() -> None:
    z = np.array([[5.0, 1.0, -2.0]])
    found = model().probabilities(z, Likeness(np.zeros(1), np.zeros(1), np.zeros(1)))
    assert found == pytest.approx(np.full((1, 3), 1 / 3))


def test_it_is_a_softmax_at_q_e_minus_2() -> None:
    z = np.random.default_rng(0).normal(size=(4, 3))
    found = model().probabilities(z, Likeness(np.full(4, np.e - 2), np.zeros(4), np.ones(4)))
    assert found == pytest.approx(softmax(z, axis=1))


def test_the_region_of_the_paper() -> None:
    p = np.array([[0.99, 0.01], [0.98, 0.02], [0.97, 0.03], [0.02, 0.98], [0.01, 0.99], [0.6, 0.4]])
    like = np.array([3.0, 3.0, 2.0, 3.0, 3.0, 1.0])
    region = reliable_region(like, p, [0, 0, 0, 1, 1, 0], alpha=0.95)
    assert region.least == 2
    assert region.thresholds.tolist() == [0.97, 0.98]
    assert region.reliable(np.array([2.0, 1.5, 3.0]), np.array([[0.975, 0.025], [0.99, 0.01], [0.5, 0.5]])).tolist() == [True, False, False]
    assert reliable_region(like, p, [0, 0, 0, 1, 1, 0], alpha=0.995).least == np.inf


def test_rescaled_similarity() -> None:
    assert rescaled_similarity(np.array([0.0, 2.0, 14.0]), np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])) == pytest.approx([0, 2, 4])


@pytest.mark.parametrize("n", [20, 100])
def test_the_papers_rule_falls_short_and_ours_does_not(n: int) -> None:
    """P(coverage of a class < alpha) over calibration samples of uniform outputs: exact by the law of order statistics."""
    from scipy.stats import beta

    place = int(0.05 * n)  # the output is at least the threshold with probability 1 - X_(place + 1)
    assert beta.sf(0.05, place + 1, n - place) > 0.5
    ours = int(np.floor(0.05 * (n + 1)))  # split conformal's
    assert 1 - ours / (n + 1) >= 0.95


def test_messages() -> None:
    with pytest.raises(UsageError, match="The 'most' of sdm must be at least 1"):
        SimilarityDistanceMagnitude.fit(np.eye(2), [0, 1], [0, 1], (np.eye(2), [0, 1], [0, 1]), classes=2, most=0)
    with pytest.raises(UsageError, match="The 'alpha' of reliable_region must be in \\(0.5, 1\\), got 0.5"):
        reliable_region([1.0], [[0.5, 0.5]], [0], alpha=0.5)
