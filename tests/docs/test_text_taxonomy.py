"""Every class of the taxonomy of texts names a part that exists, an option, or says that it is not covered."""

from __future__ import annotations

import re

import pytest

from repository import ROOT
from shiftproof.catalogue import registries
from shiftproof.cli.main import COMMANDS

ROWS = re.findall(
    r"^\| ([^|]+) \| (definition|identification|mitigation) \| ([^|]+) \|$",
    (ROOT / "docs/reference/text-taxonomy.md").read_text(),
    re.MULTILINE,
)
PART = re.compile(r"(shift|search|certificate|method) `(\w+)`")
KINDS = {"shift": "shifts", "search": "searches", "certificate": "certificates", "method": "methods"}


def named(cell: str) -> list[bool]:
    """For each thing that a cell names whether it exists."""
    known = registries()
    parts = [name in known[KINDS[kind]].names() for kind, name in PART.findall(cell)]
    others = re.findall(r"`([^`]+)`", PART.sub("", cell))
    return parts + [one in COMMANDS or one in ("--shift-from", "?groups=") for one in others]


@pytest.mark.parametrize(("what", "where", "cell"), ROWS)
def test_every_class_names_a_part_or_says_that_it_is_not_covered(what: str, where: str, cell: str) -> None:
    found = named(cell)
    assert all(found), cell
    assert found or "not covered" in cell


def test_all_three_sides_are_there_and_a_planted_name_is_seen() -> None:
    assert len(ROWS) >= 20
    assert {where for _, where, _ in ROWS} == {"definition", "identification", "mitigation"}
    assert named("shift `no_such_shift`") == [False]
