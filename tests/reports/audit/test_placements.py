"""Charts of placed objects: one for sizes, one for angles, one map; none where nothing varies."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import shiftproof as sp
from shiftproof.records.audit import Audit
from shiftproof.reports.audit.placements import placement_charts

SHIFTS = [
    *(f"placed_object(share={share}, on=own)" for share in (0.3, 0.1, 0.2)),
    *(f"placed_object(share=0.2, on=colour, degrees={turn})" for turn in (1, 21)),
    *(f"placed_object(share=0.3, on=noise, across={a}, under={b})" for a in (0, 0.5) for b in (0.25, 0.75)),
    "placed_object(share=0.2, on=texture)",
]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Audit, Path]:
    torch.manual_seed(0)
    x = torch.zeros(12, 1, 8, 8)
    x[:, :, 3:5, 3:5] = torch.rand(12, 1, 2, 2) + 0.2
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    data = sp.examples(x.clamp(0, 1), sp.as_model(net).labels(x.clamp(0, 1)), kind="image")
    out = tmp_path_factory.mktemp("run")
    return sp.audit(net, data, shifts=SHIFTS, searches=["one_draw"], out=out, progress=False, pictures=0).record, out


def test_each_has_its_numbers_in_order(audit: tuple[Audit, Path]) -> None:
    record, _ = audit
    size, turn, place = placement_charts(record)
    assert [chart.title for chart in (size, turn, place)] == ["Size of the object", "Angle of the object", "Place of an object of size 0.3"]
    by_shift = {result.shift: result.value for result in record.results if (result.risk, result.measure) == ("mean", "accuracy")}
    frame = size.figure.frame()
    assert frame["share"].tolist() == [0.1, 0.2, 0.3]
    assert frame["accuracy"].tolist() == [by_shift[f"placed_object(share={share}, on=own)"] for share in (0.1, 0.2, 0.3)]
    assert turn.figure.frame()["degrees"].tolist() == [1.0, 21.0]
    cells = place.figure.frame()
    assert list(zip(cells["across"], cells["under"], strict=True)) == [(0, 0.25), (0.5, 0.25), (0, 0.75), (0.5, 0.75)]
    worst = min(by_shift[shift] or 0.0 for shift in SHIFTS[:3])
    assert size.lowest.startswith(f"{worst:.1%}")


def test_the_page_shows_them(audit: tuple[Audit, Path]) -> None:
    record, out = audit
    text = (out / "index.html").read_text(encoding="utf-8")
    assert 'id="placements"' in text
    assert all(f'data-chart="{chart.name}"' in text for chart in placement_charts(record))


def test_nothing_where_nothing_varies(audit: tuple[Audit, Path]) -> None:
    record, _ = audit
    kept = [result for result in record.results if result.shift in ("identity", SHIFTS[0], SHIFTS[-1])]
    assert placement_charts(record.model_copy(update={"results": kept})) == []
