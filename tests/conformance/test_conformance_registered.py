"""Every registered part keeps its contract. A new part is found through its registry, so it is checked without a line here."""

from __future__ import annotations

from typing import Any

import pytest

from fewer_queries import fewer_queries
from shiftproof.certificates import certificates
from shiftproof.conformance import check_part
from shiftproof.conformance.instances import LARGEST
from shiftproof.defences import defences
from shiftproof.judges import judges
from shiftproof.measures import measures
from shiftproof.registry import Registry
from shiftproof.risks import risks
from shiftproof.searches import searches
from shiftproof.shifts import shifts
from shiftproof.training.methods import methods

REGISTRIES: dict[str, Registry[Any]] = {
    "shift": shifts,
    "search": searches,
    "judge": judges,
    "measure": measures,
    "risk": risks,
    "certificate": certificates,
    "defence": defences,
    "method": methods,
}
FEWER = {"steps": 12, "queries": 50}
"""What takes longest, and enough for what is checked of a part here; planted faults are looked for with all that `check` allows."""
PARTS = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.names()]


def test_every_kind_has_parts() -> None:
    assert {kind for kind, _ in PARTS} == set(REGISTRIES)


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_part_keeps_its_contract(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer_queries(monkeypatch)  # as the checks lower those of its parts
    for option, most in FEWER.items():
        monkeypatch.setitem(LARGEST, option, most)
    report = check_part(REGISTRIES[kind].get(name))
    assert report.kind == kind
    assert report.passed, f"\n{report}"
