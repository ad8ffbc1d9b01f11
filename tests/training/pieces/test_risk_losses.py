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
    MMD,
    ChiSquare,
    ChiSquarePenalised,
    ConditionalCVaR,
    CVaR,
    ExponentialSpectral,
    Extremile,
    GroupMixture,
    Holistic,
    KLPenalised,
    Mean,
    Sinkhorn,
    TotalVariation,
    TotalVariationPenalised,
    Wasserstein,
    WorstGroup,
    risks,
)
from shiftproof.risks.grouped import GroupedRisk
from shiftproof.risks.mmd import gaussian_kernel, mmd
from shiftproof.training.pieces.label_losses import even_scores, label_kl, label_kl_adaptive
from shiftproof.training.pieces.risk_losses import (
    DualRisk,
    MultilevelRisk,
    Reweighs,
    group_mixture_loss,
    mmd_loss,
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


GROUPED: list[GroupedRisk] = [WorstGroup(), GroupMixture(0.4), ConditionalCVaR(0.4), MMD(0.3), MMD(0.2, bandwidth=1.0), Sinkhorn(0.1, 0.5)]
NAMES = ["1", "2", "1", "3", "2", "3", "3"]


@pytest.mark.parametrize("risk", GROUPED, ids=lambda r: r.spec())
def test_risks_over_groups_are_losses_too(risk: GroupedRisk) -> None:
    losses = LOSSES.clone().requires_grad_(True)
    value = risk_loss(risk, losses, groups=NAMES)
    found = risk.weigh(LOSSES.numpy(), NAMES)
    assert value.item() == pytest.approx(found.value)
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights.min() >= 0
    value.backward()  # type: ignore[no-untyped-call]
    assert losses.grad is not None
    assert losses.grad.tolist() == pytest.approx(found.weights.tolist())
    for row in range(len(LOSSES)):
        step = 1e-6 * torch.eye(len(LOSSES), dtype=torch.float64)[row]
        up, down = (risk_loss(risk, LOSSES + sign * step, groups=NAMES).item() for sign in (1, -1))
        assert (up - down) / 2e-6 == pytest.approx(found.weights[row], abs=1e-4)
    numbers = torch.tensor([int(name) for name in NAMES])
    assert risk_loss(risk, LOSSES, groups=numbers).item() == pytest.approx(value.item())


def test_every_registered_risk_is_a_loss_or_says_why_not() -> None:
    options = {"cvar": "alpha=0.5", "conditional_cvar": "alpha=0.5", "extremile": "order=2", "exponential_spectral": "rho=1"}
    options |= dict.fromkeys(("mean", "worst_group", "group_mixture"), "") | {"sinkhorn": "0.1, 1", "holistic": "0.1, 0.1"}
    refused = []
    for name in risks.names():
        given = options.get(name, "penalty=1" if name.endswith("penalised") else "radius=0.2")
        risk = risks.build(f"{name}({given})")
        try:
            value = risk_loss(risk, LOSSES, groups=NAMES)  # type: ignore[arg-type]
        except UsageError:
            refused.append(name)
        else:
            assert LOSSES.min() <= value.item() <= LOSSES.max() + 1e-12, name
    assert refused == ["wasserstein"]


@pytest.mark.parametrize(("alpha", "radius"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.3), (0.15, 0.1), (0.5, 1.0), (0.9, 0.05)])
def test_the_holistic_loss_is_the_maximum_of_the_authors_problem(alpha: float, radius: float) -> None:
    """max p @ (losses, worst) with q[:n] + s = 1/n, sum(s) = q[n] <= alpha and KL(q, p) <= radius, worst the batch's largest loss.

    By its dual, inf over eta > worst of eta - exp(-radius) exp(q @ ln(eta - losses)), on a grid, with the least losses tampered with.
    """
    losses = np.array([0.2, 1.7, 0.9, 0.05, 3.1])
    worst, q, left = losses.max(), np.full(5, 0.2), alpha
    for row in np.argsort(losses):
        moved = min(left, 0.2)
        q[row], left = q[row] - moved, left - moved
    eta = worst + np.logspace(-9, 6, 200_001)
    logs = np.log(eta[:, None] - np.append(losses, worst)) @ np.append(q, alpha)
    dual = float((eta - np.exp(logs - radius)).min())
    given = torch.from_numpy(losses).requires_grad_(True)
    value = risk_loss(Holistic(alpha, radius), given)
    assert value.item() == pytest.approx(dual, abs=1e-5)
    value.backward()  # type: ignore[no-untyped-call]
    assert given.grad is not None
    assert float(given.grad.sum()) == pytest.approx(1)
    assert value.item() == pytest.approx(float(given.grad @ given.detach()))
    assert risk_loss(Holistic(alpha, radius), 10 * given.detach() - 3).item() == pytest.approx(10 * value.item() - 3)


def test_the_kernel_ball_of_a_batch() -> None:
    kernel = torch.from_numpy(gaussian_kernel([[0.0], [0.1], [1.0], [1.2], [2.0], [2.2], [3.0]], bandwidth=0.5))
    losses = LOSSES.clone().requires_grad_(True)
    value = mmd_loss(losses, kernel=kernel, radius=0.15)
    found = mmd(LOSSES.numpy(), kernel=kernel.numpy(), radius=0.15)
    value.backward()  # type: ignore[no-untyped-call]
    assert losses.grad is not None
    assert value.item() == pytest.approx(found.value)
    assert losses.grad.tolist() == pytest.approx(found.weights.tolist())
    assert risk_loss(Mean(), LOSSES).item() == pytest.approx(LOSSES.mean().item())


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
    assert label_kl(SCORES, Y, temperature=1.0, even=False).tolist() == pytest.approx((entropy - math.log(3)).tolist())
    margins = [
        max(0.0, max(s + 0.5 for k, s in enumerate(row) if k != y) - row[y]) for row, y in zip(SCORES.tolist(), Y.tolist(), strict=True)
    ]
    assert label_kl(SCORES, Y, temperature=1e-4, margin=0.5, even=False).tolist() == pytest.approx(margins, abs=1e-3)
    means = (SCORES - SCORES.gather(1, Y[:, None])).mean(1)
    assert label_kl(SCORES, Y, temperature=1e6, even=False).tolist() == pytest.approx(means.tolist(), abs=1e-4)


def test_adaptive_temperatures_are_the_maximum_over_them() -> None:
    found = label_kl_adaptive(SCORES, Y, temperature=0.5, pull=4.0, margin=0.2, even=False)
    for row in range(3):
        one, label = SCORES[row : row + 1], Y[row : row + 1]

        def objective(t: float, one: torch.Tensor = one, label: torch.Tensor = label) -> float:
            return label_kl(one, label, temperature=t, margin=0.2, even=False).item() - 2.0 * (t - 0.5) ** 2

        best = max(objective(t) for t in np.linspace(1e-3, 0.5, 5001))
        assert found[row].item() == pytest.approx(best, abs=1e-6)
    scores = SCORES.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda s: label_kl_adaptive(s, Y, temperature=0.5, pull=4.0, halvings=60, even=False), scores, eps=1e-5, atol=1e-4
    )


def test_label_losses_put_even_scores_in_unless_told_not_to() -> None:
    for factor in (1.0, 7.0):  # the size of the scores does not matter then
        found = label_kl_adaptive(factor * SCORES, Y, temperature=0.5, pull=4.0)
        assert found.tolist() == pytest.approx(label_kl_adaptive(even_scores(SCORES), Y, temperature=0.5, pull=4.0, even=False).tolist())
    plain = label_kl(even_scores(SCORES, positive=True), Y, temperature=0.3, even=False)
    assert label_kl(SCORES, Y, temperature=0.3).tolist() == pytest.approx(plain.tolist())
    assert label_kl_adaptive(torch.zeros(1, 3), Y[:1], temperature=0.5, pull=4.0).isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: risk_loss(CVaR(0.5), LOSSES.mean()), 'Compute them with reduction="none"'),
        (lambda: risk_loss(CVaR(0.5), torch.tensor([math.nan])), "be finite, got 'NaN or infinite ones'"),
        (lambda: risk_loss(Wasserstein(0.1), LOSSES), "so it cannot be a training loss"),
        (lambda: MultilevelRisk(CVaR(0.5), smallest=0), "The 'smallest' of MultilevelRisk"),
        (lambda: MultilevelRisk(CVaR(0.5), smallest=9)(LOSSES), "Lower smallest"),
        (lambda: DualRisk(KL(1.0)), "Others have no dual that is a mean"),  # type: ignore[arg-type]
        (lambda: risk_loss(WorstGroup(), LOSSES), "The risk worst_group needs a group name for each example"),
        (lambda: risk_loss(Sinkhorn(0.1, 1), LOSSES), "needs the name of the example that each value was drawn around"),
        (lambda: risk_loss(MMD(0.1), LOSSES, groups=["a"]), "The 'groups' of mmd must have one name per value \\(7\\), got 1"),
        (lambda: risk_loss(MMD(0.1, 1.0), LOSSES, groups=["a"] * 7), "needs groups that are numbers"),
        (lambda: risk_loss(MMD(0.1), LOSSES, base=LOSSES, groups=NAMES), "so it takes no 'base'"),
        (lambda: mmd_loss(LOSSES, kernel=torch.eye(2), radius=0.1), "be symmetric of shape"),
        (lambda: label_kl(SCORES, Y, temperature=0), "The 'temperature' of label_kl"),
        (lambda: label_kl(SCORES, Y[:1], temperature=1), "have shape \\(n, K\\)"),
        (lambda: label_kl_adaptive(SCORES, Y, temperature=0, pull=9), "The 'temperature' of label_kl_adaptive"),
        (lambda: label_kl_adaptive(SCORES, Y, temperature=1, pull=1), "The 'pull' of label_kl_adaptive must be above ln K"),
    ],
)
def test_what_losses_refuse(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
