"""From a config to a plan: the model, the samples and the cells, all checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from shiftproof import __version__
from shiftproof._errors import UsageError
from shiftproof.certificates import certificates
from shiftproof.certificates.abstract import Certificate
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.certificates.smoothing.smoothing_certificate import SmoothingCertificate
from shiftproof.data.align import Noted
from shiftproof.data.examples import Examples
from shiftproof.data.prompts import PromptSpace
from shiftproof.data.source import Source
from shiftproof.data.space import InputSpace, TextSpace
from shiftproof.evaluation.audit.asked_model import reference_of
from shiftproof.evaluation.audit.curves import chosen_curves
from shiftproof.evaluation.audit.demands import what_the_model_takes
from shiftproof.evaluation.audit.diagnose import SUITES, PlannedDiagnosis, planned_diagnoses
from shiftproof.evaluation.audit.planned_measures import facts_of, planned_measures
from shiftproof.evaluation.audit.samples import CHECK_ROWS, load_audit_samples
from shiftproof.evaluation.audit.suites import GENERAL, SuiteChoice, crossed, suite_named
from shiftproof.evaluation.audit.table_suite import not_covered, suite_measures
from shiftproof.evaluation.calibration import CalibratingSource
from shiftproof.evaluation.class_fit import fit_classes
from shiftproof.evaluation.config import AuditConfig
from shiftproof.evaluation.parts import build_parts
from shiftproof.judges import judges
from shiftproof.judges.abstract import Judge
from shiftproof.judges.choice import Choice
from shiftproof.judges.classify import CLASSIFY
from shiftproof.measures import Measure
from shiftproof.models.abstract import Answers, Labels, Scores
from shiftproof.models.answer_cache import AnswerCache, remembering
from shiftproof.models.copy_precisions import PRECISIONS
from shiftproof.models.text_module import CutsOff
from shiftproof.models.user_code import forget_settings
from shiftproof.outcomes import Flag
from shiftproof.preflight import inspect_model, look_at
from shiftproof.records.audit import LeftOut
from shiftproof.runs.backends import backend_named
from shiftproof.runs.cell import CELL_VERSION, Cell
from shiftproof.runs.model_reference import ModelReference
from shiftproof.runs.recognise import RunIdentity, answers_of, model_known, parts_known
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search, suited
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Differentiable, Shift
from shiftproof.shifts.identity import Identity
from shiftproof.shifts.text.rewrite import Rewrite
from shiftproof.suites.common import AVERAGE

PROBES = 16


@dataclass(frozen=True, eq=False)
class AuditPlan:
    """What a run will do.

    Args:
        reference: builds the model, in any process.
        model: the model as what it gives, built here.
        data: the audit's own sample.
        natural: other samples, for natural shift.
        cells: everything to run, cheap and telling first.
        curves: the cells of the security curves.
        diagnoses: whether the verdicts can be trusted.
        left_out: what does not fit, and why.
        flags: warnings about the model's answers as such, by the fingerprint of the sample that it was asked about.
        known: what a later run must recognise.
        notes: what is to be said of the model and the folder, beside the model's own notes.
        judge: says when an answer is wrong.
        measures: those made of stored answers.
        own_measures: further ones that the suite asks of the sample as it is.
        calibrated_on: the calibration examples; None where there are none.
        calibrating: the cells of their answers.
        uris: the URI of each sample that has a short name.
        chosen: where a budget chose the parts: what is stored of that choice.
    """

    reference: ModelReference
    model: Any
    data: Source
    natural: tuple[Source, ...]
    cells: tuple[Cell, ...]
    curves: tuple[Cell, ...]
    diagnoses: tuple[PlannedDiagnosis, ...]
    left_out: tuple[LeftOut, ...]
    flags: Mapping[str, tuple[Flag, ...]]
    known: RunIdentity
    notes: tuple[str, ...] = ()
    judge: Judge = CLASSIFY
    measures: tuple[Measure, ...] = ()
    own_measures: tuple[Measure, ...] = ()
    calibrated_on: CalibratingSource | None = None
    calibrating: tuple[Cell, ...] = ()
    uris: Mapping[str, str] = field(default_factory=dict[str, str])
    chosen: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def fingerprint(self) -> str:
        """The model's."""
        return self.known.model.text

    @property
    def model_flags(self) -> tuple[Flag, ...]:
        """Those on the audit's own sample."""
        return self.flags[self.data.fingerprint()]

    @property
    def sources(self) -> dict[str, Source]:
        """Every sample by its fingerprint."""
        calibrating = [self.calibrated_on.source] if self.calibrated_on else []
        return {source.fingerprint(): source for source in (self.data, *self.natural, *calibrating)}

    @property
    def _judged(self) -> str:
        return "" if self.judge == CLASSIFY else f" judged by {self.judge.spec()}"

    def identity(self, config: AuditConfig) -> dict[str, Any]:
        """What two runs must share to share a folder; written as `plan.json`."""
        return {
            "form": CELL_VERSION,
            "shiftproof": __version__,
            "model": self.known.name,
            "data": [source.fingerprint() for source in (self.data, *self.natural)],
            "seed": config.seed,
            "confidence": config.confidence,
            "shard size": config.shard_size,
            "cells": sorted({f"{cell.shift.spec()} under {cell.method.spec()}{self._judged}" for cell in self.cells}),
            **self.known.written(),
            **self.chosen,
        }


def make_plan(config: AuditConfig, cache: AnswerCache | None = None) -> AuditPlan:
    """Loads and checks the model and the data, chooses the cells; answers of a model that wants it are stored in `cache`.

    Raises:
        UsageError: anything in the config cannot be used; nothing has been written yet.
    """
    forget_settings()
    backend_named(config.backend, config.workers)  # its name is checked before anything is written
    how, proofs, cache = build_parts(searches, config.searches), build_parts(certificates, config.certify), cache or AnswerCache()
    (judge,) = (found.remembering(cache) for found in build_parts(judges, (config.judge,)))
    suite = config.chosen_suite
    samples = load_audit_samples(config, numbers=judge.said == "numbers", by_time=suite in GENERAL)
    data, natural, aligned, calibrating = samples.data, samples.natural, samples.aligned, samples.calibrating
    if isinstance(judge, Choice) and isinstance(data.space, PromptSpace) and data.space.prompt.options and not judge.words:
        judge = replace(judge, words="|".join(data.space.prompt.options))
    placed = {"space": data.space} if isinstance(data.space, InputSpace) else {}
    moves: list[Shift] = build_parts(shifts, config.shifts, **placed)
    _check_judged(config, judge, data, proofs)
    reference = reference_of(config, judge, aligned, data)
    probe = data.take(slice(0, PROBES))
    bare = reference(probe.x)
    built: Any = remembering(bare, cache)
    data = Noted.of(data, fit_classes(built, aligned))
    model, seen = look_at(built, _spread(data), judge)
    flags = {data.fingerprint(): tuple(seen)}
    for source in natural:
        flags[source.fingerprint()] = tuple(inspect_model(built, source.take(slice(0, PROBES)), judge))

    choice = _choose(config, moves, how, model, data, judge)
    choice = what_the_model_takes(choice, model, probe, judge, asked=moves)
    _check_copies(choice, model, probe, config)
    proven, unproven = _proofs(proofs, choice, built, judge)
    recognised = model_known(built, config.model_version)
    fingerprint = recognised.text
    drawn = chosen_curves(config.curves, how, model, data)
    by_class = judge.said == "classes" and isinstance(data.space, InputSpace)
    checked = by_class and suite in SUITES
    asked, unasked = planned_diagnoses(choice.pairs, model, fingerprint, data, wanted=config.diagnose, suite=checked, seed=config.seed)
    attacks, unattacked = _smoothed_attacks(proven, built)
    pairs = [(Identity(), searches.build(AVERAGE)), *choice.pairs, *proven, *attacks]
    cells = [
        *_cells(fingerprint, data, pairs, config, judge),
        *(cell for source in natural for cell in _cells(fingerprint, source, pairs[:1], config, judge)),
    ]
    curves = tuple(_cells(fingerprint, data, drawn, config, judge))
    if calibrating and not isinstance(model, Scores):
        raise UsageError(f"--calibrate is about confidence, and the model '{model.name}' gives labels only. Leave it out.")
    facts = facts_of(data, natural, scores=isinstance(model, Scores), calibrated=calibrating is not None)
    return AuditPlan(
        reference.of(bare),
        model,
        data,
        natural,
        tuple(cells),
        curves=curves,
        diagnoses=tuple(asked),
        left_out=(*choice.left_out, *(not_covered(data, natural, judge) if suite in GENERAL else ()), *unproven, *unattacked, *unasked),
        flags=flags,
        known=RunIdentity(model.name, recognised, parts_known([*cells, *curves]), answers_of(model, data)),
        notes=_cut_off(built, (data, *natural)),
        judge=judge,
        measures=planned_measures(config, judge, facts),
        own_measures=suite_measures(data, judge) if suite in GENERAL else (),
        calibrated_on=calibrating,
        calibrating=tuple(_cells(fingerprint, calibrating.source, pairs[:1], config, judge)) if calibrating else (),
        uris=samples.uris,
    )


def _cut_off(model: Any, samples: Sequence[Source]) -> tuple[str, ...]:
    """How many texts of each sample are longer than a model reads."""
    if not isinstance(model, CutsOff):
        return ()
    found: list[str] = []
    for source in samples:
        longer = sum(model.cut_off([str(text) for text in batch.x]) for batch in source.batches(CHECK_ROWS))
        what = f"longer than the {model.longest} tokens that the model '{model.name}' reads, and cut off"
        found += [f"{longer} of {len(source)} texts of '{source.uri}' are {what}."] if longer else []
    return tuple(found)


def _spread(data: Source) -> Examples:
    """A few examples, with the largest label among them so that it is checked against the model's classes."""
    if not data.labelled:
        return data.take(slice(0, PROBES))
    rows = np.unique(np.append(np.arange(min(PROBES, len(data))), np.argmax(data.y)))
    return data.take(rows)


def _check_judged(config: AuditConfig, judge: Judge, data: Source, proofs: list[Certificate]) -> None:
    """Raises `UsageError` where the judge cannot read the truth of these data, or an option is given that is about classes only."""
    for batch in data.batches(CHECK_ROWS):
        judge.truth(batch)
    numbers = isinstance(data.space, InputSpace)
    asked: dict[str, object] = {"--curve": config.curves, "--diagnose": config.diagnose}
    if judge.said != "classes" or not isinstance(data.space, TextSpace):  # of texts there are proofs and defences
        asked["--certify"] = tuple(proof for proof in proofs if not proof.lenient)
        asked["--defence"] = config.defence
    for option, value in asked.items():
        if value and (judge.said != "classes" or not numbers):
            what = f"the judge {judge.name} knows none" if judge.said != "classes" else f"these inputs are of kind '{data.space.kind}'"
            raise UsageError(f"{option} is about classes of inputs that are numbers, and {what}. Leave it out.")


def _check_copies(choice: SuiteChoice, model: Any, probe: Examples, config: AuditConfig) -> None:
    """Raises `UsageError` where a search would ask a faster copy of the model, and there is none, or none would."""
    copies = {search.copied_in for _, search in choice.pairs} - {""}
    if copies:
        from shiftproof.models.fast_copy import fast_copy  # late, as few audits ask for it

        for precision in PRECISIONS:
            if precision in copies:
                fast_copy(model, precision).check(probe.x.to(model.device))
    if config.fast_copy and not copies:
        raise UsageError(
            "The option --fast-copy is about the search cascade, and this run has none. Leave it out, or add --suite standard."
        )


def _choose(config: AuditConfig, given: list[Shift], how: list[Search], model: Answers, data: Source, judge: Judge) -> SuiteChoice:
    """The pairs of the suite, then those of the shifts and searches that were named."""
    one = data.take(slice(0, 1)).x
    shape = tuple(one.shape[1:]) if isinstance(one, torch.Tensor) else ()
    gives = judge.gives(model)

    def match(search: Search) -> Search:
        fitting = suited(search, model)
        return fitting.on_a_copy(config.fast_copy) if config.fast_copy else fitting

    for shift in given:
        shift.within(data.space).check_inputs(one)
    suite = config.chosen_suite
    chosen = [suite_named(suite, data.space, gives, shape, match=match, judge=judge)] if suite else []
    chosen += [crossed(given, how, data.space, gives, match=match, judge=judge)] if given else []
    return SuiteChoice(tuple(pair for each in chosen for pair in each.pairs), tuple(out for each in chosen for out in each.left_out))


def _proofs(
    given: list[Certificate], choice: SuiteChoice, model: Any, judge: Judge
) -> tuple[list[tuple[Shift, Certificate]], list[LeftOut]]:
    """The certificates that support the chosen shifts.

    `auto` certifies what it can: what it cannot is left out with its reason, shift by shift.

    Raises:
        UsageError: another certificate, which was named, fits no shift.
    """
    found: list[tuple[Shift, Certificate]] = []
    left: list[LeftOut] = []
    for certificate in given:
        fits = 0
        for shift in dict.fromkeys(shift for shift, _ in choice.pairs):
            of_classes = None if judge.said == "classes" else f"it proves classes, and the judge {judge.name} reads none"
            reason = of_classes or certificate.objection(model, shift)
            if reason is None:
                found.append((shift, certificate))
                fits += 1
            elif isinstance(shift, Differentiable | Rewrite) or certificate.lenient:
                left.append(LeftOut(shift=shift.spec(), search=certificate.spec(), reason=reason))
        if not fits and not certificate.lenient:
            reasons = sorted({out.reason for out in left if out.search == certificate.spec()}) or ["no shift of this run can be certified"]
            raise UsageError(f"The certificate {certificate.spec()} cannot be used here: {'; '.join(reasons)}.")
    return found, left


def _smoothed_attacks(proven: list[tuple[Shift, Certificate]], model: Labels) -> tuple[list[tuple[Shift, SmoothedAttack]], list[LeftOut]]:
    """The attacks on the smoothed models of these certificates, so that their brackets have both ends."""
    found: list[tuple[Shift, SmoothedAttack]] = []
    left: list[LeftOut] = []
    for shift, certificate in proven:
        if isinstance(certificate, SmoothingCertificate):
            attack = SmoothedAttack.on(certificate)
            reason = attack.objection(model, shift)
            if reason is None:
                found.append((shift, attack))
            else:
                left.append(LeftOut(shift=shift.spec(), search=attack.spec(), reason=reason))
    return found, left


def _cells(model: str, source: Source, pairs: Sequence[tuple[Shift, Any]], config: AuditConfig, judge: Judge) -> list[Cell]:
    total = len(source)
    fingerprint = source.fingerprint()
    shards = [(start, min(start + config.shard_size, total)) for start in range(0, total, config.shard_size)]
    cells: dict[str, list[Cell]] = {}
    for shift, method in dict.fromkeys(pairs):
        start, stop = shards[0]
        first = Cell(model, fingerprint, shift.within(source.space), method, config.seed, start, stop, total, judge)
        if first.group not in cells:  # the same pair asked for twice, in whatever spelling, is run once
            cells[first.group] = [first, *(replace(first, start=start, stop=stop) for start, stop in shards[1:])]
    return [cell for shards_of in cells.values() for cell in shards_of]
