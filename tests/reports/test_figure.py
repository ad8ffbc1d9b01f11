"""Every chart that a page draws hands out its numbers: the frame of a figure holds what its marks are drawn from, and nothing else."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sample_audit import sample_audit, write_run
from shiftproof.diagnostics.bands import FrequencyCurves, SpectralBias
from shiftproof.diagnostics.critical_band import Channel, CriticalBand
from shiftproof.diagnostics.fourier import FourierHeatMap
from shiftproof.evaluation.curves.stress_curve import stress_curve
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.measures.effective_robustness import effective_robustness
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.records.defend import Training, TrainingEpoch
from shiftproof.records.severity import SeverityCurve
from shiftproof.reports.accuracy_on_the_line import line_figures, line_page
from shiftproof.reports.audit.page import figures, page
from shiftproof.reports.compare import compare, comparison_figures
from shiftproof.reports.defend import training_chart
from shiftproof.reports.figure import Figure
from shiftproof.reports.frequency import FrequencyReport, frequency_figures, frequency_page
from shiftproof.reports.leaderboard import bracket, bracket_frame
from shiftproof.reports.severity import severity_figures, severity_page
from shiftproof.reports.stress import stress_figures, stress_page
from shiftproof.reports.studies import studies_figures, studies_page
from shiftproof.reports.training import training_figures, training_page
from shiftproof.studies import read_studies
from small_entries import measured

STUDIES = Path(__file__).parents[2] / "benchmarks" / "results" / "0.1.0" / "studies"
CHANNELS = ("x", "x2", "y", "y2", "color", "shape", "detail", "strokeDash")
Spec = Mapping[str, Any]


def layers_in(spec: Spec) -> Iterator[tuple[list[dict[str, Any]], Spec]]:
    """The rows and the encoding of every layer; a layer without rows of its own draws those of the whole."""
    whole = spec.get("data", {}).get("values", [])
    for layer in spec.get("layer", [spec]):
        yield layer.get("data", {}).get("values", whole), {**spec.get("encoding", {}), **layer["encoding"]}


def fields_of(encoding: Spec) -> set[str]:
    """The fields that place and colour the marks of a layer."""
    used = (encoding[channel] for channel in CHANNELS if channel in encoding)
    return {channel["field"] for channel in used if "field" in channel}


def same(one: object, two: object) -> bool:
    missing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (one, two)]
    return all(missing) if any(missing) else one == two


def faults(figure: Figure) -> list[str]:
    """Where a chart draws something else than its frame says."""
    frame = figure.frame()
    found: list[str] = []
    seen: list[list[dict[str, Any]]] = []
    for rows, encoding in layers_in(figure.spec):
        if rows not in seen:
            seen.append(rows)
        unsaid = fields_of(encoding) - set(figure.columns) - {"series"}  # which parts lines that other columns tell apart
        found += [f"{field} is drawn and not handed out" for field in sorted(unsaid)]
    drawn = [row for rows in seen for row in rows]
    told = [row for table in figure.tables.values() for row in table]
    if sorted(map(_key, drawn)) != sorted(map(_key, told)):
        found.append("other marks are drawn than are told")
    if len(frame) != len(told):
        found.append(f"{len(frame)} rows for {len(told)} marks")
    for place, row in enumerate(told):
        for field, column in figure.columns.items():
            if field in row and not same(row[field], frame[column].iloc[place]):
                found.append(f"{column} of mark {place} is {frame[column].iloc[place]}, drawn is {row[field]}")
    return found


def _key(row: Mapping[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def specs_in(text: str) -> dict[str, Spec]:
    """The charts that a page holds."""
    (block,) = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    specs: dict[str, Spec] = json.loads(html.unescape(block))["specs"]
    return specs


def severity_curve(name: str, right: list[float]) -> SeverityCurve:
    held = np.array([[place < share * 20 for place in range(20)] for share in right])
    n, levels = 20, np.linspace(0, 1, len(right))
    zeros = np.zeros(n, dtype=np.int64)
    ids = np.arange(n).astype(str)
    return SeverityCurve(name, "fog", "severity", levels, held, ids, np.full(n, np.inf), np.zeros(n), zeros, zeros, 0.95, ())


def frequency_report() -> FrequencyReport:
    side, error = np.arange(-2, 3), np.linspace(0, 1, 25).reshape(5, 5)
    counts, radii = np.array([3, 10, 18]), np.array([0.1, 0.5, 0.9])
    return FrequencyReport(
        "net",
        "digits:",
        FourierHeatMap(error, side, side, clean=0.1, eps=4.0, n=20, clipped=0.0, size=(5, 5)),
        FrequencyCurves(radii, counts, counts[::-1], counts, clean=19, n=20, std=0.2, confidence=0.95),
        SpectralBias(radii, counts, counts, n=20, bias=0.5),
        CriticalBand(radii, radii, np.full((3, 3), 12), counts, n=20, limit=0.5, channel=Channel(0.2, 1.0, 0.5)),
        None,
    )


def comparison() -> Comparison:
    audit = sample_audit()
    rows = [ComparisonRow(r.shift, r.search, r.risk, r.measure, r.group, (r, r), (None, None)) for r in audit.results]
    return Comparison(("first", "second"), (audit, audit), tuple(rows))


Drawn = tuple[Mapping[str, Figure], str]
"""The charts of a page, and its text."""


def audit_page(folder: Path) -> Drawn:
    audit = sample_audit()
    return figures(audit), page(audit, write_run(folder, audit))


def compare_page(folder: Path) -> Drawn:
    return comparison_figures(comparison()), compare(comparison())


def severity_of_two(folder: Path) -> Drawn:
    curves = [severity_curve("one", [1.0, 0.5, 0.1]), severity_curve("two", [0.9, 0.6, 0.3])]
    return severity_figures(curves), severity_page(curves, "digits:")


def stress_with_slices(folder: Path) -> Drawn:
    right = np.arange(100) % 4 > 0
    curve = stress_curve(right, floor=0.6, columns={"four": np.where(right, "no", "yes")}, least=10)
    return stress_figures(curve), stress_page(curve)


def line_of_six(folder: Path) -> Drawn:
    here = np.linspace(0.5, 0.9, 6)
    accuracies = pd.DataFrame({"here": here, "there": here - np.array([0.1, 0.12, 0.1, 0.15, 0.1, 0.09])}, index=list("abcdef"))
    lines = [effective_robustness(accuracies, inside="here", outside="there")]
    return line_figures(lines), line_page(lines, "accuracies.csv")


def frequency_of_one(folder: Path) -> Drawn:
    return frequency_figures(frequency_report()), frequency_page(frequency_report())


def stored_studies(folder: Path) -> Drawn:
    records = read_studies(STUDIES)
    return studies_figures(records), studies_page(records)


def training_of_two_epochs(folder: Path) -> Drawn:
    attack = {"threat": "linf(eps=0.1)", "unseen": "l2(eps=1)", "search": "one_draw", "kind": "estimate"}
    epochs = [TrainingEpoch(epoch=k, train=0.4 * k, held_out=0.3 * k, robust=0.2 * k, unseen=0.1 * k) for k in (1, 2)]
    training = Training(kept=2, flags=[], curve=epochs)
    return training_figures(training, method="plain", attack=attack), training_page(training, method="plain", data="digits:", attack=attack)


@pytest.mark.parametrize(
    ("drawn", "least"),
    [
        (audit_page, 8),
        (compare_page, 3),
        (severity_of_two, 1),
        (stress_with_slices, 2),
        (line_of_six, 1),
        (frequency_of_one, 3),
        (stored_studies, 10),
        (training_of_two_epochs, 1),
    ],
)
def test_every_chart_of_a_page_equals_its_frame(tmp_path: Path, drawn: Callable[[Path], Drawn], least: int) -> None:
    charts, text = drawn(tmp_path)
    assert len(charts) >= least
    assert specs_in(text) == json.loads(json.dumps({chart: figure.spec for chart, figure in charts.items()}))
    assert {chart: faults(figure) for chart, figure in charts.items() if faults(figure)} == {}


def test_the_curves_of_a_training_equal_their_frame() -> None:
    training = Training(
        kept=2,
        flags=[],
        curve=[TrainingEpoch(epoch=1, train=0.5, held_out=0.4, robust=None), TrainingEpoch(epoch=2, train=0.9, held_out=0.8, robust=0.3)],
    )
    figure = training_chart("adversarial", training)
    assert faults(figure) == []
    frame = figure.frame()
    assert list(frame.columns) == ["mark", "name", "epoch", "accuracy"]
    assert frame[frame["epoch"] == 2]["accuracy"].tolist() == [0.9, 0.8, 0.3]


def test_a_number_that_is_drawn_and_not_told_is_seen() -> None:
    audit = sample_audit()
    sound = figures(audit)["headline"]
    assert faults(sound) == []
    number = dict(sound.tables["number"][0])
    lied = {**sound.tables, "number": [{**number, "value": 0.123}, *sound.tables["number"][1:]]}
    assert faults(Figure(sound.spec, lied, sound.columns)) == ["other marks are drawn than are told"]
    less = {field: column for field, column in sound.columns.items() if field != "value"}
    assert "value is drawn and not handed out" in faults(Figure(sound.spec, sound.tables, less))


def test_the_frame_of_the_headline_has_the_numbers_of_the_record() -> None:
    audit = sample_audit()
    frame = figures(audit)["headline"].frame()
    clean = frame[frame["mark"] == "clean accuracy"].iloc[0]
    assert (clean["accuracy"], clean["low"]) == (audit.clean.accuracy, (audit.clean.interval or (None,))[0])
    attacked = frame[frame["claim"] == "at most"]
    assert set(attacked["accuracy"]) <= {result.value for result in audit.results}


def test_the_brackets_of_a_leaderboard_equal_their_frame() -> None:
    entries = [measured("low", [1] * 4 + [0] * 16), measured("high", [1] * 15 + [0] * 5)]
    (section,) = make_leaderboard(entries).sections
    (board,) = section.boards
    frame = bracket_frame(board)
    assert frame["model"].tolist() == ["high", "low"]
    for place, (_, row) in zip(board.places, frame.iterrows(), strict=True):
        drawn = str(bracket(place.entry))
        ends = {
            name: [float(x) / 160 for x in re.findall(rf'class="{name}"[^>]* (?:d="M|x1=")([0-9.]+)', drawn)]
            for name in ("at_most", "clean")
        }
        assert ends["at_most"] == [pytest.approx(row["attacked"], abs=1e-3)]
        assert ends["clean"] == [pytest.approx(row["clean accuracy"], abs=1e-3)]
        (span,) = re.findall(r'class="at_most span" x1="([0-9.]+)" x2="([0-9.]+)"', drawn)
        assert [float(x) / 160 for x in span] == pytest.approx([row["attacked low"], row["attacked high"]], abs=1e-3)
        assert math.isnan(row["proven"])
