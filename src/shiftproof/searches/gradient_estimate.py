"""Ascent along a gradient estimated from differences of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._random_search import signs
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift
from shiftproof.shifts.norms.ball import Ball

_METHODS = ("spsa", "nes")


@dataclass(frozen=True)
class GradientEstimate(Search):
    """Projected ascent on the margin, its gradient estimated by pairs of queries: g = mean of (f(m + s u) - f(m - s u)) u / 2s.

    The directions u are fair coins ("spsa", Uesato et al. 2018) or normal ("nes", Ilyas et al. 2018). Both ends of a pair are put back
    into the shift before they are asked, so every query is a legal move and one that breaks the model ends the search; s is the share
    `sigma` of the budget's radius, along the shift's own geometry, so it works on angles and severities as on pixels.

    Args:
        steps: steps of ascent, at least 1.
        draws: pairs of queries per step, at least 1.
        sigma: half the distance of a pair, as a share of the budget's radius, in (0, 1].
        step_size: the first step as a share of the radius; 0 means max(2.5 / steps, 0.2). Steps shrink linearly to 0.
        momentum: decay of the accumulated estimate, in [0, 1).
        method: "spsa" or "nes".

    Guarantees:
        Needs no gradients, so masked ones do not mislead it; a score that is flat between the ends of every pair does. It finds failures
        and proves nothing.
    Cost: up to steps * (2 * draws + 1) + 1 forwards per example; an example that breaks is dropped.

    Reference: Uesato et al. 2018, "Adversarial risk and the dangers of evaluating against weak attacks"; Ilyas et al. 2018, "Black-box
    adversarial attacks with limited queries and information".
    """

    name: ClassVar[str] = "gradient_estimate"
    aliases: ClassVar[tuple[str, ...]] = ("spsa",)
    needs: ClassVar[Access] = Graded
    supports: ClassVar[tuple[type[Shift], ...]] = (Differentiable,)
    references: ClassVar[tuple[str, ...]] = (
        "uesato2018adversarial",
        "ilyas2018blackbox",
    )

    steps: int = 100
    draws: int = 5
    sigma: float = 0.1
    step_size: float = 0.0
    momentum: float = 0.9
    method: str = "spsa"

    @classmethod
    def examples_for_check(cls) -> list[GradientEstimate]:
        """Small ones, both ways."""
        return [cls(steps=5, draws=4), cls(steps=5, draws=4, method="nes")]

    def check(self) -> None:
        self.require("steps", "draws", least=1)
        self.require("sigma", within="(0, 1]", hint="It is a share of the budget's radius.")
        self.require("step_size", least=0)
        self.require("momentum", within="[0, 1)")
        if self.method not in _METHODS:
            raise must("method", self.name, f"be one of {', '.join(_METHODS)}", self.method)

    def most_passes(self, shift: Shift) -> int:
        return self.steps * (2 * self.draws + 1) + 1

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Differentiable)  # `supports` says so
        params = shift.project(x, shift.sample(x, rng.child("start")))
        best = Incumbent(params)
        velocity = torch.zeros_like(params)
        first = self.step_size or max(2.5 / self.steps, 0.2)
        rows = torch.arange(len(x), device=x.device)
        best.update(rows, params, oracle(params))
        for step in range(self.steps):
            estimate = self._estimate(shift, oracle, best, params, rng.child("step", step))
            rows = best.standing()
            if not len(rows):
                break
            velocity[rows] = self.momentum * velocity[rows] + estimate[rows]
            size = first * (1 - step / self.steps)
            params[rows] = shift.project(x[rows], shift.ascend(params[rows], velocity[rows], size))
            best.update(rows, params[rows], oracle[rows](params[rows]))
        return best.params

    def _estimate(self, shift: Differentiable, oracle: Oracle, best: Incumbent, params: Params, rng: Rng) -> Tensor:
        """The estimated gradient at `params`, of their shape; examples that break on the way are left at what they had."""
        total = torch.zeros_like(params)
        reach = self.sigma * _radius(shift, params)
        for draw in range(self.draws):
            rows = best.standing()
            if not len(rows):
                break
            stream = rng[rows.cpu()].child("draw", draw)
            shape = params.shape[1:]
            noise = (signs(stream, *shape) if self.method == "spsa" else stream.normal(*shape)).to(params)
            values: list[Tensor] = []
            for side in (1.0, -1.0):
                end = shift.project(oracle.x[rows], params[rows] + side * reach[rows] * noise)
                answer = oracle[rows](end)
                best.update(rows, end, answer)
                values.append(answer.margin.to(params))
                # The other end is queried only for unbroken examples; a broken row's value is not used.
                if side > 0 and bool(answer.broken.any()):
                    still = ~answer.broken
                    rows, noise, values = rows[still], noise[still], [values[0][still]]
            slope = (values[0] - values[1]).nan_to_num(0.0, 0.0, 0.0)
            total[rows] += slope.reshape(-1, *[1] * len(shape)) * noise
        return total


def _radius(shift: Differentiable, params: Params) -> Tensor:
    """What one radius of the budget comes to in each number when all move together, broadcastable against params."""
    together = shift.ascend(torch.zeros_like(params), torch.ones_like(params), 1.0).abs()
    return together.flatten(1).mean(1).reshape(-1, *[1] * (params.dim() - 1)) if isinstance(shift, Ball) else together
