"""`shiftproof.audit`: plan, run, collect, judge, write the page."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof._interrupt import Once
from shiftproof._urls import check_whole, is_url
from shiftproof._writing import disk_error, one_at_a_time
from shiftproof.certificates.abstract import Certificate
from shiftproof.defences.abstract import Defence
from shiftproof.evaluation.audit.callbacks import Listeners, OnCell, OnExample, log
from shiftproof.evaluation.audit.chosen import chosen_plan
from shiftproof.evaluation.audit.diagnose import DiagnosesLeft
from shiftproof.evaluation.audit.plan import AuditPlan, make_plan
from shiftproof.evaluation.audit.record import make_record
from shiftproof.evaluation.audit.report import Report
from shiftproof.evaluation.audit.transcripts import transcripts_of
from shiftproof.evaluation.config import AuditConfig, make_config
from shiftproof.gate import judge as judge_gate
from shiftproof.judges.abstract import Judge
from shiftproof.models.answer_cache import AnswerCache, CachedAnswers
from shiftproof.models.query_count import counting_queries
from shiftproof.records.audit import Audit
from shiftproof.records.document import write_document
from shiftproof.records.transcripts import write_transcripts
from shiftproof.reports.audit.page import write_page
from shiftproof.runs.backends.processes import check_travels
from shiftproof.runs.cell import Cell
from shiftproof.runs.job import Done
from shiftproof.runs.ledger import Ledger
from shiftproof.runs.provenance import now
from shiftproof.runs.recognise import gone_on_with, measured_anew
from shiftproof.runs.remote_store import Mirror
from shiftproof.runs.run import run
from shiftproof.runs.stamps import data_stamps, model_stamps
from shiftproof.runs.store import Store
from shiftproof.runs.work import Work
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball


def audit(  # noqa: D417  # options that belong together are explained together
    model: object,
    data: object,
    *,
    label: str | None = None,
    groups: Sequence[str] = (),
    weights: str | Path | None = None,
    name: str | None = None,
    model_version: str | None = None,
    defence: str | Defence | None = None,
    device: str = "cpu",
    gradients: bool = False,
    request: str | None = None,
    answer: str | None = None,
    headers: Sequence[str] = (),
    prompt: str | None = None,
    max_requests: int | None = None,
    max_tokens: int | None = None,
    box: tuple[float, float] | None = None,
    limit: int | None = None,
    shift_from: Sequence[object] = (),
    suite: str | None = None,
    shifts: Sequence[str | Shift] = (),
    searches: Sequence[str | Search] = (),
    fast_copy: str | None = None,
    judge: str | Judge = "classify",
    certify: Sequence[str | Certificate] = (),
    curves: Sequence[str | Ball] = (),
    measures: Sequence[object] = (),
    calibrate: float | None = None,
    calibrate_on: object = None,
    diagnose: bool | None = None,
    budget: str | None = None,
    plan: str | Path | None = None,
    fail_on: Sequence[str] = (),
    out: str | Path | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    batch_size: int = 256,
    backend: str = "serial",
    workers: int = 2,
    shard_size: int = 2500,
    pictures: int = 8,
    progress: bool = True,
    on_cell: OnCell | None = None,
    on_example: OnExample | None = None,
) -> Report:
    """Measures how far a model can be trusted when the world moves.

    Args:
        model: a torch module, a scikit-learn estimator, any callable, or 'package.module:factory', 'file.py:factory', 'file.onnx', a URL.
        data: what `load_data` takes: a URI or file, a data frame, (X, y), a torch data set or loader, or what `examples` makes.
        weights, name, model_version, defence, device, gradients, request, answer, headers, prompt, max_requests, max_tokens: of the model.
        label, groups, box, limit, shift_from: columns of a table (labels may be numbers), legal inputs, how many examples, other samples.
        suite, shifts, searches: quick (where nothing is named), standard, thorough or a corruption benchmark; parts or specs beside it.
        judge, certify, curves, measures, calibrate, calibrate_on, diagnose: what is right, what is proven, and what is reported of it.
        budget, plan: '10m', '20000 rows' or '200000 tokens', which chooses what is run; the plan.json of a run that chose.
        fail_on, out, seed, confidence: conditions of the gate; the run's folder, by default a temporary one; of draws and intervals.
        fast_copy, batch_size, backend, workers, shard_size, pictures: how it is run ("bfloat16": cascade on a faster copy); failures kept.
        progress, on_cell, on_example: a bar; called with each `CellResult` and `ExampleResult` at once, and what they raise ends the run.

    Returns:
        The report. Calling again with the same `out` goes on where an earlier call stopped, and repeats nothing.

    Raises:
        UsageError: something in the call cannot be used; raised before any work, and nothing is written.
    """
    given = dict(locals())  # the first line, so that it holds the arguments and nothing else
    calls = {name: given.pop(name) for name in ("progress", "on_cell", "on_example")}
    return run_audit(make_config(given), **calls)


def run_audit(config: AuditConfig, *, progress: bool = True, on_cell: OnCell | None = None, on_example: OnExample | None = None) -> Report:
    """`audit` of a checked config."""
    ledger = Ledger()
    mirror = mirror_of(config)
    with counting_queries(ledger):
        return _run_audit(config, ledger, mirror, progress, on_cell, on_example)


def mirror_of(config: AuditConfig) -> Mirror | None:
    """The URL of the run's folder, with the run that is there fetched; None where the folder is a local one."""
    if not is_url(config.out):
        check_whole(config.out)
        return None
    if ":" in config.backend:
        raise UsageError(
            f"A run at a URL has its working folder on one machine, which workers at {config.backend} do not see. "
            "Start the same command on each machine instead, with the backend serial or processes: they share the run."
        )
    mirror = Mirror(str(config.out))
    mirror.begin()
    return mirror


def working_folder(config: AuditConfig, mirror: Mirror | None) -> Path | None:
    """Where the run is worked on; None where no folder was named."""
    return mirror.folder if mirror is not None else Path(config.out) if config.out else None


def _run_audit(
    config: AuditConfig, ledger: Ledger, mirror: Mirror | None, progress: bool, on_cell: OnCell | None, on_example: OnExample | None
) -> Report:
    started = now()
    local = working_folder(config, mirror)
    out = local.absolute() if local else None  # a model may leave the working folder
    cache = AnswerCache()
    if out and Store(out).claimed:  # goes on: what is sent from here on counts, even where it is killed at once
        ledger.keep(Store(out).sent)
        cache = AnswerCache(Store(out).answers if Store(out).answers.exists() else None)
    plan = chosen_plan(config, make_plan(config, cache), out)
    log.info("%d cells on %s in %s", len(plan.cells) + len(plan.curves), plan.data.uri, out or "a temporary folder")
    folder = out or Path(tempfile.mkdtemp(prefix="shiftproof-"))
    store = Store(folder, {name: source.ids for name, source in plan.sources.items()}, mirror)
    threads = None if config.backend == "serial" else 1
    cells = [*plan.cells, *plan.calibrating, *plan.curves]
    files = (data_stamps(plan.sources.values()), model_stamps(plan.reference))
    build = replace(plan.reference, answers=store.answers)
    work = Work(build, plan.sources, store, config.batch_size, config.pictures, threads, *files, plan.flags)
    if config.backend != "serial":
        check_travels(work, [*cells, *plan.diagnoses])
    try:
        known = gone_on_with(plan.known, folder)
        plan = replace(plan, known=known, notes=(*known.notes(), *measured_anew(known, folder)))
        store.open(plan.identity(config), cells)
        ledger.keep(store.sent)
        if isinstance(plan.model, CachedAnswers) or plan.judge.asks:
            cache.keep(store.answers)
    except UsageError:
        ledger.drop()  # it was about another run
        raise
    except OSError as error:
        raise disk_error(store.folder, error) from error
    heard = Listeners(store, plan.sources, on_cell, on_example)
    with _sigterm_as_interrupt():
        try:
            later = DiagnosesLeft(plan.diagnoses, store)
            run(
                cells,
                work,
                backend=config.backend,
                workers=config.workers,
                show=progress,
                errands=plan.diagnoses,
                later=later.passes,
                on_done=_told(later, heard),
            )
        finally:
            # Also on Ctrl-C: the folder then says of itself that it is unfinished.
            record = finish(config, plan, store, started)
    return Report(record, local or folder)


def _told(later: DiagnosesLeft, heard: Listeners) -> Callable[[Done[Any]], None]:
    """Tells the time left of all that is done, and the caller's functions of cells."""

    def tell(done: Done[Any]) -> None:
        later.hear(done)
        if isinstance(done.job, Cell):
            heard(done)

    return tell


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """A polite kill ends a run as Ctrl-C does: with its record written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = signal.signal(signal.SIGTERM, Once())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def finish(config: AuditConfig, plan: AuditPlan, store: Store, started: str) -> Audit:
    """Collects what is finished, judges the gate, writes `audit.json` and the page."""
    store.check_there()
    if store.mirror is not None:
        store.mirror.fetch()
    try:
        with one_at_a_time(store.folder):  # of several, the last one to write has seen what all have finished
            record = make_record(config, plan, store, started)
            record = record.model_copy(update={"gates": judge_gate(record, config.fail_on)})
            write_document(store.folder / "audit.json", record, "audit")
            said = transcripts_of(plan, store)
            if said is not None:
                write_transcripts(store.folder, said)
            write_page(store.folder)
    except OSError as error:
        raise disk_error(store.folder, error) from error
    if store.mirror is not None:
        store.mirror.settle()
    return record
