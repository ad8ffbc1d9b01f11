"""From a sample's answers to its row of the record."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from shiftproof.confidence.alarm import alarms
from shiftproof.confidence.calibration_gap import CalibrationGap, calibration_gap, class_gaps, worst_group
from shiftproof.confidence.checked import Refused
from shiftproof.confidence.conformal import PredictionSets
from shiftproof.confidence.risk_coverage import kept_risk, risk_coverage
from shiftproof.confidence.separation import Separation, separation
from shiftproof.confidence.strangeness import strangeness
from shiftproof.evaluation.trust.ask import ModelOutputs
from shiftproof.evaluation.trust.promises import LABEL_SHIFT, WEIGHTED, Promises
from shiftproof.outcomes import Interval
from shiftproof.records.trust_row import Calibration, Conformal, Gap, IntervalEnds, Selective, Sets, TrustRow, Unfamiliar, Verdict, WorstGap
from shiftproof.risks.intervals import clopper_pearson

RowKind = Literal["clean", "shifted", "unfamiliar"]


def make_row(
    sample: str, shift: str, kind: RowKind, found: ModelOutputs, clean: ModelOutputs, promises: Promises, class_names: tuple[str, ...]
) -> TrustRow:
    """Everything about one sample.

    Args:
        sample: its name.
        shift: spec of the shift it was moved by.
        kind: clean, shifted, or unfamiliar, whose labels are not looked at.
        found: the model's answers to it.
        clean: those to the clean test sample.
        promises: what was made from the calibration sample.
        class_names: what classes are called; empty where unknown.
    """
    level = promises.wanted.level
    labelled = kind != "unfamiliar"
    right, n = int(found.right.sum()), len(found)
    return TrustRow(
        sample=sample,
        shift=shift,
        kind=kind,
        n=n,
        accuracy=right / n if labelled else None,
        interval=clopper_pearson(right, n, confidence=level).one() if labelled else None,
        mean_confidence=float(found.confidence.mean()),
        calibration=_calibration(found, promises, class_names) if labelled else None,
        selective=_selective(found, promises) if labelled else None,
        conformal=_conformal(found, promises, shifted=kind == "shifted") if labelled else None,
        ood=_unfamiliar(found, None if kind == "clean" else clean, promises, labelled),
        flags=list(found.flags),
    )


def _calibration(found: ModelOutputs, promises: Promises, class_names: tuple[str, ...]) -> Calibration:
    level = promises.wanted.level
    p = np.exp(found.scores - found.scores.max(1, keepdims=True))
    gaps = class_gaps(p / p.sum(1, keepdims=True), found.y, level=level)
    worst = max(range(len(gaps)), key=lambda k: (gaps[k].interval.low, gaps[k].value))
    group = worst_group(found.confidence, found.right, found.groups, level=level) if found.groups else None
    return Calibration(
        **_gap(calibration_gap(found.confidence, found.right, level=level)),
        worst_class=WorstGap(**_gap(gaps[worst]), group=class_names[worst] if worst < len(class_names) else str(worst), groups=len(gaps)),
        worst_group=WorstGap(**_gap(group.gap), group=group.group, groups=len(group.groups)) if group else None,
        recalibrated={
            kind: Gap(**_gap(calibration_gap(each.confidence(found.scores), found.right, level=level)))
            for kind, each in promises.recalibrations.items()
        },
    )


def _gap(found: CalibrationGap) -> dict[str, Any]:
    return {"gap": found.value, "raw": found.raw, "bias": found.bias, "interval": found.interval, "p": found.p, "n": found.n}


def _selective(found: ModelOutputs, promises: Promises) -> Selective:
    wanted, promise = promises.wanted, promises.threshold
    area = risk_coverage(found.confidence, found.right).area
    if promise.threshold is None:
        return Selective(
            target=wanted.target,
            delta=wanted.delta,
            threshold=None,
            coverage=None,
            risk=None,
            interval=None,
            verdict="refused",
            refused=promise.reason,
            area=area,
        )
    kept = kept_risk(found.confidence, found.right, threshold=promise.threshold, level=wanted.level)
    return Selective(
        target=wanted.target,
        delta=wanted.delta,
        threshold=promise.threshold,
        coverage=kept.coverage,
        risk=_known(kept.risk),
        interval=_ends(kept.interval),
        verdict=verdict_at_most(kept.interval, wanted.target),
        area=area,
    )


def verdict_at_most(interval: Interval, target: float) -> Verdict:
    """Whether a rate with this interval is at most the target."""
    if interval.high <= target:
        return "holds"
    return "broken" if interval.low > target else "cannot be told"


def verdict_at_least(value: float, interval: Interval, level: float) -> Verdict:
    """Whether a coverage of at least `level` on average is compatible with what was measured."""
    if interval.high < level:
        return "broken"
    return "holds" if value >= level or interval.low >= level else "cannot be told"


def _conformal(found: ModelOutputs, promises: Promises, *, shifted: bool) -> Conformal:
    method = f"split {promises.wanted.sets}"
    try:
        plain = _sets(promises.split(found), found, method, promises)
    except Refused as refusal:
        return Conformal(**dict(_refused(method, promises, str(refusal))))
    corrections: list[Sets] = []
    for kind in (WEIGHTED, LABEL_SHIFT) if shifted else ():
        try:
            made = _sets(promises.corrected(found, kind), found, kind, promises)
        except Refused as refusal:
            corrections.append(_refused(kind, promises, str(refusal)))
            continue
        corrections.append(_held_to(made))
    return Conformal(**dict(plain), corrections=corrections)


def _sets(made: PredictionSets, found: ModelOutputs, method: str, promises: Promises) -> Sets:
    level = promises.wanted.level
    value, interval = made.coverage(found.y, confidence=level)
    return Sets(
        method=method,
        level=level,
        coverage=value,
        interval=interval,
        mean_size=float(made.size.mean()),
        verdict=verdict_at_least(value, interval, level),
    )


def _held_to(made: Sets) -> Sets:
    """A correction whose weights are estimated is offered only where the labels do not show it to fall short."""
    if made.verdict != "broken":
        return made
    why = (
        f"corrected sets hold {made.coverage:.1%} of the labels here, below the {made.level:g} promised: calibrate on a sample of this kind"
    )
    return made.model_copy(update={"verdict": "refused", "refused": why})


def _refused(method: str, promises: Promises, why: str) -> Sets:
    return Sets(method=method, level=promises.wanted.level, coverage=None, interval=None, mean_size=None, verdict="refused", refused=why)


def _unfamiliar(found: ModelOutputs, clean: ModelOutputs | None, promises: Promises, labelled: bool) -> Unfamiliar:
    wanted, alarm = promises.wanted, promises.alarm
    strange = strangeness(found.scores, kind=wanted.score)
    right = found.right
    figures: dict[str, tuple[float, Interval]] = {}
    if clean is not None:
        figures |= _apart(separation(strangeness(clean.scores, kind=wanted.score), strange, level=wanted.level))
    if labelled and 0 < int(right.sum()) < len(right):
        errors = separation(strange[right], strange[~right], level=wanted.level)
        figures["error_auroc"] = errors.auroc, errors.auroc_interval
    if isinstance(alarm, float):
        loud = int((strange > alarm).sum())
        figures["alarms"] = loud / len(found), clopper_pearson(loud, len(found), confidence=wanted.level).one()
    if isinstance(alarm, float) and labelled:
        split = alarms(strange, right, threshold=alarm, level=wanted.level)
        figures["alarms_on_right"] = split.on_right, split.on_right_interval
        figures["alarms_on_wrong"] = split.on_wrong, split.on_wrong_interval
    known = {name: figure for name, figure in figures.items() if not math.isnan(figure[0])}
    values: dict[str, Any] = {name: value for name, (value, _) in known.items()}
    return Unfamiliar(
        score=wanted.score,
        alarm_rate=wanted.alarm_rate,
        intervals={name: interval for name, (_, interval) in known.items()},
        refused=alarm if isinstance(alarm, str) else None,
        **values,
    )


def _apart(found: Separation) -> dict[str, tuple[float, Interval]]:
    return {
        "auroc": (found.auroc, found.auroc_interval),
        "aupr": (found.aupr, found.aupr_interval),
        "fpr95_ood_positive": (found.fpr95_ood_positive, found.fpr95_ood_positive_interval),
        "fpr95_id_positive": (found.fpr95_id_positive, found.fpr95_id_positive_interval),
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _ends(interval: Interval) -> IntervalEnds | None:
    return None if math.isnan(interval.low) else interval
