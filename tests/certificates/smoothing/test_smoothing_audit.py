"""Smoothing in an audit: a number of its own kind, never mixed with those of the model itself, and told on the page."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn

import shiftproof as sp
from shiftproof._errors import Contradiction
from shiftproof.evaluation.audit.report import Report
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.proofs import proof_chart, proof_tables
from shiftproof.reports.audit.terminal import terminal_table


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A model that a small move breaks everywhere, and whose smoothed answer holds: narrow stripes of the wrong class."""

    class Striped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            score = 20.0 * (x[:, :1] - 0.2)
            stripe = (torch.sin(400 * x[:, :1]) > 0.97).float() * 40.0
            return torch.cat([-score + stripe, score - stripe], dim=1)

    torch.manual_seed(0)
    x = torch.rand(60, 4) * 0.5 + 0.45
    x = x[(torch.sin(400 * x[:, 0]) < 0.9)]
    folder: Path = tmp_path_factory.mktemp("smoothing")
    return sp.audit(
        Striped(),
        sp.examples(x, torch.ones(len(x), dtype=torch.int64)),
        shifts=["l2(eps=0.1)"],
        searches=["best_of_n(n=200)"],
        certify=["smoothing(sigma=0.15, draws=3000)"],
        out=str(folder / "run"),
        fail_on=["l2(eps=0.1).smoothed_accuracy < 0.5"],
        progress=False,
    )


def test_a_smoothed_proof_contradicts_no_attack_on_the_model(report: Report) -> None:
    attacked = next(r for r in report.record.results if r.measure == "robust_accuracy" and r.risk == "mean")
    smoothed = next(r for r in report.record.results if r.measure == "smoothed_accuracy")
    assert attacked.value is not None
    assert smoothed.value is not None
    assert attacked.value < 0.5 < smoothed.value
    assert smoothed.kind == "at_least"
    assert "not of the model itself" in smoothed.notes[0]
    assert not any(r.measure == "certified_accuracy" for r in report.record.results)


def test_it_is_no_end_of_the_bracket(report: Report) -> None:
    assert all(threat.proven is None for threat in digest.threats(report.record))
    assert digest.best_proven(report.record) is None
    assert "nothing is proven of the model itself, only of the smoothed one" in digest.unknowns(report.record)


def test_the_smoothed_model_has_both_ends(report: Report) -> None:
    proven = next(r for r in report.record.results if r.measure == "smoothed_accuracy")
    (attacked,) = [r for r in report.record.results if r.measure == "smoothed_robust_accuracy"]
    (curve,) = report.record.proven
    assert (attacked.kind, attacked.search, attacked.access) == ("at_most", "smoothed_attack(sigma=0.15)", "gradients")
    assert proven.value is not None
    assert attacked.value is not None
    assert proven.value <= attacked.value
    assert curve.attack is not None
    assert curve.attack.accuracy == attacked.value
    assert curve.attack.n == proven.n
    cell = next(cell for cell in report.record.cells if cell.key == attacked.cell)
    assert "Of each example it is false with probability at most 0.001." in cell.claim
    assert "abstains, which counts as not broken" in cell.claim
    assert sum(cell.outcomes.values()) == attacked.n
    assert not any(r.measure == "drop" and r.search == attacked.search for r in report.record.results)
    page = Path(report.page).read_text(encoding="utf-8")
    console = Console(width=160, record=True, file=StringIO())
    console.print(terminal_table(report.record))
    (row,) = [line for line in console.export_text().splitlines() if "l2(eps=0.1), smoothed" in line]
    assert row.count("%") >= 4
    assert "accuracy of the smoothed model within 0.1 is at most" in page
    assert "Each verdict is false with probability at most 0.001." in page


def test_without_a_gradient_the_other_end_is_left_out_by_name(tmp_path: Path) -> None:
    found = sp.audit(
        lambda x: (x[:, 0] > 0.5).astype("int64"),
        sp.examples(torch.full((4, 3), 0.7), torch.ones(4, dtype=torch.int64)),
        shifts=["l2(eps=0.1)"],
        searches=["best_of_n(n=5)"],
        certify=["smoothing(sigma=0.15, draws=200)"],
        out=str(tmp_path / "run"),
        progress=False,
    ).record
    (left,) = [out for out in found.left_out if out.search == "smoothed_attack(sigma=0.15)"]
    assert "has no gradient to follow" in left.reason
    assert found.proven[0].attack is None


def test_the_gate_may_ask_for_it(report: Report) -> None:
    assert [gate.failed for gate in report.record.gates] == [False]


def test_the_curve_and_its_cost(report: Report) -> None:
    (curve,) = report.record.proven
    assert curve.subject == "the model smoothed with gaussian(sigma=0.15) noise"
    assert curve.radius == pytest.approx([0.1])  # of the four asked about: all that hold at all hold to the end
    assert curve.accuracy == sorted(curve.accuracy, reverse=True)
    assert curve.n == curve.abstained + curve.wrong + round(curve.accuracy[0] * curve.n)
    assert all(low <= value <= high for low, value, high in zip(curve.low, curve.accuracy, curve.high, strict=True))
    assert 33 < curve.forwards["mean"] < 1500
    assert curve.chance == pytest.approx(0.001)


def test_the_page_says_so(report: Report) -> None:
    page = Path(report.page).read_text(encoding="utf-8")
    assert "not the measured model" in page
    assert "What is proven, radius by radius" in page
    (each,) = proof_tables(report.record)
    assert [line.radius for line in each.lines if line.attacked] == [0.1]
    chart = proof_chart(report.record, each).spec
    assert len(chart["layer"]) == 4


def test_a_proof_of_the_model_itself_still_stops_the_run_when_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception is for other models only: a false proof of the model itself is loud."""
    from shiftproof.certificates.smoothing.smoothing_certificate import SmoothingCertificate

    monkeypatch.setattr(SmoothingCertificate, "subject", None)
    torch.manual_seed(0)

    class Striped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            score = 20.0 * (x[:, :1] - 0.2) - (torch.sin(400 * x[:, :1]) > 0.97).float() * 40.0
            return torch.cat([-score, score], dim=1)

    x = torch.full((8, 4), 0.6)
    y = torch.ones(8, dtype=torch.int64)
    with pytest.raises(Contradiction, match="were certified by smoothing"):
        sp.audit(
            Striped(),
            sp.examples(x, y),
            shifts=["l2(eps=0.05)", "l2(eps=0.1)"],
            searches=["best_of_n(n=300)"],
            certify=["smoothing(sigma=0.15, draws=3000)"],
            out=str(tmp_path / "run"),
            progress=False,
        )
