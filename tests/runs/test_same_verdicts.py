"""Verdicts do not depend on how the work was cut up or where it was done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from small_runs import linear_net, outcomes_of, record, timeless, write_nets

OPTIONS: dict[str, Any] = {
    "limit": 120,
    "shifts": ("linf(eps=0.1)", "rotation(degrees=20)", "gaussian_noise(severity=3)"),
    "searches": ("one_draw", "best_of_n(n=3)", "gradient_ascent(steps=3)"),
    "pictures": 2,
}
Outcomes = dict[tuple[str, str], dict[str, tuple[str, int]]]


def run(model: object, out: Path, **options: Any) -> Outcomes:
    assert sp.audit(model, "digits:", progress=False, **{**OPTIONS, "out": str(out), **options}).record.complete
    return outcomes_of(out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    run(linear_net(), out)
    return out


def test_the_run_has_verdicts_of_every_kind(whole: Path) -> None:
    """Else the comparisons below would compare nothing."""
    found = outcomes_of(whole)
    assert len(found) == 9  # identity, three shifts, and a random corruption has no gradient
    assert {outcome for cell in found.values() for outcome, _ in cell.values()} == {"skipped", "broken", "held"}
    assert all(len(cell) == 120 for cell in found.values())
    reasons = {(out["shift"], out["search"]) for out in record(whole)["left_out"]}
    assert reasons == {("gaussian_noise(severity=3)", "gradient_ascent(steps=3)")}


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_size(whole: Path, tmp_path: Path, batch_size: int) -> None:
    first = set(sp.load_data("digits:", limit=30).ids.tolist())
    expected = {pair: {name: cell[name] for name in first} for pair, cell in outcomes_of(whole).items()}
    assert run(linear_net(), tmp_path / "run", batch_size=batch_size, limit=30) == expected


def test_shards(whole: Path, tmp_path: Path) -> None:
    found = run(linear_net(), tmp_path / "run", shard_size=50)
    assert len(list((tmp_path / "run" / "cells").glob("*.parquet"))) == 3 * len(found)
    assert found == outcomes_of(whole)
    strip = ("gallery", "flags")
    one, three = ({k: v for k, v in timeless(record(out)).items() if k not in strip} for out in (whole, tmp_path / "run"))
    assert three["results"] == one["results"]
    assert [c["outcomes"] for c in three["cells"]] == [c["outcomes"] for c in one["cells"]]


def test_processes(tmp_path: Path) -> None:
    nets = write_nets(tmp_path)
    small = {"limit": 40, "shifts": ("linf(eps=0.1)",), "searches": ("one_draw", "best_of_n(n=3)"), "shard_size": 25}
    spread = run(f"{nets}:nearest", tmp_path / "spread", backend="processes", workers=2, **small)
    assert spread == run(f"{nets}:nearest", tmp_path / "serial", **small)
    one, two = (timeless(record(tmp_path / name)) for name in ("spread", "serial"))
    assert one == two


def test_a_seed_is_part_of_a_run(whole: Path, tmp_path: Path) -> None:
    found = run(linear_net(), tmp_path / "run", seed=1)
    assert found["identity", "one_draw"] == outcomes_of(whole)["identity", "one_draw"]
    assert found["gaussian_noise(severity=3)", "one_draw"] != outcomes_of(whole)["gaussian_noise(severity=3)", "one_draw"]
