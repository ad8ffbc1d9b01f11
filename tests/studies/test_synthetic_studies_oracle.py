"""The made tasks of studies against closed forms, explicit features and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shiftproof.studies.feature_contamination import BACKGROUND, CORE, TwoLayers, draw, held
from shiftproof.studies.heterogeneous_shift import bumps, fitted
from shiftproof.studies.label_robust_losses import among_best
from shiftproof.studies.sensitivity_law import COSINE, PUBLISHED_TANH, TANH, random_features, tangent_kernel
from shiftproof.studies.trial import mislabelled

NUMBERS = np.random.default_rng(0)


def test_labels_are_wrong_as_often_as_said_and_any_other_class_then() -> None:
    y = np.arange(30_000) % 10
    found = mislabelled(y, 0.6, 10, np.random.default_rng(1))
    wrong = found != y
    assert wrong.mean() == pytest.approx(0.6, abs=0.01)
    assert np.bincount((found - y)[wrong] % 10, minlength=10)[1:] / wrong.sum() == pytest.approx(1 / 9, abs=0.01)


def test_a_label_is_among_the_best() -> None:
    from shiftproof.data.arrays import examples

    scores = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    given = examples(scores, [1, 0], box=(0.0, 9.0))
    assert among_best(torch.nn.Identity(), given, 1).tolist() == [False, False]
    assert among_best(torch.nn.Identity(), given, 2).tolist() == [True, False]


@pytest.mark.parametrize("act", [TANH, COSINE], ids=["tanh", "cosine"])
def test_sensitivities_are_those_of_explicit_features_differentiated_by_torch(act: object) -> None:
    assert act in (TANH, COSINE)
    x, z, y, w = NUMBERS.normal(size=(8, 5)), NUMBERS.normal(size=(3, 5)), NUMBERS.normal(size=8), NUMBERS.normal(size=(12, 5))
    value = torch.tanh if act is TANH else torch.cos

    def first(t: torch.Tensor) -> torch.Tensor:
        return 1 - torch.tanh(t) ** 2 if act is TANH else -torch.sin(t)

    tw = torch.from_numpy(w)

    def rf(points: torch.Tensor) -> torch.Tensor:
        return value(points @ tw.T)

    def ntk(points: torch.Tensor) -> torch.Tensor:
        return (points[:, None, :] * first(points @ tw.T)[:, :, None]).flatten(1)

    for features, solve in ((rf, random_features), (ntk, tangent_kernel)):
        phi = features(torch.from_numpy(x))
        theta = torch.linalg.pinv(phi) @ torch.from_numpy(y)
        point = torch.from_numpy(z).requires_grad_()
        (slope,) = torch.autograd.grad((features(point) @ theta).sum(), point)
        expected = np.linalg.norm(z, axis=1) * slope.norm(dim=1).numpy()
        assert solve(x, y, z, w, TANH if act is TANH else COSINE) == pytest.approx(expected, rel=1e-4)


def test_the_published_second_derivative_of_tanh_is_not_that_of_tanh() -> None:
    t = np.linspace(-2, 2, 41)
    numeric = (TANH.first(t + 1e-5) - TANH.first(t - 1e-5)) / 2e-5
    assert TANH.second(t) == pytest.approx(numeric, abs=1e-8)
    assert np.abs(PUBLISHED_TANH.second(t) - numeric).max() > 0.5
    assert COSINE.second(t) == pytest.approx((COSINE.first(t + 1e-5) - COSINE.first(t - 1e-5)) / 2e-5, abs=1e-8)


def test_the_core_tells_the_label_and_the_background_does_not() -> None:
    x, y = draw(4000, sign=-1.0, chance=torch.Generator().manual_seed(0))
    assert bool(((x[:, :CORE] >= 0) == (y == 1)[:, None]).float().mean() > 0.999)
    assert bool((x[:, CORE:] <= 0).all())
    net = TwoLayers(torch.nn.ReLU(), units=3)
    with torch.no_grad():
        net.first.weight.copy_(torch.cat([torch.full((6, CORE), 2.0), torch.ones(6, BACKGROUND)], 1))
    assert held(net) == pytest.approx(0.5)


def test_additive_ridge_is_the_minimiser_over_both_parts() -> None:
    x, z, y = NUMBERS.normal(size=(3, 15))
    slope, a = fitted(x, z, y, ridge=0.1)
    design = np.column_stack([x, np.linalg.cholesky(bumps(z, z) + 1e-12 * np.eye(15))])
    weights = np.linalg.solve(design.T @ design + 0.1 * np.eye(16), design.T @ y)
    assert slope == pytest.approx(weights[0], abs=1e-6)
    assert bumps(z, z) @ a == pytest.approx(design[:, 1:] @ weights[1:], abs=1e-6)
