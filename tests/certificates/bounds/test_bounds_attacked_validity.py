"""No dense attack breaks what any certificate proves, on random networks; and planted faults of the prover are found that way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor

from attacked import broken, farthest, smallest_attack
from drawn_nets import Draw, subject
from planted_faults import FAULTS
from shiftproof._errors import NotCertifiable
from shiftproof.certificates import AlphaCrown, Auto, Certificate, Crown, IntervalBounds, Linear, Lipschitz
from shiftproof.randomness import Rng
from shiftproof.shifts import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

CERTIFICATES: tuple[Certificate, ...] = (
    IntervalBounds("largest"), Crown("largest"), AlphaCrown(steps=2), Lipschitz(), Linear(), Auto(),
)  # fmt: skip
NEAR = 2 / 3


@dataclass
class Tally:
    """What many proofs came to.

    Args:
        proofs: pairs of an input and a certificate that proves something of it.
        inputs: inputs of which some certificate proves something.
        near: those of them that one proves to more than two thirds of the smallest attack that was found.
        refused: networks that are not certified at all.
        broken: network and certificate of each proof that an attack breaks.
    """

    proofs: int = 0
    inputs: int = 0
    near: int = 0
    refused: int = 0
    broken: tuple[tuple[int, str], ...] = ()

    def __add__(self, other: Tally) -> Tally:
        mine, theirs = (vars(each) for each in (self, other))
        return Tally(**{key: mine[key] + theirs[key] for key in mine})


def moved_in(seed: int) -> type[Linf] | type[L2] | type[L1]:
    """The ball that the network of this seed is attacked in."""
    kind: type[Linf] | type[L2] | type[L1] = Draw(seed).one(Linf, Linf, Linf, L2, L1)  # type: ignore[assignment]
    return kind


@lru_cache(maxsize=64)
def broken_from(seed: int, inputs: int) -> Tensor:
    """The smallest attack on each input of the network of this seed. No prover takes part, so a planted fault changes nothing of it."""
    one = subject(seed, inputs=inputs)
    return smallest_attack(one, moved_in(seed)(1e-6).within(one.space), one.model.labels(one.x))


def attacked(seed: int, *, certificates: Sequence[Certificate] = CERTIFICATES, inputs: int = 24) -> Tally:
    """What the certificates prove of the network of this seed, held against attacks below, at and inside of the proven radii."""
    one, kind = subject(seed, inputs=inputs), moved_in(seed)
    y = one.model.labels(one.x)
    least = broken_from(seed, inputs)
    shift = kind(1e-6).within(one.space)
    usual = float(least[least.isfinite()].median()) if bool(least.isfinite().any()) else farthest(shift) / 10
    shift = kind(max(0.8 * usual, 1e-6)).within(one.space)
    tally, best = Tally(), torch.zeros(len(y), dtype=torch.float64)
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
        best = torch.maximum(best, radius)
        tally += Tally(int(rows.sum()), broken=((seed, certificate.name),) * int(bad.sum()))
    return tally + Tally(inputs=int((best > 0).sum()), near=int(((best > 0) & (best >= NEAR * least)).sum()))


def total(seeds: Sequence[int], **options: Any) -> Tally:
    """The tally of many networks."""
    found = Tally()
    for seed in seeds:
        found += attacked(seed, **options)
    return found


FOUND = {
    "no_rounding": 19, "interval_of_a_difference": 80, "box_of_pixels_everywhere": 10, "columns_of_one_scale": 4, "narrow_intervals": 10,
    "in_place_unseen": 6, "casts_unseen": 6, "padding_off_by_one": 7, "windows_off_by_one": 16, "wrong_sign_in_a_skip": 25,
    "epsilon_of_a_normalisation_dropped": 13, "lower_line_above_a_relu": 8, "upper_line_of_a_relu_through_zero": 3,
    "touching_point_forgotten": 2, "any_winner_of_a_max_pooling": 16, "branches_swapped": 3, "one_row_for_all_l2": 2,
    "rounding_lost_in_the_climb": 5, "norm_too_small": 31,
}  # fmt: skip
"""Of each planted fault the first network on which it shows."""
BY_NAME = {each.name: each for each in (*CERTIFICATES[:2], AlphaCrown("largest", steps=1), *CERTIFICATES[3:])}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_without_it_the_network_is_proven_rightly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this the test below would be none."""
    plant, certificate = FAULTS[name]
    assert not attacked(FOUND[name], certificates=[BY_NAME[certificate]], inputs=16).broken
    plant(monkeypatch)
    assert attacked(FOUND[name], certificates=[BY_NAME[certificate]], inputs=16).broken


def test_no_attack_breaks_a_proof() -> None:
    tally = total(range(6), inputs=16)
    assert tally.broken == ()
    assert tally.proofs > 150
    assert tally.near >= tally.inputs / 2, "else the attacks are too weak, or the proofs too short, for a fault to show"


@pytest.mark.slow
def test_no_attack_breaks_any_of_20_000_certified_inputs() -> None:
    tally = total(range(600), inputs=48)
    assert tally.broken == ()
    assert tally.inputs >= 20_000
    assert tally.near >= tally.inputs / 2
