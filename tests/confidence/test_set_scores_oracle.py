"""Scores of prediction sets against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from planted_confidence import TIES, probabilities
from shiftproof.confidence.set_scores import set_scores


@pytest.mark.parametrize("ties", TIES)
def test_aps_and_raps_are_the_definition(ties: str) -> None:
    rng = np.random.default_rng(0)
    p, _ = probabilities(rng, 40, 6, ties)
    u = rng.random(40)
    whole, part = set_scores(p), set_scores(p, uniform=u)
    ranked = set_scores(p, kind="raps", penalty=0.1, free_ranks=2)
    for row in range(40):
        for k in range(6):
            above, level = p[row][p[row] > p[row, k]].sum(), p[row][p[row] == p[row, k]].sum()
            assert whole[row, k] == pytest.approx(above + level)
            assert part[row, k] == pytest.approx(above + u[row] * level)
            assert ranked[row, k] == pytest.approx(above + level + 0.1 * max(0, (p[row] >= p[row, k]).sum() - 2))


def test_labels_of_no_probability_can_enter() -> None:
    p = np.eye(3)[[0, 1]]
    assert set_scores(p).tolist() == [[1, 1, 1], [1, 1, 1]]
