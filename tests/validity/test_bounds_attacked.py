"""No dense attack breaks what any certificate proves, on random networks; and planted faults of the prover are found that way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from attacked import Draw, broken, farthest, smallest_attack, subject
from shiftproof._errors import NotCertifiable
from shiftproof.certificates import AlphaCrown, Auto, Certificate, Crown, IntervalBounds, Linear, Lipschitz
from shiftproof.randomness import Rng
from shiftproof.shifts import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

CERTIFICATES: tuple[Certificate, ...] = (
    IntervalBounds("largest"), Crown("largest"), AlphaCrown("largest", steps=3), Lipschitz(), Linear(), Auto(),
)  # fmt: skip
NEAR = 2 / 3


@dataclass
class Tally:
    """Certified pairs of input and certificate, those that reach near the smallest attack, those that an attack breaks; models refused."""

    certified: int = 0
    near: int = 0
    inputs: int = 0
    refused: int = 0
    broken: tuple[tuple[int, str], ...] = ()

    def __add__(self, other: Tally) -> Tally:
        mine, theirs = (vars(each) for each in (self, other))
        return Tally(**{key: mine[key] + theirs[key] for key in mine})


def attacked(seed: int, *, certificates: Sequence[Certificate] = CERTIFICATES, inputs: int = 24) -> Tally:
    """What the certificates prove of the network of this seed, held against attacks below, at and inside of the proven radii."""
    one, draw = subject(seed, inputs=inputs), Draw(seed)
    y = one.model.labels(one.x)
    kind: type[Linf] | type[L2] | type[L1] = draw.one(Linf, Linf, Linf, L2, L1)  # type: ignore[assignment]
    shift = kind(1e-6).within(one.space)
    least = smallest_attack(one, shift, y)
    usual = float(least[least.isfinite()].median()) if bool(least.isfinite().any()) else farthest(shift) / 10
    shift = kind(max(0.8 * usual, 1e-6)).within(one.space)
    tally, proven = Tally(), torch.zeros(len(y), dtype=torch.bool)
    for certificate in certificates:
        if certificate.objection(one.model, shift):
            continue
        try:
            with torch.no_grad():
                radius = certificate.certify(one.model, shift, one.x, Rng.for_ids(0, [f"{i}" for i in range(len(y))])).radius
        except NotCertifiable:
            return Tally(refused=1)
        radius = radius.clamp_max(farthest(shift))
        rows = radius > 0
        bad = rows & ((least <= radius) | broken(one, shift, y, radius, torch.Generator().manual_seed(2)))
        proven |= rows
        tally += Tally(int(rows.sum()), int((rows & (radius >= NEAR * least)).sum()), 0, 0, ((seed, certificate.name),) * int(bad.sum()))
    return tally + Tally(inputs=int(proven.sum()))


def total(seeds: Sequence[int], **options: Any) -> Tally:
    """The tally of many networks."""
    found = Tally()
    for seed in seeds:
        found += attacked(seed, **options)
    return found
