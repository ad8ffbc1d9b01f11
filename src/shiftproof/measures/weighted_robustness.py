"""Weighted robustness over several data sets, in which models near chance do not count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shiftproof._errors import UsageError, must
from shiftproof.measures.corruption_table import from_audit
from shiftproof.records.audit import Audit
from shiftproof.shifts.corruptions.suites import SIDES

LR0FM_WEIGHTS: Mapping[str, float] = {
    "imagenet": 0.15556157429688613,
    "imagenet_a": 0.970498446080589,
    "imagenet_v2": 0.2854574367981364,
    "imagenet_r": 0.01,
    "imagenet_sketch": 0.021456095637452655,
    "caltech101": 0.01,
    "dtd": 0.505922498560715,
    "food101": 0.01,
    "sun397": 0.407563119725743,
    "stanford_cars": 0.13583821249199218,
    "fgvc_aircraft": 0.8229545014750042,
    "oxford_pets": 0.08995285864599148,
    "flowers102": 0.08972060770047119,
    "eurosat": 1.0,
    "ucf101": 0.01,
}
"""The weights that Pathak et al. 2025 publish for their fifteen data sets."""


@dataclass(frozen=True)
class WeightedRobustness:
    """A model's robustness over data sets.

    Args:
        weighted: level -> the weighted aggregate.
        plain: level -> the unweighted mean of shifted over full accuracy.
        by_dataset: level -> data set -> improved relative robustness.
        weights: the source of the weights.
        alpha: of the formula.
    """

    weighted: Mapping[str, float]
    plain: Mapping[str, float]
    by_dataset: Mapping[str, Mapping[str, float]]
    weights: str
    alpha: float


def weighted_robustness(
    full: Mapping[str, float],
    shifted: Mapping[str, Mapping[str, float]],
    *,
    chance: Mapping[str, float],
    weights: Mapping[str, float] = LR0FM_WEIGHTS,
    alpha: float = 200.0,
) -> WeightedRobustness:
    """Weighted aggregated robustness (WAR): relative robustness, reduced near chance, averaged over data sets with weights.

    G_D = (A_D / F_D) (1 - exp(-alpha (F_D - C_D)^2)), with A the accuracy under the shift, F at full resolution and C of guessing; the
    aggregate is sum_D w_D G_D / sum_D w_D. That the factor is 0 at chance and grows with F_D - C_D, and the weights, are
    published; its form and alpha are ours until they are checked against the paper. A model near chance loses nothing under a shift and
    would look robust; its factor is near 0.

    Args:
        full: data set -> accuracy without the shift, in (0, 1].
        shifted: level (a resolution, "32x32") -> data set -> accuracy under it.
        chance: data set -> accuracy of guessing.
        weights: data set -> weight, at least 0; by default those of the paper. The result names their source.
        alpha: above 0; how fast the factor rises above chance. At 200 a model 10 points above chance has 0.86, one 15 points above 0.99.

    Guarantees: 0 at chance; 1 if nothing is lost and every data set is far above chance. There is no interval.

    Raises:
        UsageError: a data set is missing or has no weight, or a number is out of range.

    Example:
        >>> full, small = {"a": 0.9, "b": 0.1}, {"a": 0.45, "b": 0.1}
        >>> found = weighted_robustness(full, {"32": small}, chance={"a": 0.1, "b": 0.1}, weights={"a": 1, "b": 1})
        >>> round(found.weighted["32"], 3), round(found.plain["32"], 3)  # b is at chance, so it loses nothing
        (0.25, 0.75)

    Reference: Pathak et al. 2025 [pathak2025lr0fm], "LR0.FM: low-res benchmark and improving robustness for zero-shot classification in
    foundation models".
    """
    if not full or not shifted:
        raise UsageError("Give accuracies of at least one data set, without the shift and at one level.")
    if not (alpha > 0 and math.isfinite(alpha)):
        raise must("alpha", "weighted_robustness", "be in (0, inf)", alpha)
    for name, table in (("chance", chance), ("weights", weights), *((f"shifted[{level}]", t) for level, t in shifted.items())):
        absent = sorted(set(full) - set(table))
        if absent:
            raise must(name, "weighted_robustness", "have every data set", f"none for {', '.join(absent)}")
    _shares("full", full, above=0.0)
    _shares("chance", {d: chance[d] for d in full})
    for level, table in shifted.items():
        _shares(f"shifted[{level}]", table)
    total = sum(weights[dataset] for dataset in full)
    if any(weights[dataset] < 0 for dataset in full) or not total > 0:
        raise must("weights", "weighted_robustness", "be at least 0, and not all 0", dict(weights))
    clear = {dataset: 1 - math.exp(-alpha * max(full[dataset] - chance[dataset], 0.0) ** 2) for dataset in full}
    by_dataset = {level: {d: table[d] / full[d] * clear[d] for d in full} for level, table in shifted.items()}
    return WeightedRobustness(
        {level: sum(weights[d] * value for d, value in found.items()) / total for level, found in by_dataset.items()},
        {level: sum(table[d] / full[d] for d in full) / len(full) for level, table in shifted.items()},
        by_dataset,
        "those of Pathak et al. 2025" if weights is LR0FM_WEIGHTS else "given",
        alpha,
    )


def weighted_robustness_of_audits(
    audits: Mapping[str, Audit], *, weights: Mapping[str, float] = LR0FM_WEIGHTS, alpha: float = 200.0
) -> WeightedRobustness:
    """`weighted_robustness` of one model from an audit of each data set with the suite `lr0_fm`; levels are "128", "64", "32" and "16".

    Args:
        audits: data set -> its record, as `read_audit` reads it.
        weights: data set -> weight, as for `weighted_robustness`.
        alpha: as for `weighted_robustness`.

    Guessing is right on one of an audit's classes in turn. Images of another size than 224 pixels lose the same share of their sides.

    Raises:
        UsageError: the audits are of several models, or one lacks a level.
    """
    models = sorted({audit.model.fingerprint for audit in audits.values()})
    if len(models) > 1:
        raise must("audits", "weighted_robustness_of_audits", "be of one model", f"{len(models)} models")
    full: dict[str, float] = {}
    shifted: dict[str, dict[str, float]] = {str(side): {} for side in SIDES.values()}
    for dataset, audit in audits.items():
        reduced = from_audit(audit)
        absent = sorted(set(SIDES) - set(reduced.accuracy.get("low_resolution", {})))
        if absent:
            hint = "Run each with --suite lr0_fm."
            raise must(f"audits[{dataset}]", "weighted_robustness_of_audits", "have every level", f"no severity {absent[0]}", hint)
        full[dataset] = reduced.clean
        for severity, side in SIDES.items():
            shifted[str(side)][dataset] = reduced.accuracy["low_resolution"][severity]
    chance = {dataset: 1 / max(audit.data.classes, 1) for dataset, audit in audits.items()}
    return weighted_robustness(full, shifted, chance=chance, weights=weights, alpha=alpha)


def _shares(name: str, table: Mapping[str, float], *, above: float = -1.0) -> None:
    for dataset, value in table.items():
        if not (above < value <= 1 and value >= 0):
            rule = "be a share in (0, 1]" if above == 0 else "be a share in [0, 1]"
            raise must(f"{name}[{dataset}]", "weighted_robustness", rule, value, "Percents are divided by 100 first.")
