"""The diagnoses of a run: can a gradient search's verdict on its threats be trusted? One a family, kept in the run's folder."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np

from shiftproof._errors import StoredFileWarning, UsageError
from shiftproof._identity.parts import known_part
from shiftproof._sealed import DamagedFile, read_json, write_json
from shiftproof.data.source import Source
from shiftproof.diagnostics.check import Check, Status
from shiftproof.diagnostics.masking import masking
from shiftproof.evaluation.audit.collect import strength_of
from shiftproof.models.abstract import Gradients, Labels, access_name
from shiftproof.models.query_count import counting_queries
from shiftproof.outcomes import Bound, Flag
from shiftproof.records.audit import LeftOut
from shiftproof.records.diagnosis import CheckRecord, Diagnosis
from shiftproof.runs.cell import Cell, key_of
from shiftproof.runs.cell_rows import share_held
from shiftproof.runs.job import Done
from shiftproof.runs.store import Store, read_error, write_error
from shiftproof.runs.time_left import by_gradients, expected_passes
from shiftproof.runs.work import Work
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift, gradient_objection

VERSION = 2
"""Raised when the meaning of a diagnosis changes, so that old files are not taken for new ones."""
EXAMPLES, QUERIES = 100, 500
SUITES = ("standard", "thorough")
"""The suites that diagnose without being asked."""


@dataclass(frozen=True)
class PlannedDiagnosis:
    """One diagnosis to be made: of this model, under this shift, known by `known`, on so many examples of the sample. A run's errand."""

    model: str
    data: str
    shift: Shift
    examples: int
    seed: int
    known: str

    def key(self) -> str:
        """The name of its file."""
        return key_of(
            {
                "version": VERSION,
                "model": self.model,
                "data": self.data,
                "shift": self.known,
                "examples": self.examples,
                "queries": QUERIES,
                "seed": self.seed,
            }
        )

    @property
    def what(self) -> str:
        """What is being done, for whoever waits."""
        return f"checking whether {self.shift.name} numbers can be trusted"

    def finished(self, store: Store) -> bool:
        """Whether it is made. A file that is there and cannot be used is named in a warning."""
        path, _ = _places(self, store)
        try:
            return _stored(path) is not None
        except DamagedFile as error:
            warnings.warn(f"The file '{path}' is not used: {error}. Its diagnosis is made again.", StoredFileWarning, stacklevel=2)
            return False

    def do(self, work: Work) -> None:
        """Makes it and writes it, as `answer` does."""
        model = work.built()
        if not isinstance(model, Labels):
            raise TypeError(f"a diagnosis is of a model with labels, and not of {type(model).__name__}")
        answer(self, model, work.sources[self.data], work.store, work.batch_size, work.flags.get(self.data))

    def failure(self, store: Store) -> Path:
        """The file that says why it could not be made."""
        return _places(self, store)[1]

    def results(self, store: Store) -> Path:
        """The file that holds it."""
        return _places(self, store)[0]

    def fail(self, store: Store, error: str) -> None:
        """Writes down why it could not be made."""
        failure = self.failure(store)
        with suppress(OSError):
            failure.parent.mkdir(exist_ok=True)
            write_error(failure, error)


def planned_diagnoses(
    pairs: Iterable[tuple[Shift, Search]], model: Labels, fingerprint: str, data: Source, *, wanted: bool | None, suite: bool, seed: int
) -> tuple[list[PlannedDiagnosis], list[LeftOut]]:
    """What will be diagnosed: each family of shifts that is searched by gradients, at its middle strength.

    At the least strengths everything holds and at the greatest everything breaks, whether gradients are masked or not.

    Args:
        pairs: the shifts of the run under their searches.
        model: what is measured.
        fingerprint: the model's.
        data: where.
        wanted: what the user said; None where nothing.
        suite: whether the suite diagnoses without being asked.
        seed: the run's.

    Raises:
        UsageError: it was asked for, and nothing can be diagnosed.
    """
    if not (suite if wanted is None else wanted):
        return [], []
    searched = dict.fromkeys(shift for shift, search in pairs if search.needs is Gradients and search.bound is Bound.AT_MOST)
    fitting = [shift for shift in searched if gradient_objection(shift) is None]
    if not isinstance(model, Gradients):
        why = f"the model provides {access_name(type(model))} only, so no gradient can be masked"
    else:
        why = "" if fitting else "no shift of this run is searched by gradients"
    if why and wanted:
        raise UsageError(f"There is nothing to diagnose: {why}. Leave --diagnose out.")
    if why:
        return [], [LeftOut(shift="any", search="masking", reason=why)]
    families: dict[str, list[Shift]] = {}
    for shift in fitting:
        families.setdefault(shift.name, []).append(shift)
    middles = [sorted(shifts, key=lambda shift: strength_of(shift)[1] or 0.0)[(len(shifts) - 1) // 2] for shifts in families.values()]
    place, examples = data.fingerprint(), min(EXAMPLES, len(data))
    placed = [shift.within(data.space) for shift in middles]
    return [PlannedDiagnosis(fingerprint, place, shift, examples, seed, known_part(shift).text) for shift in placed], []


def answer(
    question: PlannedDiagnosis, model: Labels, data: Source, store: Store, batch_size: int, flags: Sequence[Flag] | None = None
) -> None:
    """Makes a diagnosis and writes it; one that is there already is left alone. `flags` are the model's, as of `masking`.

    What it raises is written by the run, like the failure of a cell, and tried again by the next run. Cost: that of `masking`.
    """
    path, failure = _places(question, store)
    with suppress(DamagedFile):
        if _stored(path) is not None:  # another run of the same plan may have been quicker
            return
    began = time.perf_counter()
    # Spread over the sample, which may be in the order of its classes.
    rows = np.unique(np.linspace(0, len(data) - 1, question.examples).round().astype(int))
    record = _empty(question, data, "done")
    try:
        with counting_queries() as count:
            report = masking(
                model,
                question.shift,
                examples=data.take(rows),
                seed=question.seed,
                queries=QUERIES,
                batch_size=batch_size,
                flags=flags,
                exact=False,
            )
        found = {"examples": report.examples, "checks": [_check(check) for check in report.checks]}
        record = record.model_copy(update={**found, "asked": count.asked, "sent": count.sent})
    except UsageError as error:
        record = record.model_copy(update={"note": str(error)})
    path.parent.mkdir(exist_ok=True)
    record = record.model_copy(update={"seconds": time.perf_counter() - began})
    write_json(path, record.model_dump_json(indent=2), _identity(path))
    failure.unlink(missing_ok=True)


_LEAST_PASSES, _MOST_PASSES = 250.0, 2000.0
"""Passes that an example of a diagnosis takes: where it breaks at once or is proven to hold, and where it holds."""


class DiagnosesLeft:
    """How many passes the diagnoses of a run will take, as far as can be said: fewer where the run's own search was soon done.

    Args:
        questions: what will be diagnosed.
        store: where the cells are.
    """

    def __init__(self, questions: Sequence[PlannedDiagnosis], store: Store) -> None:
        self._questions, self._store = [question for question in questions if not _places(question, store)[0].exists()], store
        self._shares: dict[PlannedDiagnosis, float] = {}
        self._elsewhere: list[float] = []

    def hear(self, done: Done[Any]) -> None:
        """Takes in how far the search of a finished cell went, and which diagnosis is made."""
        cell = done.job
        if not isinstance(cell, Cell):
            self._questions = [question for question in self._questions if question != cell]
            return
        if done.error is not None or not self._questions or not by_gradients(cell):
            return
        columns = self._store.read(cell).columns
        share = min(1.0, float((columns["forwards"] + columns["backwards"]).mean()) / expected_passes(cell))
        self._elsewhere.append(share * share_held(columns))  # of what holds there others may break
        for question in self._questions:
            if cell.data == question.data and cell.shift.full_spec() == question.shift.full_spec():
                self._shares[question] = share

    def passes(self) -> float:
        """Those of all diagnoses that are left."""
        left, guess = _MOST_PASSES - _LEAST_PASSES, fmean(self._elsewhere or [1.0])
        return sum(question.examples * (_LEAST_PASSES + left * self._shares.get(question, guess)) for question in self._questions)


def read_diagnosis(question: PlannedDiagnosis, data: Source, store: Store) -> Diagnosis:
    """What a diagnosis came to, as far as its file says."""
    path, failure = _places(question, store)
    error = read_error(failure)
    try:
        found = _stored(path)
    except DamagedFile as damage:
        found, error = None, error or f"The file '{path}' is not used, as {damage}."
    if found is None:
        return _empty(question, data, "failed" if error else "missing").model_copy(update={"error": error})
    return found.model_copy(update={"data": data.uri})


def _stored(path: Path) -> Diagnosis | None:
    """The diagnosis of a file, None where there is none; raises `DamagedFile` where it cannot be used."""
    try:
        return Diagnosis.model_validate(read_json(path, _identity(path)))
    except FileNotFoundError:
        return None


def _identity(path: Path) -> dict[str, str]:
    return {"kind": "diagnosis", "name": path.name}


def distrust(diagnosis: Diagnosis) -> Flag | None:
    """The flag on the numbers of a family whose diagnosis failed a check."""
    if not diagnosis.failed:
        return None
    names = ", ".join(check.name for check in diagnosis.failed)
    next_ = f" Next: {', then '.join(diagnosis.next_searches)}." if diagnosis.next_searches else ""
    return Flag(
        "failed_checks",
        f"{len(diagnosis.failed)} of {diagnosis.ran} checks of plain gradient search failed under {diagnosis.shift}: {names}.{next_}",
    )


def _places(question: PlannedDiagnosis, store: Store) -> tuple[Path, Path]:
    folder = store.folder / "diagnoses"
    return folder / f"{question.key()}.json", folder / f"{question.key()}.error.txt"


def _empty(question: PlannedDiagnosis, data: Source, state: Literal["done", "failed", "missing"]) -> Diagnosis:
    return Diagnosis.model_validate(
        {
            "data": data.uri,
            "shift": question.shift.spec(),
            "family": question.shift.name,
            "state": state,
            "queries": QUERIES,
            "seed": question.seed,
        }
    )


def _check(check: Check) -> CheckRecord:
    states = {Status.PASS: "pass", Status.FAIL: "fail", Status.NOT_RUN: "not_run"}
    return CheckRecord.model_validate(
        {
            "name": check.name,
            "state": states[check.status],
            "figure": check.figure if math.isfinite(check.figure) else None,
            "limit": check.limit if math.isfinite(check.limit) else None,
            "detail": check.detail,
            "search": check.search,
            "reference": check.reference,
        }
    )
