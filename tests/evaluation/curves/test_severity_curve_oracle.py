"""Severity curves of models whose failure points are planted: thresholds, windows, and models that change places."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from io import StringIO
from typing import ClassVar

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.evaluation.curves.severity_curve import severity_curve
from shiftproof.measures.rank_flips import rank_flips
from shiftproof.randomness import Rng
from shiftproof.records.severity import SeverityCurve
from shiftproof.reports.severity import failures, flip_in_words, severity_chart, severity_page
from shiftproof.reports.terminal_severity import terminal_severity
from shiftproof.shifts import Boxed, GaussianNoise, Identity, Linf, Patch, Rotation, Scale

N = 40


@dataclass(frozen=True)
class Raise(Boxed):
    """Adds up to an amount to the first feature; a chance draw adds all of it."""

    name: ClassVar[str] = "raise"
    strength: ClassVar[str] = "amount"

    amount: float

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0,), (self.amount,)

    def sample(self, x: Tensor, rng: Rng) -> Tensor:
        return torch.full((len(x), 1), self.amount, dtype=torch.float64)

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        return torch.cat([x[:, :1] + params.to(x), x[:, 1:]], dim=1).clamp(0, 1)


class Wrong(nn.Module):
    """Wrong where the first feature lies in one of some windows."""

    def __init__(self, *windows: tuple[float, float]) -> None:
        super().__init__()
        self.windows = windows

    def forward(self, x: Tensor) -> Tensor:
        inside = torch.stack([(x[:, 0] > low) & (x[:, 0] < high) for low, high in self.windows]).any(0).to(x)
        return torch.stack([0.5 - inside, inside - 0.5], dim=1)


def starts() -> Tensor:
    return torch.linspace(0.0, 0.3, N)


def curve(*windows: tuple[float, float], name: str = "planted", points: int = 9, halvings: int = 10) -> SeverityCurve:
    x = torch.stack([starts(), torch.zeros(N)], dim=1)
    model = sp.as_model(Wrong(*windows), name=name)
    return severity_curve(model, Raise(0.8), examples=sp.examples(x, torch.zeros(N, dtype=torch.int64)), points=points, halvings=halvings)


def test_planted_failure_points_are_found_to_the_width_that_is_stated() -> None:
    found = curve((0.5, 2.0))
    planted = 0.5 - starts().double().numpy()
    gap = 0.8 / 8 / 2**10
    assert bool((np.abs(found.failure - planted) <= gap + 1e-6).all())
    assert bool((found.failure >= planted - 1e-6).all())
    assert np.allclose(found.gap, gap)
    assert int(found.recoveries.sum()) == 0
    assert found.unmonotone[0] == 0.0
    assert found.median_failure == pytest.approx(float(np.sort(planted)[N // 2 - 1]), abs=gap)
    expected = [float((starts() + level <= 0.5).double().mean()) for level in found.levels]
    assert found.accuracy.tolist() == pytest.approx(expected)
    assert bool((found.forwards == 9 + 10).all())


def test_wrong_unmoved_and_never_wrong() -> None:
    already = curve((-1.0, 2.0))
    assert bool((already.failure == 0).all())
    assert bool((already.gap == 0).all())
    assert bool((already.forwards == 9).all())
    never = curve((3.0, 4.0))
    assert bool(np.isinf(never.failure).all())
    assert bool(np.isnan(never.gap).all())
    assert math.isinf(never.median_failure)


def test_failure_that_comes_and_goes_is_counted() -> None:
    found = curve((0.45, 0.65), (0.95, 2.0), points=17)
    assert bool((found.recoveries == 1).all())
    share, interval = found.unmonotone
    assert share == 1.0
    assert 0.9 < interval.low < interval.high == 1.0
    assert np.allclose(found.failure, 0.45 - starts().numpy(), atol=1e-4)  # the first window's beginning


def test_a_window_between_two_levels_is_missed_as_stated() -> None:
    assert bool((curve((0.501, 0.502), points=3).recoveries == 0).all())


def test_each_level_is_what_confront_says_and_levels_share_one_draw() -> None:
    x = torch.rand(30, 6, generator=torch.Generator().manual_seed(1))
    model = sp.as_model(nn.Linear(6, 3).requires_grad_(False), name="linear")
    examples = sp.examples(x, model.labels(x))
    found = severity_curve(model, GaussianNoise(5), examples=examples, points=6, halvings=5, seed=3)
    for level, right in zip(found.levels[1:], found.right[1:], strict=True):
        finding = sp.confront(model, GaussianNoise(float(level)), search=sp.OneDraw(), examples=examples, seed=3)
        assert (finding.outcome == "held").tolist() == right.tolist()
    for row in np.flatnonzero(np.isfinite(found.failure) & (found.failure > 0)):
        there = GaussianNoise(float(found.failure[row])).within(examples.space)
        one = examples[[int(row)]]
        moved = there.apply(one.x, there.sample(one.x, Rng.for_ids(3, one.ids)))
        assert bool((model.labels(moved) != one.y).all())
        if found.failure[row] > found.gap[row]:
            held = replace(there, severity=float(found.failure[row] - found.gap[row]))
            assert bool((model.labels(held.apply(one.x, held.sample(one.x, Rng.for_ids(3, one.ids)))) == one.y).all())


def test_batches_change_nothing_and_factors_start_at_one() -> None:
    x = torch.rand(20, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    model = sp.as_model(nn.Sequential(nn.Flatten(), nn.Linear(36, 2)).requires_grad_(False), name="linear")
    examples = sp.examples(x, model.labels(x))
    whole, parts = (severity_curve(model, Scale(3), examples=examples, points=5, batch_size=size) for size in (256, 3))
    assert whole.levels.tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert whole.failure.tolist() == parts.failure.tolist()
    assert bool(whole.right[0].all())
    band, each = whole.interval(everywhere=True), whole.interval()
    assert bool((band.low <= each.low).all())
    assert bool((band.high >= each.high).all())


def test_models_that_change_places_beyond_chance() -> None:
    early, late = curve((0.35, 0.75), name="early"), curve((0.75, 2.0), name="late")
    (flip,) = rank_flips([early, late])
    assert (flip.first, flip.second) == ("early", "late")
    assert flip.seen
    assert flip.shown
    assert set(flip.second_ahead) & {0.3, 0.4}
    assert flip.first_ahead[-1] == pytest.approx(0.8)
    assert bool((flip.low <= flip.difference).all())
    assert flip_in_words(flip, "amount").startswith("early and late change places beyond chance: early is ahead at amount ")


def test_models_that_keep_their_places() -> None:
    better, worse, same = curve((0.9, 2.0), name="better"), curve((0.5, 2.0), name="worse"), curve((0.9, 2.0), name="same")
    flips = {(flip.first, flip.second): flip for flip in rank_flips([better, worse, same])}
    assert not flips["better", "worse"].seen
    assert not flips["better", "worse"].shown
    said = flip_in_words(flips["better", "worse"], "amount")
    assert said == "better and worse keep their places: better is ahead wherever they differ, beyond chance at some level."
    said = flip_in_words(flips["better", "same"], "amount")
    assert said == "better and same keep their places: neither is ahead wherever they differ, nowhere beyond chance."


def test_a_single_example_either_way_is_seen_and_not_shown() -> None:
    one, two = curve((0.5, 2.0), name="one"), curve((0.5, 2.0), name="two")
    one.right[1, 0], two.right[2, 0] = False, False
    (flip,) = rank_flips([one, two])
    assert flip.seen
    assert not flip.shown
    assert flip.difference[:3].tolist() == [0.0, 1 / N, -1 / N]
    assert flip_in_words(flip, "amount") == "one and two change places in this sample, which chance alone may do."


def test_what_they_refuse() -> None:
    x = torch.rand(4, 1, 5, 5)
    examples, model = (
        sp.examples(x, torch.zeros(4, dtype=torch.int64)),
        sp.as_model(nn.Sequential(nn.Flatten(), nn.Linear(25, 2)), name="m"),
    )
    with pytest.raises(UsageError, match="identity has no option that says how far it moves, so there is no curve"):
        severity_curve(model, Identity(), examples=examples)
    with pytest.raises(UsageError, match="The 'side' of patch is a whole number"):
        severity_curve(model, Patch(2), examples=examples)
    with pytest.raises(UsageError, match="The 'points' of severity_curve must be at least 2, got 1"):
        severity_curve(model, Linf(0.1), examples=examples, points=1)
    with pytest.raises(UsageError, match="The 'halvings' of severity_curve must be at least 0, got -1"):
        severity_curve(model, Linf(0.1), examples=examples, halvings=-1)
    with pytest.raises(UsageError, match="rotation moves image data"):
        severity_curve(model, Rotation(9), examples=sp.examples(torch.rand(4, 3), torch.zeros(4, dtype=torch.int64)))
    one = curve((0.5, 2.0))
    with pytest.raises(UsageError, match=r"must be of at least 2 models with names of their own, got \['planted'\]"):
        rank_flips([one])
    with pytest.raises(UsageError, match="with names of their own"):
        rank_flips([one, one])
    with pytest.raises(UsageError, match="The curves of planted and other differ in shift, levels or examples"):
        rank_flips([one, curve((0.5, 2.0), name="other", points=5)])


def test_the_page_and_the_table_say_the_same() -> None:
    curves = [curve((0.35, 0.75), name="<b>early</b>"), curve((0.75, 2.0), name="late\x1b[31m")]
    spec = severity_chart(curves).spec
    (rows,) = [data["values"] for data in [spec["layer"][0].get("data") or spec["data"]]]
    assert [(row["model"], row["value"]) for row in rows if row["level"] == 0] == [(c.model, c.accuracy[0]) for c in curves]
    page = severity_page(curves, "digits:")
    assert "<b>early</b>" not in page
    assert "&lt;b&gt;early&lt;/b&gt;" in page
    assert "change places beyond chance" in page
    assert failures(curves[0]).never == "0.0%"
    assert failures(curve((3.0, 4.0))).median == "above 0.8"
    console = Console(width=200, record=True, file=StringIO())
    console.print(terminal_severity(curves))
    text = console.export_text()
    assert "\x1b" not in text
    assert "median amount of failure" in text
