"""The cascade of queries with fewer of them: what it does, at a fraction of its cost."""

from __future__ import annotations

import re

import pytest

from shiftproof.searches import query_cascade


def fewer_queries(monkeypatch: pytest.MonkeyPatch, most: int = 100) -> None:
    """Each of its searches gets at most so many."""
    parts = [re.sub(r"queries=(\d+)", lambda found: f"queries={min(most, int(found[1]))}", spec) for spec in query_cascade.PARTS]
    assert parts != list(query_cascade.PARTS)
    monkeypatch.setattr(query_cascade, "PARTS", tuple(parts))
