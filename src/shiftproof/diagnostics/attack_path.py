"""Checks of the path of a gradient search: indicators of attack failure from the loss at each step."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from shiftproof.diagnostics.check import Check, measured
from shiftproof.diagnostics.limits import LIMITS, NOMINAL, Limits, family_of
from shiftproof.diagnostics.probed_model import ProbedModel, differentiable
from shiftproof.losses import cross_entropy

_PINTOR = "Pintor et al. 2022"
STEPS = 40
ANGLE = 0.25


@dataclass(frozen=True, eq=False)
class AscentPath:
    """The cross-entropy, shape (steps + 1, n), and whether the model was wrong, at each step of plain ascent that never stops early.

    `limits` say above which figures its checks fail.
    """

    loss: Tensor
    broken: Tensor
    limits: Limits = field(default_factory=lambda: NOMINAL)

    @property
    def held(self) -> Tensor:
        """Examples that no step broke, shape (n,)."""
        return ~self.broken.any(0)


def ascent_path(subject: ProbedModel) -> AscentPath:
    """Projected gradient ascent of 40 steps from the unmoved input, every step kept."""
    shift = differentiable(subject.shift)
    params = shift.origin(subject.x)
    losses: list[Tensor] = []
    broken: list[Tensor] = []
    for step in range(STEPS + 1):
        wrong, value, gradient = subject.gradient(params, cross_entropy)
        losses.append(value.double())
        broken.append(wrong)
        if step < STEPS:
            params = shift.project(subject.x, shift.ascend(params, gradient, 2.5 / STEPS))
    return AscentPath(torch.stack(losses), torch.stack(broken), LIMITS[family_of(shift)])


def silent_success(path: AscentPath) -> Check:
    """How many were broken on the way, and not where the search stopped?"""
    lost = path.broken.any(0) & ~path.broken[-1]
    detail = "Share of examples broken at some step and right at the last; keep the best step, as confront's searches do."
    return measured(
        "silent_success",
        float(lost.double().mean()),
        path.limits["silent_success"],
        detail,
        search="gradient_ascent(steps=160, schedule=cosine)",
        reference=_PINTOR,
    )


def break_point_angle(path: AscentPath) -> Check:
    """Is the loss of examples that hold still rising where the search stops?

    Step and loss are scaled to [0, 1]; a curve that has bent has a late slope near 0 and one that is still going up has 1 or more.
    """
    curve = path.loss[:, path.held]
    rise = curve.amax(0) - curve[0]
    rows = rise > 1e-6 * curve.abs().amax(0) + 1e-12
    late = STEPS // 4
    slope = (curve[-1] - curve[-1 - late])[rows] / rise[rows] * (STEPS / late)
    figure = float((slope > 1 - ANGLE).sum()) / len(path.held)
    detail = f"Share of examples that hold ({int(path.held.sum())} do) while their loss still rises as steeply as on the whole way."
    return measured(
        "break_point_angle", figure, path.limits["break_point_angle"], detail, search="gradient_ascent(steps=400)", reference=_PINTOR
    )


def falling_loss(path: AscentPath) -> Check:
    """Does the loss go down where the search wants it up?"""
    change = path.loss[:, path.held].diff(dim=0)
    falls, total = change.clamp_max(0).abs().sum(0), change.abs().sum(0)
    share = (falls / total)[total > 1e-9]
    figure = float(share.median()) if len(share) else 0.0
    detail = "Median share of all changes of the loss that went down, over examples that hold; a gradient that leads nowhere has 0.5."
    return measured(
        "falling_loss", figure, path.limits["falling_loss"], detail, search="gradient_ascent(steps=400, schedule=cosine)", reference=_PINTOR
    )
