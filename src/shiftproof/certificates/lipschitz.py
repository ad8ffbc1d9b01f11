"""Certificates from Lipschitz constants: the product of the layers' spectral norms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.bounds.layers import LinearLayer
from shiftproof.certificates.bounds.model_network import network_of, objection, region_of
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.spectral import constants, downstream, stretches
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.linf import Linf

_FARTHEST = 1e6
"""Moves up to which rounding is worked out, where the box has no ends."""


@dataclass(frozen=True)
class Lipschitz(Certificate):
    """A decision holds within min_j (s_c - s_j) / (||w_c - w_j|| L): L the product of the spectral norms of all layers but the last.

    w_c are the rows of the last layer, and where that is not linear ||w_c - w_j|| is sqrt(2) and L that of the whole network (Tsuzuku et
    al. 2018). Branches add up, ReLU and tanh count 1, the sigmoid 1/4. For `linf` the radius is that of `l2` by the root of the number of
    features, for `l1` the same as for `l2`.

    Guarantees:
        No legal move of strength up to the radius changes the model's decision, its own rounding included as in `interval_bounds`. Norms
        are from above: a matrix of up to 8 million entries by squaring its Gram matrix (never too small; within 1 %), a larger
        step by the root of its greatest sums of rows and columns. On a linear model and `l2` the radius is the exact distance to the
        boundary but for that. The box is ignored. One radius an input is found, however far it reaches.
    Cost: one forward per example in float64 and as many as there are nodes; the norms once a batch.

    Example:
        >>> import shiftproof as sp
        >>> module = torch.nn.Linear(2, 2, bias=False)
        >>> _ = module.weight.data.copy_(torch.eye(2))
        >>> x = torch.tensor([[0.9, 0.5]])
        >>> proof = Lipschitz().certify(sp.as_model(module, name="two"), sp.L2(0.1), x, Rng.for_ids(0, ["a"]))
        >>> round(float(proof.radius[0]), 3)  # 0.4 / sqrt(2)
        0.283

    Reference: Tsuzuku, Sato & Sugiyama 2018, "Lipschitz-margin training".
    """

    name: ClassVar[str] = "lipschitz"
    references: ClassVar[tuple[str, ...]] = (
        "tsuzuku2018lipschitz",
        "delattre2023efficient",
    )

    def objection(self, model: Labels, shift: Shift) -> str | None:
        return objection(model, shift)

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        assert isinstance(shift, Ball)  # `objection` has said so
        network = network_of(model, x, shift=shift)
        prediction = model.labels(x)
        scale = torch.as_tensor(shift.space.scale(x), dtype=torch.float64, device=x.device)
        moving = (scale.expand(x.shape[1:]) != 0).sum() if shift.space.columns else torch.tensor(x[0].numel())
        longest = float(scale.abs().max()) * (math.sqrt(float(moving)) if isinstance(shift, Linf) else 1.0)
        factors = stretches(network)
        rate = _rates(network, factors, prediction, longest)
        margin = _margins(network, x, prediction)
        radius = torch.where(rate > 0, margin / rate, torch.where(margin > 0, torch.inf, 0.0)).amin(1).clamp_min(0)
        # What rounding can take from a margin, on all moves up to that radius: a smaller one stays inside, a larger one without a box not.
        most = min(shift.largest(), _FARTHEST)
        loss = _rounding(network, factors, shift, x, radius.clamp_max(most))
        margin = margin - loss[:, None]
        radius = torch.where(rate > 0, margin / rate, torch.where(margin > 0, torch.inf, 0.0)).amin(1).clamp_min(0)
        radius = radius.nan_to_num(nan=0.0, posinf=torch.inf)  # what overflows proves nothing
        radius = (radius if most == shift.largest() else radius.clamp_max(most)) / (1 + shift.tolerance / shift.eps)
        return Proof(prediction, radius, radius <= 0, torch.ones(len(x), dtype=torch.int64))


def _margins(network: Network, x: Tensor, prediction: Tensor) -> Tensor:
    """The decision's score minus every other's, (n, classes); infinite at its own place."""
    scores = network(x)
    margin = scores.gather(1, prediction[:, None]) - scores
    return margin.scatter(1, prediction[:, None], torch.inf)


def _rates(network: Network, factors: list[float], prediction: Tensor, scale: float) -> Tensor:
    """How fast each margin can fall, (n, classes)."""
    found = constants(network, factors, scale)
    last = network.nodes[-1]
    if isinstance(last.layer, LinearLayer):
        weight = last.layer.weight
        between: Tensor = torch.linalg.vector_norm(weight[:, None] - weight[None], dim=2)
        return found[last.inputs[0]] * between[prediction] * (1 + 1e-9)
    return torch.full((len(prediction), last.shape[0]), math.sqrt(2) * found[-1], dtype=torch.float64, device=prediction.device)


def _rounding(network: Network, factors: list[float], shift: Ball, x: Tensor, radius: Tensor) -> Tensor:
    """A bound on what rounding changes of any margin on the moves up to `radius`, (n,)."""
    with torch.no_grad():
        boxes = intervals(network, region_of(shift, x, radius), bounder=None)
        total = torch.zeros_like(radius)
        for index, (node, reach) in enumerate(zip(network.nodes, downstream(network, factors), strict=True)):
            size = boxes[0].most if node.layer is None else node.layer.size(*(boxes[i].most for i in node.inputs))
            total = total + math.sqrt(2) * reach * network.share(index) * torch.linalg.vector_norm(size.flatten(1), dim=1)
    return total
