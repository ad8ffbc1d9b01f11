"""Every page that shiftproof writes, made of small records with a payload behind every text."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import shiftproof as sp
from injected import payload, spoiled
from sample_audit import sample_audit, write_run
from shiftproof.evaluation.curves.severity_curve import severity_curve
from shiftproof.evaluation.curves.stress_curve import stress_curve
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.measured import entries_of
from shiftproof.leaderboard.robustbench import from_robustbench
from shiftproof.measures.effective_robustness import AccuracyLine
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.records.defend import DefenceRow, DefendRecord, Detector, Literature, MeasuredShare, Training, TrainingEpoch
from shiftproof.records.leaderboard import Entry
from shiftproof.records.severity import SeverityCurve
from shiftproof.records.stress import StressCurve
from shiftproof.records.study import FigureRecord, LookRecord, PredictionRecord, QuantityRecord, StudyRecord, TrialRecord
from shiftproof.records.transcripts import Exchange, Transcripts, write_transcripts
from shiftproof.records.transfer import TransferPair, TransferRecord
from shiftproof.reports.accuracy_on_the_line import write_line
from shiftproof.reports.audit.page import write_page
from shiftproof.reports.compare import write_comparison
from shiftproof.reports.defend import write_defend
from shiftproof.reports.frequency import FrequencyReport, write_frequency
from shiftproof.reports.leaderboard import write_leaderboard
from shiftproof.reports.severity import write_severity
from shiftproof.reports.stress import write_stress
from shiftproof.reports.studies import write_studies
from shiftproof.reports.training import write_training
from shiftproof.reports.transfer import write_transfer
from small_entries import LINF, measured

Make = Callable[[Path, int], Path]
"""Writes a page into a folder, in a turn of the payloads."""


def audit(folder: Path, turn: int) -> Path:
    run = write_run(folder / "run", spoiled(sample_audit(hostile=True, incomplete=True), turn))
    write_transcripts(run, spoiled(transcripts(), turn))
    return write_page(run)


def compare(folder: Path, turn: int) -> Path:
    return write_comparison(spoiled(comparison(), turn), folder)


def defend(folder: Path, turn: int) -> Path:
    return write_defend(spoiled(defend_record(), turn), folder)


def transfer(folder: Path, turn: int) -> Path:
    return write_transfer(spoiled(transfer_record(), turn), folder)


def severity(folder: Path, turn: int) -> Path:
    return write_severity([spoiled(curve, turn) for curve in severity_curves()], spoiled("npz:a.npz", turn), folder)


def stress(folder: Path, turn: int) -> Path:
    return write_stress(spoiled(a_stress_curve(turn), turn), folder)


def frequency(folder: Path, turn: int) -> Path:
    return write_frequency(spoiled(frequency_report(), turn), folder)


def leaderboard(folder: Path, turn: int) -> Path:
    entries: list[Entry] = [measured(f"model-{i}", [1] * (4 * i) + [0] * (50 - 4 * i), footnote="note") for i in range(9)]
    entries += [from_robustbench({**LINF, "dataset": "npz:a.npz"}, model=f"published{i}", threat="Linf") for i in range(2)]
    entries += entries_of(sample_audit(hostile=True, incomplete=True), source="runs/a")
    return write_leaderboard(make_leaderboard([spoiled(entry, turn) for entry in entries]), folder, left_out=spoiled(["runs/b"], turn))


def studies(folder: Path, turn: int) -> Path:
    return write_studies([spoiled(study_record(), turn)], folder)


def line(folder: Path, turn: int) -> Path:
    return write_line(lines(turn), spoiled("table.csv", turn), folder)


def training(folder: Path, turn: int) -> Path:
    attack = {"threat": "linf(eps=0.1)", "unseen": "l2(eps=1)", "search": "gradient_ascent(steps=20)", "kind": "at_most"}
    curves = defend_record().rows[0].training
    assert curves is not None
    method, data = spoiled(["adversarial", "npz:train.npz"], turn)
    return write_training(
        spoiled(curves, turn),
        folder,
        method=method,
        data=data,
        attack={key: spoiled(value, turn) for key, value in attack.items()} | {"kind": "at_most"},
    )


PAGES: dict[str, Make] = {
    made.__name__: made for made in (audit, compare, defend, transfer, severity, stress, frequency, leaderboard, studies, line, training)
}


def transcripts() -> Transcripts:
    """Two items in two variants, one of which changes."""
    exchanges = [
        Exchange(item=item, variant=name, prompt=f"ask {item} {name}", said=f"said {item}", target="it", score=score)
        for name, scores in {"identity": (1.0, 1.0), "typos": (0.0, 1.0)}.items()
        for item, score in zip(("a", "b"), scores, strict=True)
    ]
    return Transcripts(source=["log"], tool="inspect", model="m", scorer="exact", base="identity", exchanges=exchanges)


def comparison() -> Comparison:
    """Of a run with itself."""
    found = sample_audit()
    rows = tuple(
        ComparisonRow(r.shift, r.search, r.risk, r.measure, r.group, (r, r), (None, found.natural[0].paired)) for r in found.results
    )
    return Comparison(("runs/a", "runs/b"), (found, found), rows)


def defend_record() -> DefendRecord:
    """Three defences, one of which collapses and one that detects."""
    audit, share = sample_audit(), MeasuredShare(value=0.5, interval=(0.4, 0.6))
    row = DefenceRow(
        name="standard",
        family="standard training",
        adaptive_form="as it is",
        **dict.fromkeys(
            ("clean", "transfer", "plain", "adaptive", "robust", "unseen", "certified", "gain", "stated_gain", "hidden"), share
        ),
        corruptions={"fog": share, "snow": share},
        certificate="interval bounds",
        training_cost=1.0,
        latency=1.0,
        parameters=100,
        forward_cost=1.0,
        literature=Literature(low=0.1, high=0.2, against="plain", text="Some say so."),
        stated="in the range",
        collapses=False,
        detector=Detector(false_alarms=share, rate=0.05, caught_unaware=share, caught_adaptive=share),
        flags=["it overfits"],
        training=Training(
            kept=2, curve=[TrainingEpoch(epoch=k, train=0.5, held_out=0.4, robust=0.3, unseen=0.2) for k in (1, 2)], flags=["loss was NaN"]
        ),
    )
    rows = [row, row.model_copy(update={"name": "masked", "collapses": True}), row.model_copy(update={"name": "third", "detector": None})]
    return DefendRecord(
        model="nets.py:small",
        data=audit.data,
        train_data="npz:train.npz",
        threat="linf(eps=0.1)",
        unseen="l2(eps=1)",
        search="cascade",
        n=40,
        held_out=10,
        confidence=0.95,
        rows=rows,
        notes=["a note"],
        provenance=audit.provenance,
    )


def transfer_record() -> TransferRecord:
    """Two models."""
    audit = sample_audit(hostile=True)
    cards = [audit.model.model_copy(update={"name": name, "notes": ["a note"]}) for name in ("first", "second")]
    square = [[0.2, 0.4], [0.5, 0.1]]
    pair = {"drop": 0.4, "own_drop": 0.7, "beats_own": True, "transfers": "in part"}
    known = {name: value for name, value in pair.items() if name in TransferPair.model_fields}
    others = {name: 0.1 for name in TransferPair.model_fields if name not in {*known, "made_on", "tried_on"}}
    pairs = [
        TransferPair.model_validate({"made_on": a, "tried_on": b, **known, **others}) for a, b in (("first", "second"), ("second", "first"))
    ]
    return TransferRecord(
        models=cards,
        data=audit.data,
        shift="linf(eps=0.1)",
        search="transfer",
        n=40,
        confidence=0.95,
        clean=[0.9, 0.8],
        accuracy=square,
        low=square,
        high=square,
        pairs=pairs,
        provenance=audit.provenance,
    )


def study_record() -> StudyRecord:
    """One study with a marked verdict."""
    said = PredictionRecord(
        quantity="gap",
        says="the gap is large",
        low=0.1,
        high=None,
        paper=0.2,
        unit="share",
        value=0.3,
        interval=(0.2, 0.4),
        verdict="reproduced",
    )
    figure = FigureRecord(quantity="other", value=0.3, interval=(0.2, 0.4), unit="share")
    quantities = {name: QuantityRecord(value=0.3, error=0.01, unit="share") for name in ("gap", "other")}
    trial = TrialRecord(seed=0, quantities=quantities, seconds=1.0, cpu_seconds=1.0, code="abc", commit="def", dirty=True)
    return StudyRecord(
        study="a study",
        claim="its claim",
        paper="its paper",
        figure="its figure",
        protocol="its protocol",
        scaled_down="what is smaller",
        form="quick",
        references=("someone2020what",),
        data={"mnist": "npz:a.npz"},
        verdict="reproduced",
        marks=("extended",),
        looks=(LookRecord(what="a look", seeds=(0,), changed=True),),
        notes=("a note",),
        predictions=(said,),
        figures=(figure,),
        trials=(trial,),
        provenance=sample_audit().provenance,
    )


@cache
def _linear() -> tuple[sp.Examples, list[torch.nn.Module]]:
    x = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    nets: list[torch.nn.Module] = [torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)) for _ in "ab"]
    return sp.examples(x, sp.as_model(nets[0], name="first").labels(x), kind="image"), nets


@cache
def severity_curves() -> list[SeverityCurve]:
    """Two models along a rotation."""
    examples, nets = _linear()
    rotation = sp.Rotation(degrees=60.0)
    models = [sp.as_model(net, name=name) for name, net in zip(("first", "second"), nets, strict=True)]
    return [severity_curve(model, rotation, examples=examples, points=4, halvings=1) for model in models]


def lines(turn: int = 0) -> list[AccuracyLine]:
    """Of models and columns whose names are payloads."""
    at_home = np.linspace(0.5, 0.9, 9)
    inside, outside = spoiled(["home", "away"], turn)
    columns = {inside: at_home, outside: 0.9 * at_home - 0.01 * (np.arange(9) % 2)}
    table = pd.DataFrame(columns, index=spoiled([f"m{i}" for i in range(9)], turn))
    return [sp.effective_robustness(table, inside=inside, outside=outside, axis=axis) for axis in ("logit", "linear")]


def a_stress_curve(turn: int = 0) -> StressCurve:
    """With slices by columns whose names and values are payloads."""
    right = np.arange(120) % 3 > 0
    columns = {name: spoiled(np.array([f"{name}{k % 3 == 0}" for k in range(120)]), turn) for name in spoiled(["age", "label"], turn)}
    return stress_curve(right.astype(np.float64), columns=columns, name="model", least=10, losses=1.0 - right)


@cache
def frequency_report() -> FrequencyReport:
    """Of a linear model."""
    examples, nets = _linear()
    model = sp.as_model(nets[0], name="linear")
    heat, curves = sp.fourier_heat_map(model, examples=examples, eps=1.0), sp.frequency_curves(model, examples=examples)
    bias, band = sp.spectral_bias(model, examples=examples), sp.critical_band(model, examples=examples)
    return FrequencyReport("linear", "npz:a.npz", heat, curves, bias, band, None, left_out=(f"shape{payload('shape')}",))
