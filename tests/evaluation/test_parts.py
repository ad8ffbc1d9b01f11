"""A part of the user's own can be named by its place, and must keep its contract."""

from __future__ import annotations

from pathlib import Path

import pytest

import shiftproof as sp
from shiftproof.evaluation.parts import build_parts
from shiftproof.shifts import shifts
from small_runs import linear_net

RAIN = '''
from dataclasses import dataclass
from typing import ClassVar

import torch
from shiftproof.shifts.abstract import Boxed


@dataclass(frozen=True)
class Rain(Boxed):
    """Every pixel darker by up to `most` of the box."""

    name: ClassVar[str] = "rain"
    kinds: ClassVar[frozenset[str]] = frozenset({"image"})
    strength: ClassVar[str] = "most"
    most: float = 0.1

    def check(self):
        self.require("most", within="(0, 1]")

    def limits(self):
        return (0.0,), (self.most,)

    def apply(self, x, params):
        down = params.to(x).reshape(-1, *[1] * (x.dim() - 1))
        return self.space.settle(x, x - down)


@dataclass(frozen=True)
class Storm(Rain):
    """Breaks its contract: what it does depends on chance that nobody gave it."""

    name: ClassVar[str] = "storm"

    def apply(self, x, params):
        return super().apply(x + 0.1 * torch.rand_like(x), params)


@dataclass(frozen=True)
class Linf(Rain):
    """Takes a name that there is."""

    name: ClassVar[str] = "linf"
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("own") / "rain.py"
    file.write_text(RAIN)
    return file


def test_a_class_that_keeps_its_contract_is_a_shift(place: Path) -> None:
    report = sp.audit(linear_net(), "digits:", limit=10, shifts=[f"{place}:Rain(most=0.2)"], searches=["one_draw", "grid"], progress=False)
    assert {cell.shift for cell in report.record.cells} == {"identity", "rain(most=0.2)"}
    assert report.record.complete


def test_a_class_that_breaks_its_contract_is_refused(place: Path) -> None:
    with pytest.raises(sp.UsageError, match=r"The shift '.*rain.py:Storm' does not keep its contract: .* See: shiftproof check .*:Storm"):
        build_parts(shifts, [f"{place}:Storm"])


def test_a_name_that_is_taken_is_refused(place: Path) -> None:
    with pytest.raises(sp.UsageError, match="The 'name' of the shift '.*:Linf' must be a name of its own, got 'linf'. Records name parts"):
        build_parts(shifts, [f"{place}:Linf"])


def test_what_is_no_shift_is_refused() -> None:
    with pytest.raises(sp.UsageError, match="The shift 'torch.nn:Linear' must be a subclass of shiftproof.shifts.abstract.Shift"):
        build_parts(shifts, ["torch.nn:Linear(4, 2)"])


def test_a_part_of_another_kind_is_told_its_option() -> None:
    with pytest.raises(sp.UsageError, match="'label_shift' is a measure, not a shift: name it with --measure"):
        build_parts(shifts, ["label_shift(times=2)"])
    with pytest.raises(sp.UsageError, match="Unknown shift 'labelshift'"):
        build_parts(shifts, ["labelshift"])
