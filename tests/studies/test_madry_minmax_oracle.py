"""The share of variance between restarts, against numbers made with a known one."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.studies.madry_minmax import between_restarts


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_known_share_is_found_within_its_error(share: float) -> None:
    numbers = np.random.default_rng(0)
    images = numbers.normal(size=400) * np.sqrt(1 - share)
    found = between_restarts(images + numbers.normal(size=(10, 400)) * np.sqrt(share))
    assert 0 < found.error < share / 4
    assert abs(found.value - share) < 3 * found.error


def test_the_two_ends() -> None:
    images = np.array([0.0, 1.0, 5.0, 7.0])
    assert between_restarts(np.stack([images, images])).value == 0.0
    assert between_restarts(np.array([[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])).value == 1.0
    assert between_restarts(np.zeros((3, 4))).value == 0.0


def test_two_restarts_of_three_images_by_hand() -> None:
    # within: variances 2, 0, 2 of a mean 4/3; means 1, 4, 7 vary by 9, of which 4/3 / 2 is due to the former
    found = between_restarts(np.array([[0.0, 4.0, 8.0], [2.0, 4.0, 6.0]]))
    assert found.value == pytest.approx((4 / 3) / (4 / 3 + 9 - 2 / 3))
