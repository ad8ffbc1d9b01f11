"""Values that the authors' own code gives, written down.

Made once with their repositories at the commits named, on the CPU::

    # Optimization-AI/ICML2023_LDR at 732fc85: loss.py; one example at a time, ALDR called 300 times so that its temperature settles
    LDRLoss_V1(threshold=0.5, Lambda=0.3)(s, one_hot)
    ALDRLoss_V1(1, threshold=0.0, Lambda=0.5, alpha=3.0)(s, one_hot, ids)
    # zhqiu/contrastive-learning-iSogCLR at c20903b: bimodal_exps/models/losses.py with its exponentials times 1 - eye(3), so that
    # positives are no negatives, as in the paper and in their unimodal code; gamma 1 at the first visit, then 0.6; image side
    loss = SogCLR_DRO_Loss(N=5, tau_init=0.3, tau_min=0.05, rho_init=0.2, bsz=3, eta_init=0, eta_min=0, eta_sched="const", world_size=1)
    # Rxsw/MODE at 74030a8: utils/MODE.py with the identity as vgg and decoder, and each image's one partner the other image
    MODE_A(num_mix=2, move_step=4, mu=0.05, gamma=1.0).main(x, y, net); MODE_F("cpu", gamma=0.6, num_mix=2, move_step=4).main(x, y, net)
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from shiftproof.training.pieces.label_losses import label_kl, label_kl_adaptive
from shiftproof.training.pieces.style_exploration import ExploredFactor, explore
from shiftproof.training.pieces.temperatures import InstanceTemperatures

SCORES, Y = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 3.0], [1.0, -2.0, 0.25]]), torch.tensor([0, 1, 2])


def test_label_losses() -> None:
    ldr = label_kl(SCORES, Y, temperature=0.3, margin=0.5)
    assert ldr.tolist() == pytest.approx([-0.273143470287323, 1.6433333158493042, 0.8236399292945862], abs=1e-6)
    aldr = label_kl_adaptive(SCORES, Y, temperature=0.5, pull=3.0 * math.log(3) / 0.5)
    assert aldr.tolist() == pytest.approx([-0.4496642053127289, 2.087986946105957, 0.28548485040664673], abs=1e-5)


VISITS = (
    (
        [[0.9, 0.1, 0.4], [0.2, 0.8, -0.3], [0.5, 0.0, 0.7]],
        [[-0.333333, 0.089647, 0.243686], [0.280377, -0.333333, 0.052956], [0.280377, 0.052956, -0.333333]],
        [0.029685338959097862, -0.01845240592956543, -0.018452465534210205],
    ),
    (
        [[0.6, 0.3, 0.2], [0.1, 0.9, 0.5], [-0.2, 0.4, 0.8]],
        [[-0.436498, 0.254291, 0.182207], [0.087663, -0.420227, 0.332564], [0.028064, 0.207368, -0.235432]],
        [0.0897395983338356, 0.06912962347269058, -0.08057272434234619],
    ),
)


def test_instance_temperatures() -> None:
    loss, index = InstanceTemperatures(5, radius=0.2, start=0.3, average=0.6), torch.tensor([4, 0, 2])
    for given, slopes, temperatures in VISITS:
        similarity = torch.tensor(given, requires_grad=True)
        loss.zero_grad()
        loss(similarity, index).backward()
        assert similarity.grad is not None
        assert loss.temperature.grad is not None
        assert similarity.grad.flatten().tolist() == pytest.approx(np.ravel(slopes).tolist(), abs=2e-6)
        assert loss.temperature.grad[index].tolist() == pytest.approx(temperatures, abs=2e-6)


EXPLORED: dict[ExploredFactor, tuple[float, list[float]]] = {
    "style": (
        1.0,
        [
            *(-0.05858499929308891, 0.551934003829956, 0.20306600630283356, 0.81358402967453),
            *(0.6699990034103394, 0.27000001072883606, 0.9699990153312683, 0.5699989795684814),
            *(0.18731200695037842, 0.9967830181121826, 0.5342289805412292, 0.07167399674654007),
            *(0.6299989819526672, 0.23000000417232513, 0.9299989938735962, 0.5299999713897705),
        ],
    ),
    "amplitude": (
        0.6,
        [
            *(0.1679999977350235, 0.4059999883174896, 0.2160000056028366, 0.9160000085830688),
            *(0.6420000195503235, 0.24199999868869781, 0.9419999718666077, 0.5419999957084656),
            *(0.18400000035762787, 0.8840000033378601, 0.23199999332427979, 0.2939999997615814),
            *(0.6579999923706055, 0.257999986410141, 0.9580000042915344, 0.5580000281333923),
        ],
    ),
}


@pytest.mark.parametrize("factor", EXPLORED)
def test_exploration(factor: ExploredFactor) -> None:
    x = (torch.arange(16.0).reshape(2, 2, 2, 2) * 7 % 11) / 10
    turn = torch.tensor([[0.5, -1.0], [0.2, 0.3]])

    def loss(z: Tensor) -> Tensor:
        scores = torch.stack([z[:, 0].mean((1, 2)), z[:, 1, 0].mean(1) - z[:, 1, 1].mean(1)], 1) @ turn
        return torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1]), reduction="none")

    strength, due = EXPLORED[factor]
    moved = explore(loss, x, seed=0, factor=factor, styles=2, steps=4, strength=strength, partners=np.array([[0, 1], [1, 0]]))
    assert moved.flatten().tolist() == pytest.approx(due, abs=1e-5)
