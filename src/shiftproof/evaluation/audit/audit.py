"""`shiftproof.audit`: plan, run, collect, judge, write the page."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof._interrupt import Once
from shiftproof._writing import disk_error, one_at_a_time
from shiftproof.evaluation.audit import collect
from shiftproof.evaluation.audit.diagnose import answer
from shiftproof.evaluation.audit.plan import AuditPlan, make_plan
from shiftproof.evaluation.audit.record import make_record
from shiftproof.evaluation.config import AuditConfig, make_config
from shiftproof.gate import Available, check_against, judge
from shiftproof.gate.match import natural_spec
from shiftproof.gate.measured import DROP
from shiftproof.gate.names import AVERAGE
from shiftproof.models.abstract import Scores
from shiftproof.models.query_count import counting_queries
from shiftproof.outcomes import Bound
from shiftproof.records.audit import Audit
from shiftproof.records.document import write_document
from shiftproof.reports.audit.page import write_page
from shiftproof.reports.audit.summary import summary
from shiftproof.reports.number_format import is_mean_score
from shiftproof.runs.backends.processes import check_travels
from shiftproof.runs.ledger import Ledger
from shiftproof.runs.provenance import now
from shiftproof.runs.recognise import gone_on_with, measured_anew
from shiftproof.runs.run import run, waiting
from shiftproof.runs.stamps import data_stamps, model_stamps
from shiftproof.runs.store import Store
from shiftproof.runs.work import Work
from shiftproof.searches.abstract import Search


@dataclass(frozen=True)
class Report:
    """A finished or interrupted run: its record, and the folder with the page.

    In a notebook it shows its summary.
    """

    record: Audit
    folder: Path

    @property
    def page(self) -> Path:
        """The HTML page, one self-contained file."""
        return self.folder / "index.html"

    def accuracy(self, shift: str = "identity", search: str | None = None) -> float:
        """Accuracy (the judge's mean score) under a shift given by its spec: the least over its searches, or that of one of them."""
        values = [
            r.value
            for r in self.record.results
            if r.shift == shift and r.risk == "mean" and is_mean_score(r.measure) and search in (None, r.search) and r.value is not None
        ]
        if not values:
            known = sorted({f"{r.shift} under {r.search}" for r in self.record.results})
            raise UsageError(
                f"This run has no finished number for {shift}" + (f" under {search}" if search else "") + f". It has: {'; '.join(known)}."
            )
        return min(values)

    def __str__(self) -> str:
        return summary(self.record)

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre><p>Page: <code>{html.escape(str(self.page))}</code></p>"


def audit(model: Any, data: Any = "digits:", *, progress: bool = True, **options: Any) -> Report:
    """Measures how far a model can be trusted when the world moves.

    Args:
        model: 'package.module:factory', 'file.py:factory', 'file.onnx', an http(s) URL, or a torch module, a scikit-learn estimator, any
            callable.
        data: a URI ('digits:', 'npz:FILE', 'idx:DIR?split=test', ...), a source, or what `shiftproof.examples` makes.
        progress: show a progress bar on the error stream.
        options: the fields of `AuditConfig`: suite, shifts, searches, certify, curves, diagnose, shift_from, fail_on, weights, box, limit,
            out, seed, confidence, batch_size, backend, workers, ...

    Returns:
        The report. Calling again with the same `out` goes on where an earlier call stopped, and repeats nothing.

    Raises:
        UsageError: something in the call cannot be used; raised before any work, and nothing is written.

    Example:
        >>> import shiftproof as sp
        >>> from sklearn.linear_model import LogisticRegression
        >>> train = sp.load_data("digits:?split=train").take(slice(None))
        >>> model = LogisticRegression(max_iter=20).fit(train.x.flatten(1), train.y)  # doctest: +SKIP
        >>> print(sp.audit(model, "digits:", suite="quick"))  # doctest: +SKIP
    """
    return run_audit(make_config({"model": model, "data": data, **options}), progress=progress)


def run_audit(config: AuditConfig, *, progress: bool = True) -> Report:
    """`audit` of a checked config."""
    ledger = Ledger()
    with counting_queries(ledger):
        return _run_audit(config, ledger, progress=progress)


def _run_audit(config: AuditConfig, ledger: Ledger, *, progress: bool) -> Report:
    started = now()
    out = Path(config.out).absolute() if config.out else None  # a model may leave the working folder
    if out and Store(out).claimed:  # goes on: what is sent from here on counts, even where it is killed at once
        ledger.keep(Store(out).sent)
    plan = make_plan(config)
    check_against(config.fail_on, available(plan))
    folder = out or Path(tempfile.mkdtemp(prefix="shiftproof-"))
    store = Store(folder, {name: source.ids for name, source in plan.sources.items()})
    threads = 1 if config.backend == "processes" else None
    cells = [*plan.cells, *plan.calibrating, *plan.curves]
    files = (data_stamps(plan.sources.values()), model_stamps(plan.reference))
    work = Work(plan.reference, plan.sources, store, config.batch_size, config.pictures, threads, *files, plan.flags)
    if config.backend == "processes":
        check_travels(work, cells)
    try:
        known = gone_on_with(plan.known, folder)
        plan = replace(plan, known=known, notes=(*known.notes(), *measured_anew(known, folder)))
        store.open(plan.identity(config), cells)
        ledger.keep(store.sent)
    except UsageError:
        ledger.drop()  # it was about another run
        raise
    except OSError as error:
        raise disk_error(store.folder, error) from error
    with _sigterm_as_interrupt():
        try:
            run(cells, work, backend=config.backend, workers=config.workers, show=progress)
            for question in plan.diagnoses:
                with waiting(f"checking whether {question.shift.name} numbers can be trusted", progress):
                    answer(question, plan.model, plan.data, store, config.batch_size, plan.model_flags)
        finally:
            # Also on Ctrl-C: the folder then says of itself that it is unfinished.
            record = finish(config, plan, store, started)
    return Report(record, Path(config.out) if config.out else folder)


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


def available(plan: AuditPlan) -> list[Available]:
    """Every number that the plan will have, as (shift, search, risk, measure, group): what conditions may name."""
    groups = sorted({group for names in collect.group_namings(plan.data) for group in names.tolist()}) if plan.data.groups else []
    found: list[Available] = []
    for cell in plan.cells:
        bound = cell.method.bound
        subject = None if isinstance(cell.method, Search) else cell.method.subject
        measure = collect.measure_of(bound, subject, plan.judge)
        pair = (cell.shift.spec(), cell.method.spec())
        found.append((*pair, "mean", measure, None))
        if groups:
            found += [(*pair, "worst_group", measure, None), *((*pair, "group", measure, group) for group in groups)]
        if subject is not None:
            continue
        if isinstance(cell.method, Search) and cell.method.proves:
            found.append((*pair, "mean", collect.measure_of(Bound.AT_LEAST, None, plan.judge), None))
        if plan.judge.graded:
            found.append((*pair, f"cvar(alpha={collect.TAIL})", f"{plan.judge.measure}_loss", None))
        if bound is not Bound.AT_LEAST and isinstance(plan.model, Scores) and plan.judge.said == "classes":
            found.append((*pair, f"cvar(alpha={collect.TAIL})", "error_probability", None))
        if bound is not Bound.AT_LEAST and cell.shift.name != "identity":
            found.append((*pair, "mean", DROP, None))
    for source in plan.natural:
        found += [(natural_spec(source.uri), AVERAGE, "mean", measure, None) for measure in (plan.judge.measure, DROP)]
    return list(dict.fromkeys([*found, *_available_measures(plan, groups)]))


def _available_measures(plan: AuditPlan, groups: Sequence[str]) -> Iterator[Available]:
    """The measures of stored answers, of everyone and of each group, and their drops from the sample as it is."""
    for cell in plan.cells:
        if not isinstance(cell.method, Search):
            continue
        own = cell.data == plan.data.fingerprint()
        shift = cell.shift.spec() if own else natural_spec(plan.sources[cell.data].uri)
        for measure in plan.measures:
            for place in [("mean", None), *(("group", group) for group in (groups if own else ()))]:
                risk, group = place
                yield shift, cell.method.spec(), risk, measure.spec(), group
                if not own or cell.shift.name != "identity":
                    yield shift, cell.method.spec(), risk, f"{DROP}({measure.spec()})", group


def finish(config: AuditConfig, plan: AuditPlan, store: Store, started: str) -> Audit:
    """Collects what is finished, judges the gate, writes `audit.json` and the page."""
    store.check_there()
    try:
        with one_at_a_time(store.folder):  # of several, the last one to write has seen what all have finished
            record = make_record(config, plan, store, started)
            record = record.model_copy(update={"gates": judge(record, config.fail_on)})
            write_document(store.folder / "audit.json", record, "audit")
            write_page(store.folder)
    except OSError as error:
        raise disk_error(store.folder, error) from error
    return record
