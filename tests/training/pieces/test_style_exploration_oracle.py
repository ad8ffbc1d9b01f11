"""Weights of instances and styles of images for training: what can be said of them in closed form, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.risks import KLPenalised
from shiftproof.training.pieces.instance_weights import InstanceWeights
from shiftproof.training.pieces.risk_losses import risk_loss
from shiftproof.training.pieces.style_exploration import explore

LOSSES = torch.tensor([0.3, 1.4, 0.05, 2.2], dtype=torch.float64)


def slopes(loss: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    given = at.clone().requires_grad_(True)
    (found,) = torch.autograd.grad(loss(given), given)
    return found


def test_without_a_memory_instance_weights_are_the_soft_maximum() -> None:
    weights, plug_in = InstanceWeights(0.7, average=1.0), KLPenalised(0.7)
    assert weights(LOSSES).item() == pytest.approx(risk_loss(plug_in, LOSSES).item())
    assert slopes(weights, LOSSES).tolist() == pytest.approx(slopes(lambda given: risk_loss(plug_in, given), LOSSES).tolist())
    assert weights.weights(LOSSES).mean().item() == pytest.approx(1)


def test_the_memory_follows_the_mean_and_easy_batches_weigh_less() -> None:
    weights = InstanceWeights(0.5, average=0.25)
    easy, hard = torch.tensor([0.1, 0.2]), torch.tensor([2.0, 1.0])
    u = (hard / 0.5).exp().mean().item()
    weights(hard)
    u = 0.75 * u + 0.25 * (easy / 0.5).exp().mean().item()
    before = weights.weights(easy)
    assert slopes(weights, easy).tolist() == pytest.approx(((easy / 0.5).exp() / u / 2).tolist(), rel=1e-5)
    assert before.tolist() == pytest.approx(((easy / 0.5).exp() / u).tolist(), rel=1e-5)
    assert before.mean() < 0.2  # a batch of easy ones counts for little; alone it would have the mean 1
    assert weights.log_mean.exp().item() == pytest.approx(u, rel=1e-5)
    weights.eval()
    weights(hard)
    assert weights.log_mean.exp().item() == pytest.approx(u, rel=1e-5)


def test_the_memory_takes_the_bias_out_as_it_settles() -> None:
    rng = np.random.default_rng(0)
    pool = rng.exponential(size=3000) * 0.4
    truth = float(np.exp(pool / 0.5).mean())
    kept, memoryless = InstanceWeights(0.5, average=0.02), InstanceWeights(0.5, average=1.0)
    for _ in range(400):
        kept(torch.from_numpy(rng.choice(pool, 4)))
    found = {module: np.zeros(3000) for module in (kept, memoryless)}
    for module, mean in found.items():
        for rows in rng.permutation(3000).reshape(-1, 4):
            mean[rows] = module.weights(torch.from_numpy(pool[rows])).numpy()
    off = {module: float(np.abs(mean - np.exp(pool / 0.5) / truth).mean()) for module, mean in found.items()}
    assert off[kept] < 0.5 * off[memoryless]


def test_large_losses_and_the_cut() -> None:
    weights = InstanceWeights(1e-3, average=0.1)
    assert weights(torch.tensor([900.0, 0.0])).item() == pytest.approx(900 - 1e-3 * math.log(2))
    assert math.isfinite(weights(torch.tensor([0.0, 0.0])).item())
    capped = InstanceWeights(0.5, average=0.1, most=3.0)
    capped(torch.zeros(4))
    assert capped.weights(torch.tensor([5.0, 0.0])).max().item() == 3


def test_a_saved_memory_goes_on() -> None:
    one, two = InstanceWeights(0.5), InstanceWeights(0.5)
    one(LOSSES)
    two.load_state_dict(one.state_dict())
    assert two(LOSSES + 1).item() == one(LOSSES + 1).item()


IMAGES = torch.rand(6, 3, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def brightness(z: Tensor) -> Tensor:
    return z.mean((1, 2, 3))


def test_exploration_keeps_the_meaning_and_styles_within_those_of_the_batch() -> None:
    moved = explore(brightness, IMAGES, seed=1, steps=30)
    mean, spread = IMAGES.mean((2, 3)), IMAGES.std((2, 3))
    assert (brightness(moved) > brightness(explore(brightness, IMAGES, seed=1, steps=0))).all()
    after = moved.mean((2, 3))
    assert (after <= mean.max(0).values + 1e-6).all()
    assert (after >= mean.min(0).values - 1e-6).all()
    same = (moved - after[..., None, None]) / moved.std((2, 3))[..., None, None]
    assert same.flatten().tolist() == pytest.approx(
        ((IMAGES - mean[..., None, None]) / spread[..., None, None]).flatten().tolist(), abs=1e-3
    )


def test_exploration_of_amplitudes_keeps_phases() -> None:
    moved = explore(brightness, IMAGES, seed=2, factor="amplitude", strength=0.5)
    turned = torch.fft.fft2(moved) / torch.fft.fft2(IMAGES)
    assert turned.imag.abs().max() < 1e-6
    assert turned.real.min() > 0


def test_exploration_of_no_strength_moves_nothing_and_repeats_by_its_seed() -> None:
    assert torch.equal(explore(brightness, IMAGES, seed=0, strength=0.0), IMAGES)
    once, again, other = (explore(brightness, IMAGES, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    features = torch.rand(4, 2, 7, generator=torch.Generator().manual_seed(0))
    assert explore(lambda z: z.mean((1, 2)), features, seed=0).shape == features.shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: InstanceWeights(0), "The 'penalty' of InstanceWeights"),
        (lambda: InstanceWeights(1, average=0), "The 'average' of InstanceWeights"),
        (lambda: InstanceWeights(1, most=0), "The 'most' of InstanceWeights"),
        (lambda: InstanceWeights(1)(torch.tensor(1.0)), "have shape \\(n,\\), one an example"),
        (lambda: InstanceWeights(1)(torch.tensor([math.nan])), "be finite, got 'NaN or infinite ones'"),
        (lambda: explore(brightness, IMAGES, seed=0, factor="colour"), "be style or amplitude"),  # type: ignore[arg-type]
        (lambda: explore(brightness, IMAGES[:, 0, 0], seed=0), "Vectors have no separate style"),
        (lambda: explore(brightness, IMAGES[:, 0], seed=0, factor="amplitude"), "\\(n, channels, height, width\\)"),
        (lambda: explore(brightness, IMAGES, seed=0, styles=1), "The 'styles' of explore"),
        (lambda: explore(brightness, IMAGES, seed=0, steps=-1), "The 'steps' of explore"),
        (lambda: explore(brightness, IMAGES, seed=0, step_size=0), "The 'step_size' of explore"),
        (lambda: explore(brightness, IMAGES, seed=0, strength=2), "The 'strength' of explore"),
        (lambda: explore(brightness, IMAGES, seed=0, partners=np.zeros((6, 3), dtype=np.int64)), "The 'partners' of explore"),
        (lambda: explore(lambda z: z.mean(), IMAGES, seed=0), "give one number per example \\(6,\\)"),
    ],
)
def test_what_they_refuse(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
