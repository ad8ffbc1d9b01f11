"""The pages of `shiftproof line` and `shiftproof frequency` in a real browser: charts are drawn, nothing is fetched, nothing complains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import shiftproof as sp
from chromium import BINARY, chromium
from sample_audit import HOSTILE
from shiftproof.reports.accuracy_on_the_line import write_line
from shiftproof.reports.frequency import FrequencyReport, write_frequency

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Chromium on the PATH")


def line_page(folder: Path) -> Path:
    home = np.linspace(0.5, 0.9, 9)
    table = pd.DataFrame({"home": home, "away": 0.9 * home - 0.01 * (np.arange(9) % 2)}, index=[f"m{i}{HOSTILE}" for i in range(9)])
    lines = [sp.effective_robustness(table, inside="home", outside="away", axis=axis) for axis in ("logit", "linear")]
    return write_line(lines, HOSTILE, folder)


def frequency_page(folder: Path) -> Path:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    model, x = sp.as_model(net, name="linear"), torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    examples = sp.examples(x, model.labels(x), kind="image")
    heat, curves = sp.fourier_heat_map(model, examples=examples, eps=1.0), sp.frequency_curves(model, examples=examples)
    return write_frequency(
        FrequencyReport(
            HOSTILE, HOSTILE, heat, curves, sp.spectral_bias(model, examples=examples), sp.critical_band(model, examples=examples), None
        ),
        folder,
    )


@pytest.mark.parametrize(("make", "charts"), [(line_page, 2), (frequency_page, 3)])
def test_it_opens_and_nothing_else_happens(make: object, charts: int, tmp_path: Path) -> None:
    page: Path = make(tmp_path)  # type: ignore[operator]
    with chromium(tmp_path / "profile") as tab:
        for width in (390, 1280):
            tab.open(page, width=width)
            assert (tab.dialogs, tab.errors) == ([], [])
            assert tab.run("document.querySelectorAll('.plot svg').length") == charts
            assert tab.run("document.documentElement.scrollWidth <= innerWidth")
        assert {address for address in tab.requests if not address.startswith("data:")} == {page.as_uri()}
