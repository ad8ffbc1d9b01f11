"""Sizes and losses that the authors' own code gives on a small network, written down.

The values were made once with adversarial-library (ddn, carlini_wagner_l2, sigma_zero) and AutoAttack's repository (FAB, the two losses)::

    net, x = network(); y = net(x).argmax(1)
    (ddn(net, x, y, steps=50, levels=None) - x).norm(dim=1)
    (FABAttack_PT(net, norm="Linf", n_iter=30, n_restarts=1, eps=1e9).attack_single_run(x, y) - x).norm(p=inf, dim=1)
    (carlini_wagner_l2(net, x, y, binary_search_steps=4, max_iterations=50, abort_early=False) - x).norm(dim=1)
    ((sigma_zero(net, x, y, num_steps=50) - x) != 0).sum(1)
    APGDAttack(net, ...).dlr_loss(net(x), y); APGDAttack_targeted(net, ...).dlr_loss_targeted(net(x), y)  # towards the third class
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.losses import dlr, dlr_to
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches import searches
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


def network() -> tuple[nn.Module, Tensor]:
    """Two layers, 5 classes, on 8 inputs of 6 features; weights by a formula, so that no generator's version matters."""
    inner, outer = nn.Linear(6, 16).requires_grad_(False), nn.Linear(16, 5).requires_grad_(False)
    for layer, phase in ((inner, 0.3), (outer, 1.1)):
        rows, columns = (torch.arange(k, dtype=torch.float64) for k in layer.weight.shape)
        layer.weight.copy_(2 * torch.sin(7.3 * rows[:, None] + 3.7 * columns + phase + 0.9 * rows[:, None] * columns))
        layer.bias.copy_(0.2 * torch.cos(2.1 * rows) - layer.weight.sum(1) / 2 * (phase < 1))
    points = torch.arange(48, dtype=torch.float64).reshape(8, 6)
    return nn.Sequential(inner, nn.Tanh(), outer), (0.5 + 0.4 * torch.sin(5.1 * points)).float()


NEVER = float("inf")
SIZES: list[tuple[str, Ball, list[float]]] = [
    ("decoupled_direction_norm(steps=50)", L2(1.0), [0.32966, 0.11511, 0.28692, 0.2862, 0.13359, 0.20137, 0.08952, 0.35403]),
    ("boundary_projection(steps=30)", Linf(0.1), [0.14285, 0.05458, 0.18073, 0.1407, 0.05266, 0.09511, 0.04238, 0.22123]),
    ("boundary_projection(steps=30)", L2(0.1), [0.29941, 0.11233, 0.28871, 0.28812, 0.10748, 0.20284, 0.08214, 0.35428]),
    ("boundary_projection(steps=30)", L1(0.1), [0.43037, 0.15913, 0.33218, 0.3615, 0.16012, 0.31424, 0.10971, 0.38741]),
    ("carlini_wagner(steps=50, rounds=4, abort=false)", L2(0.1), [NEVER, 0.11208, NEVER, 0.33928, 0.10989, 0.21836, 0.0824, NEVER]),
    ("sigma_zero(steps=50)", L0(1), [1.0] * 8),
]
DLR = [-0.76468, -0.70256, -0.99128, -0.89184, -0.56364, -0.62718, -0.30537, -0.94022]
DLR_TARGETED = [-0.99728, -0.70759, -0.83294, -0.99135, -0.84754, -0.95285, -0.87977, -0.93409]


@pytest.mark.parametrize(("spec", "shift", "sizes"), SIZES, ids=[f"{spec} {shift.name}" for spec, shift, _ in SIZES])
def test_sizes_are_those_of_the_authors_code(spec: str, shift: Ball, sizes: list[float]) -> None:
    net, x = network()
    model = TorchModule(net, name="network")
    examples = Examples(x, model.labels(x), np.array([f"{i}" for i in range(len(x))]))
    curve = security_curve(model, shift, search=searches.build(spec), examples=examples)
    assert curve.size == pytest.approx(sizes, rel=1e-3)


def test_losses_are_those_of_the_authors_code() -> None:
    net, x = network()
    scores = net(x)
    y, third = scores.argmax(1), scores.argsort(dim=1)[:, -3]
    assert dlr(scores, y).tolist() == pytest.approx(DLR, abs=1e-4)
    assert dlr_to(third)(scores, y).tolist() == pytest.approx(DLR_TARGETED, abs=1e-4)
