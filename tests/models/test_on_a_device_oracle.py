"""On an accelerator: verdicts are those of the CPU, and nothing of a run mixes devices.

`SHIFTPROOF_TEST_DEVICE` names another device than `cuda`; `cpu` runs these tests without an accelerator.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof.certificates import certificates
from shiftproof.certify import certify
from shiftproof.models.abstract import Labels
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.searches.cascade import Cascade
from shiftproof.shifts.abstract import Shift

DEVICE = os.environ.get("SHIFTPROOF_TEST_DEVICE", "cuda")
pytestmark = pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device")
X = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
SHORT = ("gradient_ascent(steps=5)", "auto_step(steps=10)", "single_step", "square(queries=40)", "best_of_n(n=5)", "cascade", "deepfool")


def net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()


def pair() -> tuple[Labels, Labels, sp.Examples]:
    here, there = sp.as_model(net(), name="net"), sp.as_model(net(), name="net", device=DEVICE)
    return here, there, sp.examples(X, here.labels(X))


@pytest.mark.oracle
@pytest.mark.parametrize("spec", SHORT)
@pytest.mark.parametrize("shift", [sp.Linf(0.05), sp.L2(0.4), sp.Rotation(20)], ids=lambda shift: str(shift.name))
def test_a_search_ends_as_on_the_cpu(spec: str, shift: Shift) -> None:
    search: Search = searches.build(spec)
    if search.objection(shift):
        pytest.skip(f"{spec} does not search {shift.name}")
    here, there, examples = pair()
    one, two = (sp.confront(model, shift, search=search, examples=examples) for model in (here, there))
    assert int((one.outcome != two.outcome).sum()) <= 1, "rounding may decide one of 20"


@pytest.mark.oracle
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_cascade_on_a_faster_copy(precision: str) -> None:
    _, there, examples = pair()
    found = sp.confront(there, sp.Linf(0.05), search=Cascade(copy=precision), examples=examples)
    exact = sp.confront(there, sp.Linf(0.05), search=Cascade(), examples=examples)
    assert int((found.outcome != exact.outcome).sum()) <= 1


@pytest.mark.oracle
@pytest.mark.parametrize("spec", ["crown", "interval_bounds", "smoothing(sigma=0.25, draws=64)"])
def test_a_certificate_says_the_same(spec: str) -> None:
    certificate = certificates.build(spec)
    here, there, examples = pair()
    shift = sp.L2(0.05) if "smoothing" in spec else sp.Linf(0.005)
    one, two = (certify(model, shift, certificate=certificate, examples=examples) for model in (here, there))
    assert int((one.outcome != two.outcome).sum()) <= 1


def test_an_audit_runs_there(tmp_path: Path) -> None:
    labels = sp.as_model(net(), name="net").labels(X).numpy()
    np.savez(tmp_path / "data.npz", x=X.numpy(), y=labels)
    report = sp.audit(net(), f"npz:{tmp_path / 'data.npz'}", suite="quick", device=DEVICE, out=tmp_path / "run", progress=False)
    assert report.accuracy("identity") == 1.0
    assert not [cell for cell in report.record.cells if cell.state == "failed"]
