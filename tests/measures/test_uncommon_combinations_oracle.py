"""Common against uncommon combinations of label and attribute, where the counts are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.measures.uncommon_combinations import FOCUS_SETTINGS, uncommon_combinations
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


def test_the_table_of_focus_says_what_is_uncommon_and_one_place_of_several_is_enough() -> None:
    labels = ["ship", "ship", "frog", "frog", "cat", "yak"]
    groups = {
        "time": ["day", "night", "night", "day", "none", "night"],
        "weather": ["sunny", "snowing", "none", "raining", "cloudy", "foggy"],
        "locations": ["water", "water, street", "forest", "grass, indoors", "street, indoors", "snow"],
    }
    found = uncommon_combinations([1, 0, 1, 0, 1, 1], labels, groups, settings=FOCUS_SETTINGS)
    gaps = {gap.column: gap for gap in found.columns}
    assert gaps["time"].combinations == (("ship", "night"),)  # a frog at night is common
    assert gaps["weather"].combinations == (("frog", "raining"), ("ship", "snowing"))
    assert gaps["locations"].combinations == (("frog", "grass, indoors"), ("ship", "water, street"))
    assert [(share.n, share.accuracy) for share in found.by_count[:3]] == [(3, 1.0), (0, pytest.approx(math.nan, nan_ok=True)), (1, 0.0)]
    assert (found.by_count[3].n, sum(share.n for share in found.by_count)) == (1, 5)  # nothing is said of yaks
    with pytest.raises(UsageError, match="Both known and settings say what is uncommon for uncommon_combinations. Give one of them"):
        uncommon_combinations([1], ["cat"], {"time": ["day"]}, known=(["cat"], {"time": ["day"]}), settings=FOCUS_SETTINGS)


def test_both_figures_are_measures_of_an_audit(tmp_path: Path) -> None:
    right, _, groups = animals()
    y = torch.tensor([0] * 100 + [1] * 100)
    x = torch.where(torch.tensor(right) == 1, y, 1 - y).float()[:, None]  # the model says what stands in x
    data = sp.examples(x, y, groups=groups)
    measures = ["uncommon_gap(by=place)", "uncommon_accuracy(count=0)", "uncommon_accuracy(count=1)", "uncommon_accuracy(count=2)"]
    net = torch.nn.Linear(1, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        net.bias.copy_(torch.tensor([0.5, -0.5]))
    record = sp.audit(net, data, shifts=["identity"], measures=measures, out=tmp_path, progress=False).record
    of_all = {each.measure: each for each in record.measures if each.group is None}
    gap, none, one, two = (of_all[name] for name in measures)
    assert gap.value == pytest.approx(-0.5)
    assert gap.interval == tuple(proportion_difference((162, 180), (8, 20)).one())
    assert gap.notes == ["uncommon: 0 with sand, 1 with grass (20 examples)"]
    assert (none.value, one.value, two.value) == (0.9, 0.4, None)
    assert one.interval == tuple(clopper_pearson(8, 20).one())
    assert two.refused == "no example has 2 uncommon attributes"
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Uncommon minus common place" in text


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ("uncommon_gap(by=light)", r"Unknown group column 'light'. Known: place. In the measure uncommon_gap\(by=light\)"),
        ("uncommon_gap(by=place, table=mine)", "The 'table' of uncommon_gap must be frequencies or focus, got 'mine'"),
        ("uncommon_accuracy(count=1, table=focus)", "Unknown group column 'time'.* takes the columns time, weather, locations"),
        ("uncommon_accuracy(count=-1)", "The 'count' of uncommon_accuracy must be at least 0, got -1"),
    ],
)
def test_what_an_audit_refuses(measure: str, message: str) -> None:
    data = sp.examples(torch.rand(4, 2), torch.tensor([0, 1, 0, 1]), groups={"place": ["a", "b", "a", "b"]})
    with pytest.raises(UsageError, match=message):
        sp.audit(torch.nn.Linear(2, 2), data, shifts=["identity"], measures=[measure], progress=False)


def test_data_without_groups_have_no_attributes() -> None:
    data = sp.examples(torch.rand(4, 2), torch.tensor([0, 1, 0, 1]))
    with pytest.raises(UsageError, match="is about group columns, and the data have none. Name them, for example"):
        sp.audit(torch.nn.Linear(2, 2), data, shifts=["identity"], measures=["uncommon_accuracy(count=0)"], progress=False)
