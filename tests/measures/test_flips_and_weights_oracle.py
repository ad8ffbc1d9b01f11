"""Flip probability and top-5 distance against the paper's sums written out, and the weighted aggregate by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.measures.flips import mean_flip_probability, mean_top5_distance
from shiftproof.measures.weighted_robustness import LR0FM_WEIGHTS, weighted_robustness, weighted_robustness_of_audits
from shiftproof.records.audit import Audit
from shiftproof.shifts.corruptions.suites import SIDES


def by_definition(first: np.ndarray[tuple[int], np.dtype[np.float64]], second: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
    """The paper's double sum: over i <= 5 and j from min(i, s(i)) + 1 to max(i, s(i)), of [1 <= j - 1 <= 5]."""
    earlier, later = np.argsort(-first), np.argsort(-second)
    total = 0
    for i in range(1, 6):
        s = int(np.flatnonzero(later == earlier[i - 1])[0]) + 1
        total += sum(1 <= j - 1 <= 5 for j in range(min(i, s) + 1, max(i, s) + 1))
    return total


def test_flips_compare_with_the_frame_before_or_for_noise_with_the_first() -> None:
    seen = [[0, 1, 1, 0], [2, 2, 2, 2]]
    found = mean_flip_probability({"tilt": seen, "gaussian_noise": seen})
    assert found.by_perturbation == pytest.approx({"tilt": (2 / 3 + 0) / 2, "gaussian_noise": (2 / 3 + 0) / 2})
    drift = [[0, 1, 1, 1]]
    found = mean_flip_probability({"tilt": drift, "shot_noise": drift}, baseline={"tilt": 0.5, "shot_noise": 0.5}, baseline_name="AlexNet")
    assert found.by_perturbation == pytest.approx({"tilt": 1 / 3, "shot_noise": 1.0})
    assert (found.mean, found.rate) == pytest.approx((2 / 3, 4 / 3))
    assert found.baseline == "AlexNet"
    assert math.isnan(mean_flip_probability({"tilt": drift}).rate)


@pytest.mark.parametrize("classes", [5, 7, 30])
def test_top5_distance_is_that_of_the_paper(classes: int) -> None:
    scores = np.random.default_rng(classes).normal(size=(4, 3, classes))
    steps = [[by_definition(s[j - 1], s[j]) for j in (1, 2)] for s in scores]
    firsts = [[by_definition(s[0], s[j]) for j in (1, 2)] for s in scores]
    found = mean_top5_distance({"tilt": scores, "noise": scores})
    assert found.by_perturbation == pytest.approx({"tilt": np.mean(steps), "noise": np.mean(firsts)})
    for name, (low, high) in found.intervals.items():
        assert low <= found.by_perturbation[name] <= high


def test_five_new_classes_are_15_apart() -> None:
    first = np.arange(10.0)
    assert mean_top5_distance({"tilt": [[first, first[::-1]]]}).mean == 15.0


@pytest.mark.parametrize(
    ("predictions", "baseline", "message"),
    [
        ({}, None, "mean_flip_probability needs the sequences of at least one perturbation, got none"),
        ({"tilt": [1, 2, 3]}, None, r"The 'predictions\[tilt\]' .* have shape \(sequences, frames\), frames >= 2, got \(3,\)"),
        ({"tilt": [[1, 2]], "snow": [[1, 2]]}, {"tilt": 0.5}, "have every perturbation, got 'none for snow'"),
        ({"tilt": [[1, 2]]}, {"tilt": 0.0}, r"The 'baseline\[tilt\]' .* be above 0"),
    ],
)
def test_sequences_that_cannot_be_used(predictions: dict[str, list[list[int]]], baseline: dict[str, float] | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        mean_flip_probability(predictions, baseline=baseline)


def test_scores_that_cannot_be_used() -> None:
    with pytest.raises(UsageError, match=r"have shape \(sequences, frames, classes\)"):
        mean_top5_distance({"tilt": [[1.0, 2.0]]})


def test_the_weighted_aggregate_by_hand() -> None:
    full, low = {"a": 0.8, "b": 0.12}, {"a": 0.4, "b": 0.12}
    found = weighted_robustness(full, {"16": low}, chance={"a": 0.1, "b": 0.1}, weights={"a": 1.0, "b": 3.0}, alpha=100)
    a, b = 0.5 * (1 - math.exp(-100 * 0.49)), 1.0 * (1 - math.exp(-100 * 0.0004))
    assert found.by_dataset["16"] == pytest.approx({"a": a, "b": b})
    assert found.weighted["16"] == pytest.approx((a + 3 * b) / 4)
    assert found.plain["16"] == pytest.approx(0.75)
    assert (found.weights, found.alpha) == ("given", 100)


def test_guessing_is_not_robust_and_losing_nothing_is() -> None:
    sets = dict.fromkeys(LR0FM_WEIGHTS, 0.1)
    assert weighted_robustness(sets, {"16": sets}, chance=sets).weighted["16"] == 0.0
    good = dict.fromkeys(LR0FM_WEIGHTS, 0.9)
    found = weighted_robustness(good, {"16": good}, chance=sets)
    assert found.weighted["16"] == pytest.approx(1.0)
    assert found.weights == "those of Pathak et al. 2025"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"full": {}}, "Give accuracies of at least one data set, without the shift"),
        ({"alpha": 0.0}, "The 'alpha' of weighted_robustness must be in"),
        ({"chance": {}}, "The 'chance' .* have every data set, got 'none for a'"),
        ({"shifted": {"16": {}}}, r"The 'shifted\[16\]' .* 'none for a'"),
        ({"weights": {"a": 0.0}}, "The 'weights' .* not all 0"),
        ({"full": {"a": 80.0}}, r"The 'full\[a\]' .* share in \(0, 1\], got 80.0. Percents are divided by 100 first"),
        ({"shifted": {"16": {"a": -0.1}}}, r"be a share in \[0, 1\], got -0.1"),
    ],
)
def test_aggregates_that_cannot_be_made(change: dict[str, object], message: str) -> None:
    given: dict[str, object] = {
        "full": {"a": 0.8},
        "shifted": {"16": {"a": 0.4}},
        "chance": {"a": 0.1},
        "weights": {"a": 1.0},
        "alpha": 200.0,
        **change,
    }
    with pytest.raises(UsageError, match=message):
        weighted_robustness(**given)  # type: ignore[arg-type]


def lr_audit(tmp_path: Path, scale: float = 1.0, suite: str = "lr0_fm") -> Audit:
    """An audit of a model that answers class 1 where the picture has more bright than dark columns at the right."""
    x = torch.zeros(20, 1, 32, 32)
    x[10:, :, :, 16:] = 1.0
    x[:10, :, :, 1::2] = torch.linspace(0.2, 1, 10)[:, None, None, None]
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1024, 2))
    with torch.no_grad():
        net[1].weight.copy_(torch.stack([torch.zeros(1024), torch.diff(torch.ones(32, 33).cumsum(1) % 3).flatten() * scale]))
    data = sp.examples(x, torch.tensor([0] * 10 + [1] * 10), kind="image")
    return sp.audit(net, data, suite=suite, out=tmp_path, progress=False, pictures=0).record


def test_the_aggregate_of_audits_is_that_of_their_numbers(tmp_path: Path) -> None:
    audit = lr_audit(tmp_path / "a")
    found = weighted_robustness_of_audits({"eurosat": audit, "dtd": audit})
    by_severity = {r.strength: r.value for r in audit.results if (r.family, r.risk, r.measure) == ("low_resolution", "mean", "accuracy")}
    assert list(by_severity) == [1, 2, 4, 5]
    levels = {str(side): dict.fromkeys(("eurosat", "dtd"), by_severity[severity] or 0.0) for severity, side in SIDES.items()}
    full = dict.fromkeys(("eurosat", "dtd"), audit.clean.accuracy or 0.0)
    assert found == weighted_robustness(full, levels, chance=dict.fromkeys(full, 0.5))
    with pytest.raises(UsageError, match="must be of one model, got '2 models'"):
        weighted_robustness_of_audits({"eurosat": audit, "dtd": lr_audit(tmp_path / "b", scale=2.0)})
    kept = [r for r in audit.results if r.strength != 5]
    with pytest.raises(UsageError, match=r"'audits\[dtd\]' .* have every level, got 'no severity 5'. Run each with --suite lr0_fm"):
        weighted_robustness_of_audits({"dtd": audit.model_copy(update={"results": kept})})
