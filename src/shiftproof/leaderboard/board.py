"""Entries in tables: together only where they can be compared, and in one rank where they cannot be told apart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from shiftproof._errors import UsageError, unknown
from shiftproof.catalogue import registries
from shiftproof.gate.names import Name, find, recorded
from shiftproof.records.audit import ClaimKind
from shiftproof.records.leaderboard import Board, Claim, Entry, Leaderboard, Number, Place, Section

_Verdicts = tuple[Any, Any, Any] | None
VerdictLookup = Callable[[Entry], tuple[Any, Any, Any] | None]
"""Ids, correctness and labels behind the number that an entry is ranked by; None where they are not at hand."""
_Model = tuple[Any, ...]
_Key = tuple[Claim, ClaimKind, str, int | None, tuple[str, ...]]


def make_leaderboard(entries: Sequence[Entry], *, threat: str | None = None, verdicts: VerdictLookup = lambda _: None) -> Leaderboard:
    """Ranks entries per data set and threat.

    Entries share a table only where claim (measured or published), kind of the ranked number, examples (fingerprint and count) and searches
    with all their options are the same. In a table they are ordered by the ranked number. An entry shares the rank above unless it can be
    told from the first of that rank: by the paired interval of their difference, each at 1 - (1 - confidence) / pairs so that all pairs of
    the table hold together; without the examples' own verdicts, unless their intervals do not overlap; without intervals, unless the
    numbers differ.

    Args:
        entries: what is ranked.
        threat: a spec such as linf(eps=8/255), or a family's name, to show alone.
        verdicts: gives the examples' own verdicts of an entry.

    Raises:
        UsageError: no entry has this threat.
    """
    kept = list(entries) if threat is None else _of_threat(entries, threat)
    by_section: dict[tuple[str, Name, str], list[Entry]] = {}
    names = _data_names(kept)
    for entry in kept:
        key = (names(entry), _threat_name(entry), entry.threat.units)
        by_section.setdefault(key, []).append(entry)
    sections = [_section(dataset, found, verdicts) for (dataset, _, _), found in by_section.items()]
    return Leaderboard(sections=sorted(sections, key=lambda s: (-sum(len(b.places) for b in s.boards), s.dataset)))


def _of_threat(entries: Sequence[Entry], threat: str) -> list[Entry]:
    """Those of a spec, however it is written, or of a family's name alone."""
    wanted = _named(threat)
    kept = [e for e in entries if threat in (e.threat.spec, e.threat.family) or (wanted is not None and wanted.fits(_threat_name(e)))]
    if not kept:
        raise unknown("threat", threat, {name for e in entries for name in (e.threat.spec, e.threat.family)}, "No entry here has it.")
    return kept


def _named(threat: str) -> Name | None:
    try:
        return find(threat, [registries()["shifts"]])
    except UsageError:  # not a spec: `unknown` then lists the nearest
        return None


def _threat_name(entry: Entry) -> Name:
    return recorded(entry.threat.spec, [registries()["shifts"]])


def _data_names(entries: Iterable[Entry]) -> Callable[[Entry], str]:
    """One name for the same examples, the first that any of their entries has."""
    first: dict[str, str] = {}
    for entry in entries:
        if entry.sample is not None and (entry.sample.fingerprint not in first or entry.dataset != entry.sample.uri):
            first[entry.sample.fingerprint] = entry.dataset
    return lambda entry: first[entry.sample.fingerprint] if entry.sample is not None else entry.dataset


def _section(dataset: str, entries: Sequence[Entry], verdicts: VerdictLookup) -> Section:
    by_key: dict[_Key, list[Entry]] = {}
    for entry in entries:
        by_key.setdefault(_key(entry), []).append(entry)
    order = sorted(by_key.items(), key=lambda item: (item[0][0] != "measured", -len(item[1])))
    threat, least = entries[0].threat, _least_bounds(entries)
    return Section(
        dataset=dataset,
        threat=threat.spec,
        family=threat.family,
        units=threat.units,
        boards=[_board(key, found, verdicts, least) for key, found in order],
        differences=_differences([key for key, _ in order]),
    )


def _key(entry: Entry) -> _Key:
    basis = entry.basis
    kind: ClaimKind = basis.kind if basis is not None else "at_most"
    if entry.origin.claim == "published" or basis is None:
        return (entry.origin.claim, kind, entry.sample.fingerprint if entry.sample else "", None, ())
    made_by = tuple(sorted({name for number in _same_kind(entry, kind) for name in number.made_by}))
    return ("measured", kind, entry.sample.fingerprint if entry.sample else "", basis.n, made_by)


def _same_kind(entry: Entry, kind: ClaimKind) -> list[Number]:
    if kind == "at_most":
        return entry.attacked
    number = entry.average if kind == "estimate" else entry.proven
    return [] if number is None else [number]


def _differences(keys: Sequence[_Key]) -> list[str]:
    """In words, what keeps the boards of a section apart."""
    if len(keys) < 2:
        return []
    measured = [key for key in keys if key[0] == "measured"]
    said: list[str] = []
    if len(measured) < len(keys):
        said.append("published numbers were not re-measured here, and do not say on how many examples or which they stand")
    ranked = [key for key in measured if key[3] is not None]
    if len({key[1] for key in ranked}) > 1:
        said.append("some claim different things")
    if len({key[2:4] for key in ranked}) > 1:
        said.append("some stand on other examples, or on another number of them")
    if len({(key[1], key[4]) for key in ranked}) > len({key[1] for key in ranked}):
        said.append("some were searched by other searches or with other options, and a stronger search leaves less")
    if len(ranked) < len(measured):
        said.append("some have no number to rank")
    return said


def _board(key: _Key, entries: Sequence[Entry], verdicts: VerdictLookup, least: Mapping[_Model, Number]) -> Board:
    claim, kind, fingerprint, n, made_by = key
    ordered = sorted(entries, key=lambda e: (-_value(e), e.model))
    levels = [e.basis.confidence for e in ordered if e.basis is not None and e.basis.confidence is not None]
    level = min(levels, default=None)
    places = [place.model_copy(update={"lower": _lower(place.entry, least)}) for place in _ranks(ordered, verdicts, level)]
    return Board(
        claim=claim,
        basis=kind,
        fingerprint=fingerprint or None,
        n=n,
        made_by=list(made_by),
        confidence=level if all(place.test in ("first", "paired") for place in places) else None,
        places=places,
    )


def _model(entry: Entry) -> _Model | None:
    """The model and the examples of an entry; None where they are not known."""
    if entry.origin.fingerprint is None or entry.sample is None:
        return None
    return (entry.origin.fingerprint, *vars(entry.sample).values())


def _least_bounds(entries: Iterable[Entry]) -> dict[_Model, Number]:
    """The least bound that any run found, for each model and its examples."""
    least: dict[_Model, Number] = {}
    for entry in entries:
        model, bound = _model(entry), entry.bound
        if model is not None and bound is not None and (bound.value or 0.0) < (least[model].value or 0.0 if model in least else math.inf):
            least[model] = bound
    return least


def _lower(entry: Entry, least: Mapping[_Model, Number]) -> Number | None:
    """The least bound that another run found for the same model on the same examples, where it is below the entry's own."""
    model = _model(entry)
    if entry.bound is None or model is None:
        return None
    return least[model] if (least[model].value or 0.0) < (entry.bound.value or 0.0) else None


def _value(entry: Entry) -> float:
    basis = entry.basis
    return -1.0 if basis is None or basis.value is None else basis.value


def _ranks(ordered: Sequence[Entry], verdicts: VerdictLookup, level: float | None) -> list[Place]:
    pairs = len(ordered) * (len(ordered) - 1) / 2
    each = None if level is None else 1 - (1 - level) / max(pairs, 1)
    found: list[tuple[int | None, str, Entry]] = []
    first: Entry | None = None
    known: _Verdicts = None
    rank = 0
    for position, entry in enumerate(ordered, start=1):
        if entry.basis is None:
            found.append((None, "first", entry))
            continue
        apart, test, own = True, "first", None
        if first is not None:
            known, own = verdicts(first) if known is None else known, verdicts(entry)
            apart, test = _apart(first, known, entry, own, each)
        if apart:
            first, known, rank = entry, own, position
        found.append((rank, test, entry))
    held = Counter(rank for rank, _, _ in found)
    return [Place(rank=r, tied=r is not None and held[r] > 1, test=test, entry=entry) for r, test, entry in found]


def _apart(better: Entry, first: _Verdicts, worse: Entry, second: _Verdicts, confidence: float | None) -> tuple[bool, str]:
    """Whether two neighbours, with the verdicts of their examples, can be told apart, and how that was judged."""
    from shiftproof.risks.paired import paired_difference

    one, two = better.basis, worse.basis
    if one is None or two is None:
        return True, "value"
    if confidence is not None and first is not None and second is not None:
        ids, left, right = np.intersect1d(first[0], second[0], return_indices=True)
        if len(ids) and len(ids) == len(first[0]) == len(second[0]) and bool((first[2][left] == second[2][right]).all()):
            return paired_difference(first[1][left], second[1][right], confidence=confidence).interval.high < 0, "paired"
    if one.interval is not None and two.interval is not None:
        return two.interval[1] < one.interval[0], "intervals"
    return one.value != two.value, "value"
