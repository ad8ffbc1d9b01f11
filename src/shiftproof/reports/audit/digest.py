"""What an audit says, picked from its records: the worst, the brackets, the curves. Pure, and shared by page, terminal and summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from shiftproof.diagnostics.constant_answer import NAME as CONSTANT
from shiftproof.records.audit import UNION, Audit, CellRecord, NaturalShift, Result
from shiftproof.reports.audit.masking_checks import masking_sentences, unchecked, unfinished_extras
from shiftproof.reports.number_format import bracketed, confidence, is_mean_score, known, percent, plural, span
from shiftproof.reports.shift_words import explained_spec
from shiftproof.shifts.corruptions.suites import ALL as CORRUPTIONS

FILTERS = ("low_pass", "high_pass", "band_pass")
"""Shifts that ask what a model relies on. They are no threat, and would always be the worst."""


Lowered = Literal["beyond chance", "in this sample", "no", "unknown"]


@dataclass(frozen=True)
class ThreatNumbers:
    """One shift with its ends kept apart: what is proven, what chance does, what an attack found. None where nothing was run."""

    shift: str
    family: str
    proven: Result | None
    average: Result | None
    attacked: Result | None

    @property
    def numbers(self) -> list[Result]:
        """Those of the three that were measured."""
        return [r for r in (self.proven, self.average, self.attacked) if r is not None and known(r.value) is not None]

    @property
    def lowest(self) -> float:
        """The lowest number that the model shows, for ordering; above 1 where there is none."""
        return min((ceiling(r) for r in self.numbers if r.kind != "at_least"), default=2.0)


@dataclass(frozen=True)
class NamedNumber:
    """A number with the name a reader knows it by."""

    name: str
    value: float
    interval: tuple[float, float] | None
    result: Result | None = None

    @property
    def ceiling(self) -> float:
        """The upper end of its interval: what it surely does not exceed."""
        return self.interval[1] if self.interval else self.value


def ceiling(result: Result) -> float:
    """The upper end of a result's interval, or its value without one: bad luck in a small group is not the worst finding."""
    high = known(result.interval[1]) if result.interval else None
    value = known(result.value)
    return high if high is not None else value if value is not None else 2.0


def own(audit: Audit) -> list[Result]:
    """The accuracies on the audit's own data, not on a natural shift's."""
    elsewhere = {natural.source for natural in audit.natural} - {audit.data.uri}
    return [r for r in audit.results if r.data not in elsewhere and is_mean_score(r.measure)]


def plain(audit: Audit) -> list[Result]:
    """Those of `own` that are a plain mean over everyone."""
    return [r for r in own(audit) if r.risk == "mean" and r.group is None]


def threats(audit: Audit) -> list[ThreatNumbers]:
    """Every shift but the identity and the frequency filters, in the order of the records."""
    by_shift: dict[str, list[Result]] = {}
    for result in plain(audit):
        if result.shift != "identity" and result.family not in FILTERS:
            by_shift.setdefault(result.shift, []).append(result)
    return [_threat(shift, results) for shift, results in by_shift.items()]


def _threat(shift: str, results: Sequence[Result]) -> ThreatNumbers:
    def of(kind: str) -> list[Result]:
        return [r for r in results if r.kind == kind]

    def low(result: Result) -> float:
        value = known(result.value)
        return 2.0 if value is None else value

    def high(result: Result) -> float:
        value = known(result.value)
        return -1.0 if value is None else value

    return ThreatNumbers(
        shift,
        results[0].family,
        proven=max(of("at_least"), key=high, default=None),
        average=next((r for r in of("estimate") if known(r.value) is not None), next(iter(of("estimate")), None)),
        attacked=min(of("at_most"), key=low, default=None),
    )


def worst_of_each_family(audit: Audit) -> list[ThreatNumbers]:
    """One threat a family: the strength at which the model does worst, worst family first."""
    best: dict[str, ThreatNumbers] = {}
    for threat in threats(audit):
        if threat.numbers and (threat.family not in best or threat.lowest < best[threat.family].lowest):
            best[threat.family] = threat
    return sorted(best.values(), key=lambda threat: threat.lowest)


def by_damage(audit: Audit) -> list[ThreatNumbers]:
    """Every shift, the family with the worst finding first; those of one family stay together, in the order of the records."""
    found = threats(audit)
    worst: dict[str, float] = {}
    for threat in found:
        worst[threat.family] = min(threat.lowest, worst.get(threat.family, threat.lowest))
    place = {family: rank for rank, family in enumerate(sorted(worst, key=lambda family: worst[family]))}
    return sorted(found, key=lambda threat: place[threat.family])


def over_corruptions(audit: Audit) -> NamedNumber | None:
    """The mean over the corruptions that ran at their average case, each first over its severities; None below two corruptions.

    Its interval has the means of their ends: wide enough however closely the corruptions go together, as they do on the same examples.
    """
    by_family: dict[str, list[Result]] = {}
    for threat in threats(audit):
        if threat.average and threat.family in CORRUPTIONS and known(threat.average.value) is not None:
            by_family.setdefault(threat.family, []).append(threat.average)
    if len(by_family) < 2:
        return None
    intervals = [[r.interval for r in results if r.interval] for results in by_family.values()]
    whole = all(len(own) == len(results) for own, results in zip(intervals, by_family.values(), strict=True))
    ends = tuple(fmean(fmean(interval[end] for interval in own) for own in intervals) for end in (0, 1)) if whole else None
    value = fmean(fmean(r.value or 0.0 for r in results) for results in by_family.values())
    return NamedNumber(f"{len(by_family)} corruptions", value, (ends[0], ends[1]) if ends else None)


def groups(audit: Audit) -> list[Result]:
    """Each group's own accuracy."""
    return [r for r in own(audit) if r.risk == "group" and r.group is not None]


def tightest(results: Sequence[Result]) -> list[Result]:
    """Of each shift and kind one number: the least of at most, the greatest of at least, the first estimate."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        found.setdefault((result.shift, result.kind), []).append(result)
    threats_ = [_threat(shift, same) for (shift, _), same in found.items()]
    return [number for threat in threats_ for number in threat.numbers]


def _worst(findings: Iterable[NamedNumber]) -> NamedNumber | None:
    return min(findings, key=lambda finding: finding.ceiling, default=None)


def _as_finding(result: Result) -> NamedNumber:
    name = (
        f"group {result.group}"
        if result.group and result.shift == "identity"
        else result.shift + (f", group {result.group}" if result.group else "")
    )
    return NamedNumber(name, known(result.value) or 0.0, result.interval, result)


def _measured(results: Iterable[Result]) -> list[Result]:
    return [r for r in results if known(r.value) is not None]


def worst_attacked(audit: Audit) -> NamedNumber | None:
    """The lowest at-most number over everyone."""
    return _worst(_as_finding(t.attacked) for t in threats(audit) if t.attacked and known(t.attacked.value) is not None)


def worst_by_chance(audit: Audit) -> NamedNumber | None:
    """The lowest estimate without an adversary: average case of a shift, a group, or another sample."""
    moved = [t.average for t in threats(audit) if t.average]
    unmoved = [r for r in groups(audit) if r.shift == "identity" and r.kind == "estimate"]
    found = [_as_finding(r) for r in _measured([*moved, *unmoved])]
    return _worst([*found, *(_natural(n) for n in audit.natural if known(n.accuracy) is not None)])


def _natural(natural: NaturalShift) -> NamedNumber:
    return NamedNumber(natural.source, known(natural.accuracy) or 0.0, natural.interval)


def best_proven(audit: Audit) -> NamedNumber | None:
    """The certificate at the family's greatest strength measured; of several families the lowest."""
    last: dict[str, Result] = {}
    for result in (t.proven for t in threats(audit) if t.proven and known(t.proven.value) is not None):
        if result.family not in last or (result.strength or 0) >= (last[result.family].strength or 0):
            last[result.family] = result
    return _worst(map(_as_finding, last.values()))


def unfinished(audit: Audit) -> list[CellRecord]:
    """Cells that failed or never ran."""
    return [cell for cell in audit.cells if not cell.measured]


def flag_counts(audit: Audit) -> dict[str, int]:
    """How often each reliability flag was raised, the model's own included."""
    counts: dict[str, int] = {}
    for flag in [*audit.model.flags, *(flag for cell in audit.cells for flag in cell.flags)]:
        counts[flag.name] = counts.get(flag.name, 0) + 1
    return counts


def sentences(audit: Audit) -> list[str]:
    """The audit in a few honest sentences: how good it is, where it breaks, what nobody knows."""
    return [_how_good(audit), *_where_it_breaks(audit), *masking_sentences(audit), _what_is_unknown(audit)]


def _how_good(audit: Audit) -> str:
    clean = audit.clean
    if known(clean.accuracy) is None:
        return f"{audit.model.name} on {audit.data.uri}: clean {audit.judge.word} was not measured."
    doubt = "".join(f" {flag.detail}" for flag in audit.model.flags if flag.name == CONSTANT)
    shown = bracketed(clean.accuracy, clean.bracket)
    if audit.judge.spec != "classify":
        return (
            f"{audit.model.name} on {plural(clean.n, 'example')} of {audit.data.uri}: {audit.judge.word} {shown} "
            f"({confidence(audit.provenance.confidence)} interval {span(clean.interval)}), judged by {audit.judge.spec}."
        )
    return (
        f"{audit.model.name} gets {shown} of {plural(clean.n, 'example')} of {audit.data.uri} right "
        f"({confidence(audit.provenance.confidence)} interval {span(clean.interval)}).{doubt}"
    )


def _where_it_breaks(audit: Audit) -> list[str]:
    said: list[str] = []
    chance, attacked = worst_by_chance(audit), worst_attacked(audit)
    if chance:
        said.append(_by_chance(audit, chance))
    mean = over_corruptions(audit)
    if mean:
        said.append(
            f"Mean {audit.judge.word} over {mean.name}: {percent(mean.value)} ({span(mean.interval)}), each corruption counted once."
        )
    if attacked and attacked.result:
        search = attacked.result.search
        who = "all searches together" if search == UNION else search
        proven = next((t.proven for t in threats(audit) if t.shift == attacked.name and t.proven), None)
        proof = f"at least {percent(proven.value)} is proven" if proven and proven.value else "nothing is proven there"
        most = f"at most {percent(attacked.value)} ({span(attacked.interval)})"
        found = "" if lowered(audit, attacked) != "no" else ", the same as without attack: no failure was found"
        said.append(f"Under attack ({who}), {audit.judge.word} within {explained_spec(attacked.name)} is {most}{found}; {proof}.")
    return said or ["No shift was measured, so it is not known where the model fails."]


def lowered(audit: Audit, finding: NamedNumber) -> Lowered:
    """Whether a finding lies below clean accuracy: beyond chance, in this sample, not at all, or nobody knows.

    By the interval of the difference where the run has one, else by that of the finding itself.
    """
    clean = known(audit.clean.accuracy)
    if clean is None:
        return "unknown"
    if finding.value >= clean:
        return "no"
    result = finding.result
    drop = next((r for r in audit.results if result and (r.shift, r.search, r.group) == _place(result) and r.measure == "drop"), None)
    elsewhere = next((n for n in audit.natural if result is None and n.source == finding.name), None)
    if drop is not None and drop.interval:
        return "beyond chance" if drop.interval[0] > 0 else "in this sample"
    if elsewhere is not None and elsewhere.difference_interval:
        return "beyond chance" if elsewhere.difference_interval[1] < 0 else "in this sample"
    return "beyond chance" if finding.ceiling < clean else "in this sample"


def _place(result: Result) -> tuple[str, str, str | None]:
    return result.shift, result.search, result.group


def _by_chance(audit: Audit, chance: NamedNumber) -> str:
    shown = bracketed(chance.value, chance.result.bracket if chance.result else None)
    name = explained_spec(chance.name) if chance.result and chance.result.group is None else chance.name
    number = f"{name}: {shown} ({span(chance.interval)})"
    match lowered(audit, chance):
        case "beyond chance":
            return f"Without an attack, {audit.judge.word} is lowest on {number}, measurably below clean {audit.judge.word}."
        case "in this sample":
            return (
                f"Without an attack, {audit.judge.word} is lowest on {number}; the difference from clean {audit.judge.word} may be chance."
            )
        case "no":
            return f"Without an attack, nothing measured is below clean {audit.judge.word}; the lowest is {number}."
        case "unknown":
            return f"Without an attack, {audit.judge.word} is lowest on {number}."


def unknowns(audit: Audit) -> list[str]:
    """What a reader must not read into this audit, each as half a sentence."""
    found = threats(audit)
    said: list[str] = []
    broken = unfinished(audit)
    if broken:
        failed = sum(cell.state == "failed" for cell in broken)
        said.append(f"{len(broken)} of {plural(len(audit.cells), 'cell')} did not finish ({failed} failed), so the results are partial")
    elif not audit.complete and not unfinished_extras(audit):
        said.append("the run is marked incomplete, so the results are partial")
    unanswered = [cell for cell in audit.cells if cell.unanswered]
    if unanswered:
        most = max(cell.unanswered / cell.n for cell in unanswered)
        said.append(
            f"no answer came to up to {percent(most)} of the examples of {plural(len(unanswered), 'cell')}, so their numbers are brackets"
        )
    unmeasured = [t.shift for t in found if not t.numbers]
    if unmeasured:
        said.append(f"nothing was measured for {_some(unmeasured)}")
    if not any(t.proven for t in found):
        others = any(curve.subject for curve in audit.proven)
        only = "nothing is proven of the model itself, only of the smoothed one"
        said.append(only if others else "nothing is proven: no certificate was run")
    average_only = [t for t in worst_of_each_family(audit) if t.average and not any(o.attacked for o in found if o.family == t.family)]
    if average_only:
        said.append(f"only the average case was measured for {_some([t.family for t in average_only])}")
    said += unchecked(audit)
    if not groups(audit):
        said.append(f"no {audit.judge.word} per group was measured")
    if not audit.natural:
        said.append("no natural shift was measured")
    if audit.left_out:
        said.append(f"{plural(len(audit.left_out), 'combination')} could not be run")
    return said


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _what_is_unknown(audit: Audit) -> str:
    said = unknowns(audit)
    open_ends = f"Not covered: {'; '.join(said)}." if said else "Every cell of the plan finished."
    flags = flag_counts(audit)
    distrust = f" {plural(sum(flags.values()), 'reliability flag')} raised: {', '.join(flags)}." if flags else ""
    return open_ends + distrust
