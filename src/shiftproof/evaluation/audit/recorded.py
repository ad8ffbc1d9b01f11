"""Answers that another tool recorded, as an audit: items as they are, and each variant as another sample of the same items."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from shiftproof import outcomes
from shiftproof._arrays import Floats
from shiftproof._errors import UsageError
from shiftproof._writing import disk_error
from shiftproof.gate import Condition, check_against, judge
from shiftproof.gate.match import available_in
from shiftproof.outcomes import Interval
from shiftproof.records.audit import Audit, CellRecord, Clean, DataCard, JudgeCard, ModelCard, NaturalShift, Result
from shiftproof.records.document import write_document
from shiftproof.records.transcripts import Exchange, Transcripts, write_transcripts
from shiftproof.risks.mean import Mean
from shiftproof.risks.paired import paired, paired_difference
from shiftproof.runs.cell_rows import write_rows
from shiftproof.runs.provenance import now, provenance

_CLAIM = "The mean over answers that another tool recorded: an estimate, with its sampling interval."
_SEARCH = "one_draw"


@dataclass(frozen=True)
class RecordedSettings:
    """What a report of recorded answers was asked for; the rest of what provenance names is not ours to know."""

    confidence: float = 0.95
    seed: int = 0
    device: str = "none"
    suite: str | None = None


def report_recorded(transcripts: Transcripts, out: Path, *, fail_on: Sequence[str | Condition] = (), confidence: float = 0.95) -> Audit:
    """Writes the audit of recorded answers into a folder: `audit.json`, `transcripts.json` and the rows that `compare` pairs.

    Args:
        transcripts: items by variants, the items as they are among them.
        out: a new folder, or that of an earlier report.
        fail_on: conditions; a variant is `natural('its name')`.
        confidence: of the intervals, in (0, 1).

    Raises:
        UsageError: a condition is about a variant that is not there, or the folder holds something else.
    """
    if (out / "plan.json").exists() or (out.is_dir() and any(out.iterdir()) and not (out / "transcripts.json").exists()):
        raise UsageError(f"The output folder '{out}' holds other files. Choose an empty or new folder with --out.")
    audit = recorded_audit(transcripts, confidence=confidence)
    check_against(fail_on, available_in(audit))
    audit = audit.model_copy(update={"gates": judge(audit, fail_on)})
    try:
        (out / "cells").mkdir(parents=True, exist_ok=True)
        for cell in audit.cells:
            own = _of(transcripts, cell.data, audit.data.uri)
            rows = {"id": [one.item for one in own], "outcome": _outcomes(own), "label": [one.target for one in own]}
            write_rows(out / "cells" / f"{cell.key}.parquet", pa.table(rows))
        write_transcripts(out, transcripts)
        write_document(out / "audit.json", audit, "audit")
    except OSError as error:
        raise disk_error(out, error) from error
    return audit


def recorded_audit(transcripts: Transcripts, *, confidence: float = 0.95) -> Audit:
    """The record of recorded answers. Each variant is another sample, compared in pairs over the items that both have.

    Guarantees: intervals as `Mean` and `paired` give them. Answers that are missing give brackets, as in a run of our own.
    """
    started = now()
    uri = f"{transcripts.tool}:{','.join(Path(source).name for source in transcripts.source)}"
    graded = any(one.score not in (None, 0.0, 1.0) for one in transcripts.exchanges)
    base = _of(transcripts, uri, uri)
    if not base:
        raise UsageError(f"The variant '{transcripts.base}' has no answers.")
    others = [name for name in transcripts.variants if name != transcripts.base]
    clean = _ends(base, confidence)
    digest = _digest(transcripts.model_dump_json())
    samples = {uri: base, **{name: _of(transcripts, name, uri) for name in others}}
    cells = [_cell(name, own, digest) for name, own in samples.items()]
    value, interval, bracket = clean
    first = Result(
        cell=cells[0].key,
        data=uri,
        shift="identity",
        family="identity",
        search=_SEARCH,
        risk="mean",
        measure="accuracy",
        value=value,
        kind="estimate",
        interval=interval,
        bracket=bracket,
        confidence=confidence,
        n=len(base),
        forwards_per_example=1.0,
        backwards_per_example=0.0,
        seconds=0.0,
    )
    return Audit(
        complete=True,
        model=ModelCard(
            name=transcripts.model,
            spec=transcripts.model,
            fingerprint=f"recorded:{digest}",
            access="answers",
            notes=[f"The answers were recorded by {transcripts.tool}; nothing was asked again.", *transcripts.notes],
        ),
        data=DataCard(uri=uri, fingerprint=f"recorded:{digest}", n=len(base), kind="chat", units="characters", classes=0),
        clean=Clean(accuracy=value, interval=interval, bracket=bracket, n=len(base)),
        results=[first],
        natural=[_natural(name, base, samples[name], graded, confidence) for name in others],
        cells=cells,
        provenance=provenance(RecordedSettings(confidence), started).model_copy(update={"versions": {}, "python": sys.version.split()[0]}),
        judge=JudgeCard(spec=transcripts.scorer, measure="accuracy", word="mean score" if graded else "accuracy", graded=graded),
    )


def _of(transcripts: Transcripts, name: str, uri: str) -> list[Exchange]:
    variant = transcripts.base if name == uri else name
    return [one for one in transcripts.exchanges if one.variant == variant]


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=10).hexdigest()


def _outcomes(own: Sequence[Exchange]) -> list[str]:
    return [outcomes.NO_ANSWER if one.score is None else outcomes.HELD if one.score == 1.0 else outcomes.BROKEN for one in own]


def _cell(name: str, own: Sequence[Exchange], digest: str) -> CellRecord:
    counts: dict[str, int] = {}
    for outcome in _outcomes(own):
        counts[outcome] = counts.get(outcome, 0) + 1
    missing = counts.get(outcomes.NO_ANSWER, 0)
    return CellRecord(
        key=_digest(f"{digest} {name}"),
        data=name,
        shift="identity",
        shift_full="identity",
        search=_SEARCH,
        search_full=_SEARCH,
        access="answers",
        claim=_CLAIM,
        kind="estimate",
        state="incomplete" if missing else "done",
        n=len(own),
        outcomes=counts,
        forwards_per_example=1.0,
        seed=0,
        batch_size=1,
        flags=[_missing(missing, len(own))] if missing else [],
    )


def _missing(missing: int, n: int) -> outcomes.Flag:
    detail = f"No answer was recorded for {missing} of {n} items. Numbers over them are brackets: all of them wrong, all of them right."
    return outcomes.Flag(outcomes.MISSING_ANSWERS, detail, missing / n)


def _scores(own: Sequence[Exchange], missing: float) -> Floats:
    return np.array([missing if one.score is None else one.score for one in own], dtype=np.float64)


MeanEnds = tuple[float, tuple[float, float], tuple[float, float] | None]


def _ends(own: Sequence[Exchange], confidence: float) -> MeanEnds:
    """The mean with all missing answers wrong, an interval over both ends, and the bracket where answers are missing."""
    found = [Mean().measure(_scores(own, missing), confidence=confidence) for missing in (0.0, 1.0)]
    low, high = found[0].interval.low, found[1].interval.high
    silent = any(one.score is None for one in own)
    return found[0].value, (low, high), (found[0].value, found[1].value) if silent else None


def _natural(name: str, base: Sequence[Exchange], own: Sequence[Exchange], graded: bool, confidence: float) -> NaturalShift:
    value, interval, bracket = _ends(own, confidence)
    alone = NaturalShift(
        source=name, n=len(own), accuracy=value, interval=interval, bracket=bracket, difference=None, difference_interval=None
    )
    there: Mapping[str, Exchange] = {one.item: one for one in own}
    first = [one for one in base if one.item in there]
    second = [there[one.item] for one in first]
    if not first:
        return alone.model_copy(update={"notes": [f"No item of '{name}' is among those as they are, so nothing is paired."]})
    notes = [] if len(first) == len(own) == len(base) else [f"{len(first)} of {len(own)} items are among the {len(base)} as they are."]
    ends = [paired_difference(_scores(first, 1 - missing), _scores(second, missing), confidence=confidence) for missing in (0.0, 1.0)]
    between = Interval(ends[0].interval.low, ends[1].interval.high)
    silent = any(one.score is None for one in (*first, *second))
    update: dict[str, object] = {
        "difference": ends[0].value,
        "difference_interval": (between.low, between.high),
        "difference_bracket": (ends[0].value, ends[1].value) if silent else None,
        "notes": notes,
    }
    if not graded and not silent:
        update["paired"] = paired(_scores(first, 0.0), _scores(second, 0.0), against=name, confidence=confidence)
    return alone.model_copy(update=update)
