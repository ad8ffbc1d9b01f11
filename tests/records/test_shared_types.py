"""Flags, stages and paired comparisons are one type in a run and in its record, and as strict as the record around them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from pydantic import ValidationError

from sample_audit import sample_audit
from shiftproof.outcomes import Flag, Interval, Stage
from shiftproof.records.audit import Audit
from shiftproof.risks.paired import PairedComparison


def written() -> dict[str, Any]:
    """A record as JSON, with a flag, a stage and a paired comparison in it."""
    audit = sample_audit()
    stage = Stage("clean", 10, 2, 10, 0, 0.1)
    cell = audit.cells[0].model_copy(update={"stages": [stage], "flags": [Flag("random_model", "Two answers.", 0.5)]})
    content: dict[str, Any] = json.loads(audit.model_copy(update={"cells": [cell, *audit.cells[1:]]}).model_dump_json())
    return content


def test_they_are_read_back_as_what_was_written() -> None:
    audit = Audit.model_validate_json(json.dumps(written()))
    assert audit.cells[0].stages == [Stage("clean", 10, 2, 10, 0, 0.1)]
    assert audit.cells[0].flags == [Flag("random_model", "Two answers.", 0.5)]
    paired = next(natural.paired for natural in audit.natural if natural.paired)
    assert isinstance(paired, PairedComparison)
    assert isinstance(paired.interval, Interval)
    assert written()["cells"][0]["flags"] == [asdict(audit.cells[0].flags[0])]


@pytest.mark.parametrize("place", ["flags", "stages", "paired"])
def test_an_unknown_key_in_one_is_an_error(place: str) -> None:
    content = written()
    natural = next(each for each in content["natural"] if each["paired"])
    inner = natural["paired"] if place == "paired" else content["cells"][0][place][0]
    inner["unknown_key"] = 1
    with pytest.raises(ValidationError, match="unknown_key"):
        Audit.model_validate_json(json.dumps(content))
