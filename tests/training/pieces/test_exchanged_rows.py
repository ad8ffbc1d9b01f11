"""Which training examples are shown in place of which others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.training.pieces.exchanged_rows import exchanged_rows, most_uncertain


def test_entropy_says_who_is_uncertain_and_ties_go_to_the_first() -> None:
    said = [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]
    assert most_uncertain(said, count=4).tolist() == [1, 2, 3, 0]
    assert most_uncertain(said, count=0).tolist() == []


def test_who_leaves_is_chance() -> None:
    counts = np.zeros(10)
    for seed in range(300):
        stay = exchanged_rows(10, count=4, numbers=np.random.default_rng(seed))
        assert len(stay) == 6
        assert np.all(np.diff(stay) > 0)
        counts[stay] += 1
    assert abs(counts / 300 - 0.6).max() < 0.12


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: most_uncertain([0.5, 0.5], count=1), "The 'probabilities' of most_uncertain must lie in"),
        (lambda: most_uncertain([[1.5, -0.5]], count=1), "The 'probabilities' of most_uncertain must lie in"),
        (lambda: most_uncertain([[0.5, 0.5]], count=2), "The 'count' of most_uncertain must lie between"),
        (lambda: exchanged_rows(3, count=4, numbers=np.random.default_rng(0)), "The 'count' of exchanged_rows must lie between"),
    ],
)
def test_messages(work: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        work()
