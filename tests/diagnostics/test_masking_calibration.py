"""The table of limits is the one that was calibrated and tested, and the stored figures say so."""

from __future__ import annotations

import json

import pytest

from repository import ROOT
from shiftproof.diagnostics.limits import LIMITS, NOMINAL, Family

RECORD = json.loads((ROOT / "benchmarks" / "results" / "0.1.0" / "masking.json").read_text())
AGAIN = RECORD["again"]
FIRST = {family: {**NOMINAL, **RECORD["limits"].get(family, {})} for family in LIMITS}
AT_LEAST_THREE_EXAMPLES = {"more_effort", "longer_is_worse", "step_size", "loss_choice", "black_box"}
"""Checks whose limit is never below three examples, so that small figures beyond the table's need not fail."""


def test_the_limits_are_what_the_honest_nets_called_for() -> None:
    second = {family: {**NOMINAL, **made["limits"][family]} for family, made in AGAIN.items()}
    assert sorted(second) == ["few numbers", "patch"]
    assert dict(LIMITS) == {**FIRST, **second}


def test_nets_of_the_test_were_not_calibrated_on() -> None:
    calibrated = {row["net"] for row in RECORD["calibration"]}
    tested = {row["net"] for row in RECORD["test"]}
    assert (len(calibrated), len(tested)) == (30, 59)
    assert not calibrated & tested


@pytest.mark.parametrize("part", ["calibration", "test", "masked"])
def test_what_failed_follows_from_the_figures_and_the_limits_of_the_time(part: str) -> None:
    for row in RECORD[part]:
        limits = NOMINAL if part == "calibration" else FIRST[row["family"]]
        beyond = {name for name, figure in row["figures"].items() if figure > limits[name] + 1e-6}
        assert beyond - AT_LEAST_THREE_EXAMPLES <= set(row["failed"]) <= beyond | {"saturation"}, row


def test_no_honest_net_of_the_last_test_of_a_family_fails() -> None:
    last = [row for row in RECORD["test"] if row["family"] not in AGAIN] + [row for made in AGAIN.values() for row in made["test"]]
    assert [row for row in last if row["failed"]] == []
    assert {family: made["alarms"] for family, made in AGAIN.items()} == {"patch": "0 of 56", "few numbers": "0 of 30"}


@pytest.mark.parametrize("family", AGAIN)
def test_a_second_round_is_of_other_seeds_and_its_failures_follow_from_the_limits_of_the_time(family: Family) -> None:
    made = AGAIN[family]
    assert not {row["net"] for row in made["calibration"]} & {row["net"] for row in made["test"]}
    for row in made["test"]:
        beyond = {name for name, figure in row["figures"].items() if figure > LIMITS[family][name] + 1e-6}
        assert beyond - AT_LEAST_THREE_EXAMPLES <= set(row["failed"]) <= beyond | {"saturation"}, row


@pytest.mark.parametrize("family", LIMITS)
def test_nine_of_ten_masked_nets_are_found(family: Family) -> None:
    rows = [row for row in RECORD["masked"] if row["family"] == family]
    found = [any(figure > LIMITS[family][name] for name, figure in row["figures"].items()) or "saturation" in row["failed"] for row in rows]
    assert len(rows) == 10
    assert sum(found) >= 9
