"""Tries certificates from cheap to expensive, each on the examples that are still open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.alpha_crown import AlphaCrown
from shiftproof.certificates.bounds.bound_certificate import BoundCertificate, rows_at_once
from shiftproof.certificates.bounds.layers import numel
from shiftproof.certificates.bounds.model_network import network_of, objection
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.crown import Crown
from shiftproof.certificates.interval_bounds import IntervalBounds
from shiftproof.certificates.linear import Linear
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.linf import Linf

_CHEAP = 2e6
"""Operations that a proof may cost per example: about the cost of the ascents that it saves. Under other norms than linf CROWN solves a
dual problem for each bound: it took as long as 1,000 passes per example on a net of three layers, and 1,200 on another of six."""
_STEPS = 10
"""Of the ascent before `alpha_crown`, which takes hundreds of passes for an example."""
_LEAST = 1.0
"""Interval arithmetic alone, and what is exact for linear models."""


@dataclass(frozen=True)
class Auto(Certificate):
    """`linear` where the model is linear; else `interval_bounds`, then `crown`, then `alpha_crown`, each on what is still unproven.

    What a short ascent changes has no proof, so `alpha_crown`, up to 70 times as dear as `crown`, is not asked about it. A stage is left
    out where its passes would touch more than `effort` numbers per example, so that large networks are not stuck in it: the same stages on
    every machine, whatever its speed.

    Args:
        effort: numbers touched an example, in (0, inf); 1e10 is in the order of ten seconds of one core.

    Guarantees:
        Those of the stages. The radius is the shift's own, except on linear models, where it is the exact one.
    Cost: that of the stages, each only for what those before left open.
    """

    name: ClassVar[str] = "auto"
    lenient: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("bounds",)
    references: ClassVar[tuple[str, ...]] = tuple(
        dict.fromkeys(entry for stage in (Linear, IntervalBounds, Crown, AlphaCrown) for entry in stage.references)
    )

    effort: float = 1e10

    def check(self) -> None:
        if not self.effort > 0:
            raise must("effort", self.name, "be in (0, inf)", self.effort)

    def objection(self, model: Labels, shift: Shift) -> str | None:
        return None if Linear().objection(model, shift) is None else objection(model, shift)

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        if Linear().objection(model, shift) is None:
            return Linear().certify(model, shift, x, rng)
        assert isinstance(shift, Ball)  # `objection` has said so
        network = network_of(model, x, shift=shift)
        prediction = model.labels(x)
        radius = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for stage in self.stages(network):
            open_ = radius <= 0
            if isinstance(stage, AlphaCrown):
                open_[open_.clone()] = ~changed(network, shift, x[open_], prediction[open_])
            rows = open_.nonzero()[:, 0]
            if len(rows):
                radius[rows] = stage.radii(network, shift, x[rows], prediction[rows])
        return Proof(prediction, radius, radius <= 0, torch.ones(len(x), dtype=torch.int64))

    def stages(self, network: Network) -> list[BoundCertificate]:
        """The stages that fit this network."""
        classes = numel(network.nodes[-1].shape) - 1
        sizes = [numel(node.shape) for node in network.nodes]
        # Of each pass: its rows, at every node that it goes back through. Half of the units have an open sign, at most about.
        crown = sum(sizes[k] * sum(sizes[:k]) for k in network.curved if k not in network.plain)
        climb = 3 * AlphaCrown().steps * (crown + classes * sum(sizes))
        stages: list[BoundCertificate] = [IntervalBounds()]
        if crown <= self.effort:
            stages.append(Crown())
            if crown + climb <= self.effort:
                stages.append(AlphaCrown())
        return stages


def changed(network: Network, shift: Ball, x: Tensor, decision: Tensor) -> Tensor:
    """Which decisions, (n,), a short ascent inside the shift changes: those that it does not may have a proof. None is sought in tables."""
    found = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    if shift.space.columns or not len(x):
        return found
    if len(x) > (most := rows_at_once(network)):
        return torch.cat([changed(network, shift, *part) for part in zip(torch.split(x, most), torch.split(decision, most), strict=True)])
    x, at = x.double(), decision[:, None]
    moves = shift.origin(x)
    for _ in range(_STEPS):
        with torch.enable_grad():
            leaf = moves.detach().requires_grad_()
            scores = network(shift.apply(x, leaf))
            gap = scores.scatter(1, at, -torch.inf).amax(1) - scores.gather(1, at)[:, 0]
            (slope,) = torch.autograd.grad(gap.sum(), leaf)
        found |= gap.detach() > 0
        moves = shift.project(x, shift.ascend(moves, slope, shift.path / _STEPS))
    return found


def cheap(shift: Shift) -> Auto:
    """The proofs that cost about what a search's ascents cost, which they save."""
    return Auto(effort=_CHEAP if isinstance(shift, Linf) else _LEAST)
