"""The work of one cell, in whichever process: load what is needed, confront, write."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from shiftproof._interrupt import by_signal
from shiftproof._secrets import without_secrets
from shiftproof.attack_smoothed import attack_smoothed
from shiftproof.certificates.abstract import Certificate
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.certify import certify
from shiftproof.data.examples import Examples
from shiftproof.data.source import Source
from shiftproof.door import Reading, confront
from shiftproof.finding import Finding, join
from shiftproof.models.abstract import Labels
from shiftproof.models.query_count import QueryCount, counting_queries
from shiftproof.outcomes import HELD, Flag
from shiftproof.runs.cell import Cell
from shiftproof.runs.checkpoint import Checkpoint
from shiftproof.runs.gallery import keep_pictures
from shiftproof.runs.ledger import booking
from shiftproof.runs.stamps import Stamp, check_folder
from shiftproof.runs.store import Store
from shiftproof.searches.to_the_end import ToTheEnd, sizes
from shiftproof.shifts.norms.ball import Ball

CHUNK_BYTES = 256_000_000
"""Inputs held in memory at once; moves of a norm ball are as large again."""


class CellDone(NamedTuple):
    """A finished or failed cell. The results themselves are in the store."""

    cell: Cell
    error: str | None


@dataclass(frozen=True, eq=False)
class Work:
    """Everything a worker needs, in a form that travels to another process.

    `model` builds the model; it is called once in each process. `flags` are what a look at it on each sample came to, by the sample's
    fingerprint; where there is none it is taken. `data_files` and `model_files` must stay what they were.
    """

    model: Callable[[], Labels]
    sources: Mapping[str, Source]
    store: Store
    batch_size: int
    pictures: int
    threads: int | None = None
    data_files: tuple[Stamp, ...] = ()
    model_files: tuple[Stamp, ...] = ()
    flags: Mapping[str, tuple[Flag, ...]] = field(default_factory=dict[str, tuple[Flag, ...]])

    def __call__(self, cell: Cell, progress: Callable[[int], None] | None = None) -> CellDone:
        """Runs one cell and writes it. A failure is returned, never raised: the rest of the plan goes on."""
        if self.threads:
            torch.set_num_threads(self.threads)
        home = Path.cwd()
        try:
            if not self.store.has(cell):  # another run of the same plan may have been quicker
                with booking(self.store.sent), counting_queries() as count:
                    self._run(cell, progress, count)
        except BaseException as error:  # whatever a model, a plugin or the disk raises belongs in the report of this cell, SystemExit too
            if isinstance(error, KeyboardInterrupt) and by_signal(error):
                raise
            return CellDone(cell, without_secrets(traceback.format_exc()))
        finally:
            os.chdir(home)  # a part of the user's own may have left it
        return CellDone(cell, None)

    def _run(self, cell: Cell, progress: Callable[[int], None] | None, count: QueryCount) -> None:
        model = _built(self.model, self.model_files)
        source = self.sources[cell.data]
        found: list[Finding] = []
        labels: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
        stored = self._unmoved(cell)
        for chunk in source.batches(self._chunk(source, cell), cell.start, cell.stop):
            clean = stored[slice(sum(map(len, found)), sum(map(len, found)) + len(chunk))] if stored else None
            finding = self._judge(model, cell, chunk, progress, clean)
            if isinstance(cell.method, ToTheEnd) and isinstance(cell.shift, Ball):
                finding = replace(finding, radius=sizes(finding, cell.shift))  # what a curve is made of
            else:
                keep_pictures(self.store.gallery, cell, chunk, finding, clean, most=self.pictures)
            slim = finding.params.reshape(len(finding), -1)
            found.append(finding if slim.shape[1] <= 64 else Finding(**{**vars(finding), "params": slim[:, :0]}))
            labels.append(chunk.y.numpy())
        for stamp in self.data_files:
            stamp.check()
        check_folder(source, cell.data)
        self.store.write(cell, replace(join(found), sent=count.sent), np.concatenate(labels), self.batch_size)
        self._checkpoint(cell).clear()

    def _unmoved(self, cell: Cell) -> Reading | None:
        """The model's answers to the cell's examples as they are, where they are stored."""
        unmoved = cell.unmoved
        return _stored(self.store, unmoved) if unmoved != cell and self.store.has(unmoved) else None

    def _judge(self, model: Labels, cell: Cell, chunk: Examples, progress: Callable[[int], None] | None, clean: Reading | None) -> Finding:
        flags = self.flags.get(cell.data)
        if isinstance(cell.method, Certificate):
            return certify(
                model,
                cell.shift,
                certificate=cell.method,
                examples=chunk,
                seed=cell.seed,
                batch_size=self.batch_size,
                progress=progress,
                flags=flags,
                clean=clean,
            )
        if isinstance(cell.method, SmoothedAttack):
            return attack_smoothed(
                model,
                cell.shift,
                attack=cell.method,
                examples=chunk,
                seed=cell.seed,
                batch_size=self.batch_size,
                progress=progress,
                flags=flags,
            )
        return confront(
            model,
            cell.shift,
            search=cell.method,
            examples=chunk,
            seed=cell.seed,
            batch_size=self.batch_size,
            progress=progress,
            keeper=self._checkpoint(cell),
            flags=flags,
            clean=clean,
        )

    def _checkpoint(self, cell: Cell) -> Checkpoint:
        return Checkpoint(self.store.partial / cell.key())

    def _chunk(self, source: Source, cell: Cell) -> int:
        one = source.take(slice(cell.start, cell.start + 1)).x
        size = max(1, one.numel() * one.element_size())
        return max(self.batch_size, CHUNK_BYTES // size // self.batch_size * self.batch_size)


def _stored(store: Store, cell: Cell) -> Reading:
    """What the model answered to unmoved examples; the store remembers what it has read."""
    columns = store.read(cell).columns
    loss, probability, confidence = (torch.tensor(columns[name]) for name in ("loss", "probability", "confidence"))
    broken = torch.tensor(columns["outcome"] != HELD)
    return Reading(torch.tensor(columns["prediction"]), broken, loss, probability, confidence, loss.isfinite())


@lru_cache(maxsize=1)
def _built(build: Callable[[], Labels], files: tuple[Stamp, ...]) -> Labels:
    """The model of this process, built once, of the files that the run was planned with."""
    model = build()
    for stamp in files:
        stamp.check()
    return model
