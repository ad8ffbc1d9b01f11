"""What the studies of confidence measure with: areas, draws, rectangles and bounds, against closed forms and brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu, norm
from torch import nn

import shiftproof as sp
from shiftproof.confidence.lift import sub_gamma_bound
from shiftproof.diagnostics.propagation import NoiseName, noise_stability
from shiftproof.models.abstract import Gradients
from shiftproof.studies import Trial, studies
from shiftproof.studies.anomaly_under_shift import Pixels
from shiftproof.studies.areas import StrangenessPair, area, area_difference, mean_area, mean_difference
from shiftproof.studies.information_lift import bound, masked
from shiftproof.studies.quantile_regions import LEVEL, Outcomes, banana, rectangles
from shiftproof.studies.sdm_activation import right_among
from shiftproof.studies.stable_propagation import drawn


def normals(rng: np.random.Generator, gap: float) -> StrangenessPair:
    return StrangenessPair(rng.normal(size=60), rng.normal(size=90) + gap)


def test_an_area_is_a_rank_statistic_ties_counting_half() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 40).astype(float), rng.integers(1, 6, 30).astype(float)
    assert area(StrangenessPair(a, b)).value == pytest.approx(mannwhitneyu(b, a).statistic / (40 * 30))


def test_its_error_is_the_spread_over_samples() -> None:
    rng = np.random.default_rng(1)
    found = [area(normals(rng, 1.0)) for _ in range(400)]
    assert np.mean([each.value for each in found]) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.01)
    assert np.mean([each.error for each in found]) == pytest.approx(np.std([each.value for each in found]), rel=0.15)


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(2)
    found, values = [], []
    for _ in range(400):
        first = normals(rng, 1.0)
        second = StrangenessPair(*(each + 0.3 * rng.normal(size=len(each)) for each in first))
        found.append(area_difference(first, second))
        values.append(area(first).value - area(second).value)
    assert [each.value for each in found] == pytest.approx(values)
    assert np.mean([each.error for each in found]) == pytest.approx(np.std(values), rel=0.15)
    assert area_difference(first, first) == sp.studies.Quantity(0.0, 0.0, "points")
    both = mean_difference([(first, second), (first, first)])
    assert both.value == pytest.approx(area_difference(first, second).value / 2)
    assert mean_area([first, second]).value == pytest.approx((area(first).value + area(second).value) / 2)


@pytest.mark.parametrize("noise", ["gaussian", "cauchy"])
def test_draws_of_a_linear_network_are_in_closed_form(noise: NoiseName) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 2))
    model = sp.as_model(net)
    assert isinstance(model, Gradients)
    x = torch.rand(4, 6)
    told = noise_stability(model, x, sigma=0.3, noise=noise)
    stay, spread = drawn(net, x, told, 0.3, noise, 20000, 5)
    assert stay == pytest.approx(told.stay.numpy(), abs=0.02)
    if noise == "gaussian":
        assert spread == pytest.approx(told.spread.numpy(), rel=0.03)


def test_rectangles_hold_what_they_say_and_have_the_area_of_a_known_one() -> None:
    rng = np.random.default_rng(0)

    def even(n: int) -> Outcomes:
        return Outcomes(rng.random((n, 2)), rng.random((n, 2)) * [2.0, 3.0])

    covered, size = rectangles(even(3000), even(2000), even(3000), 0)
    assert covered.mean() == pytest.approx(LEVEL, abs=0.02)
    assert size.mean() == pytest.approx(LEVEL * 6, rel=0.1)


def test_a_banana_is_longer_where_x_is_larger() -> None:
    made = banana(np.random.default_rng(0), 20000)
    narrow, wide = (made.y[(made.x[:, 0] > low) & (made.x[:, 0] < low + 0.1)] for low in (0.0, 0.9))
    assert narrow[:, 0].std() == pytest.approx(0.55, rel=0.1)
    assert wide[:, 0].std() == pytest.approx(1.45, rel=0.1)
    assert (made.y[:, 1] - made.y[:, 0] ** 2).std() == pytest.approx(0.15, rel=0.05)


def test_the_bound_is_for_the_rule_that_keeps_most_at_the_target() -> None:
    """Wrong answers lie below 0.5: what keeps half or more of the confidences in [0.5, 1] keeps no wrong one."""
    sure = (np.arange(4000) + 0.5) / 4000
    right = (sure > 0.5) | (np.arange(4000) % 2 == 0)
    found = bound(sure, right, sure)
    thresholds = np.arange(20) / 20
    risks = np.array([((sure >= t) & ~right).mean() for t in thresholds])
    first = next(at for at, t in enumerate(thresholds) if risks[at] <= 0.02 * (sure >= t).mean())
    assert thresholds[first] == pytest.approx(0.5)
    prior, chosen = np.full(20, 0.05), np.eye(20)[first]
    assert found == pytest.approx(sub_gamma_bound(risks, chosen, prior, n=4000, variance=0.25, scale=1 / 3), abs=1e-3)


def test_a_mask_covers_the_middle() -> None:
    left = masked(torch.ones(1, 1, 8, 8))
    assert left.sum() == 64 - 16
    assert left[0, 0, 2:6, 2:6].sum() == 0


def test_of_nothing_kept_nothing_is_right() -> None:
    none = np.zeros(3, dtype=bool)
    assert right_among(none, ~none).value == 0
    assert right_among(np.array([True, True, False]), np.array([True, False, True])).value == 0.5


def test_pixels_with_matched_values_do_not_see_contrast() -> None:
    normal = torch.rand(30, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    x = normal[:5]
    assert Pixels(normal, matched=True)(0.5 * x + 0.2) == pytest.approx(Pixels(normal, matched=True)(x), abs=1e-5)
    assert (Pixels(normal, matched=False)(2 * x + 1) > Pixels(normal, matched=False)(x)).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sdm_activation", "stable_propagation", "quantile_regions", "information_lift", "anomaly_under_shift"])
def test_the_quick_form_measures_all_that_is_predicted(name: str, tmp_path: Path) -> None:
    study = studies.build(name)
    found = study.measure(Trial(quick=True, seed=0, folder=tmp_path, data={}, say=lambda _: None))
    assert {each.quantity for each in study.predictions} <= set(found)
