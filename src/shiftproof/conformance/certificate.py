"""The contract of certificates: radii that hold, tested against the exact radius of a linear model and against attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from scipy.stats import binom
from torch import nn

from shiftproof._errors import UsageError
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.conformance.instances import OffersShifts
from shiftproof.conformance.probes import linear_model, names_of, no_global_randomness, noise, relu_model, same_bits
from shiftproof.conformance.report import NotApplicable, expect
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.randomness import Rng
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

_N, _SIZE = 40, 6
_WIDE = InputSpace(-50.0, 50.0, "vector", "[-50, 50]")
"""A box so wide that it never clips: the exact radius of a linear model is then its distance to the decision boundary."""
_ALARM = 1e-6


@dataclass(frozen=True)
class CertificateCase:
    """A certificate of one model against one shift, for x of shape (n, 6), or texts."""

    certificate: Certificate
    model: Any
    shift: Shift
    x: Any
    label: str

    def certify(self, rows: Sequence[int] | None = None, seed: int = 0) -> Proof:
        """Proofs for the examples at `rows`."""
        chosen = list(range(len(self.x))) if rows is None else list(rows)
        return self.certificate.certify(self.model, self.shift, self.x[chosen], Rng.for_ids(seed, names_of(len(self.x)))[chosen])

    @cached_property
    def proof(self) -> Proof:
        """The proofs of all examples."""
        return self.certify()


def certificate_cases(certificate: Certificate) -> list[CertificateCase]:
    """The certificate on each probe model and shift that it supports.

    Raises:
        UsageError: it supports none.
    """
    offered = list(certificate.shifts_for_check()) if isinstance(certificate, OffersShifts) else []
    x = noise("certificate", _N, _SIZE)
    cases: list[CertificateCase] = []
    refusals: list[str] = []
    for model in (linear_model(_SIZE, classes=2), relu_model(_SIZE)):
        for shift in (*offered, Linf(0.05), L2(0.25)):
            placed = shift.within(_WIDE)
            where = f"{shift.spec()} and a {model.name}"
            objection = certificate.objection(model, placed)
            if objection:
                refusals.append(f"{where}: {objection}")
            else:
                cases.append(CertificateCase(certificate, model, placed, x, where))
    if not cases:
        advice = "Give its class a classmethod shifts_for_check() that returns a list of shifts that it supports."
        raise UsageError(
            "\n".join([f"{certificate.spec()} supports none of the models and shifts that it is checked on. {advice}", *refusals])
        )
    return cases


def proofs_are_well_formed(case: CertificateCase) -> None:
    """A proof has one class, one radius of at least 0 and one count of forwards per example, and radius 0 where it abstains."""
    with no_global_randomness(f"The certificate {case.certificate.name}"):
        proof = case.certify()
    for field, values in proof.parts.items():
        shape = tuple(values.shape)
        expect(shape == (len(case.x),), f"Its {field} must have shape (n,) = ({len(case.x)},), got {shape}.")
    expect(proof.prediction.dtype == torch.int64, f"Its prediction must be int64 classes, got {proof.prediction.dtype}.")
    expect(proof.abstained.dtype == torch.bool, f"Its abstained must be bool, got {proof.abstained.dtype}.")
    expect(bool((proof.radius >= 0).all()), f"Its radius must be at least 0, got {float(proof.radius.min())}.")
    idle = bool((proof.radius[proof.abstained] == 0).all())
    expect(idle, "It returns a radius above 0 where it abstains.")
    expect(bool((proof.forwards >= 0).all()), "Its forwards must be at least 0.")
    expect(0 < case.certificate.confidence <= 1, f"Its confidence must be in (0, 1], got {case.certificate.confidence}.")


def radii_hold_on_a_linear_model(case: CertificateCase) -> None:
    """On a linear model of two classes no radius is longer than the exact distance to the decision boundary.

    Averaging over noise does not change the decisions of such a model, so this holds for smoothed decisions too.
    """
    layer = list(case.model.module.modules())[-1]
    if not isinstance(layer, nn.Linear) or layer.out_features != 2 or any(isinstance(m, nn.ReLU) for m in case.model.module.modules()):
        raise NotApplicable("The model is not linear.")
    if not isinstance(case.shift, Linf | L2):
        raise NotApplicable(f"No exact radius is known for {case.shift.name}.")
    normal = (layer.weight[1] - layer.weight[0]).double()
    offset = (case.x.double() @ normal + (layer.bias[1] - layer.bias[0]).double()).detach()
    distance = offset.abs() / normal.norm(p=1 if isinstance(case.shift, Linf) else 2).detach()
    right = case.proof.prediction == (offset > 0)
    proven = ~case.proof.abstained
    false = proven & (~right | (case.proof.radius > distance * (1 + 1e-4))) & (case.proof.radius > 0)
    excess = (case.proof.radius / distance)[proven & right]
    longest = f"; the longest is {float(excess.max()):.3g} times the distance" if len(excess) else ""
    _tolerate(case, int(false.sum()), f"radii are longer than the distance to the boundary, or prove the wrong class{longest}")


def proves_the_models_decision(case: CertificateCase) -> None:
    """A deterministic proof certifies the model's own decision."""
    if case.certificate.confidence < 1:
        raise NotApplicable("It may certify a smoothed model, whose decisions differ.")
    clash = ~case.proof.abstained & (case.proof.prediction != case.model.labels(case.x))
    expect(not bool(clash.any()), f"On {int(clash.sum())} of {len(clash)} examples it proves another class than the model's own decision.")


def radii_hold_under_attack(case: CertificateCase) -> None:
    """Neither random draws nor gradient ascent inside a proven radius change the decision (deterministic proofs)."""
    proof = case.proof
    if case.certificate.confidence < 1:
        raise NotApplicable("Its decisions are not those of the model itself.")
    if not isinstance(case.shift, Ball):
        raise NotApplicable("The shift has no radius to attack inside of.")
    broken = 0
    for row in (proof.radius > 0).nonzero()[:, 0].tolist()[:15]:
        shift = replace(case.shift, eps=float(proof.radius[row]) * 0.999)
        x = case.x[row : row + 1].expand(8, -1)  # eight attempts each
        examples = Examples(x, proof.prediction[row].expand(8), names_of(8), space=_WIDE)
        found = confront(case.model, shift, search=GradientAscent(steps=20, loss="margin"), examples=examples)
        draws = shift.apply(x, shift.sample(x, Rng.for_ids(1, names_of(8))))
        broken += int(not found.correct.all() or not torch.equal(case.model.labels(draws), examples.y))
    _tolerate(case, broken, "proven radii were broken by an attack inside them")


def _tolerate(case: CertificateCase, false: int, what: str) -> None:
    """Fails if more proofs are false than the confidence allows (binomial test at 1e-6)."""
    proofs = int((~case.proof.abstained).sum())
    allowed = 1 - case.certificate.confidence
    chance = float(binom.sf(false - 1, max(proofs, 1), allowed)) if false else 1.0
    says = f"at confidence {case.certificate.confidence:g}, this happens with probability {chance:.1g}"
    expect(chance >= _ALARM, f"{false} of {proofs} {what} ({says}). Its proofs are wrong.")


def proofs_depend_on_seed_and_id_only(case: CertificateCase) -> None:
    """A proof does not depend on order or batch, and the same seed gives the same proof."""
    whole = case.proof
    advice = "Draw from the rng argument, one stream per row."
    every = list(range(len(whole.prediction)))
    for name, rows in {"again": every, "in reverse": every[::-1], "alone": [3], "in a small batch": [7, 1, every[-1]]}.items():
        part = case.certify(rows)
        same = torch.equal(part.prediction, whole.prediction[rows]) and torch.equal(part.abstained, whole.abstained[rows])
        close = torch.allclose(part.radius.double(), whole.radius[rows].double(), rtol=1e-4, atol=1e-6)
        expect(same and close, f"The same examples, certified {name}, got other proofs. {advice}")


def leaves_its_arguments_unchanged(case: CertificateCase) -> None:
    """It does not change the inputs, the shift or the model."""
    x, weights, before = case.x.clone(), case.model.fingerprint(), case.shift.full_spec()
    case.certify()
    case.certificate.certify(case.model, case.shift, case.x, Rng.for_ids(0, names_of(_N)))
    expect(same_bits(case.x, x), "It changed the inputs in place.")
    expect(case.model.fingerprint() == weights, "It changed the model's weights.")
    expect(case.shift.full_spec() == before, f"It changed the shift {before} to {case.shift.full_spec()}.")


CERTIFICATE_CHECKS = (
    proofs_are_well_formed,
    proves_the_models_decision,
    radii_hold_on_a_linear_model,
    radii_hold_under_attack,
    proofs_depend_on_seed_and_id_only,
    leaves_its_arguments_unchanged,
)
