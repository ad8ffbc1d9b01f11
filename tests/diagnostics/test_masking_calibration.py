"""The table of limits is the one that was calibrated and tested, and the stored figures say so."""

from __future__ import annotations

import json

import pytest

from repository import ROOT
from shiftproof.diagnostics.limits import LIMITS, NOMINAL

RECORD = json.loads((ROOT / "benchmarks" / "results" / "0.1.0" / "masking.json").read_text())


def test_the_limits_are_what_the_honest_nets_called_for() -> None:
    assert dict(LIMITS) == {family: {**NOMINAL, **RECORD["limits"].get(family, {})} for family in LIMITS}


def test_nets_of_the_test_were_not_calibrated_on() -> None:
    calibrated = {row["net"] for row in RECORD["calibration"]}
    tested = {row["net"] for row in RECORD["test"]}
    assert (len(calibrated), len(tested)) == (30, 59)
    assert not calibrated & tested


@pytest.mark.parametrize("part", ["calibration", "test", "masked"])
def test_what_failed_follows_from_the_figures_and_the_limits(part: str) -> None:
    slack = {"more_effort", "longer_is_worse", "step_size", "loss_choice", "black_box", "transfer"}
    for row in RECORD[part]:
        limits = NOMINAL if part == "calibration" else LIMITS[row["family"]]
        beyond = {name for name, figure in row["figures"].items() if figure > limits[name] + 1e-6}
        assert beyond - slack <= set(row["failed"]), row  # the others' limit is 3 examples at least
        assert set(row["failed"]) <= beyond | {"saturation"}, row  # probabilities fail, whatever the figure is
