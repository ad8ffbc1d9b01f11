"""Backward passes with relaxations optimised by gradients: alpha-CROWN, and beta-CROWN under constraints.

Reference: Xu et al. 2021 [xu2021fast]; Wang et al. 2021 [wang2021beta].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import Linearised, lower_bounds
from shiftproof.certificates.bounds.deadline import NEVER, Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import Nonlinearity
from shiftproof.certificates.bounds.region import Region

_DECAY = 0.98
"""Each step is so much of the one before, as published."""


class SlopeAscentResult(NamedTuple):
    """The best bounds found, (n, specs), with what gave them: the lines' choices and the multipliers by node, and the rows bounded."""

    least: Tensor
    choices: dict[int, Tensor]
    weights: dict[int, Box]
    rows: Tensor


@dataclass(frozen=True)
class SlopeAscent:
    """Gradient ascent (Adam) on the bounds, over choices in [0, 1], multipliers >= 0 and mixed rows; every point of it is a sound bound.

    Args:
        steps: passes with gradients.
        step_size: of the choices in the first step.
        weight_step: of the multipliers.
        mix_step: of the shares of mixed rows.
        enough: where a row's bounds all exceed this, the optimisation ends when every row's do.
        until: when it ends at the latest, but for the pass that makes its best point sound.
    """

    steps: int = 20
    step_size: float = 0.5
    weight_step: float = 0.05
    mix_step: float = 0.05
    enough: float = torch.inf
    until: Deadline = NEVER

    def by(self, deadline: Deadline) -> SlopeAscent:
        """The same until this deadline."""
        return replace(self, until=deadline)

    def __call__(
        self,
        network: Network,
        region: Region,
        boxes: Sequence[Box],
        c: Tensor,
        *,
        at: int = -1,
        start: Mapping[int, Tensor] | None = None,
        cut: Mapping[int, Box] | None = None,
        weights: Mapping[int, Box] | None = None,
        mixed: bool = False,
    ) -> SlopeAscentResult:
        """Climbs from the choices `start` and multipliers `weights`.

        Args:
            network: what is bounded.
            region: n regions.
            boxes: intervals of the nodes.
            c: (n, specs, *shape of node `at`).
            at: the node.
            start: choices by curve, (n, specs, *shape); the curves' own where absent.
            cut: by node, which ends of its interval were made by a split (1, else 0), (n, *shape): only those have multipliers.
            weights: the multipliers of both ends, (n, specs, *shape).
            mixed: whether each row of c is a mixture of several (entries at least 0 that sum to 1), whose shares are optimised too.
        """
        with torch.no_grad():
            first = lower_bounds(network, region, boxes, c, at=at, choices=start, pulls=weights)
        choices = _starts(network, boxes, first, c, start or {})
        pulls = {k: _like(weights, k, ends, c) for k, ends in (cut or {}).items()}
        leaves = _Optimised(choices, pulls, c.detach().clone() if mixed else c, mixed)
        best = leaves.copied(first.least)
        if not choices and not pulls and not mixed:
            return best
        sizes = (self.step_size, self.weight_step, self.mix_step)
        adam = _Adam([(leaf, size) for each, size in zip(leaves.groups, sizes, strict=True) for leaf in each])
        for step in range(self.steps + 1):
            for leaf in itertools.chain(*leaves.groups):
                leaf.requires_grad_(True)
            with torch.enable_grad():
                now = lower_bounds(network, region, boxes, leaves.rows, at=at, choices=choices, pulls=pulls, margin=step == self.steps)
            _keep(best, now, leaves)
            if step == self.steps or self.until.over or bool((best.least.detach() > self.enough).all()):
                break
            with torch.enable_grad():
                adam.climb(now.least.sum())
            leaves.confine(cut or {})
        return self._sound(network, region, boxes, at, best, first.least)

    def _sound(
        self,
        network: Network,
        region: Region,
        boxes: Sequence[Box],
        at: int,
        best: SlopeAscentResult,
        first: Tensor,
    ) -> SlopeAscentResult:
        """The best point again, with what rounding can change taken off."""
        with torch.no_grad():
            again = lower_bounds(network, region, boxes, best.rows, at=at, choices=best.choices, pulls=best.weights)
        return SlopeAscentResult(torch.maximum(again.least, first), best.choices, best.weights, best.rows)


class _Adam:
    """Adam (Kingma & Ba 2015 [kingma2015adam]) on leaves with a first step size each; torch's own needs seconds to be imported."""

    def __init__(self, leaves: Sequence[tuple[Tensor, float]]) -> None:
        self._leaves, self._turn = leaves, 0
        self._moments = [(torch.zeros_like(leaf), torch.zeros_like(leaf)) for leaf, _ in leaves]

    def climb(self, objective: Tensor) -> None:
        """One step of every leaf that the objective depends on."""
        leaves = [leaf for leaf, _ in self._leaves]
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(objective, leaves, allow_unused=True)
        self._turn += 1
        first, second = 1 - 0.9**self._turn, 1 - 0.999**self._turn
        with torch.no_grad():
            for (leaf, size), (mean, square), gradient in zip(self._leaves, self._moments, gradients, strict=True):
                if gradient is None:
                    continue
                mean.lerp_(gradient, 0.1)
                square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                width = (square.sqrt() / math.sqrt(second)).add_(1e-8)
                leaf.addcdiv_(mean, width, value=size * _DECAY ** (self._turn - 1) / first)


@dataclass(frozen=True, eq=False)
class _Optimised:
    """What is optimised: lines' choices, multipliers, and where `mixed` the rows' shares."""

    choices: dict[int, Tensor]
    pulls: dict[int, Box]
    rows: Tensor
    mixed: bool

    @property
    def groups(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        return [*self.choices.values()], [*itertools.chain(*self.pulls.values())], [self.rows] if self.mixed else []

    def copied(self, least: Tensor) -> SlopeAscentResult:
        """These bounds, with copies of what is here."""
        choices = {k: v.clone() for k, v in self.choices.items()}
        pulls = {k: Box(*(end.clone() for end in box)) for k, box in self.pulls.items()}
        return SlopeAscentResult(least.clone(), choices, pulls, self.rows.clone() if self.mixed else self.rows)

    def confine(self, cut: Mapping[int, Box]) -> None:
        """Puts every leaf back into its range."""
        with torch.no_grad():
            for choice in self.choices.values():
                choice.clamp_(0, 1)
            for k, box in self.pulls.items():
                for leaf, allowed in zip(box, cut[k], strict=True):
                    leaf.clamp_min_(0).mul_(allowed[:, None])
            if self.mixed:
                self.rows.clamp_min_(0)
                self.rows.div_(self.rows.sum(-1, keepdim=True).clamp_min(1e-9))


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


def _like(weights: Mapping[int, Box] | None, index: int, ends: Box, c: Tensor) -> Box:
    if weights and index in weights:
        return Box(*(end.detach().clone() for end in weights[index]))
    return Box(*(torch.zeros(*c.shape[:2], *ends.low.shape[1:], dtype=c.dtype, device=c.device) for _ in range(2)))


def _keep(best: SlopeAscentResult, now: Linearised, leaves: _Optimised) -> None:
    """Copies what is better into `best`, spec by spec."""
    with torch.no_grad():
        better = now.least > best.least
        if not bool(better.any()):
            return
        best.least[better] = now.least.detach()[better]
        if leaves.mixed:
            best.rows[better] = leaves.rows.detach()[better]
        for k, value in leaves.choices.items():
            best.choices[k][better] = value.detach()[better]
        for k, box in leaves.pulls.items():
            for kept, new in zip(best.weights[k], box, strict=True):
                kept[better] = new.detach()[better]
