"""Which numbers of a run a condition is about, and the nearest ones where there are none."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from shiftproof._errors import UsageError
from shiftproof.gate.condition import Condition, GroupValues, group_text, parse
from shiftproof.gate.measured import DROP, is_part, part_of
from shiftproof.gate.names import AVERAGE, IDENTITY, NATURAL, Name, Registries, natural, recorded, word_of, written
from shiftproof.records.audit import UNION, Audit

Available = tuple[str, str, str, str, str | None]
"""A number that a run has or will have: specs of its shift, search and risk as records have them, its measure, and its group if any.

Another sample is the shift `natural(source='its URI')`, or `natural` alone where its URI does not matter."""
_NEAREST = 5


@dataclass(frozen=True)
class NumberName:
    """An available number with its names made comparable."""

    shift: Name
    search: Name
    risk: Name
    measure: str
    group: tuple[str, ...]
    label: str


def check_against(conditions: Iterable[str | Condition], available: Sequence[Available]) -> None:
    """Raises where a condition is about no number, or about an unclear one: to be called before any work.

    Args:
        conditions: conditions, or their text.
        available: every number that the run will have.

    Raises:
        UsageError: a condition cannot be read, matches nothing (the nearest names are listed), or a name in it fits several parts.
    """
    entries = entries_of([*available, *_unions(available)])
    for condition in parsed(conditions):
        if not select(condition, entries):
            raise UsageError(no_match(condition, entries))


def parsed(conditions: Iterable[str | Condition]) -> list[Condition]:
    """The conditions, those given as text read."""
    return [condition if isinstance(condition, Condition) else parse(condition) for condition in conditions]


def available_in(audit: Audit) -> list[Available]:
    """Every number that a run has, as conditions may name it."""
    own = audit.data.uri
    found: list[Available] = [
        (r.shift if r.data == own else natural_spec(r.data), r.search, r.risk, r.measure, r.group) for r in audit.results
    ]
    mean = audit.judge.measure
    found.append(("identity", AVERAGE, "mean", mean, None))
    found += [(natural_spec(n.source), AVERAGE, "mean", measure, None) for n in audit.natural for measure in (mean, DROP)]
    for m in audit.measures:
        shift, risk = m.shift if m.data == own else natural_spec(m.data), "group" if m.group else "mean"
        changed = [] if m.change is None else [f"{DROP}({m.measure})"]
        found += [(shift, m.search, risk, measure, m.group) for measure in (m.measure, *changed)]
    return list(dict.fromkeys(found))


def natural_spec(uri: str) -> str:
    """How a condition names the sample at `uri`.

    >>> natural_spec("npz:b.npz")
    "natural(source='npz:b.npz')"
    """
    return NATURAL + written({"source": uri})


def entries_of(available: Iterable[Available]) -> list[NumberName]:
    """The numbers with their names made comparable."""
    return [
        NumberName(
            shift=recorded_as("shift", shift),
            search=recorded_as("search", search),
            risk=recorded_as("risk", risk),
            measure=measure,
            group=_key(group),
            label=_label(shift, search, risk, measure, group),
        )
        for shift, search, risk, measure, group in available
    ]


def select(condition: Condition, entries: Sequence[NumberName]) -> list[int]:
    """The positions of the numbers that a condition is about.

    Raises:
        UsageError: a part named without its options fits several.
    """
    rows = [row for row, entry in enumerate(entries) if _about(condition, entry)]
    rows = _settle(condition, condition.shift, {row: entries[row].shift for row in rows})
    rows = _settle(condition, condition.search, {row: entries[row].search for row in rows})
    return _settle(condition, condition.risk, {row: entries[row].risk for row in rows})


def no_match(condition: Condition, entries: Sequence[NumberName]) -> str:
    """That there is no such number, and the nearest ones."""
    labels = list(dict.fromkeys(entry.label for entry in entries))
    near = difflib.get_close_matches(condition.subject, labels, n=_NEAREST, cutoff=0.0)
    has = f"Nearest: {', '.join(near)}" if near else "It has no numbers at all"
    grouped = bool(condition.group) or (condition.risk is not None and condition.risk.part == "worst_group")
    why = " Its data have no groups." if grouped and not any(entry.risk.part == "group" for entry in entries) else ""
    return f"The condition '{condition}' matches no number of this run.{why} {has}. Name one of these, or add what is missing to the run."


def _about(condition: Condition, entry: NumberName) -> bool:
    if condition.measure != entry.measure or not _shift_fits(condition.shift, entry.shift):
        return False
    if condition.search is not None and not condition.search.fits(entry.search):
        return False
    if condition.risk is None:
        return entry.risk.part == ("group" if condition.group else "mean") and _wanted(condition.group) == entry.group
    # The record of a risk may say which group it fell on; only a condition with a group asks for that.
    return condition.risk.fits(entry.risk) and (not condition.group or _wanted(condition.group) == entry.group)


def _shift_fits(wanted: Name, here: Name) -> bool:
    if wanted.part == here.part == NATURAL and here.options is None:
        return True  # a plan that does not say which samples it has
    return wanted.fits(here)


def _settle(condition: Condition, wanted: Name | None, names: dict[int, Name]) -> list[int]:
    """The rows that a bare name means: all where they are of one part, else those of the part with its options at their defaults."""
    bare = wanted is not None and wanted.options is None and wanted.part != NATURAL
    if wanted is None or not bare or len(set(names.values())) < 2:
        return list(names)
    exact = [row for row, name in names.items() if name.text == wanted.part]
    if exact:
        return exact
    several = ", ".join(sorted({name.text for name in names.values()}))
    raise UsageError(f"The '{wanted.part}' of the condition '{condition}' fits several of this run: {several}. Write one of them in full.")


def _unions(available: Sequence[Available]) -> list[Available]:
    """The numbers of all worst-case searches together, for every shift that has several."""
    worst: dict[str, set[str]] = defaultdict(set)
    for shift, search, _, measure, _ in available:
        if measure.startswith("robust_"):
            worst[shift].add(search)
    return [
        (shift, UNION, risk, measure, group)
        for shift, search, risk, measure, group in available
        if len(worst[shift]) > 1 and search in worst[shift] and (measure.startswith("robust_") or measure == DROP or _of_all(measure))
    ]


def _of_all(measure: str) -> bool:
    """Whether a measure is known of several searches together: which examples withstand all of them is, what was said is not."""
    return is_part(measure) and part_of(measure).needs == "right"


def _wanted(group: GroupValues) -> tuple[str, ...]:
    return _key(" & ".join(f"{column}={value}" for column, value in group) or None)


def _key(group: str | None) -> tuple[str, ...]:
    """A group's name, whatever the order in which its columns cross."""
    return tuple(sorted(group.split(" & "))) if group else ()


def _label(shift: str, search: str, risk: str, measure: str, group: str | None) -> str:
    """A number as a condition names it, in the shortest form that says it all."""
    clean = shift == IDENTITY.part
    parts = [None if clean else shift]
    average = search == AVERAGE and measure not in (DROP, "error_probability") and not measure.endswith("_loss")
    parts.append(None if clean or average or shift.startswith(NATURAL) else search)
    parts.append(None if risk in ("mean", "group") else risk)
    pairs = tuple((column, value) for column, _, value in (pair.partition("=") for pair in (group or "").split(" & ")) if column)
    return ".".join([part for part in parts if part] + [measure]) + (group_text(pairs) if risk == "group" else "")


@cache
def recorded_as(place: Literal["shift", "search", "risk"], spec: str) -> Name:
    """The name of a part as records have it."""
    from shiftproof.certificates import certificates
    from shiftproof.risks import risks
    from shiftproof.searches import searches
    from shiftproof.shifts import shifts

    if place == "shift" and word_of(spec) == NATURAL:
        return natural(spec)
    homes: dict[str, Registries] = {"shift": [shifts], "search": [searches, certificates], "risk": [risks]}
    return recorded(spec, homes[place])
