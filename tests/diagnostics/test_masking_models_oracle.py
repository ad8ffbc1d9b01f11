"""Nets that hide their gradients are found out and then broken by the search that the report names; honest ones raise nothing."""

from __future__ import annotations

import pytest
import torch

from masked import EPS, examples, honest, masked
from shiftproof.diagnostics.check import MaskingReport, Status
from shiftproof.diagnostics.masking import masking
from shiftproof.door import confront
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches import searches
from shiftproof.shifts import Linf

ORACLES = {
    "quantised": "zero_gradients",
    "saturated": "saturation",
    "random": "randomness",
    "steps": "zero_gradients",
    "jpeg": "zero_gradients",
}


def accuracy(model: TorchModule, spec: str, n: int) -> float:
    return confront(model, Linf(EPS), search=searches.build(spec), examples=examples(n)).accuracy


def failed(report: MaskingReport) -> set[str]:
    return {check.name for check in report.failed}


@pytest.mark.parametrize("name", ["plain", "noise", "adversarial"])
def test_an_honest_net_raises_nothing(name: str) -> None:
    report = masking(honest(name), Linf(EPS), examples=examples(30))
    assert not report.suspected, f"\n{report}"
    assert {check.name for check in report.checks if check.status is Status.NOT_RUN} == {"transfer"}


@pytest.mark.parametrize("name", ORACLES)
def test_a_masked_net_is_found_and_then_broken(name: str) -> None:
    n = {"jpeg": 8, "random": 100}.get(name, 24)
    model = masked(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the random net draws from torch's own generator, as such nets do
        _found_and_broken(name, model, n)


def _found_and_broken(name: str, model: TorchModule, n: int) -> None:
    report = masking(model, Linf(EPS), examples=examples(n), queries=300)
    assert ORACLES[name] in failed(report), f"\n{report}"
    assert len(failed(report)) >= 3
    looked = accuracy(model, "gradient_ascent", n)
    truth = min(accuracy(model, spec, n) for spec in report.next_searches)
    assert looked >= 0.35
    assert truth <= 0.35
    assert truth <= looked / 2


def test_a_surrogate_shows_what_the_model_hides() -> None:
    report = masking(masked("quantised"), Linf(EPS), examples=examples(24), surrogates=[honest("plain")], queries=1)
    assert report["transfer"].status is Status.FAIL
    assert report["transfer"].figure > 0.5
    assert "plain" in report["transfer"].detail
    open_net = masking(honest("noise"), Linf(EPS), examples=examples(24), surrogates=[honest("plain")], queries=1)
    assert open_net["transfer"].status is Status.PASS
