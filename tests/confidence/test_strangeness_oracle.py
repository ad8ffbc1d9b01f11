"""Strangeness against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.confidence.strangeness import MahalanobisDistance, NeighbourDistance, strangeness


def test_scores_are_their_formulas_where_a_softmax_saturates_too() -> None:
    z = np.array([[1000.0, 0, 0], [1, 2, 3]])
    p = np.exp([1.0, 2, 3]) / np.exp([1.0, 2, 3]).sum()
    assert strangeness(z)[1] == pytest.approx(-np.log(p.max()))
    assert strangeness(z, kind="max_logit").tolist() == [-1000, -3]
    assert strangeness(z, kind="energy") == pytest.approx([-1000, -np.log(np.exp([1.0, 2, 3]).sum())])


def test_mahalanobis_is_brute_force() -> None:
    rng = np.random.default_rng(0)
    f, y, new = rng.normal(size=(200, 3)), np.arange(200) % 2 * 5, rng.normal(size=(10, 3))
    f[y == 5] += 4
    found = MahalanobisDistance.fit(f, y)(new)
    means = np.stack([f[y == c].mean(0) for c in (0, 5)])
    off = f - means[(y == 5).astype(int)]
    inverse = np.linalg.inv(off.T @ off / 198 + 1e-3 * np.trace(off.T @ off / 198) / 3 * np.eye(3))
    assert found == pytest.approx([min((x - m) @ inverse @ (x - m) for m in means) for x in new])


def test_neighbours_are_brute_force() -> None:
    rng = np.random.default_rng(0)
    f, new = rng.normal(size=(50, 4)), rng.normal(size=(6, 4))
    unit = f / np.linalg.norm(f, axis=1, keepdims=True)
    expected = [np.sort(np.linalg.norm(unit - x / np.linalg.norm(x), axis=1))[2] for x in new]
    assert NeighbourDistance.fit(f, k=3)(new) == pytest.approx(expected)


def test_messages() -> None:
    with pytest.raises(UsageError, match="Unknown strangeness 'odin'"):
        strangeness([[0.0, 1.0]], kind="odin")
    with pytest.raises(UsageError, match="The 'k' of neighbours must be 1 to 3"):
        NeighbourDistance.fit(np.ones((3, 2)), k=4)
    with pytest.raises(UsageError, match="The 'features' of mahalanobis must be finite numbers of shape"):
        MahalanobisDistance.fit([[np.inf, 1.0]], [0])
