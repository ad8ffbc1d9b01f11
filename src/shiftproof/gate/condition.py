"""The language of conditions: which number of a run, and the threshold at which the run fails."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from shiftproof._errors import UsageError, unknown
from shiftproof.gate.cut import QUOTED, cut
from shiftproof.gate.measured import canonical, is_measure, limits, names
from shiftproof.gate.names import AVERAGE, CLEAN, IDENTITY, NATURAL, Name, find, inside, natural, word_of
from shiftproof.records.audit import UNION

Operator = Literal["<", "<=", ">", ">="]
End = Literal["value", "low", "high"]
GroupValues = tuple[tuple[str, str], ...]

_SYNTAX = "Write it as SHIFT.MEASURE < NUMBER, for example 'linf(eps=8/255).robust_accuracy < 0.6' or 'accuracy[sex=F] < 70%'."
_NUMBER = re.compile(r"\s*(?P<digits>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<percent>%?)\s*", re.ASCII)
_PAIR = re.compile(rf"\s*(?P<column>{QUOTED}|[^&=\"']+?)\s*=\s*(?P<value>{QUOTED}|[^&\"']+?)\s*(?:&|$)", re.DOTALL)
_PLAIN = re.compile(r"[^\[\]&=\"'\\\s<>](?:[^\[\]&=\"'\\\n]*[^\[\]&=\"'\\\s])?")


@dataclass(frozen=True)
class Condition:
    """A condition under which a run fails.

    Args:
        shift: the shift; `IDENTITY` for the sample as it is.
        search: the search or certificate; None for any.
        risk: the risk; None for the plain mean, or for one group's own number where `group` is given.
        measure: a measure in canonical form: accuracy, recall(class=fraud), drop(recall(class=fraud)), ...
        group: column and value pairs, in the order of their names; empty for everyone.
        end: which number of the measurement is compared: its value, or the low or high end of its interval.
        op: the run fails where number `op` threshold is true.
        threshold: the number it is compared with.

    Example:
        >>> condition = parse("linf(eps = 8/255).pgd.robust_accuracy.high<60%")
        >>> str(condition)
        'linf(eps=8/255).gradient_ascent.robust_accuracy.high < 0.6'
        >>> condition.hit(0.59)
        True
    """

    shift: Name
    search: Name | None
    risk: Name | None
    measure: str
    group: GroupValues
    end: End
    op: Operator
    threshold: float

    @property
    def subject(self) -> str:
        """The number it is about, in canonical form."""
        parts = [None if self.shift == IDENTITY else self.shift, self.search, self.risk]
        path = ".".join([*(name.text for name in parts if name is not None), self.measure])
        return path + group_text(self.group) + ("" if self.end == "value" else f".{self.end}")

    def __str__(self) -> str:
        """Its canonical form: reading that gives the same condition."""
        return f"{self.subject} {self.op} {self.threshold!r}"

    def hit(self, number: float) -> bool:
        """Whether the run fails at this number."""
        match self.op:
            case "<":
                return number < self.threshold
            case "<=":
                return number <= self.threshold
            case ">":
                return number > self.threshold
            case _:
                return number >= self.threshold


def parse(text: str) -> Condition:
    """Reads `[SHIFT.][SEARCH.][RISK.]MEASURE[(options)][[column=value & ...]][.low|.high|.value] OP NUMBER`. Nothing is evaluated.

    Args:
        text: the condition under which a run fails; OP is <, <=, > or >=, and NUMBER may end in %.

    Raises:
        UsageError: it cannot be read, or a name in it is unknown; the message lists the nearest.
    """
    pieces = cut(text)
    if pieces is None:
        raise UsageError(f"Cannot read the condition {text!r}. {_SYNTAX}")
    op = _operator(pieces.op, text)
    segments, end = [*pieces.segments], pieces.end
    if end is None and pieces.group is None and len(segments) > 1 and segments[-1] in ("value", "low", "high"):
        end = segments.pop()
    if end not in (None, "value", "low", "high"):
        raise unknown("end of an interval", end, ["low", "high", "value"], f"In the condition {text!r}.")
    measure = _measure(segments.pop(), text)
    shift, search, risk = _places(_expanded(segments), text)
    return Condition(
        shift=shift,
        search=search,
        risk=risk,
        measure=measure,
        group=_group(pieces.group, text),
        end=cast("End", end or "value"),
        op=op,
        threshold=_threshold(pieces.number, measure, text),
    )


def _operator(op: str, text: str) -> Operator:
    if op in ("=", "==", "!=", "<>"):
        raise UsageError(
            f"The condition {text!r} must compare with <, <=, > or >=, got {op!r}. A measured number carries sampling error, "
            "so it is never exactly equal to a threshold: say which side of it fails the run."
        )
    if op not in ("<", "<=", ">", ">="):
        raise UsageError(f"The condition {text!r} must compare with <, <=, > or >=, got {op!r}.")
    return cast("Operator", op)


def _threshold(number: str, measure: str, text: str) -> float:
    found = _NUMBER.fullmatch(number)
    if not found:
        raise UsageError(f"The threshold of the condition {text!r} must be a number such as 0.6 or 60%, got {number.strip()!r}.")
    threshold = float(found["digits"]) / (100 if found["percent"] else 1)
    low, high = limits(measure)
    if not low <= threshold <= high:
        hint = f" Did you mean {found['digits']}%?" if not found["percent"] and 1 < threshold <= 100 else ""
        raise UsageError(f"The threshold of the condition {text!r} must be in [{low:g}, {high:g}], got {number.strip()}.{hint}")
    return threshold


def _measure(segment: str, text: str) -> str:
    if is_measure(segment):
        return canonical(segment)
    if "(" in segment or _kind_of(segment):
        raise UsageError(f"The condition {text!r} names no measure after {segment!r}. Add one of: {', '.join(names())}. {_SYNTAX}")
    raise unknown("measure", segment, names(), f"In the condition {text!r}.")


def _expanded(segments: list[str]) -> list[str]:
    """The words before the measure, expectation(SHIFT) written out: its mean over moves, which one chance draw per example estimates."""
    first, *more = segments or [""]
    inner = inside(first)
    shift = word_of(first) == "expectation" and inner is not None and "shift" in _kind_of(inner)
    return [str(inner), AVERAGE, *more] if shift else segments


_PLACES = ("shift", "search", "risk")


def _places(segments: list[str], text: str) -> tuple[Name, Name | None, Name | None]:
    """The shift, search and risk among the words before the measure; each may be left out, and their order is fixed."""
    places: dict[str, Name] = {}
    reached = -1
    for segment in segments:
        kinds = _kind_of(segment)
        if not kinds:
            raise unknown("shift, search, certificate or risk", word_of(segment), _all_names(), f"In the condition {text!r}.")
        free = [place for place in range(reached + 1, 3) if _PLACES[place] in kinds]
        if not free:
            kind = " or ".join(kinds)
            raise UsageError(
                f"The {kind} {segment!r} is in the wrong place in {text!r}. The order is SHIFT.SEARCH.RISK.MEASURE, each once."
            )
        reached = free[0]
        places[_PLACES[reached]] = kinds[_PLACES[reached]]
    return places.get("shift", IDENTITY), places.get("search"), places.get("risk")


def _kind_of(segment: str) -> dict[str, Name]:
    """What a word can be: its name by place."""
    from shiftproof.certificates import certificates
    from shiftproof.risks import risks
    from shiftproof.searches import searches
    from shiftproof.shifts import shifts

    if word_of(segment) == NATURAL:
        return {"shift": natural(segment)}
    if segment in (CLEAN, IDENTITY.part):
        return {"shift": IDENTITY}
    if segment == UNION:
        return {"search": Name(UNION, (), UNION)}
    found = {"shift": find(segment, [shifts]), "search": find(segment, [searches, certificates]), "risk": find(segment, [risks])}
    return {place: name for place, name in found.items() if name is not None}


def _all_names() -> list[str]:
    from shiftproof.certificates import certificates
    from shiftproof.risks import risks
    from shiftproof.searches import searches
    from shiftproof.shifts import shifts

    return [CLEAN, NATURAL, UNION, *(name for registry in (shifts, searches, certificates, risks) for name in registry.names())]


def _group(bracket: str | None, text: str) -> GroupValues:
    if bracket is None:
        return ()
    inside = bracket[1:-1]
    pairs: list[tuple[str, str]] = []
    at = 0
    while found := _PAIR.match(inside, at):
        pairs.append((_unquoted(found["column"]), _unquoted(found["value"])))
        at = found.end()
    if at != len(inside) or not pairs or inside.rstrip().endswith("&"):
        raise UsageError(
            f"Cannot read the group {bracket!r} in {text!r}. Write it as [column=value] or [sex=F & race=B]; "
            'a value with brackets, quotes or & stands in quotes: [age="(30, 40]"].'
        )
    return tuple(sorted(pairs))


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL) if word[0] in "\"'" else word


def group_text(group: GroupValues) -> str:
    """A group as a condition has it.

    >>> group_text((("age", "(30, 40]"), ("sex", "F")))
    '[age="(30, 40]" & sex=F]'
    """
    return f"[{' & '.join(f'{_quoted(column)}={_quoted(value)}' for column, value in group)}]" if group else ""


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    escaped = re.sub(r'(["\\])', r"\\\1", word)
    return f'"{escaped}"'
