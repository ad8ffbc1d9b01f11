"""From verdicts to the rows of a comparison of defences, and what papers state of each family."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shiftproof._arrays import Bools
from shiftproof.defences.abstract import Defence
from shiftproof.defences.detection import Detection
from shiftproof.defences.detection_outcomes import DetectionOutcomes
from shiftproof.evaluation.defend.measure import (
    LATENCY_RUNS,
    STEADY,
    AttackOutcomes,
    AttackPlan,
    ask,
    is_random,
    latency,
    operations,
    parameters,
    prove,
)
from shiftproof.models.abstract import Scores
from shiftproof.outcomes import Bound, Interval
from shiftproof.records.defend import DefenceRow, Detector, Literature, MeasuredShare, Stated, Training
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.risks.paired import paired_difference

LITERATURE = {
    "adversarial training": Literature(low=0.15, high=0.25, against="robust", text="15 to 25 points"),
    "distillation": Literature(low=0.05, high=0.15, against="plain", text="5 to 15 points, on simple attacks only"),
    "transformation": Literature(low=0.05, high=0.10, against="transfer", text="5 to 10 points against transfer"),
    "squeezing": Literature(low=0.05, high=0.15, against="transfer", text="5 to 15 points, against attacks that do not know it"),
    "ensemble": Literature(low=0.05, high=0.12, against="transfer", text="5 to 12 points, against attacks on one model"),
    "detection": Literature(low=0.80, high=0.95, against="detection", text="80 to 95 % detected, of attacks that do not know it"),
    "masking": Literature(low=-1.0, high=0.05, against="robust", text="under 5 points"),
}
"""What papers state of each family, and against which attack they measured it."""
_LATENCY_ROWS = 64
LEAST_HIDDEN = 0.1
"""A plain search that overstates by less, at the low end of the interval, may just be a weak one: an honest model's does so too."""


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """One model to be measured.

    Its name, family, the model, the seconds its training took (None: unknown), the defence in front, and how its own training went.
    """

    name: str
    family: str
    model: Scores
    seconds: float | None
    defence: Defence | None
    training: Training | None = None


def make_rows(
    subjects: Sequence[ComparedModel], question: AttackPlan, confidence: float, say: Callable[[str], None]
) -> tuple[list[DefenceRow], list[str]]:
    """A row for each subject, the standard model first; and notes for the page."""
    rows: list[DefenceRow] = []
    doubts: list[str] = []
    rolling = any(is_random(subject.model) for subject in subjects)
    base: AttackOutcomes | None = None
    times = latency([subject.model for subject in subjects], question.examples.x[:_LATENCY_ROWS].to(subjects[0].model.device))
    one = question.examples.x[:1].to(subjects[0].model.device)
    base_operations = operations(subjects[0].model, one)
    for subject, seconds in zip(subjects, times, strict=True):
        say(f"attacking {subject.name}")
        answered = ask(subject.model, question)
        base = base or answered
        doubts += [f"{subject.name}: {answered.doubt}"] if answered.doubt else []
        proven, by = prove(subject.model, question)
        own = subjects[0].seconds
        cost = subject.seconds / own if subject.seconds is not None and own else None
        more = operations(subject.model, one) / base_operations if base_operations else None
        rows.append(_row(subject, answered, base, proven, by, cost, seconds / times[0], more, confidence, plain=question.plain is not None))
    return rows, [*doubts, *_notes(question, rows, rolling=rolling)]


def _row(
    subject: ComparedModel,
    found: AttackOutcomes,
    base: AttackOutcomes,
    proven: Bools | None,
    by: str,
    cost: float | None,
    slower: float,
    more: float | None,
    confidence: float,
    *,
    plain: bool,
) -> DefenceRow:
    def share(values: Bools | None) -> MeasuredShare:
        if values is None:
            return MeasuredShare(value=None, interval=None)
        return of_count(int(values.sum()), len(values), confidence)

    gain = _difference(base.robust, found.robust, confidence)
    hidden = _difference(found.robust, found.plain if plain else None, confidence)
    literature = LITERATURE.get(subject.family)
    stated = _stated(literature, found, base, confidence)
    return DefenceRow(
        name=subject.name,
        family=subject.family,
        adaptive_form=_adaptive_form(subject, plain=plain),
        clean=share(found.clean),
        transfer=share(found.transfer),
        plain=share(found.plain if plain else None),
        adaptive=share(found.adaptive),
        robust=share(found.robust),
        unseen=share(found.unseen),
        corruptions={spec: share(values) for spec, values in found.corruptions.items()},
        certified=share(proven),
        certificate=by,
        training_cost=cost,
        latency=slower,
        parameters=parameters(subject.model),
        forward_cost=more,
        gain=gain,
        stated_gain=stated,
        literature=literature,
        stated=verdict(literature, stated),
        hidden=hidden,
        collapses=collapses(hidden, gain),
        detector=_detector(subject.defence, found.detection, confidence),
        flags=list(found.flags),
        training=subject.training,
    )


def _adaptive_form(subject: ComparedModel, *, plain: bool) -> str:
    if subject.defence:
        return subject.defence.adaptive
    return "its own gradient, which is exact" if plain else "its own scores"


def collapses(hidden: MeasuredShare, gain: MeasuredShare) -> bool:
    """Whether a plain gradient search reports robustness that is not there, and nothing is gained: the mark of masking."""
    return hidden.interval is not None and gain.interval is not None and hidden.interval[0] > LEAST_HIDDEN and gain.interval[0] <= 0


def verdict(literature: Literature | None, found: MeasuredShare) -> Stated:
    """Where the figure lies against the range that papers state, by its interval.

    >>> wide = Literature(low=0.05, high=0.10, against="transfer", text="")
    >>> verdict(wide, MeasuredShare(value=0.3, interval=(0.2, 0.4))), verdict(wide, MeasuredShare(value=0.07, interval=(0.02, 0.12)))
    ('above it', 'cannot be told')
    """
    if literature is None:
        return "no range is stated"
    if found.interval is None:
        return "not measured"
    low, high = found.interval
    if low > literature.high:
        return "above it"
    if high < literature.low:
        return "below it"
    return "in the range" if low >= literature.low and high <= literature.high else "cannot be told"


def _stated(literature: Literature | None, found: AttackOutcomes, base: AttackOutcomes, confidence: float) -> MeasuredShare:
    """The figure as papers measure it: detected of the moves that do not know the detector, or a gain against one attack."""
    if literature is None:
        return MeasuredShare(value=None, interval=None)
    if literature.against == "detection":
        return _caught(found.detection[0], confidence) if found.detection else MeasuredShare(value=None, interval=None)
    before = {"transfer": base.transfer, "plain": base.plain, "robust": base.robust}[literature.against]
    after = {"transfer": found.transfer, "plain": found.plain, "robust": found.robust}[literature.against]
    return _difference(before, after, confidence)


def _difference(first: Bools, second: Bools | None, confidence: float) -> MeasuredShare:
    if second is None:
        return MeasuredShare(value=None, interval=None)
    value, interval = paired_difference(first, second, confidence=confidence)
    return MeasuredShare(value=value, interval=(interval.low, interval.high))


def of_count(k: int, n: int, confidence: float) -> MeasuredShare:
    """The share k of n, with its exact binomial interval; nothing measured where n is 0."""
    if not n:
        return MeasuredShare(value=None, interval=None)
    ends: Interval = clopper_pearson(k, n, confidence=confidence).one()
    return MeasuredShare(value=k / n, interval=(ends.low, ends.high))


def _detector(defence: Defence | None, found: tuple[DetectionOutcomes, DetectionOutcomes] | None, confidence: float) -> Detector | None:
    if not isinstance(defence, Detection) or found is None:
        return None
    unaware, adaptive = found
    alarms = of_count(int((~adaptive.accepted).sum()), len(adaptive.accepted), confidence)
    return Detector(
        false_alarms=alarms, rate=defence.rate, caught_unaware=_caught(unaware, confidence), caught_adaptive=_caught(adaptive, confidence)
    )


def _caught(found: DetectionOutcomes, confidence: float) -> MeasuredShare:
    return of_count(int(found.caught.sum()), int(found.fooled.sum()), confidence)


def _notes(question: AttackPlan, rows: Sequence[DefenceRow], *, rolling: bool) -> list[str]:
    notes = [
        f"Every interval is sampling error only, over {len(question.examples)} examples; a training is one seed, which no interval covers.",
        f"The adaptive search is {question.search.spec()}: a stronger one may find more. Robust accuracy is what all attacks leave.",
        f"Latency: fastest of {LATENCY_RUNS} runs on this machine, interleaved with the standard model.",
    ]
    if question.plain is None:
        notes.append("Texts have no gradient: nothing is said of a plain attack, and masking is not looked for.")
    if question.search.bound is not Bound.AT_MOST:
        notes.append(f"{question.search.spec()} is one chance draw: accuracy under it alone is near the average case.")
    if rolling:
        notes.append(
            f"Random defences are also attacked by {STEADY.spec()} on the mean of their passes; adaptive is what both searches leave."
        )
    if any(row.detector for row in rows):
        notes.append(
            "Of detectors: an abstention on a clean or corrupted input counts as an error, a detected move does not; that an adversary can "
            "make the model refuse is not counted."
        )
    if math.isnan(rows[0].clean.value or math.nan):
        notes.append("The standard model has no clean accuracy.")
    return notes
