"""Stress curves against their closed forms."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.evaluation.curves.slices import find_slices, quarters
from shiftproof.evaluation.curves.stress_curve import BALLS, stress_curve
from shiftproof.reports.stress import verdict
from shiftproof.searches import OneDraw
from shiftproof.shifts import Identity

RIGHT = np.array([1] * 90 + [0] * 10)


def test_accuracy_and_the_radius_that_breaks() -> None:
    curve = stress_curve(RIGHT, floor=0.7, radii=[0, 0.02, 0.1, 9])
    assert curve.accuracy.tolist() == pytest.approx([0.9, 0.9 - math.sqrt(0.04 * 0.09), 0.9 - math.sqrt(0.2 * 0.09), 0])
    assert curve.breaking == pytest.approx(0.2**2 / 2 / 0.09)
    assert curve.breaking_share == pytest.approx(1 / (1 + 2 * curve.breaking))
    assert curve.weights[90:] == pytest.approx(np.full(10, 0.03))
    low, high = curve.breaking_interval
    assert low < curve.breaking < high


@pytest.mark.parametrize(("risk", "breaking"), [("total_variation", 0.2), ("cvar", 1 - 0.1 / 0.3), ("kl", None)])
def test_other_balls(risk: str, breaking: float | None) -> None:
    curve = stress_curve(RIGHT, floor=0.7, risk=risk)
    want = 0.3 * math.log(3) + 0.7 * math.log(0.7 / 0.9) if breaking is None else breaking
    assert curve.breaking == pytest.approx(want)
    assert curve.radii[0] == 0
    assert curve.accuracy[-1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("risk", BALLS)
def test_a_ball_holds_a_share_from_its_radius_on(risk: str) -> None:
    ball = BALLS[risk]
    for share in (0.9, 0.4, 0.05):
        assert ball.share(ball.whole(share)) == pytest.approx(share)
        assert ball.reweigh([0.0, 1.0], ball.whole(share), [1 - share, share]).value == pytest.approx(1)
        assert ball.reweigh([0.0, 1.0], ball.whole(share) * 0.9, [1 - share, share]).value < 1


def test_the_ends() -> None:
    perfect = stress_curve(np.ones(30))
    assert (perfect.breaking, perfect.breaking_share) == (math.inf, 0.0)
    assert math.isfinite(perfect.breaking_interval.low)
    assert "no mix breaks it" in perfect.notes[0]
    broken = stress_curve(np.zeros(30))
    assert broken.breaking == 0
    assert stress_curve([1]).accuracy[0] == 1


def test_a_finding_brings_its_losses_and_names() -> None:
    model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
    x = torch.rand(40, 4, generator=torch.Generator().manual_seed(0))
    y = model.labels(x)
    y[:8] = 1 - y[:8]
    finding = sp.confront(model, Identity(), search=OneDraw(), examples=sp.examples(x, y))
    curve = stress_curve(finding, floor=0.5, columns={"half": np.repeat(["first", "second"], 20)}, least=5)
    assert curve.accuracy[0] == pytest.approx(finding.accuracy)
    assert curve.loss[0] == pytest.approx(finding.loss.mean())
    assert (np.diff(curve.loss) >= 0).all()
    assert curve.slices[0].what == "half=first"
    assert curve.ids.tolist() == finding.ids.tolist()


def test_numbers_in_quarters() -> None:
    assert quarters([1, 2, 1, 2]).tolist() == ["1", "2", "1", "2"]
    names, counts = np.unique(quarters(np.arange(100.0)), return_counts=True)
    assert counts.tolist() == [25] * 4, names
    assert find_slices({"same": np.full(30, "x")}, wrong=np.ones(30), weights=np.ones(30)) == ()


def test_whole_numbers_say_where_a_range_ends() -> None:
    years = np.repeat([17, 27, 28, 36, 37, 46, 47, 90], 25)
    assert sorted(set(quarters(years).tolist())) == ["17 to 27", "28 to 36", "37 to 46", "47 to 90"]
    assert quarters(years)[years == 28][0] == "28 to 36"
    assert sorted(set(quarters(np.repeat([1, 2, 3, 4, 9], 20)).tolist())) == ["1", "2", "3", "4 to 9"]
    assert sorted(set(quarters(np.linspace(0, 1, 40)).tolist())) == ["0 to 0.25", "0.25 to 0.5", "0.5 to 0.75", "0.75 to 1"]


def test_slices_of_the_label_leave_room_for_others_and_doubles_are_shown_once() -> None:
    rng = np.random.default_rng(0)
    label, town = rng.integers(0, 2, 4000), rng.integers(0, 4, 4000)
    wrong = (rng.random(4000) < np.where(label == 1, 0.5, np.where(town == 3, 0.2, 0.02))).astype(float)
    names = {"town": town.astype(str), "place": np.array(list("abcd"))[town], "label": label.astype(str)}
    found = find_slices(names, wrong=wrong, weights=wrong, most=3)
    before = [one for one in found if one.beforehand]
    assert before[0].what == "town=3"
    assert found[: len(before)] == tuple(before)
    after = [one.what for one in found if not one.beforehand]
    assert after[0].endswith("label=1")
    assert not any("place" in one.what for one in found)  # the same examples as those of a town
    assert all("label" in what for what in after)
    apart = find_slices(names, wrong=wrong, weights=wrong, most=3, label="none")
    assert all(one.beforehand for one in apart)
    assert apart[0].what.endswith("label=1")


def test_those_beyond_chance_come_first() -> None:
    rng = np.random.default_rng(1)
    town = np.where(np.arange(3000) < 24, "tiny", np.where(np.arange(3000) < 1000, "large", "rest"))
    wrong = (rng.random(3000) < np.where(town == "large", 0.3, 0.05)).astype(float)
    wrong[:24] = np.arange(24) % 2  # half of a few: a larger lift, and no evidence
    wrong[:14] = 0
    found = find_slices({"town": town}, wrong=wrong, weights=np.where(town == "tiny", 9.0, wrong))
    assert [one.what for one in found] == ["town=large", "town=tiny"]
    assert found[1].lift > found[0].lift
    assert [one.beyond_chance for one in found] == [True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stress_curve(RIGHT, risk="chi"), "Unknown risk of a stress curve 'chi'"),
        (lambda: stress_curve(RIGHT, floor=1), "The 'floor' of stress_curve"),
        (lambda: stress_curve([]), "be 0 or 1 for each of n >= 1"),
        (lambda: stress_curve([0.5]), "be 0 or 1 for each of n >= 1"),
        (lambda: stress_curve(RIGHT, losses=[1.0]), "The 'losses' of stress_curve"),
        (lambda: stress_curve(RIGHT, radii=[0.1]), "start at 0, rise, got"),
        (lambda: stress_curve(RIGHT, radii=[0, 2], risk="cvar"), "end at most at 1"),
        (lambda: stress_curve(RIGHT, columns={"a": np.array(["x"])}), "have one value per example \\(100\\)"),
        (lambda: find_slices({}, wrong=[1.0], weights=[1.0], least=0), "The 'least' of find_slices"),
        (lambda: find_slices({}, wrong=[1.0], weights=[1.0, 2.0]), "The 'weights' of find_slices"),
    ],
)
def test_what_it_refuses(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize(("wrong", "n", "floor"), [(10, 100, 0.8), (32, 200, 0.7), (1, 30, 0.5)])
def test_the_sentence_says_what_the_reweighting_does(wrong: int, n: int, floor: float) -> None:
    """As many times as it says, wrong examples take accuracy to the floor, and that mix is as far away as the share that it names."""
    curve = stress_curve(np.r_[np.zeros(wrong), np.ones(n - wrong)], floor=floor)
    said = verdict(curve)
    times = float(re.search(r"come ([0-9.]+) times", said)[1])  # type: ignore[index]
    share = float(re.search(r"part with ([0-9.]+)%", said)[1]) / 100  # type: ignore[index]
    weights = np.r_[np.full(wrong, times / n), np.full(n - wrong, (1 - times * wrong / n) / (n - wrong))]
    assert weights[wrong:].sum() == pytest.approx(floor, abs=0.005)
    far = ((n * weights - 1) ** 2).mean() / 2
    assert far == pytest.approx((1 / share - 1) / 2, rel=0.03)
    assert f"Accuracy is {100 * (1 - wrong / n):.1f}%. It falls below {100 * floor:.1f}% once" in said
    assert "radius" not in said


def test_what_no_mix_breaks_and_what_is_broken_already() -> None:
    assert verdict(stress_curve(np.ones(40))) == "Accuracy is 100.0%, and no other mix of these examples takes it below 80.0%."
    low = stress_curve(np.r_[np.zeros(30), np.ones(10)])
    assert verdict(low) == "Accuracy is 25.0%, below the 80.0% that is asked for, on these examples as they are."
