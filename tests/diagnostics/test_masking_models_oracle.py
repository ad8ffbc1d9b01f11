"""Nets that hide their gradients are found out and then broken by the search that the report names; honest ones raise nothing."""

from __future__ import annotations

import pytest
import torch

from masked import EPS, examples, honest, masked
from shiftproof.diagnostics.check import MaskingReport, Status
from shiftproof.diagnostics.masking import masking
from shiftproof.door import confront
from shiftproof.models.query_count import counting_queries
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


@pytest.mark.parametrize(("name", "eps"), [("plain", EPS), ("plain", 2 * EPS), ("steps", EPS), ("saturated", EPS)])
def test_what_cannot_change_an_answer_is_not_asked(name: str, eps: float) -> None:
    model, data = honest(name) if name == "plain" else masked(name), examples(24)
    with counting_queries() as for_figures:
        whole = masking(model, Linf(eps), examples=data, queries=100)
    with counting_queries() as for_answers:
        short = masking(model, Linf(eps), examples=data, queries=100, exact=False)
    assert for_answers.asked <= for_figures.asked
    for one, other in zip(whole.checks, short.checks, strict=True):
        assert (one.name, one.status, one.search) == (other.name, other.status, other.search)
        assert one.limit == pytest.approx(other.limit, nan_ok=True)
        if "At most this" in other.detail:
            assert one.figure <= other.figure <= other.limit
        else:
            assert one.figure == pytest.approx(other.figure, nan_ok=True)
    if eps > EPS:  # nearly all break at once, so that four checks are settled by the first search
        assert sum("At most this" in check.detail for check in short.checks) >= 4
        assert for_answers.asked < 0.8 * for_figures.asked


def test_what_is_proven_to_hold_is_not_searched() -> None:
    model, data = honest("plain"), examples(24)
    with counting_queries() as proven:
        report = masking(model, Linf(0.002), examples=data, queries=100)
    assert report["more_effort"].figure == report["black_box"].figure == 0.0
    assert proven.asked < 24 * 400  # the checks of the loss itself; the searches alone are more than 500 of each example
