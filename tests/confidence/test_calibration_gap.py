"""Calibration gaps: bad input is told in words, and simple cases come out as by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.confidence.calibration_gap import calibration_gap, class_gaps, worst_group
from shiftproof.confidence.density_ratio import density_ratio


def test_one_bin_is_the_difference_of_means() -> None:
    gap = calibration_gap([0.5, 0.7, 0.9, 0.9], [True, False, True, True], bins=1)
    assert gap.bins == 1
    assert gap.raw == pytest.approx(0)
    assert gap.bias == pytest.approx(0)


def test_equal_confidences_share_a_bin() -> None:
    gap = calibration_gap(np.repeat([0.2, 0.8], 500), np.tile([True, False], 500))
    assert gap.bins == 2
    assert gap.raw == pytest.approx(0.3)


def test_an_impossible_answer_is_off_for_certain() -> None:
    assert calibration_gap([1.0] * 50, [True] * 49 + [False]).p == 0


def test_density_ratios_of_a_planted_shift_are_found() -> None:
    rng = np.random.default_rng(0)
    own, other = rng.normal(size=(20000, 1)), rng.normal(0.5, 1, (20000, 1))
    weights, _ = density_ratio(own, other)
    assert np.log(weights) == pytest.approx(0.5 * own[:, 0] - 0.125, abs=0.1)


def test_messages() -> None:
    with pytest.raises(UsageError, match="The 'bins' of calibration_gap must be at least 1, got 0"):
        calibration_gap([0.5], [True], bins=0)
    with pytest.raises(
        UsageError, match="The 'confidence' of calibration_gap must be numbers of shape \\(n,\\), n at least 1, got \\(0,\\)"
    ):
        calibration_gap([], [])
    with pytest.raises(UsageError, match="The 'confidence' of calibration_gap must be finite"):
        calibration_gap([np.nan, 0.5], [True, False])
    with pytest.raises(UsageError, match="The 'groups' of worst_group must name at least one column of groups"):
        worst_group([0.5], [True], {})
    with pytest.raises(UsageError, match="The 'groups' of worst_group must name one group per example \\(2\\)"):
        worst_group([0.5, 0.5], [True, False], {"sex": ["F"]})
    with pytest.raises(UsageError, match="name at least one column of groups, such as {'site': \\[...\\]}, got \\['F', 'M'\\]"):
        worst_group([0.5, 0.5], [True, False], ["F", "M"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="The 'y' of calibration_gap must be 1 whole numbers from 0 to 1"):
        class_gaps([[0.5, 0.5]], [7])
    with pytest.raises(UsageError, match="have 2 features, as the calibration examples, got 1"):
        density_ratio([[0.0, 1.0]], [[0.0]])
