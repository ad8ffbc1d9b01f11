"""What conditions come to on a finished run: held, failed, or not to be judged because a number is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from shiftproof._errors import UsageError
from shiftproof.gate.condition import Condition, End
from shiftproof.gate.match import Available, NumberName, entries_of, natural_spec, no_match, parsed, recorded_as, select
from shiftproof.gate.measured import DROP, is_part, words
from shiftproof.gate.names import AVERAGE, NATURAL, word_of
from shiftproof.records.audit import UNION, Audit, CellRecord, ClaimKind, GateRecord, NaturalShift, Result
from shiftproof.records.set_measure import SetMeasure

VerdictState = Literal["held", "failed", "unjudged"]
EndPair = tuple[float, float]


def _kinds(measure: str, of_judge: str) -> frozenset[ClaimKind]:
    """From cells of which kind a measure comes; `of_judge` is the judge's own word for its mean score."""
    if measure in (DROP, "error_probability") or measure.endswith("_loss") or (measure != of_judge and is_part(measure)):
        return frozenset({"estimate", "at_most"})
    if measure == "smoothed_robust_accuracy":
        return frozenset({"at_most"})
    if measure.startswith(("certified_", "smoothed_")):
        return frozenset({"at_least"})
    return frozenset({"at_most" if measure.startswith("robust_") else "estimate"})


@dataclass(frozen=True)
class MeasuredNumber:
    """One measured number, whichever part of the record it stands in."""

    label: str
    value: float | None
    interval: EndPair | None
    kind: ClaimKind
    confidence: float
    n: int
    flags: tuple[str, ...] = ()
    unfinished: bool = False
    refused: str = ""
    searched: bool = False
    """Whether it is an estimate at moves that were searched for another purpose."""

    def at(self, end: End) -> float | None:
        """The number itself or an end of its interval; None where it was not measured or its cell is unfinished."""
        if self.unfinished or self.value is None:
            return None
        if end == "value":
            return self.value
        return None if self.interval is None else self.interval[end == "high"]


@dataclass(frozen=True)
class GateVerdict:
    """What one condition came to.

    Args:
        condition: the condition.
        state: "held", "failed", or "unjudged" where the number it is about is missing.
        value: the number that was compared; None where unjudged.
        number: the measurement it belongs to; None where unjudged.
        detail: one or two sentences for people.
    """

    condition: Condition
    state: VerdictState
    value: float | None
    number: MeasuredNumber | None
    detail: str

    def record(self) -> GateRecord:
        """As `audit.json` has it: an unjudged condition counts as failed there, with no value."""
        return GateRecord(condition=str(self.condition), failed=self.state != "held", value=self.value, detail=self.detail)


def judge(audit: Audit, conditions: Iterable[str | Condition]) -> list[GateRecord]:
    """`verdicts`, as records.

    Raises:
        UsageError: a condition cannot be read. One that matches no number is not an error here but unjudged: `check_against` says so
            before any work.
    """
    return [verdict.record() for verdict in verdicts(audit, conditions)]


def exit_code(records: Sequence[GateRecord], complete: bool) -> Literal[0, 1, 2]:
    """How a command ends: 1 where a condition failed, 2 where one could not be judged or cells are missing, else 0.

    A condition that failed has failed on finished cells, so what is missing elsewhere does not excuse it: 1 goes before 2.
    """
    if any(record.failed and record.value is not None for record in records):
        return 1
    return 0 if complete and all(record.value is not None for record in records) else 2


def verdicts(audit: Audit, conditions: Iterable[str | Condition]) -> list[GateVerdict]:
    """Judges every condition on the numbers of a run.

    Which number is read, where a condition fits several: the least of those that are `at_most` (the tightest upper bound), the greatest of
    those that are `at_least`, the one nearest to failing among estimates. Where average and worst case both fit (a `drop` without a
    search), the average is read.
    """
    wanted = parsed(conditions)
    pairs = _numbers(audit)
    entries = entries_of([name for name, _ in pairs])
    numbers = [number for _, number in pairs]
    return [_verdict(audit, condition, entries, numbers) for condition in wanted]


def _numbers(audit: Audit) -> list[tuple[Available, MeasuredNumber]]:
    """Every number of the record with the name that conditions have for it."""
    unfinished = {cell.key for cell in audit.cells if cell.state != "done"}
    own = audit.data.uri
    found: list[tuple[Available, MeasuredNumber]] = []
    for r in audit.results:
        if r.data != own and r.risk == "mean":
            continue  # stands in `natural`, with its drop
        shift = r.shift if r.data == own else natural_spec(r.data)
        found.append(((shift, r.search, r.risk, r.measure, r.group), _of_result(r, unfinished)))
    mean = audit.judge.measure
    if not any(r.shift == "identity" and r.risk == "mean" and r.measure == mean and r.data == own for r in audit.results):
        clean = MeasuredNumber(mean, audit.clean.accuracy, audit.clean.interval, "estimate", audit.provenance.confidence, audit.clean.n)
        found.append((("identity", AVERAGE, "mean", mean, None), clean))
    for natural in audit.natural:
        found += _of_natural(natural, audit)
    for measured in audit.measures:
        found += _of_measure(measured, own, unfinished)
    return found


def _of_measure(m: SetMeasure, own: str, unfinished: set[str]) -> list[tuple[Available, MeasuredNumber]]:
    """A measure of stored answers, and its drop from the sample as it is."""
    shift = m.shift if m.data == own else natural_spec(m.data)
    place = (shift, m.search, "group" if m.group else "mean")
    label = (m.search if m.data == own else m.data) + (f" on {m.group}" if m.group else "")
    partial, why = not unfinished.isdisjoint(m.cell.split("+")), m.refused or ""
    other = m.searched and m.kind == "estimate"
    number = MeasuredNumber(label, m.value, m.interval, m.kind, m.confidence, m.n, (), partial, why, other)
    found = [((*place, m.measure, m.group), number)]
    if m.change is not None:
        ends = None if m.change_interval is None else (-m.change_interval[1], -m.change_interval[0])
        kind: ClaimKind = "at_least" if m.kind == "at_most" else "estimate"
        drop = MeasuredNumber(label, -m.change, ends, kind, m.confidence, m.n, (), partial, searched=other)
        found.append(((*place, f"{DROP}({m.measure})", m.group), drop))
    return found


def _of_result(r: Result, unfinished: set[str]) -> MeasuredNumber:
    partial = not unfinished.isdisjoint(r.cell.split("+"))
    label = r.search + (f" on {r.group}" if r.group and r.risk != "group" else "")
    return MeasuredNumber(label, r.value, r.interval, r.kind, r.confidence, r.n, tuple(r.flags), partial)


def _of_natural(natural: NaturalShift, audit: Audit) -> list[tuple[Available, MeasuredNumber]]:
    states = {cell.data: cell.state == "done" for cell in audit.cells if cell.shift == "identity"}
    there = not states.get(natural.source, True)
    either = there or not states.get(audit.data.uri, True)
    drop = None if natural.difference is None else -natural.difference
    ends = natural.difference_interval
    between = None if ends is None else (-ends[1], -ends[0])
    shift, confidence = natural_spec(natural.source), audit.provenance.confidence
    return [
        (
            (shift, AVERAGE, "mean", audit.judge.measure, None),
            MeasuredNumber(natural.source, natural.accuracy, natural.interval, "estimate", confidence, natural.n, unfinished=there),
        ),
        (
            (shift, AVERAGE, "mean", DROP, None),
            MeasuredNumber(natural.source, drop, between, "estimate", confidence, natural.n, unfinished=either),
        ),
    ]


def _verdict(audit: Audit, condition: Condition, entries: Sequence[NumberName], numbers: Sequence[MeasuredNumber]) -> GateVerdict:
    try:
        found = [numbers[row] for row in select(condition, entries)]
    except UsageError as error:
        return GateVerdict(condition, "unjudged", None, None, str(error))
    average = [number for number in found if number.kind == "estimate" and not number.searched]
    mixed = bool(average) and len(average) < len(found)
    found = average or found
    waiting = _waiting(audit, condition, estimates_only=bool(average))
    usable = [number for number in found if number.at(condition.end) is not None]
    best = _tightest(condition, usable)
    if best is None:
        why = no_match(condition, entries) if not found and not waiting else _why_missing(found, waiting)
        return GateVerdict(condition, "unjudged", None, None, f"Could not be judged: {why}")
    value = best.at(condition.end)
    failed = value is not None and condition.hit(value)
    detail = _detail(condition, best, failed, usable, mixed)
    if len(usable) == len(found) and not waiting:
        return GateVerdict(condition, "failed" if failed else "held", value, best, detail)
    if failed and _stands(condition, best.kind, waiting):
        return GateVerdict(
            condition, "failed", value, best, f"{detail} Other numbers that it is about are missing, and could not excuse it."
        )
    return GateVerdict(condition, "unjudged", None, None, f"Could not be judged: {_why_missing(found, waiting)}")


def _stands(condition: Condition, kind: ClaimKind, waiting: Sequence[CellRecord]) -> bool:
    """Whether a failure stays one whatever the missing numbers are: each can then only make it worse, or leave it."""
    if kind == "estimate":
        return True
    return _aligned(condition, kind) and not any(cell.kind == "estimate" for cell in waiting)


def _waiting(audit: Audit, condition: Condition, *, estimates_only: bool) -> list[CellRecord]:
    """Cells without which the condition's number is not the whole of it."""
    kinds = frozenset[ClaimKind]({"estimate"}) if estimates_only else _kinds(condition.measure, audit.judge.measure)
    natural = condition.shift.part == NATURAL
    found: list[CellRecord] = []
    for cell in audit.cells:
        spec = natural_spec(cell.data) if cell.data != audit.data.uri else cell.shift
        fits = recorded_as("shift", spec) if natural == (cell.data != audit.data.uri) else None
        proves = condition.measure.startswith("certified_") and _proves(cell)
        if cell.state == "done" or not (cell.kind in kinds or proves) or fits is None or not condition.shift.fits(fits):
            continue
        search = condition.search
        if search is None or search.fits(recorded_as("search", cell.search)) or (search.part == UNION and cell.kind == "at_most"):
            found.append(cell)
    return found


def _proves(cell: CellRecord) -> bool:
    """Whether the search of a cell may try every move, which is a proof."""
    from shiftproof.searches import searches

    name = word_of(cell.search)
    return name in searches.names() and searches.get(name).proves


def _why_missing(found: Sequence[MeasuredNumber], waiting: Sequence[CellRecord]) -> str:
    if waiting:
        cells = "; ".join(
            f"{cell.shift} under {cell.search} is {'unfinished' if cell.state == 'missing' else 'failed'}" for cell in waiting[:3]
        )
        return f"{cells}{f' and {len(waiting) - 3} more' if len(waiting) > 3 else ''}. Run again with the same output folder to go on."
    if any(number.unfinished for number in found):
        return "its cell is unfinished. Run again with the same output folder to go on."
    refused = next((number.refused for number in found if number.refused), "")
    return f"{refused}." if refused else "nothing was measured there (no examples, or no interval)."


def _tightest(condition: Condition, usable: Sequence[MeasuredNumber]) -> MeasuredNumber | None:
    if not usable:
        return None

    def value(number: MeasuredNumber) -> float:
        return number.value if number.value is not None else float("nan")  # usable ones have a value

    def end(number: MeasuredNumber) -> float:
        at = number.at(condition.end)
        return at if at is not None else float("nan")

    match usable[0].kind:
        case "at_most":
            return min(usable, key=value)
        case "at_least":
            return max(usable, key=value)
        case _:
            return min(usable, key=end) if condition.op in ("<", "<=") else max(usable, key=end)


def _aligned(condition: Condition, kind: ClaimKind) -> bool:
    """Whether failing shows that the truth fails too: an upper bound below the threshold, or a lower bound above it."""
    return kind == ("at_most" if condition.op in ("<", "<=") else "at_least")


def _detail(condition: Condition, number: MeasuredNumber, failed: bool, usable: Sequence[MeasuredNumber], mixed: bool) -> str:
    interval = f", {100 * number.confidence:.4g}% interval [{number.interval[0]:.4g}, {number.interval[1]:.4g}]" if number.interval else ""
    text = f"{number.value:.4g} by {number.label}{interval}, {number.n} examples. {_meaning(condition, number, failed)}"
    if len(usable) > 1:
        which = {"at_most": "least", "at_least": "greatest", "estimate": "nearest to failing"}[number.kind]
        others = ", ".join(f"{other.label} {other.value:.4g}" for other in usable)
        text += f" It is the {which} of {len(usable)}: {others}."
    if mixed:
        text += " This is the average case; name a search for its worst case."
    if number.flags:
        text += f" Flags: {', '.join(number.flags)}."
    return text


def _meaning(condition: Condition, number: MeasuredNumber, failed: bool) -> str:
    """What the number's kind means for this comparison."""
    kind = number.kind
    if number.searched:
        return "An estimate at moves found to break single answers, not for this measure."
    if kind == "estimate":
        return "An estimate: a sample mean." if condition.measure in words() else "An estimate from a sample."
    claim, further = ("at most", "less") if kind == "at_most" else ("at least", "more")
    said = f"{claim.capitalize()}: the truth is this or {further}"
    if _aligned(condition, kind):
        return f"{said}." if failed else f"{said}, so it holds as far as was searched."
    return f"{said}, so the truth itself may not fail." if failed else f"{said}."


def table(found: Sequence[GateVerdict]) -> str:
    """Conditions, values, intervals and kinds as lines of text, with the reason of each that did not hold."""
    rows = [("fails if", "state", "value", "interval", "kind", "n"), *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"{verdict.condition}: {verdict.detail}" for verdict in found if verdict.state != "held"]
    return "\n".join([*lines, *notes])


def _row(verdict: GateVerdict) -> tuple[str, str, str, str, str, str]:
    number = verdict.number
    if number is None or verdict.value is None:
        return str(verdict.condition), verdict.state, "-", "-", "-", "-"
    interval = f"[{number.interval[0]:.4g}, {number.interval[1]:.4g}]" if number.interval else "-"
    return str(verdict.condition), verdict.state, f"{verdict.value:.4g}", interval, number.kind, str(number.n)
