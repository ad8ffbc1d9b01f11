"""Regions for several numbers: they cover however bad the fit, volumes are those of known shapes, and a hole is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from shiftproof._errors import UsageError
from shiftproof.confidence.conformal import conformal_quantile
from shiftproof.confidence.quantile_region import QuantileRegion
from validity import assert_covers

Floats = npt.NDArray[np.float64]


def banana(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    x = rng.random((n, 1))
    t = rng.normal(size=n) * (0.5 + x[:, 0])
    return x, np.stack([t, t**2 + 0.15 * rng.normal(size=n)], 1)


@pytest.fixture(scope="module")
def region() -> QuantileRegion:
    """Hardly trained at all."""
    return QuantileRegion.fit(*banana(np.random.default_rng(0), 500), level=0.9, latent=2, points=100, steps=30)


@pytest.mark.parametrize("n", [9, 20, 100])
def test_a_bad_fit_covers_all_the_same(n: int, region: QuantileRegion) -> None:
    rng = np.random.default_rng(n)
    off = region.distance(*banana(rng, 1500))
    missed = []
    for _ in range(600):
        drawn = rng.choice(off, n + 1, replace=False)
        missed.append(drawn[n] > conformal_quantile(drawn[:n], level=0.9))
    assert_covers(missed, 0.1)


def test_contains_is_the_distance_against_the_calibrated_radius(region: QuantileRegion) -> None:
    rng = np.random.default_rng(1)
    x, y = banana(rng, 200)
    made = region.calibrate(*banana(rng, 200))
    assert made.contains(x, y).tolist() == (region.distance(x, y) <= made.radius).tolist()
    assert 0.8 < made.contains(x, y).mean() < 1


def test_the_distance_is_brute_force(region: QuantileRegion) -> None:
    x, y = banana(np.random.default_rng(2), 5)
    scaled = (y - region.shift) / region.scale
    expected = [min(np.hypot(*(point - one)) for point in cloud) for cloud, one in zip(region.cloud(x), scaled, strict=True)]
    assert region.distance(x, y) == pytest.approx(expected)


def test_the_volume_of_one_point_is_that_of_an_ellipse(region: QuantileRegion) -> None:
    disc = replace(region, points=torch.zeros(1, 2), radius=0.5)
    area = np.pi * 0.25 * np.prod(region.scale)
    assert disc.volume([[0.5]], draws=200000)[0] == pytest.approx(area, rel=0.02)


def test_a_larger_radius_holds_a_smaller_one(region: QuantileRegion) -> None:
    x, y = banana(np.random.default_rng(3), 300)
    small, large = (replace(region, radius=radius).contains(x, y) for radius in (0.2, 0.6))
    assert (large | ~small).all()


@pytest.mark.slow
def test_a_banana_takes_less_than_its_rectangle_and_a_normal_law_about_its_ellipse() -> None:
    rng = np.random.default_rng(0)
    (x, y), (own, truth), (new, asked) = (banana(rng, n) for n in (4000, 1000, 1000))
    found = QuantileRegion.fit(x, y, level=0.9, latent=2, points=2000).calibrate(own, truth)
    centre, spread = np.median(y, 0), y.std(0)
    reach = conformal_quantile((np.abs(truth - centre) / spread).max(1), level=0.9)
    assert found.contains(new, asked).mean() > 0.87
    assert found.volume(new[:30]).mean() < 0.8 * np.prod(2 * reach * spread)
    z = rng.normal(size=(5000, 2))
    normal = QuantileRegion.fit(x, z[:4000], level=0.9, latent=2, points=2000).calibrate(x[:1000], z[4000:])
    assert normal.volume(x[:10]).mean() == pytest.approx(np.pi * 4.605, rel=0.25)


def test_messages(region: QuantileRegion) -> None:
    x, y = banana(np.random.default_rng(0), 20)
    with pytest.raises(UsageError, match="The 'radius' of quantile_region must be set by calibrate, got nan"):
        region.contains(x, y)
    with pytest.raises(UsageError, match="The 'radius' of quantile_region must be set by calibrate, got nan"):
        region.volume(x)
    with pytest.raises(UsageError, match="The 'y' of quantile_region must have one row per input \\(20\\), got 3"):
        QuantileRegion.fit(x, y[:3])
    with pytest.raises(UsageError, match="The 'latent' of quantile_region must be at least 1"):
        QuantileRegion.fit(x, y, latent=0)
    with pytest.raises(UsageError, match="The 'level' of quantile_region must be in"):
        QuantileRegion.fit(x, y, level=1.0)
