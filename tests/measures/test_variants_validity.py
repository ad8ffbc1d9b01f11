"""Variants of items: closed forms of h, drop rate and flip rate, and their intervals against planted truths."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.measures.variants import VariantRobustness, variant_robustness
from validity import SIZES, assert_interval


def test_closed_forms() -> None:
    assert variant_robustness([1.0], [[0.0]]).cohens_h == pytest.approx(1.0)
    assert variant_robustness([1, 0], [[1, 1], [0, 0]]).cohens_h == 0.0
    low, high = variant_robustness([0.5], [[0.4]]).cohens_h, variant_robustness([0.5], [[0.6]]).cohens_h
    assert low == pytest.approx(high)  # mirrored changes count alike
    near = variant_robustness([0.02], [[0.0]]).cohens_h
    assert near == pytest.approx(2 * np.arcsin(np.sqrt(0.02)) / np.pi)
    assert near > variant_robustness([0.5], [[0.48]]).cohens_h  # the same change weighs more near 0
    found = variant_robustness([1, 1, 0, 0], [[0, 0], [1, 1], [1, 0], [0, 0]])
    assert found.drop_rate == pytest.approx(1 - (3 / 8) / 0.5)
    assert found.flip_rate == pytest.approx(3 / 8)


def test_nothing_right_as_it_is_has_no_drop_rate() -> None:
    found = variant_robustness([0, 0], [[1], [0]])
    assert np.isnan(found.drop_rate)
    assert found.drop_rate_interval.low == -np.inf


@pytest.mark.parametrize("n", SIZES[::2])
@pytest.mark.parametrize(("p", "kept", "gained"), [(0.8, 0.7, 0.1), (0.95, 1.0, 0.0), (0.3, 0.2, 0.3)])
def test_the_intervals_hold_planted_truths(n: int, p: float, kept: float, gained: float) -> None:
    """An item is right with probability p; a variant is right with probability `kept` where it is, and `gained` where it is not."""
    rng = np.random.default_rng(n)
    found: list[VariantRobustness] = []
    for _ in range(40):
        before = rng.random(n) < p
        chance = np.where(before, kept, gained)
        found.append(variant_robustness(before, rng.random((n, 2)) < chance[:, None], confidence=0.9))
    after = p * kept + (1 - p) * gained
    assert_interval([one.drop_rate_interval for one in found], 1 - after / p, 0.9)
    assert_interval([one.flip_rate_interval for one in found], p * (1 - kept) + (1 - p) * gained, 0.9)
    # h of an item with two variants: 0, 1/2 or 1 by how many differ from the item
    h = sum(share * (odds**2 + odds * (1 - odds)) for share, odds in ((p, 1 - kept), (1 - p, gained)))
    assert_interval([one.cohens_h_interval for one in found], h, 0.9)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [([], [], "have shapes"), ([1.0], [[2.0]], "be in [0, 1]"), ([1.0, 0.0], [[1.0]], "have shapes")],
)
def test_what_cannot_be_used_is_told(before: list[float], after: list[list[float]], message: str) -> None:
    with pytest.raises(UsageError) as error:
        variant_robustness(before, after)
    assert message in str(error.value)
    with pytest.raises(UsageError, match=r"in \(0, 1\)"):
        variant_robustness([1.0], [[1.0]], confidence=1.0)
