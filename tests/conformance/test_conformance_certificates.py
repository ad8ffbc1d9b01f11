"""A certificate that proves too much is caught."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.linear import Linear
from shiftproof.conformance import check_part
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.linf import Linf


@dataclass(frozen=True)
class Sound(Linear):
    """The exact radius, to plant violations in."""

    name: ClassVar[str] = "sound"


class TooLong(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(radius=proof.radius * 1.1)


class Negative(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(radius=proof.radius - 1)


class WrongClass(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(prediction=1 - proof.prediction)


class RadiusWhereItAbstains(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(abstained=torch.ones_like(proof.abstained))


class WrongShape(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(radius=proof.radius[:, None])


class WrongTypes(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(prediction=proof.prediction.double())


class GlobalRandomness(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(radius=proof.radius * torch.rand(len(x)))


class BatchDependent(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        return proof._replace(radius=proof.radius.min().expand(len(x)))


class ChangesInputs(Sound):
    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        x.zero_()
        return proof


class MostlyTrue(Sound):
    """At confidence 0.9 one false proof in four is too many; the same at 0.7 could be chance."""

    stated: ClassVar[float] = 0.9

    @property
    def confidence(self) -> float:
        return self.stated

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        proof = super().certify(model, shift, x, rng)
        unlucky = torch.from_numpy(rng.keys % 2 == 0)
        return proof._replace(radius=proof.radius * torch.where(unlucky, 2.0, 1.0))


class NetworkOptimist(Certificate):
    """Calls every decision of every network safe within eps."""

    name: ClassVar[str] = "optimist"

    def objection(self, model: Labels, shift: Shift) -> str | None:
        return None if isinstance(shift, Linf) and model.name == "network" else "networks and linf only"

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        n = torch.zeros(len(x))
        return Proof(model.labels(x), n + 0.5, n > 0, n)


PLANTED: list[tuple[type[Certificate], str, str]] = [
    (TooLong, "radii_hold_on_a_linear_model", "the longest is 1.1 times the distance"),
    (Negative, "proofs_are_well_formed", "Its radius must be at least 0"),
    (WrongClass, "proves_the_models_decision", "it proves another class than the model's own decision"),
    (WrongClass, "radii_hold_on_a_linear_model", "or prove the wrong class"),
    (RadiusWhereItAbstains, "proofs_are_well_formed", "a radius above 0 where it abstains"),
    (WrongShape, "proofs_are_well_formed", "Its radius must have shape (n,) = (40,), got (40, 1)"),
    (WrongTypes, "proofs_are_well_formed", "Its prediction must be int64 classes, got torch.float64"),
    (GlobalRandomness, "proofs_are_well_formed", "drew from the global generator of torch"),
    (BatchDependent, "proofs_depend_on_seed_and_id_only", "got other proofs"),
    (ChangesInputs, "leaves_its_arguments_unchanged", "It changed the inputs in place"),
    (MostlyTrue, "radii_hold_on_a_linear_model", "at confidence 0.9, this happens with probability"),
    (NetworkOptimist, "radii_hold_under_attack", "proven radii were broken by an attack inside them"),
]


def test_sound_certificate_passes() -> None:
    report = check_part(Sound)
    assert report.passed, f"\n{report}"


@pytest.mark.parametrize(("part", "check", "message"), PLANTED, ids=[f"{p.__name__}-{c}" for p, c, _ in PLANTED])
def test_planted_violation_is_caught(part: type[Certificate], check: str, message: str) -> None:
    report = check_part(part)
    assert not report.passed
    said = [result.message for result in report.failures if result.check == check]
    assert any(message in line for line in said), f"\n{report}"


def test_false_proofs_within_the_stated_confidence_are_no_verdict() -> None:
    class Honest(MostlyTrue):
        stated = 0.4

    failed = {result.check for result in check_part(Honest).failures}
    assert "radii_hold_on_a_linear_model" not in failed


def test_impossible_confidence() -> None:
    class Certain(MostlyTrue):
        stated = 0.0

    said = [result.message for result in check_part(Certain).failures if result.check == "proofs_are_well_formed"]
    assert "confidence must be in (0, 1], got 0.0" in said[0]


def test_certificate_that_takes_none_of_the_probes() -> None:
    class Nowhere(Sound):
        def objection(self, model: Labels, shift: Shift) -> str | None:
            return "it knows trees only"

    with pytest.raises(UsageError, match="sound supports none of the models and shifts.*shifts_for_check"):
        check_part(Nowhere)


def test_certificate_brings_its_own_shifts() -> None:
    class Small(Sound):
        def objection(self, model: Labels, shift: Shift) -> str | None:
            return super().objection(model, shift) or (None if shift == replace(Linf(0.01), space=shift.space) else "only 0.01")

        @classmethod
        def shifts_for_check(cls) -> list[Shift]:
            return [Linf(0.01)]

    report = check_part(Small)
    assert report.passed, f"\n{report}"
    assert {r.case for r in report.results} == {"sound", "sound against linf(eps=0.01) and a linear"}
