"""The page of `shiftproof trust` in a real browser: the chart is drawn, nothing is fetched, nothing complains."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import shiftproof as sp
from chromium import BINARY, chromium
from sample_audit import HOSTILE
from shiftproof.evaluation.trust.trust import TrustConfig, run_trust
from shiftproof.reports.trust import write_trust

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Chromium on the PATH")


def test_it_opens_and_nothing_else_happens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    x = torch.rand(300, 1, 8, 8)
    examples = sp.examples(x, sp.as_model(net).labels(x + 0.1 * torch.randn_like(x)), kind="image", groups={"site": [HOSTILE, "b"] * 150})
    config = TrustConfig(model=net, data=examples, calibrate=0.5, shifts=("gaussian_noise(severity=2)",), out=str(tmp_path))
    record = run_trust(config)
    hostile = record.model_copy(update={"rows": [row.model_copy(update={"sample": HOSTILE}) for row in record.rows]})
    page = write_trust(hostile, tmp_path)
    with chromium(tmp_path / "profile") as tab:
        for width in (390, 1280):
            tab.open(page, width=width)
            assert (tab.dialogs, tab.errors) == ([], [])
            assert tab.run("document.querySelectorAll('.plot svg').length") == 1
            assert tab.run("document.documentElement.scrollWidth <= innerWidth")
            assert tab.run("[...document.querySelectorAll('tbody th')].every(name => name.scrollWidth <= name.clientWidth)")
        assert {address for address in tab.requests if not address.startswith("data:")} == {page.as_uri()}
