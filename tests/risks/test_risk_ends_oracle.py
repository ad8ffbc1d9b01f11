"""Where a risk has no room it is the mean, to the last bit; where it has all of it, the worst point; and groups that are none are said."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from shiftproof._errors import UsageError
from shiftproof.risks import Mean, Measurement, Risk, risks
from shiftproof.risks.grouped import GroupedRisk, Tallies
from shiftproof.risks.reweighting import Reweighting
from shiftproof.training.pieces.risk_losses import risk_loss

RNG = np.random.default_rng(0)
VALUES = np.concatenate([RNG.random(37), [0.1, 0.1, 0.3]])
PLACES = np.array([f"{k % 7}" for k in range(len(VALUES))])

NO_ROOM = (
    *("cvar(1)", "chi_square(0)", "kl(0)", "total_variation(0)", "extremile(1)", "holistic(0, 0)", "wasserstein(0)"),
    *("wasserstein(0, order=2)", "mmd(0)", "mmd(0, bandwidth=1)"),
)
ALL_ROOM = (
    *("cvar(1e-9)", "chi_square(inf)", "kl(inf)", "total_variation(1)", "extremile(1e9)", "exponential_spectral(1e9)"),
    *("chi_square_penalised(1e-9)", "kl_penalised(1e-9)"),
)


def measured(spec: str, values: np.ndarray[tuple[int], np.dtype[np.float64]] = VALUES) -> Measurement:
    risk: Risk[object] = risks.build(spec)
    return risk.measure(values, PLACES[: len(values)])


@pytest.mark.parametrize("spec", NO_ROOM)
def test_no_room_is_the_mean_to_the_last_bit(spec: str) -> None:
    drawn = [np.random.default_rng(seed).random(40) for seed in range(20)]
    for values in (VALUES, VALUES[:1], (VALUES > 0.5).astype(float), VALUES[::-1].copy(), *drawn):
        assert measured(spec, values).value == Mean().measure(values).value


@pytest.mark.parametrize("spec", [spec for spec in NO_ROOM if "mmd" not in spec and not spec.startswith(("holistic", "wasserstein"))])
def test_no_room_is_the_mean_loss(spec: str) -> None:
    risk = risks.build(spec)
    assert isinstance(risk, Reweighting) or spec == "cvar(1)"
    losses = torch.tensor([3.0, 0.5, 1.25], requires_grad=True)
    value = risk_loss(risk, losses)  # type: ignore[arg-type]
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == losses.mean().item()
    assert losses.grad is not None
    assert losses.grad.tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("spec", ALL_ROOM)
def test_all_room_is_the_worst_point(spec: str) -> None:
    assert measured(spec).value == pytest.approx(VALUES.max(), abs=1e-6)
    risk = risks.build(spec)
    weights = risk.reweigh([1.0, 7.0, 7.0, 3.0]).weights  # type: ignore[attr-defined]
    assert weights.tolist() == pytest.approx([0, 0.5, 0.5, 0], abs=1e-6)


@pytest.mark.parametrize("spec", ["holistic(0, inf)", "holistic(1, 0)", "wasserstein(inf)", "wasserstein(inf, order=2)"])
def test_all_room_of_risks_that_move_values_is_1(spec: str) -> None:
    m = measured(spec)
    assert m.value == 1
    assert m.interval.high == 1


@pytest.mark.parametrize("bandwidth", [0, 1])
def test_all_room_over_groups_is_the_worst_group(bandwidth: int) -> None:
    worst = max(VALUES[place == PLACES].mean() for place in np.unique(PLACES))
    assert measured(f"mmd(inf, bandwidth={bandwidth})").value == pytest.approx(worst)
    assert measured("conditional_cvar(1e-9)").value == pytest.approx(worst)


def test_all_room_over_draws_is_the_mean_of_the_worst_ones() -> None:
    worst = np.mean([VALUES[place == PLACES].max() for place in np.unique(PLACES)])
    assert measured("sinkhorn(inf, 1)").value == pytest.approx(worst)
    means = np.mean([VALUES[place == PLACES].mean() for place in np.unique(PLACES)])
    assert measured("sinkhorn(0, 1)").value == pytest.approx(means)


GROUPED = ("worst_group", "group_mixture(0.2)", "conditional_cvar(0.5)", "mmd(0.1)", "sinkhorn(0.1, 1)")


def grouped(spec: str) -> GroupedRisk:
    risk = risks.build(spec)
    assert isinstance(risk, GroupedRisk)
    return risk


@pytest.mark.parametrize("spec", GROUPED)
@pytest.mark.parametrize("names", [["a"], ["a"] * 3, [["a"], ["b"]]])
def test_groups_of_another_length_are_refused(spec: str, names: list[str]) -> None:
    with pytest.raises(UsageError, match=rf"The 'groups' of {grouped(spec).name} must have one name per value \(2\), got"):
        grouped(spec).measure(np.array([0.0, 1.0]), np.array(names))
    with pytest.raises(UsageError, match=r"must have one name per value \(2\)"):
        grouped(spec).weigh([0.0, 1.0], np.array(names))


@pytest.mark.parametrize("spec", GROUPED)
def test_groups_that_are_missing_are_asked_for(spec: str) -> None:
    with pytest.raises(UsageError, match=rf"The risk {grouped(spec).name} needs .*, and none was given\. Name a column of groups\."):
        grouped(spec).measure(np.array([0.0, 1.0]))


@pytest.mark.parametrize("spec", GROUPED)
def test_an_empty_group_changes_no_value_and_is_not_0(spec: str) -> None:
    risk = grouped(spec)
    state: Tallies = risk.update(risk.init(), VALUES, PLACES)
    m = risk.compute(risk.declare(state, ["nobody"]))
    assert m.value == risk.compute(state).value
    assert math.isnan(risk.compute(risk.declare(risk.init(), ["nobody"])).value)
    if spec.startswith(("worst", "group", "mmd")):
        assert any("nobody" in note for note in m.notes)
