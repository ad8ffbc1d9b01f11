"""Audits as entries: found in folders, read, and taken apart by threat."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shiftproof._errors import UsageError, unknown
from shiftproof._part import show
from shiftproof.evaluation.compare import verdicts
from shiftproof.records.audit import UNION, Audit, Result, read_audit
from shiftproof.records.leaderboard import Entry, ModelDetails, Number, Origin, Paper, Sample, Threat
from shiftproof.reports.audit import digest
from shiftproof.reports.number_format import known
from shiftproof.shifts.corruptions.suites import COMMON

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CORRUPTIONS = "corruptions"
"""The family of the mean over several corruptions."""
_SEVERITIES = {1.0, 2.0, 3.0, 4.0, 5.0}


def find_audits(folders: Iterable[Path]) -> list[Entry]:
    """The entries of every audit in these folders and below, linked folders included, each run once.

    Raises:
        UsageError: a folder does not exist, holds no audit, or one of its audits or `about.toml` cannot be read.
    """
    found: list[Entry] = []
    seen: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"The folder '{folder}' does not exist. Give folders that hold runs of shiftproof audit.")
        runs = sorted(_runs(folder))
        if not runs:
            raise UsageError(
                f"The folder '{folder}' holds no audit: there is no audit.json in it or below. Run shiftproof audit --out first."
            )
        for run in runs:
            if run.resolve() not in seen:
                seen.add(run.resolve())
                found += entries_of(read_audit(run), source=str(run), about=read_about(run))
    return found


def _runs(folder: Path) -> Iterator[Path]:
    """The folders at and below `folder` that hold an audit; links are followed, and no folder is entered twice."""
    entered: set[tuple[int, int]] = set()
    for here, below, files in os.walk(folder, followlinks=True):
        place = Path(here)
        status = place.stat()
        if (status.st_dev, status.st_ino) in entered:
            below.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        below.sort(key=lambda name: ((place / name).is_symlink(), name))  # under its own name, where a folder has one beside the link
        if "audit.json" in files:
            yield place


def read_about(folder: Path) -> ModelDetails:
    """`folder`/about.toml, or nothing where there is none."""
    path = folder / "about.toml"
    if not path.is_file():
        return ModelDetails()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"The file '{path}' cannot be read as TOML: {error}.") from error
    for key in given:
        if key not in ModelDetails.model_fields:
            raise unknown(f"key in '{path}'", key, ModelDetails.model_fields)
    try:
        return ModelDetails(**given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"The '{first['loc'][0]}' in '{path}' is wrong: {first['msg']}, got {first['input']!r}.") from error


def entries_of(audit: Audit, *, source: str = "", about: ModelDetails | None = None) -> list[Entry]:
    """One entry for each threat of an audit, and one for its corruptions together where there are several at severities 1 to 5.

    Args:
        audit: the records of a run.
        source: its folder, which paired tests read examples from.
        about: what the audit cannot know.
    """
    told = about or ModelDetails()
    by_shift: dict[str, list[Result]] = {}
    for result in digest.plain(audit):
        if result.shift != "identity" and result.family not in digest.FILTERS:
            by_shift.setdefault(result.shift, []).append(result)
    made = [_entry(audit, _threat(audit, results[0]), results, source, told) for results in by_shift.values()]
    together = _corruptions(audit, by_shift.values())
    if together is not None:
        threat, average, notes = together
        made.append(_entry(audit, threat, [], source, told).model_copy(update={"average": average, "notes": notes}))
    return made


def _entry(audit: Audit, threat: Threat, results: Sequence[Result], source: str, about: ModelDetails) -> Entry:
    clean, made_with = audit.clean, audit.provenance
    numbers = [_number(audit, result) for result in results]
    attacked = [n for n in numbers if n.kind == "at_most"]
    proven = [n for n in numbers if n.kind == "at_least"]
    searched = {name for number in attacked for name in number.made_by}
    union = next((n for n in attacked if n.search == UNION), None)
    if union is not None:  # first, as it is never above the others
        attacked = [union, *(n for n in attacked if n is not union)]
    notes = list(dict.fromkeys(note for result in results for note in result.notes))
    return Entry(
        model=about.model or audit.model.name,
        paper=Paper(title=about.title, authors=about.authors, venue=about.venue, link=about.link),
        architecture=about.architecture,
        extra_data=about.extra_data,
        forward_passes=about.forward_passes,
        dataset=about.dataset or audit.data.uri,
        sample=Sample(uri=audit.data.uri, fingerprint=audit.data.fingerprint, n=audit.data.n),
        threat=threat,
        clean=Number(
            value=clean.accuracy, kind="estimate", search="one_draw", interval=clean.interval, confidence=made_with.confidence, n=clean.n
        ),
        attacked=sorted(attacked, key=lambda n: math.inf if n.value is None else n.value),
        proven=max(proven, key=lambda n: -1.0 if n.value is None else n.value, default=None),
        average=next((n for n in numbers if n.kind == "estimate"), None),
        unreliable=any(n.flags for n in attacked) or bool(audit.model.flags) if searched else None,
        footnote=about.footnote,
        notes=notes,
        origin=Origin(
            claim="measured",
            source=source,
            model=audit.model.spec,
            fingerprint=audit.model.fingerprint,
            shiftproof=made_with.shiftproof,
            suite=made_with.suite,
            seed=made_with.seed,
            device=made_with.device,
            commit=made_with.commit,
            finished=made_with.finished,
            complete=audit.complete and not any(cell.unanswered for cell in audit.cells),
        ),
    )


def _threat(audit: Audit, result: Result) -> Threat:
    return Threat(
        family=result.family, spec=result.shift, strength=result.strength, strength_name=result.strength_name, units=audit.data.units
    )


def _number(audit: Audit, result: Result) -> Number:
    keys = result.cell.split("+")
    made_by = sorted({cell.search_full for cell in audit.cells if cell.key in keys})
    own = [flag.name for flag in audit.model.flags]
    return Number(
        value=known(result.value),
        kind=result.kind,
        search=result.search,
        made_by=made_by or [result.search],
        interval=result.interval,
        confidence=result.confidence,
        n=result.n,
        flags=list(dict.fromkeys([*result.flags, *own])),
        forwards_per_example=result.forwards_per_example,
        backwards_per_example=result.backwards_per_example,
        seconds=result.seconds,
        cell=result.cell,
    )


def _corruptions(audit: Audit, groups: Iterable[Sequence[Result]]) -> tuple[Threat, Number, list[str]] | None:
    """The mean over the corruptions measured by chance at severities 1 to 5, over the published fifteen where all are there; None for one.

    The interval is Hoeffding's: an example's mean over the corruptions lies in [0, 1], and nothing else is assumed of it.
    """
    by_family: dict[str, dict[float, Result]] = {}
    for result in (r for group in groups for r in group):
        plain = result.strength is not None and result.shift == f"{result.family}(severity={show(result.strength)})"
        if plain and result.kind == "estimate" and result.value is not None:
            by_family.setdefault(result.family, {})[result.strength or 0.0] = result
    whole = {family: found for family, found in sorted(by_family.items()) if set(found) >= _SEVERITIES}
    if set(COMMON) < set(whole):  # the published fifteen, so that the mean is the one that others give
        whole = {family: found for family, found in whole.items() if family in COMMON}
    if len(whole) < 2:
        return None
    parts = [found[severity] for found in whole.values() for severity in sorted(_SEVERITIES)]
    n, level = min(part.n for part in parts), parts[0].confidence
    value = sum(part.value or 0.0 for part in parts) / len(parts)
    half = math.sqrt(math.log(2 / (1 - level)) / (2 * n)) if n else 1.0
    number = Number(
        value=value,
        kind="estimate",
        search=parts[0].search,
        made_by=sorted({part.search for part in parts}),
        interval=(max(0.0, value - half), min(1.0, value + half)),
        confidence=level,
        n=n,
        flags=sorted({flag for part in parts for flag in part.flags}),
        forwards_per_example=sum(part.forwards_per_example for part in parts),
        backwards_per_example=sum(part.backwards_per_example for part in parts),
        seconds=sum(part.seconds for part in parts),
    )
    notes = [
        f"The mean over {len(whole)} corruptions ({', '.join(whole)}) at severities 1 to 5, made here and not read from published files."
    ]
    return Threat(family=CORRUPTIONS, spec=f"{CORRUPTIONS}({', '.join(whole)})", units=audit.data.units), number, notes


def verdicts_of(entry: Entry) -> tuple[Any, Any, Any] | None:
    """The verdicts of the examples behind the number that an entry is ranked by, from its run's folder; None where they are not there.

    Raises:
        UsageError: a file of them is damaged.
    """
    basis = entry.basis
    if basis is None or not basis.cell or not entry.origin.source:
        return None
    found = verdicts(Path(entry.origin.source), basis.cell)
    return found if len(found[0]) else None
