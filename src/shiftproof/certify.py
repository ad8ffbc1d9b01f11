"""Certification: proofs that decisions hold for all moves inside a shift."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from shiftproof import outcomes
from shiftproof._batches import judged
from shiftproof._errors import Contradiction, NotCertifiable, UsageError
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.data.examples import Examples
from shiftproof.door import read
from shiftproof.finding import Finding
from shiftproof.judges.abstract import Reading
from shiftproof.models.abstract import Labels
from shiftproof.models.query_count import count_asked, counting_queries
from shiftproof.models.unanswered import Unanswered
from shiftproof.outcomes import Bound, Flag, answer_flags
from shiftproof.preflight import BATCH_DEPENDENT, RANDOM, inspect_model
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift


def certify(
    model: Labels,
    shift: Shift,
    *,
    certificate: Certificate,
    examples: Examples,
    seed: int = 0,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
    flags: Sequence[Flag] | None = None,
    clean: Reading | None = None,
) -> Finding:
    """Certifies, for every example, that no move inside `shift` changes the decision.

    Args:
        model: what is measured.
        shift: the moves that must be harmless. It is put on the examples' space here.
        certificate: the kind of proof. It never sees the labels.
        examples: n labelled inputs.
        seed: with each example's id, the whole source of randomness.
        batch_size: inputs per call of the model, a matter of memory and speed.
        progress: called with the number of examples finished since the last call.
        flags: of the model, from an earlier look at it, as of `confront`.
        clean: the model's outputs on the clean examples, as of `confront`.

    Returns:
        One outcome per example: `Skipped` where the decision is wrong as it stands, `Certified` where it is proven up to the shift's
        strength, else `Abstained`: nothing is known, so it counts as not robust. Where the model cannot be read, no example is certified,
        and the flag `not_certifiable` has the reason. `radius` is how far the proof reaches, also if too short.

    Raises:
        UsageError: the certificate does not support this model or shift, or the data do not fit the model.
        Contradiction: the certificate's radius is not a number, or it certifies a class other than the model's own.

    Cost: one forward per example for the clean decision, and what the certificate asks for.

    Example:
        >>> import shiftproof as sp
        >>> from shiftproof.certificates import Linear
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(8, 4)
        >>> examples = sp.examples(x, model.labels(x))
        >>> certify(model, sp.Linf(0.01), certificate=Linear(), examples=examples).bound.value
        'at_least'
    """
    shift = shift.within(examples.space)
    objection = certificate.objection(model, shift)
    if objection is None and shift.strength is None:
        objection = f"{shift.name} has no strength to compare a radius with"
    if objection:
        raise UsageError(f"The certificate {certificate.name} cannot be used: {objection}.")
    if not len(examples):
        raise UsageError("There are no examples to certify. Check the data source and its limit.")
    rng = Rng.for_ids(seed, examples.ids)
    with counting_queries() as count:
        found = inspect_model(model, examples) if flags is None else list(flags)
        known = clean if not {RANDOM, BATCH_DEPENDENT} & set(found) else None

        def work(rows: slice, _: int) -> Finding:
            try:
                return _certify_batch(model, shift, certificate, examples[rows], rng[rows], known and known[rows])
            except Unanswered:  # a proof needs all its answers
                return _unanswered(examples[rows])

        finding = judged(examples.x, batch_size, model.device, work, flags=found, progress=progress)
    return replace(finding, sent=count.sent, flags=(*finding.flags, *answer_flags(finding.outcome, None)))


def _certify_batch(model: Labels, shift: Shift, certificate: Certificate, batch: Examples, rng: Rng, known: Reading | None) -> Finding:
    began = time.perf_counter()
    x, y = batch.x.to(model.device), batch.y.to(model.device)
    clean = known.to(x.device) if known else read(model, x, y)
    flags: tuple[Flag, ...] = ()
    try:
        with torch.no_grad():
            proof = certificate.certify(model, shift, x, rng)
        _check(certificate, proof, clean, batch)
        flags = proof.flags
    except NotCertifiable as error:
        proof = _nothing(clean.prediction)
        flags = (Flag("not_certifiable", f"{error} All examples count as not certified.", 1.0),)

    none = proof.abstained.to(y.device)
    prediction = clean.prediction.where(none, proof.prediction.to(y.device))
    wrong = clean.broken.where(none, prediction != y)
    radius = proof.radius.double().cpu().masked_fill((none | wrong).cpu(), torch.nan)
    proven = (radius >= shift.full_strength).numpy()  # NaN proves nothing
    outcome = np.where(wrong.cpu(), outcomes.SKIPPED, np.where(proven, outcomes.CERTIFIED, outcomes.ABSTAINED)).astype("<U9")
    outcome[clean.unanswered.cpu().numpy()] = outcomes.NO_ANSWER
    n = len(batch)
    forwards = 1 + proof.forwards.cpu().numpy().astype(np.int64)
    count_asked(int(forwards.sum()))
    return Finding(
        ids=batch.ids,
        outcome=outcome,
        prediction=prediction.cpu().numpy(),
        loss=clean.loss.cpu().numpy(),
        probability=clean.probability.cpu().numpy(),
        confidence=clean.confidence.cpu().numpy(),
        radius=radius.numpy(),
        params=np.full((n, 0), np.nan, dtype=np.float32),
        forwards=forwards,
        backwards=np.zeros(n, dtype=np.int64),
        bound=Bound.AT_LEAST,
        flags=flags,
        seconds=time.perf_counter() - began,
    )


def _unanswered(batch: Examples) -> Finding:
    """Of examples of which no proof could be tried, as answers did not come."""
    n = len(batch)
    unknown, none = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    return Finding(
        ids=batch.ids,
        outcome=np.full(n, outcomes.NO_ANSWER, dtype="<U9"),
        prediction=none - 1,
        loss=unknown,
        probability=unknown,
        confidence=unknown,
        radius=unknown,
        params=np.full((n, 0), np.nan, dtype=np.float32),
        forwards=none,
        backwards=none,
        bound=Bound.AT_LEAST,
        flags=(),
        seconds=0.0,
    )


def _nothing(prediction: Tensor) -> Proof:
    n = len(prediction)
    none = torch.zeros(n, dtype=torch.float64)
    return Proof(prediction, none, torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.int64))


def _check(certificate: Certificate, proof: Proof, clean: Reading, batch: Examples) -> None:
    """Raises `Contradiction` where a proof cannot be one."""
    n = len(batch)
    if any(part.shape != (n,) for part in proof.parts.values()):
        shapes = ", ".join(f"{name} {tuple(part.shape)}" for name, part in proof.parts.items())
        raise Contradiction(f"The certificate {certificate.name} must return one entry for each of {n} examples, got {shapes}.")
    if not bool((proof.radius >= 0).all()):
        raise Contradiction(
            f"The certificate {certificate.name} returned a radius that is NaN or negative. None of its proofs can be used."
        )
    if certificate.subject is not None:
        return  # it certifies another model, whose decision may differ
    clash = ~proof.abstained.cpu() & (proof.prediction.cpu() != clean.prediction.cpu())
    if bool(clash.any()):
        first = batch.ids[int(clash.nonzero()[0, 0])]
        raise Contradiction(
            f"The certificate {certificate.name} certified a class other than the model's own on {int(clash.sum())} of {n} examples, first "
            f"'{first}'. One of the two is wrong, so neither can be used."
        )
