"""Risks as training losses: exact values, gradients against finite differences, and what mini-batches do to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from shiftproof._errors import UsageError
from shiftproof.risks import (
    KL,
    ChiSquare,
    ChiSquarePenalised,
    CVaR,
    ExponentialSpectral,
    Extremile,
    KLPenalised,
    TotalVariation,
    TotalVariationPenalised,
    Wasserstein,
)
from shiftproof.training.losses import (
    DualRisk,
    MultilevelRisk,
    Reweighs,
    group_mixture_loss,
    label_kl,
    label_kl_adaptive,
    risk_loss,
    sinkhorn_loss,
)

RISKS: list[CVaR | ChiSquare | ChiSquarePenalised | KL | KLPenalised | TotalVariation | TotalVariationPenalised | Extremile] = [
    CVaR(0.3),
    ChiSquare(0.5),
    ChiSquarePenalised(0.3),
    KL(0.4),
    KLPenalised(0.5),
    TotalVariation(0.2),
    TotalVariationPenalised(0.6),
    Extremile(3),
]
LOSSES = torch.tensor([0.3, 1.4, 0.05, 2.2, 0.9, 1.1, 0.7], dtype=torch.float64)


@pytest.mark.parametrize("risk", [*RISKS, ExponentialSpectral(2)], ids=lambda r: r.name)
def test_value_and_gradient(risk: Reweighs) -> None:
    losses = LOSSES.clone().requires_grad_(True)
    value = risk_loss(risk, losses)
    assert value.item() == pytest.approx(risk.reweigh(LOSSES.numpy()).value)
    assert torch.autograd.gradcheck(lambda given: risk_loss(risk, given), losses, eps=1e-6, atol=1e-5)


def test_reference_weights_and_precision() -> None:
    single = risk_loss(CVaR(0.5), LOSSES.float(), base=torch.tensor([1.0, 0, 0, 1, 0, 0, 0]))
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(2.2)


def test_groups_and_draws() -> None:
    members = torch.tensor([[1, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1], [0] * 7])
    losses = LOSSES.clone().requires_grad_(True)
    value = group_mixture_loss(losses, members=members, floors=torch.tensor([0.25, 0.25, 0.0]))
    first, second = (0.3 + 1.4) / 2, float(LOSSES[1:].mean())
    assert value.item() == pytest.approx(0.25 * first + 0.75 * second)
    value.backward()  # type: ignore[no-untyped-call]
    assert losses.grad is not None
    assert losses.grad[0].item() == pytest.approx(0.125)
    around = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda f: sinkhorn_loss(f, radius=0.2, epsilon=1.0), around, eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("risk", [CVaR(0.3), ChiSquarePenalised(0.3), KLPenalised(0.5)], ids=lambda r: r.name)
def test_the_dual_is_the_risk_at_its_best_threshold_and_never_below(risk: CVaR | ChiSquarePenalised | KLPenalised) -> None:
    dual, truth = DualRisk(risk), risk.reweigh(LOSSES.numpy()).value

    def at(eta: float) -> float:
        with torch.no_grad():
            dual.eta.fill_(eta)
            return float(dual(LOSSES).item())

    found = minimize_scalar(at, bounds=(-5, 5), method="bounded", options={"xatol": 1e-7})
    assert found.fun == pytest.approx(truth, abs=1e-4)
    assert all(at(eta) >= truth - 1e-6 for eta in np.linspace(-2, 3, 21))


def test_the_plug_in_of_small_batches_is_too_low_and_the_multilevel_mean_is_that_of_the_large_batch() -> None:
    rng = np.random.default_rng(0)
    risk, pool = CVaR(0.1), torch.from_numpy(rng.exponential(size=(400, 64)))
    large = np.mean([risk_loss(risk, row).item() for row in pool])
    small = np.mean([risk_loss(risk, row[:4]).item() for row in pool])
    assert small < large - 0.3
    estimator = MultilevelRisk(risk, smallest=4)
    levels = 4
    telescoped = [risk_loss(risk, row[:4]).item() + sum(estimator.correction(row, j).item() for j in range(1, levels + 1)) for row in pool]
    spread = float(np.std(telescoped)) / 20
    assert np.mean(telescoped) == pytest.approx(large, abs=4 * spread)
    drawn = np.array([estimator(row).item() for row in pool])
    assert drawn.mean() == pytest.approx(large, abs=4 * float(drawn.std()) / 20)
    assert MultilevelRisk(risk, smallest=64)(pool[0]).item() == pytest.approx(risk_loss(risk, pool[0]).item())


SCORES = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 3.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
Y = torch.tensor([0, 1, 2])


def test_label_losses_have_their_known_limits() -> None:
    entropy = torch.nn.functional.cross_entropy(SCORES, Y, reduction="none")
    assert label_kl(SCORES, Y, temperature=1.0).tolist() == pytest.approx((entropy - math.log(3)).tolist())
    margins = [
        max(0.0, max(s + 0.5 for k, s in enumerate(row) if k != y) - row[y]) for row, y in zip(SCORES.tolist(), Y.tolist(), strict=True)
    ]
    assert label_kl(SCORES, Y, temperature=1e-4, margin=0.5).tolist() == pytest.approx(margins, abs=1e-3)
    means = (SCORES - SCORES.gather(1, Y[:, None])).mean(1)
    assert label_kl(SCORES, Y, temperature=1e6).tolist() == pytest.approx(means.tolist(), abs=1e-4)


def test_adaptive_temperatures_are_the_minimum_over_them() -> None:
    found = label_kl_adaptive(SCORES, Y, temperature=0.5, pull=0.8)
    for row in range(3):
        one, label = SCORES[row : row + 1], Y[row : row + 1]

        def objective(t: float, one: torch.Tensor = one, label: torch.Tensor = label) -> float:
            return label_kl(one, label, temperature=t).item() + 0.4 * (t - 0.5) ** 2

        best = minimize_scalar(objective, bounds=(1e-3, 9), method="bounded", options={"xatol": 1e-9})
        assert found[row].item() == pytest.approx(best.fun, abs=1e-6)
    scores = SCORES.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda s: label_kl_adaptive(s, Y, temperature=0.5, pull=0.8, halvings=60), scores, eps=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: risk_loss(CVaR(0.5), LOSSES.mean()), 'Compute them with reduction="none"'),
        (lambda: risk_loss(CVaR(0.5), torch.tensor([math.nan])), "be finite, got 'NaN or infinite ones'"),
        (lambda: risk_loss(Wasserstein(0.1), LOSSES), "so it is no training loss"),
        (lambda: MultilevelRisk(CVaR(0.5), smallest=0), "The 'smallest' of MultilevelRisk"),
        (lambda: MultilevelRisk(CVaR(0.5), smallest=9)(LOSSES), "Lower smallest"),
        (lambda: DualRisk(KL(1.0)), "Others have no dual that is a mean"),  # type: ignore[arg-type]
        (lambda: label_kl(SCORES, Y, temperature=0), "The 'temperature' of label_kl"),
        (lambda: label_kl(SCORES, Y[:1], temperature=1), "have shape \\(n, K\\)"),
        (lambda: label_kl_adaptive(SCORES, Y, temperature=0, pull=1), "The 'temperature' of label_kl_adaptive"),
        (lambda: label_kl_adaptive(SCORES, Y, temperature=1, pull=0), "The 'pull' of label_kl_adaptive"),
    ],
)
def test_what_losses_refuse(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
