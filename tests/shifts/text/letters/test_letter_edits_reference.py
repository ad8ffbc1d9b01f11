"""Every edit of letters against its line of the golden file."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden_edits import check_replays, golden, registered

LINES = golden(Path(__file__).parent)


@pytest.mark.parametrize("name", LINES)
def test_golden(name: str) -> None:
    check_replays(LINES[name])


def test_every_edit_has_a_line() -> None:
    assert sorted(LINES) == sorted(registered("letters"))
