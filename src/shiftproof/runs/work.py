"""The work of one cell, in whichever process: load what is needed, confront, write."""

from __future__ import annotations

import json
import os
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from shiftproof._batches import CALL_BYTES
from shiftproof._errors import StoredFileWarning
from shiftproof._interrupt import by_signal
from shiftproof._secrets import without_secrets
from shiftproof.attack_smoothed import attack_smoothed
from shiftproof.certificates.abstract import Certificate
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.certify import certify
from shiftproof.data.examples import Examples
from shiftproof.data.rows import most_rows
from shiftproof.data.source import Source
from shiftproof.door import confront
from shiftproof.finding import Finding, join
from shiftproof.judges.abstract import Reading
from shiftproof.models.abstract import Answers
from shiftproof.models.query_count import QueryCount, counting_queries
from shiftproof.outcomes import HELD, NO_ANSWER, Flag
from shiftproof.runs.cell import Cell
from shiftproof.runs.checkpoint import Checkpoint
from shiftproof.runs.claims import Claims
from shiftproof.runs.gallery import keep_pictures
from shiftproof.runs.job import Done, Keyed
from shiftproof.runs.ledger import booking
from shiftproof.runs.score_rows import SCORE, UNREADABLE
from shiftproof.runs.stamps import Stamp, check_folder
from shiftproof.runs.store import Store
from shiftproof.searches.to_the_end import ToTheEnd, sizes
from shiftproof.shifts.norms.ball import Ball

CHUNK_BYTES = 64_000_000
"""Inputs held in memory at once; moves of a norm ball are as large again."""


class _DoorOptions(TypedDict):
    """What is handed to whichever door judges a cell."""

    examples: Examples
    seed: int
    batch_size: int
    progress: Callable[[int], None] | None
    flags: tuple[Flag, ...] | None


class Errand(Keyed, Protocol):
    """Work of a run that is no cell. It does not depend on cells, and writes what it comes to into the run's folder itself."""

    @property
    def what(self) -> str:
        """What is being done, for whoever waits."""
        ...

    def finished(self, store: Store) -> bool:
        """Whether nothing of it is left to do; a file that is there and cannot be used is named in a warning."""
        ...

    def do(self, work: Work) -> None:
        """Does it and writes it, unless another run has meanwhile."""
        ...

    def fail(self, store: Store, error: str) -> None:
        """Writes down why it could not be done: its worker died, or the model could not be loaded."""
        ...

    def failure(self, store: Store) -> Path:
        """The file into which `fail` writes."""
        ...

    def results(self, store: Store) -> Path:
        """The file into which `do` writes."""
        ...


RunJob = TypeVar("RunJob", bound=Cell | Errand)


@dataclass(frozen=True, eq=False)
class Work:
    """Everything a worker needs, in a form that travels to another process.

    `model` builds the model; it is called once in each process. `flags` are what a look at it on each sample came to, by the sample's
    fingerprint; where there is none it is taken. `data_files` and `model_files` must stay what they were. `claims` are those of the call
    that it is part of; without them it does what it is given.
    """

    model: Callable[[], Answers]
    sources: Mapping[str, Source]
    store: Store
    batch_size: int
    pictures: int
    threads: int | None = None
    data_files: tuple[Stamp, ...] = ()
    model_files: tuple[Stamp, ...] = ()
    flags: Mapping[str, tuple[Flag, ...]] = field(default_factory=dict[str, tuple[Flag, ...]])
    claims: Claims | None = None

    def __call__(self, job: RunJob, progress: Callable[[int], None] | None = None) -> Done[RunJob]:
        """Runs one cell or errand, which is written, unless another call of the run has done it or is at it.

        A failure is returned, never raised: the rest of the plan goes on.
        """
        if self.threads:
            torch.set_num_threads(self.threads)
        home = Path.cwd()
        try:
            if not self._mine(job):
                return Done(job, None, elsewhere=True)
            with booking(self.store.sent), counting_queries() as count:
                if isinstance(job, Cell):
                    self._run(job, progress, count)
                else:
                    job.do(self)
        except BaseException as error:  # whatever a model, a plugin or the disk raises belongs in the report of this job, SystemExit too
            if isinstance(error, KeyboardInterrupt) and by_signal(error):
                raise
            return Done(job, without_secrets(traceback.format_exc()))
        finally:
            os.chdir(home)  # a part of the user's own may have left it
        return Done(job, None)

    def _mine(self, job: Cell | Errand) -> bool:
        """Whether a job is left to do, and here."""
        if is_finished(job, self.store):
            return False
        if self.claims is None:
            return True
        if not self.claims.take(job.key()):
            return False
        if self.store.mirror is not None:
            self.store.mirror.check([results_of(job, self.store)])
        if is_finished(job, self.store):  # between the look and the claim
            self.claims.release(job.key())
            return False
        return True

    def built(self) -> Answers:
        """The model of this process, built once."""
        return _built(self.model, self.model_files)

    def _run(self, cell: Cell, progress: Callable[[int], None] | None, count: QueryCount) -> None:
        model = self.built()
        source = self.sources[cell.data]
        found: list[Finding] = []
        truths: list[npt.NDArray[Any]] = []
        again = self.store.has(cell)
        rows = self.store.unanswered(cell) if again else np.arange(cell.start, cell.stop)
        stored, size = self._unmoved(cell), self._chunk(source, cell)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            chunk = source.take(part if again else slice(int(part[0]), int(part[-1]) + 1))
            clean = stored[torch.from_numpy(part - cell.start)] if stored else None
            finding = measured_chunk(
                model,
                cell,
                chunk,
                batch_size=self.batch_size,
                flags=self.flags.get(cell.data),
                progress=progress,
                clean=clean,
                checkpoint=self._checkpoint(cell),
            )
            if isinstance(cell.method, ToTheEnd) and isinstance(cell.shift, Ball):
                finding = replace(finding, radius=sizes(finding, cell.shift))  # what a curve is made of
            else:
                keep_pictures(self.store.gallery, cell, chunk, finding, clean, most=self.pictures)
            slim = finding.params.reshape(len(finding), -1)
            found.append(finding if slim.shape[1] <= 64 else Finding(**{**vars(finding), "params": slim[:, :0]}))
            truths.append(written_truth(chunk.y))
        for stamp in self.data_files:
            stamp.check()
        check_folder(source, cell.data)
        self._write(cell, rows, replace(join(found), sent=count.sent), np.concatenate(truths))
        self._checkpoint(cell).clear()

    def _write(self, cell: Cell, rows: npt.NDArray[np.intp], finding: Finding, truths: npt.NDArray[Any]) -> None:
        """Writes what was found, beside what is there by now: a call that was stopped for long may find its cell done by another.

        What came first counts, as a paid endpoint may answer otherwise the second time; where it has, a warning says so.
        """
        if self.store.mirror is not None:
            self.store.mirror.check([self.store.path(cell)])
        if not self.store.has(cell):
            self.store.write(cell, finding, truths, self.batch_size)
            return
        stored = self.store.read(cell).columns
        there, said = stored["outcome"][rows - cell.start], stored["prediction"][rows - cell.start]
        known = there != NO_ANSWER
        other = known & (finding.outcome != NO_ANSWER) & ((finding.outcome != there) | (finding.prediction != said))
        if other.any():
            warnings.warn(
                f"Another call finished '{self.store.path(cell)}' meanwhile; {int(other.sum())} of {len(rows)} answers came out "
                "otherwise here. Those that came first stay.",
                StoredFileWarning,
                stacklevel=2,
            )
        if not known.all():
            self.store.complete(cell, finding, truths, self.batch_size, rows)

    def _unmoved(self, cell: Cell) -> Reading | None:
        """The model's answers to the cell's examples as they are, where they are stored."""
        unmoved = cell.unmoved
        return _stored(self.store, unmoved) if unmoved != cell and self.store.has(unmoved) else None

    def _checkpoint(self, cell: Cell) -> Checkpoint:
        return Checkpoint(self.store.partial / cell.key())

    def _chunk(self, source: Source, cell: Cell) -> int:
        x = source.take(slice(cell.start, cell.start + 1)).x
        held = min(self.batch_size, most_rows(x, CALL_BYTES))
        return max(held, most_rows(x, CHUNK_BYTES) // held * held)


def is_finished(job: Cell | Errand, store: Store) -> bool:
    """Whether nothing of a job is left to do."""
    return store.finished(job) if isinstance(job, Cell) else job.finished(store)


def results_of(job: Cell | Errand, store: Store) -> Path:
    """The file that is there when a job is done."""
    return store.path(job) if isinstance(job, Cell) else job.results(store)


def failure_of(job: Cell | Errand, store: Store) -> Path:
    """The file that says why a job failed."""
    return store.failure(job) if isinstance(job, Cell) else job.failure(store)


def measured_chunk(
    model: Any,
    cell: Cell,
    chunk: Examples,
    *,
    batch_size: int,
    flags: tuple[Flag, ...] | None,
    progress: Callable[[int], None] | None = None,
    clean: Reading | None = None,
    checkpoint: Checkpoint | None = None,
) -> Finding:
    """What the method of a cell finds on some examples: a proof, an attack on the smoothed model, or a search. Only a search is resumed."""
    asked = _DoorOptions(examples=chunk, seed=cell.seed, batch_size=batch_size, progress=progress, flags=flags)
    if isinstance(cell.method, Certificate):
        return certify(model, cell.shift, certificate=cell.method, clean=clean, **asked)
    if isinstance(cell.method, SmoothedAttack):
        return attack_smoothed(model, cell.shift, attack=cell.method, **asked)
    return confront(model, cell.shift, search=cell.method, judge=cell.judge, checkpoint=checkpoint, clean=clean, **asked)


def _stored(store: Store, cell: Cell) -> Reading:
    """What the model answered to unmoved examples; the store remembers what it has read."""
    columns = store.read(cell).columns
    loss, probability, confidence = (torch.tensor(columns[name]) for name in ("loss", "probability", "confidence"))
    broken = torch.tensor(columns["outcome"] != HELD)
    said = columns["prediction"]
    prediction = said.astype(object) if said.dtype.kind == "U" else torch.tensor(said)
    score = torch.tensor(columns[SCORE]) if SCORE in columns else None
    written = store.scores(cell)
    scores = None if written is None else torch.tensor(written)
    unreadable = torch.tensor(columns[UNREADABLE]) if UNREADABLE in columns else None
    missing = torch.tensor(columns["outcome"] == NO_ANSWER)
    finite = loss.isfinite() | missing
    return Reading(prediction, broken, loss, probability, confidence, finite, score, scores, unreadable, missing)


def written_truth(y: Any) -> npt.NDArray[Any]:
    """The truths as a store holds them: labels and numbers as they are, accepted texts as a JSON list."""
    if isinstance(y, torch.Tensor):
        return y.numpy()
    return np.array([json.dumps(accepted, ensure_ascii=False) for accepted in y], dtype=object)


@lru_cache(maxsize=1)
def _built(build: Callable[[], Answers], files: tuple[Stamp, ...]) -> Answers:
    """The model of this process, built once, of the files that the run was planned with."""
    model = build()
    for stamp in files:
        stamp.check()
    return model
