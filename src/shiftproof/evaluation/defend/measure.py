"""What one defence is worth on one sample: attacked by searches that know it and by those that do not, with its cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from shiftproof._arrays import Bools
from shiftproof._errors import UsageError
from shiftproof.certificates import certificates
from shiftproof.certify import certify
from shiftproof.data.examples import Examples
from shiftproof.defences.defended_model import DefendedModel
from shiftproof.defences.detection import Detection
from shiftproof.defences.detection_outcomes import DetectionOutcomes, confront_detecting
from shiftproof.defences.randomized_smoothing import RandomizedSmoothing
from shiftproof.diagnostics.constant_answer import of_finding
from shiftproof.door import confront, read_examples
from shiftproof.finding import Finding
from shiftproof.judges.abstract import Reading
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.answers import ROWS
from shiftproof.models.torch_module import TorchModule
from shiftproof.outcomes import BROKEN, SKIPPED, Flag
from shiftproof.preflight import RANDOM, look_at
from shiftproof.searches.abstract import Search
from shiftproof.searches.auto_step import AutoStep
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.one_draw import OneDraw
from shiftproof.searches.transfer import Transfer
from shiftproof.shifts.abstract import Shift

PLAIN = GradientAscent(steps=20)
"""What a search does that follows the gradient and knows no defence."""
STEADY = AutoStep(steps=40, loss="margin")
"""What also climbs the mean of a random defence's passes, to its last step: a search that drops an example where it first breaks may find
that the next passes answer rightly again."""
CERTIFIED_DRAWS = 2000
PROOF = "auto(effort=1e8)"
"""The bound propagation that a net is tried with: about a tenth of a second of one core per example at most."""
TEXT_PROOF = "word_changes"
"""What a model of texts is tried with."""
LATENCY_RUNS = 7


@dataclass(frozen=True, eq=False)
class AttackPlan:
    """What every subject is asked.

    Args:
        standard: the undefended model, on which moves for transfer are made.
        examples: n labelled inputs.
        threat, unseen: the shift that defences may know, and another.
        search: the adaptive search.
        corruptions: shifts of the average case.
        seed, batch_size: as of `confront`.
        plain: what knows no defence and follows the gradient that it leaves; None for texts, which have none.
    """

    standard: Scores
    examples: Examples
    threat: Shift
    unseen: Shift
    search: Search
    corruptions: tuple[Shift, ...]
    seed: int
    batch_size: int
    plain: Search | None = PLAIN


@dataclass(frozen=True, eq=False)
class AttackOutcomes:
    """Which of the n examples each question leaves right, shape (n,) each; all of them where the plain one was not asked."""

    clean: Bools
    transfer: Bools
    plain: Bools
    adaptive: Bools
    unseen: Bools
    corruptions: dict[str, Bools]
    flags: tuple[str, ...] = ()
    doubt: str = ""
    """Where it is no better than a constant answer on the examples as they are: so, and why."""
    detection: tuple[DetectionOutcomes, DetectionOutcomes] | None = field(default=None)
    """A detector's account under transfer, and under the adaptive search."""

    @property
    def robust(self) -> Bools:
        """Held under all attacks inside the threat: a defence is no stronger than any of them allows."""
        return self.transfer & self.plain & self.adaptive


def ask(model: Scores, question: AttackPlan) -> AttackOutcomes:
    """Puts all questions to a model, defended or not."""
    if isinstance(model, DefendedModel) and isinstance(model.defence, Detection):
        return _ask_detector(model, question)
    read: Labels = model.averaged() if isinstance(model, DefendedModel) else model
    stands = model.as_it_stands() if isinstance(model, DefendedModel) else model
    looks = _Looks(question)

    def meet(against: Labels, shift: Shift, search: Search) -> Finding:
        seen, flags, clean = looks(against)
        return confront(
            seen,
            shift,
            search=search,
            examples=question.examples,
            seed=question.seed,
            batch_size=question.batch_size,
            flags=flags,
            clean=clean,
        )

    transfer = meet(read, question.threat, _made_on(question.standard, question.search))  # on the standard model: its own
    plain = meet(read, question.threat, _made_on(stands, question.plain)).correct if question.plain else transfer.correct | True
    knowing = meet(model, question.threat, question.search)
    adaptive, unseen = knowing.correct, meet(model, question.unseen, question.search).correct
    if is_random(model):
        adaptive, unseen = adaptive & meet(model, question.threat, STEADY).correct, unseen & meet(model, question.unseen, STEADY).correct
    unseen = unseen & meet(read, question.unseen, _made_on(question.standard, question.search)).correct
    corruptions = {shift.spec(): meet(read, shift, OneDraw()).correct for shift in question.corruptions}
    doubt = of_finding(transfer, question.examples)
    flags = tuple(flag.name for flag in (*knowing.flags, *([doubt] if doubt else [])))
    right = transfer.outcome != SKIPPED
    return AttackOutcomes(right, transfer.correct, plain, adaptive, unseen, corruptions, flags, doubt.detail if doubt else "")


class _Looks:
    """A look at each model, and its clean answers where one pass is a verdict; each once."""

    def __init__(self, question: AttackPlan) -> None:
        self._question = question
        self._known: dict[Labels, tuple[Labels, list[Flag], Reading | None]] = {}

    def __call__(self, model: Labels) -> tuple[Labels, list[Flag], Reading | None]:
        if model not in self._known:
            examples = self._question.examples
            seen, flags = look_at(model, examples)
            clean = None if RANDOM in flags else read_examples(seen, examples, self._question.batch_size)
            self._known[model] = (seen, flags, clean)
        return self._known[model]


def is_random(model: Scores) -> bool:
    """Whether a defence in front of it draws by chance."""
    return isinstance(model, DefendedModel) and model.defence.random


def _made_on(surrogate: Scores, search: Search) -> Search:
    return Transfer(surrogates=(surrogate,), search=search)


def _ask_detector(model: DefendedModel, question: AttackPlan) -> AttackOutcomes:
    def meet(shift: Shift, search: Search) -> DetectionOutcomes:
        return confront_detecting(
            model, shift, search=search, examples=question.examples, seed=question.seed, batch_size=question.batch_size
        )

    transfer = meet(question.threat, _made_on(question.standard, question.search))
    assert question.plain is not None  # detectors are of numbers
    plain = meet(question.threat, _made_on(question.standard, question.plain))
    adaptive = meet(question.threat, question.search)
    unseen = meet(question.unseen, question.search).held & meet(question.unseen, _made_on(question.standard, question.search)).held
    corruptions: dict[str, Bools] = {}
    for shift in question.corruptions:
        finding = confront(model, shift, search=OneDraw(), examples=question.examples, seed=question.seed, batch_size=question.batch_size)
        corruptions[shift.spec()] = finding.outcome != BROKEN  # an abstention on an honest input counts as an error
    return AttackOutcomes(adaptive.right, transfer.held, plain.held, adaptive.held, unseen, corruptions, detection=(transfer, adaptive))


def prove(model: Scores, question: AttackPlan) -> tuple[Bools | None, str]:
    """Which examples are proven inside the threat, and by what; None and why not where no certificate fits."""
    spec, subject = (PROOF if question.plain is not None else TEXT_PROOF), model
    if isinstance(model, DefendedModel):
        if not isinstance(model.defence, RandomizedSmoothing):
            return None, f"no certificate speaks of {model.defence.name}"
        spec, subject = f"smoothing(sigma={model.defence.sigma!r}, draws={CERTIFIED_DRAWS})", model.undefended
    certificate = certificates.build(spec)
    objection = certificate.objection(subject, question.threat)
    if objection:
        return None, objection
    try:
        finding = certify(
            subject,
            question.threat,
            certificate=certificate,
            examples=question.examples,
            seed=question.seed,
            batch_size=question.batch_size,
        )
    except UsageError as error:
        return None, str(error)
    of = f", of {certificate.subject} with all its votes" if certificate.subject else ""
    return finding.correct, f"{spec}{of}"


def latency(models: Sequence[Scores], x: Any) -> list[float]:
    """Seconds of an answer to the batch x, for each model: the least of several in turn, so that they meet the same machine."""
    best = [float("inf")] * len(models)
    with torch.no_grad():
        for model in models:
            model.scores(x)
        for _ in range(LATENCY_RUNS):
            for k, model in enumerate(models):
                began = time.perf_counter()
                model.scores(x)
                best[k] = min(best[k], time.perf_counter() - began)
    return best


def operations(model: Scores, x: Any) -> int:
    """Floating-point operations of an answer to `ROWS` copies of the one example x, as torch counts them: matrix products and convolutions.

    A call of fewer rows is filled up, each model's as it needs.
    """
    from torch.utils.flop_counter import FlopCounterMode

    x = x.repeat(ROWS, *[1] * (x.dim() - 1)) if isinstance(x, Tensor) else x
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.scores(x)
    return int(counter.get_total_flops())


def parameters(model: Scores) -> int:
    """Numbers that were learned, detectors' included; 0 where the model does not show them."""
    if isinstance(model, DefendedModel):
        return sum(parameters(each) for each in model.behind.models) + sum(value.numel() for value in model.behind.fitted.values())
    return sum(p.numel() for p in model.module.parameters()) if isinstance(model, TorchModule) else 0
