"""Common against uncommon combinations of label and attribute, where the counts are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.measures.uncommon_combinations import uncommon_combinations
from shiftproof.risks.intervals import clopper_pearson, proportion_difference


def animals() -> tuple[list[int], list[str], dict[str, list[str]]]:
    """100 cows of which 90 are on grass, 100 camels of which 90 are on sand; it snows on 2 of each; all by day."""
    labels = ["cow"] * 100 + ["camel"] * 100
    place = ["grass"] * 90 + ["sand"] * 10 + ["sand"] * 90 + ["grass"] * 10
    weather = (["snow"] * 2 + ["dry"] * 98) * 2
    right = [1] * 81 + [0] * 9 + [1] * 4 + [0] * 6 + [1] * 81 + [0] * 9 + [1] * 4 + [0] * 6
    return right, labels, {"place": place, "weather": weather, "light": ["day"] * 200}


def test_the_gap_is_that_of_the_counts() -> None:
    right, labels, groups = animals()
    found = uncommon_combinations(right, labels, groups)
    place, *others = found.columns
    assert place.column == "place"
    assert place.combinations == (("camel", "grass"), ("cow", "sand"))
    assert (place.common.n, place.uncommon.n) == (180, 20)
    assert (place.common.accuracy, place.uncommon.accuracy) == (0.9, 0.4)
    assert place.gap == pytest.approx(-0.5)
    assert place.interval == proportion_difference((162, 180), (8, 20)).one()
    assert place.uncommon.interval == clopper_pearson(8, 20).one()
    assert [other.combinations for other in others] == [(), ()]  # snow is rare everywhere, so it is uncommon for none
    assert all(math.isnan(other.gap) and math.isnan(other.uncommon.accuracy) for other in others)


def test_accuracy_by_how_many_attributes_are_uncommon() -> None:
    right, labels, groups = animals()
    twice = {"place": groups["place"], "again": groups["place"], "light": groups["light"]}
    found = uncommon_combinations(right, labels, twice, confidence=0.9)
    assert [(share.n, share.accuracy) for share in found.by_count if share.n] == [(180, 0.9), (20, 0.4)]
    assert [share.n for share in found.by_count] == [180, 0, 20, 0]
    assert math.isnan(found.by_count[1].accuracy)
    own = clopper_pearson(8, 20, confidence=0.9).one()
    assert found.by_count[2].interval.low < own.low < own.high < found.by_count[2].interval.high  # the intervals hold together


def test_other_data_say_what_is_common() -> None:
    known = (["cow"] * 10 + ["camel"] * 10, {"place": ["grass"] * 10 + ["sand"] * 9 + ["sea"]})
    found = uncommon_combinations(
        [1, 0, 1, 1, 0], ["cow", "cow", "camel", "yak", "cow"], {"place": ["grass", "sand", "sand", "sand", "moon"]}, known=known
    )
    (place,) = found.columns
    assert place.combinations == (("cow", "sand"),)
    assert (place.common.n, place.uncommon.n) == (2, 1)  # nothing is known of yaks and the moon
    assert [share.n for share in found.by_count] == [2, 1]
    assert place.gap == -1.0


def test_a_stricter_rule_finds_fewer() -> None:
    right, labels, groups = animals()
    assert uncommon_combinations(right, labels, groups, below=0.1).columns[0].combinations == ()
    assert uncommon_combinations(right, labels, groups, below=1.0).columns[0].combinations == (("camel", "grass"), ("cow", "sand"))


def test_what_it_refuses() -> None:
    with pytest.raises(UsageError, match=r"no group column. Name one, for example \?groups=place"):
        uncommon_combinations([1], ["a"], {})
    with pytest.raises(UsageError, match=r"The 'below' of uncommon_combinations must be in \(0, 1\], got 0"):
        uncommon_combinations([1], ["a"], {"g": ["x"]}, below=0)
    with pytest.raises(UsageError, match=r"The 'right' of uncommon_combinations must be 0 or 1 per example"):
        uncommon_combinations([0.5], ["a"], {"g": ["x"]})
    with pytest.raises(UsageError, match=r"The 'groups\[g\]' of uncommon_combinations must have one entry per label \(2\), got 1"):
        uncommon_combinations([1, 0], ["a", "b"], {"g": ["x"]})
    with pytest.raises(UsageError, match=r"The 'labels' of uncommon_combinations must have one entry per verdict \(1\), got 2"):
        uncommon_combinations([1], ["a", "b"], {"g": ["x", "y"]})
    with pytest.raises(UsageError, match=r"The 'known' of uncommon_combinations must have the columns of the data \(g\), got \['h'\]"):
        uncommon_combinations([1], ["a"], {"g": ["x"]}, known=(["a"], {"h": ["x"]}))


def test_numbers_are_names_too() -> None:
    found = uncommon_combinations(np.ones(4), np.array([0, 0, 1, 1]), {"g": np.array([1, 1, 0, 0])})
    assert found.columns[0].common.n == 4
