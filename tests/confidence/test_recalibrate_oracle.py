"""Recalibrations against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.confidence.calibration_gap import calibration_gap
from shiftproof.confidence.recalibrate import KINDS, Isotonic, Temperature, VennAbers, recalibrate


def test_the_temperature_of_scaled_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20000, 4)) * 2
    y = (np.exp(true) / np.exp(true).sum(1, keepdims=True)).cumsum(1)
    labels = (y < rng.random((len(y), 1))).sum(1).clip(max=3)
    assert Temperature.fit(true * 3, labels).value == pytest.approx(3, rel=0.03)


def brute_isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The min-max formula."""
    n = len(values)
    mean = np.array([[np.average(values[a : b + 1], weights=weights[a : b + 1]) if a <= b else np.nan for b in range(n)] for a in range(n)])
    return np.array([max(min(mean[a, b] for b in range(j, n)) for a in range(j + 1)) for j in range(n)])


@pytest.mark.parametrize("asked", [0.05, 0.3, 0.5, 0.97])
def test_venn_abers_is_the_min_max_formula_with_the_example_added(asked: float) -> None:
    rng = np.random.default_rng(1)
    c, z = np.round(rng.random(12), 1), rng.random(12) < 0.6
    p0, p1 = VennAbers.fit(c, z).pair([asked])
    for label, found in ((0, p0), (1, p1)):
        known, place = np.unique(np.append(c, asked), return_inverse=True)
        weights = np.bincount(place).astype(float)
        means = np.bincount(place, np.append(z, label)) / weights
        assert found[0] == pytest.approx(brute_isotonic(means, weights)[np.searchsorted(known, asked)])


def test_one_of_the_two_probabilities_is_calibrated() -> None:
    rng = np.random.default_rng(2)
    stated, truth = [], []
    for _ in range(600):
        c = rng.random(31)
        z = rng.random(31) < c**3
        p0, p1 = VennAbers.fit(c[:30], z[:30]).pair(c[30:])
        stated.append(p1[0] if z[30] else p0[0])
        truth.append(z[30])
    assert calibration_gap(stated, truth).p > 1e-4


def test_isotonic_never_falls_and_hits_the_mean() -> None:
    rng = np.random.default_rng(3)
    c = rng.uniform(0.5, 1, 500)
    z = rng.random(500) < c**2
    scores = np.log(np.stack([c, 1 - c], 1))
    found = Isotonic.fit(c, z).confidence(scores)
    assert (np.diff(found[np.argsort(c)]) >= 0).all()
    assert found.mean() == pytest.approx(z.mean())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_mends_an_overconfident_model(kind: str) -> None:
    rng = np.random.default_rng(4)
    true = rng.normal(size=(2000, 3)) * 2
    y = ((np.exp(true) / np.exp(true).sum(1, keepdims=True)).cumsum(1) < rng.random((2000, 1))).sum(1).clip(max=2)
    said = true * 4
    found = recalibrate(kind, said[:1000], y[:1000])
    right = said[1000:].argmax(1) == y[1000:]
    raw = np.exp(said[1000:]) / np.exp(said[1000:]).sum(1, keepdims=True)
    assert calibration_gap(raw.max(1), right).interval.low > 0.05
    assert calibration_gap(found.confidence(said[1000:]), right).raw < 0.05


def test_messages() -> None:
    with pytest.raises(UsageError, match="Unknown recalibration 'platt'"):
        recalibrate("platt", [[0.0, 1.0]], [0])
    with pytest.raises(UsageError, match="all of class 1: a recalibration needs two classes"):
        recalibrate("isotonic", [[0.0, 1.0]] * 3, [1, 1, 1])
    with pytest.raises(UsageError, match="be finite, got 'NaN or infinite in 1 of 2 rows'"):
        recalibrate("temperature", [[0.0, 1.0], [np.nan, 0.0]], [0, 1])
    with pytest.raises(UsageError, match="2 classes or more"):
        recalibrate("temperature", [0.5, 0.5], [0, 1])
