"""A leaderboard as one matrix for each sample: a row a model, a column a threat, every claim in a column of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shiftproof.records.audit import ClaimKind
from shiftproof.records.leaderboard import Entry, Leaderboard, Number, Place
from shiftproof.reports.number_format import KINDS, known


@dataclass(frozen=True)
class ThreatColumn:
    """One threat with one kind of claim."""

    threat: str
    kind: ClaimKind
    alike: bool
    """Whether every number in it was made by the same searches with the same options."""


@dataclass(frozen=True)
class MatrixNumber:
    """A number with the rank of its model under that threat; the rank stands beside the number that ranks."""

    number: Number
    place: Place | None


@dataclass(frozen=True)
class ModelRow:
    """One model with its number in each column, None where it was not measured."""

    model: str
    sources: list[str]
    clean: Number | None
    numbers: list[MatrixNumber | None]


@dataclass(frozen=True)
class ThreatMatrix:
    """All models on one sample."""

    dataset: str
    n: int
    fingerprint: str
    columns: list[ThreatColumn]
    rows: list[ModelRow]

    @property
    def threats(self) -> dict[str, list[ThreatColumn]]:
        """The columns of each threat."""
        found: dict[str, list[ThreatColumn]] = {}
        for column in self.columns:
            found.setdefault(column.threat, []).append(column)
        return found


def threat_matrices(found: Leaderboard) -> list[ThreatMatrix]:
    """A matrix for each sample on which models were measured here under two threats or more.

    Where a model was measured several times on the same examples, the tightest bound of each kind stands: the least at most, the greatest
    at least; of estimates the first. Models are ordered by how many of the others outrank them, over all threats, and where
    that is the same by the mean of the numbers that rank.
    """
    places: dict[tuple[str, int], list[tuple[str, str, Place]]] = {}
    for section in found.sections:
        for board in section.boards:
            for place in board.places:
                sample = place.entry.sample
                if place.entry.origin.claim == "measured" and sample is not None:
                    places.setdefault((sample.fingerprint, sample.n), []).append((section.dataset, section.threat, place))
    made = [_matrix(fingerprint, n, each) for (fingerprint, n), each in places.items()]
    return sorted((m for m in made if len(m.threats) > 1), key=lambda m: -len(m.rows))


def _matrix(fingerprint: str, n: int, found: Sequence[tuple[str, str, Place]]) -> ThreatMatrix:
    threats = list(dict.fromkeys(threat for _, threat, _ in found))
    by_model: dict[tuple[str, str | None], list[tuple[str, Place]]] = {}
    for _, threat, place in found:
        by_model.setdefault((place.entry.model, place.entry.origin.fingerprint), []).append((threat, place))
    wanted = [(threat, kind) for threat in threats for kind in KINDS]
    cells = [[_best(kind, [p for t, p in places if t == threat]) for threat, kind in wanted] for places in by_model.values()]
    kept = [at for at in range(len(wanted)) if any(row[at] is not None for row in cells)]
    columns = [ThreatColumn(*wanted[at], alike=len({_made_by(row[at]) for row in cells} - {()}) < _TWO) for at in kept]
    rows = [
        ModelRow(model, sorted({p.entry.origin.source for _, p in places}), _clean([p.entry for _, p in places]), [row[at] for at in kept])
        for ((model, _), places), row in zip(by_model.items(), cells, strict=True)
    ]
    outranked = [sum((p.rank or len(found)) - 1 for _, p in places) / len(places) for places in by_model.values()]
    ranked = [[p.entry.basis.value or 0.0 for _, p in places if p.entry.basis] for places in by_model.values()]
    order = sorted(range(len(rows)), key=lambda at: (outranked[at], -sum(ranked[at]) / max(1, len(ranked[at])), rows[at].model))
    return ThreatMatrix(found[0][0], n, fingerprint, columns, [rows[at] for at in order])


_TWO = 2


def _best(kind: ClaimKind, places: Sequence[Place]) -> MatrixNumber | None:
    numbers = [(number, place) for place in places if (number := place.entry.of_kind(kind)) is not None and known(number.value) is not None]
    if not numbers:
        return None
    if kind == "at_most":
        number, place = min(numbers, key=lambda found: found[0].value or 0.0)
    else:
        number, place = max(numbers, key=lambda found: found[0].value or 0.0) if kind == "at_least" else numbers[0]
    return MatrixNumber(number, place if place.entry.basis == number else None)


def _made_by(found: MatrixNumber | None) -> tuple[str, ...]:
    return () if found is None else tuple(sorted(found.number.made_by))


def _clean(entries: Iterable[Entry]) -> Number | None:
    return next((entry.clean for entry in entries if entry.clean is not None), None)
