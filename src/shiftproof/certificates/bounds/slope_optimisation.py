"""Backward passes with relaxations optimised by gradients: alpha-CROWN, and beta-CROWN under constraints.

Reference: Xu et al. 2021 [xu2021fast]; Wang et al. 2021 [wang2021beta].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import Linearised, lower_bounds
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import Nonlinearity
from shiftproof.certificates.bounds.region import Region

_DECAY = 0.98
"""Each step is so much of the one before, as published."""


class SlopeAscentResult(NamedTuple):
    """The best bounds found, (n, specs), with what gave them: the lines' choices and the constraints' multipliers, by node."""

    least: Tensor
    choices: dict[int, Tensor]
    weights: dict[int, Tensor]
    after: dict[int, Tensor]


@dataclass(frozen=True)
class SlopeAscent:
    """Gradient ascent (Adam) on the bounds, over choices in [0, 1] and multipliers >= 0; every point of it is a sound bound.

    Args:
        steps: passes with gradients.
        step_size: of the choices in the first step.
        weight_step: of the multipliers.
        enough: where a row's bounds all exceed this, the optimisation ends when every row's do.
    """

    steps: int = 20
    step_size: float = 0.5
    weight_step: float = 0.05
    enough: float = torch.inf

    def __call__(
        self,
        network: Network,
        region: Region,
        boxes: Sequence[Box],
        c: Tensor,
        *,
        at: int = -1,
        start: Mapping[int, Tensor] | None = None,
        signs: Mapping[int, Tensor] | None = None,
        weights: Mapping[int, Tensor] | None = None,
    ) -> SlopeAscentResult:
        """Climbs from the choices `start` and multipliers `weights`.

        Args:
            network: what is bounded.
            region: n regions.
            boxes: intervals of the nodes.
            c: (n, specs, *shape of node `at`).
            at: the node.
            start: choices by curve, (n, specs, *shape); the curves' own where absent.
            signs: constraints by node: where 1, only values >= 0 count, where -1 only those <= 0; (n, *shape).
            weights: their multipliers, (n, specs, *shape).
        """
        signs = signs or {}
        with torch.no_grad():
            first = lower_bounds(network, region, boxes, c, at=at, choices=start, splits=_pulls(signs, weights or {}))
        choices = _starts(network, boxes, first, c, start or {})
        pulls = {k: _like(weights, k, sign, c) for k, sign in signs.items()}
        best = SlopeAscentResult(
            first.least.clone(), {k: v.clone() for k, v in choices.items()}, {k: v.clone() for k, v in pulls.items()}, dict(first.after)
        )
        if not choices and not pulls:
            return best
        groups = [{"params": [*choices.values()], "lr": self.step_size}, {"params": [*pulls.values()], "lr": self.weight_step}]
        adam = torch.optim.Adam([group for group in groups if group["params"]])
        for step in range(self.steps + 1):
            for leaf in (*choices.values(), *pulls.values()):
                leaf.requires_grad_(True)
            with torch.enable_grad():
                now = lower_bounds(
                    network, region, boxes, c, at=at, choices=choices, splits=_pulls(signs, pulls), margin=step == self.steps
                )
            _keep(best, now, choices, pulls)
            if step == self.steps or bool((best.least.detach() > self.enough).all()):
                break
            adam.zero_grad(set_to_none=True)
            with torch.enable_grad():
                torch.autograd.backward(-now.least.sum())
            adam.step()
            for group in adam.param_groups:
                group["lr"] *= _DECAY
            with torch.no_grad():
                for leaf in choices.values():
                    leaf.clamp_(0, 1)
                for leaf in pulls.values():
                    leaf.clamp_min_(0)
        return self._sound(network, region, boxes, c, at, best, signs, first.least)

    def _sound(
        self,
        network: Network,
        region: Region,
        boxes: Sequence[Box],
        c: Tensor,
        at: int,
        best: SlopeAscentResult,
        signs: Mapping[int, Tensor],
        first: Tensor,
    ) -> SlopeAscentResult:
        """The best point again, with what rounding can change taken off."""
        with torch.no_grad():
            again = lower_bounds(network, region, boxes, c, at=at, choices=best.choices, splits=_pulls(signs, best.weights))
        return SlopeAscentResult(torch.maximum(again.least, first), best.choices, best.weights, again.after)


def _starts(network: Network, boxes: Sequence[Box], first: Linearised, c: Tensor, given: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """A choice for each spec and entry of the curves on the way."""
    found: dict[int, Tensor] = {}
    for index in first.after:
        node = network.nodes[index]
        assert isinstance(node.layer, Nonlinearity)
        box = boxes[node.inputs[0]]
        if node.layer.optimised and bool(node.layer.wanted(box).any()):
            begin = given[index] if index in given else node.layer.start(box)[:, None]
            found[index] = begin.detach().expand(*c.shape[:2], *node.shape).clone()
    return found


def _like(weights: Mapping[int, Tensor] | None, index: int, sign: Tensor, c: Tensor) -> Tensor:
    if weights and index in weights:
        return weights[index].detach().clone()
    return torch.zeros(*c.shape[:2], *sign.shape[1:], dtype=c.dtype, device=c.device)


def _pulls(signs: Mapping[int, Tensor], weights: Mapping[int, Tensor]) -> dict[int, Tensor]:
    return {k: -weights[k] * sign[:, None] for k, sign in signs.items() if k in weights}


def _keep(best: SlopeAscentResult, now: Linearised, choices: Mapping[int, Tensor], pulls: Mapping[int, Tensor]) -> None:
    """Copies what is better into `best`, spec by spec."""
    with torch.no_grad():
        better = now.least > best.least
        if not bool(better.any()):
            return
        best.least[better] = now.least.detach()[better]
        for kept, new in ((best.choices, choices), (best.weights, pulls)):
            for k, value in new.items():
                kept[k][better] = value.detach()[better]
