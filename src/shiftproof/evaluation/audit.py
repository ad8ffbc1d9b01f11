"""`shiftproof.audit`: plan, run, collect, judge, write the page."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from shiftproof._errors import UsageError
from shiftproof.evaluation import collect
from shiftproof.evaluation.backends.processes import check_travels
from shiftproof.evaluation.cell import Cell
from shiftproof.evaluation.config import AuditConfig, make_config
from shiftproof.evaluation.plan import Plan, make_plan
from shiftproof.evaluation.provenance import now, provenance
from shiftproof.evaluation.records import Audit, CellRecord, DataCard, FlagRecord, ModelCard, Picture, Result, StageRecord
from shiftproof.evaluation.run import run
from shiftproof.evaluation.store import Store, Table, disk_error, write_atomic
from shiftproof.evaluation.work import Work
from shiftproof.gate import check_against, judge
from shiftproof.gate.match import natural_spec
from shiftproof.models.abstract import Scores, access_name
from shiftproof.models.shown import shown_spec
from shiftproof.outcomes import Bound, Flag
from shiftproof.reports.page import write_page
from shiftproof.reports.summary import summary
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.searches._economy import AUDIT
from shiftproof.searches.abstract import Search

if TYPE_CHECKING:
    from shiftproof.data.source import Source

CLAIMS = {
    Bound.ESTIMATE: "The mean over these examples of one chance draw each: an estimate of the average case, with its sampling interval.",
    Bound.AT_MOST: "The search found these failures: true worst-case accuracy is at most this. A stronger search may find more.",
    Bound.AT_LEAST: "Proven for these examples: true worst-case accuracy is at least this.",
}
PICTURES_A_PAIR = 8


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
        """Accuracy under a shift given by its spec: the least over its searches, or that of the search given by its spec."""
        values = [
            r.value
            for r in self.record.results
            if r.shift == shift
            and r.risk == "mean"
            and r.measure in collect.MEASURES.values()
            and search in (None, r.search)
            and r.value is not None
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
        options: the fields of `AuditConfig`: suite, shifts, searches, certify, shift_from, fail_on, weights, box, limit, out, seed,
            confidence, batch_size, backend, workers, ...

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
    started = now()
    plan = make_plan(config)
    check_against(config.fail_on, available(plan))
    folder = Path(config.out) if config.out else Path(tempfile.mkdtemp(prefix="shiftproof-"))
    store = Store(folder)
    threads = 1 if config.backend == "processes" else None
    work = Work(plan.reference, plan.sources, store, config.batch_size, config.pictures, threads)
    if config.backend == "processes":
        check_travels(work, plan.cells)
    store.open(plan.identity(config), plan.cells)
    try:
        with _sigterm_as_interrupt():
            run(plan.cells, work, backend=config.backend, workers=config.workers, show=progress)
    finally:
        # Also on Ctrl-C: the folder then says of itself that it is unfinished.
        report = finish(config, plan, store, started)
    return report


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """A polite kill ends a run as Ctrl-C does: with its record written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def available(plan: Plan) -> list[tuple[str, str, str, str, str | None]]:
    """Every number that the plan will have, as (shift, search, risk, measure, group): what conditions may name."""
    groups = sorted({group for names in collect.group_namings(plan.data) for group in names.tolist()}) if plan.data.groups else []
    found: list[tuple[str, str, str, str, str | None]] = []
    for cell in plan.cells:
        bound = cell.method.bound if isinstance(cell.method, Search) else Bound.AT_LEAST
        measure = collect.MEASURES[bound]
        pair = (cell.shift.spec(), cell.method.spec())
        found.append((*pair, "mean", measure, None))
        if groups:
            found += [(*pair, "worst_group", measure, None), *((*pair, "group", measure, group) for group in groups)]
        if bound is not Bound.AT_LEAST and isinstance(plan.model, Scores):
            found.append((*pair, f"cvar(alpha={collect.TAIL})", "error_probability", None))
        if bound is not Bound.AT_LEAST and cell.shift.name != "identity":
            found.append((*pair, "mean", "drop", None))
    for source in plan.natural:
        found += [(natural_spec(source.uri), "one_draw", "mean", measure, None) for measure in ("accuracy", "drop")]
    return list(dict.fromkeys(found))


def finish(config: AuditConfig, plan: Plan, store: Store, started: str) -> Report:
    """Collects what is finished, judges the gate, writes `audit.json` and the page."""
    pools = collect.pool(store, plan.cells, plan.sources)
    collect.contradictions(pools)
    suspect = collect.suspicions(pools)
    numbers = [_flagged(r, suspect) for r in collect.results(pools, config.confidence)]
    cells = _cell_records(plan, store, config, suspect)
    record = Audit(
        complete=all(cell.state == "done" for cell in cells),
        model=ModelCard(
            name=plan.model.name,
            spec=shown_spec(config.model)
            if isinstance(config.model, str)
            else f"{type(config.model).__module__}.{type(config.model).__qualname__}",
            fingerprint=plan.fingerprint,
            access=access_name(type(plan.model)),
            notes=list(plan.model.notes),
            flags=[_flag(flag) for flag in plan.model_flags],
        ),
        data=_data_card(plan.data),
        clean=collect.clean_of(pools, plan.data, config.confidence),
        results=[r for r in numbers if r.data == plan.data.uri or r.shift == "identity"],
        natural=collect.natural_of(pools, plan.data, config.confidence),
        cells=cells,
        left_out=list(plan.left_out),
        gallery=_gallery(store, plan.cells),
        provenance=provenance(config, started),
    )
    record = record.model_copy(update={"gates": judge(record, config.fail_on)})
    try:
        write_atomic(store.folder / "audit.json", record.model_dump_json(indent=2).encode())
        write_page(store.folder)
    except OSError as error:
        raise disk_error(store.folder, error) from error
    return Report(record, store.folder)


def _flag(flag: Flag) -> FlagRecord:
    return FlagRecord(name=flag.name, detail=flag.detail, share=flag.share)


def _flagged(result: Result, suspect: dict[str, Flag]) -> Result:
    if result.cell not in suspect:
        return result
    return result.model_copy(update={"flags": [*result.flags, suspect[result.cell].name]})


def _cell_records(plan: Plan, store: Store, config: AuditConfig, suspect: dict[str, Flag]) -> list[CellRecord]:
    """One record a pair of sample, shift and method; its shards are one cell to a reader."""
    by_group: dict[str, list[Cell]] = {}
    for cell in plan.cells:
        by_group.setdefault(cell.group, []).append(cell)
    return [_cell_record(plan, store, config, group, suspect.get(key)) for key, group in by_group.items()]


def _cell_record(plan: Plan, store: Store, config: AuditConfig, group: Sequence[Cell], suspicion: Flag | None) -> CellRecord:
    first = group[0]
    done = [cell for cell in group if store.path(cell).exists()]
    errors = [store.failure(cell).read_text() for cell in group if cell not in done and store.failure(cell).exists()]
    bound = first.method.bound if isinstance(first.method, Search) else Bound.AT_LEAST
    table = collect.join_tables([store.read(cell) for cell in done]) if done else None
    flags = [*(table.flags if table else ()), *([suspicion] if suspicion else [])]
    return CellRecord(
        key=first.group,
        data=plan.sources[first.data].uri,
        shift=first.shift.spec(),
        shift_full=first.shift.full_spec(),
        search=first.method.spec(),
        search_full=first.method.full_spec(),
        access=access_name(first.method.needs) if isinstance(first.method, Search) else "structure",
        claim=CLAIMS[bound] + (_audited(table, config.confidence) if table else ""),
        kind=bound.value,
        state="done" if len(done) == len(group) else "failed" if errors else "missing",
        error=errors[0] if errors else None,
        n=sum(len(cell) for cell in done),
        outcomes=dict(Counter(table.columns["outcome"].tolist())) if table else {},
        forwards_per_example=float(table.columns["forwards"].mean()) if table else 0.0,
        backwards_per_example=float(table.columns["backwards"].mean()) if table else 0.0,
        seconds=table.seconds if table else 0.0,
        seed=first.seed,
        batch_size=table.batch_size if table else config.batch_size,
        flags=[_flag(flag) for flag in flags],
        stages=[StageRecord(**asdict(stage)) for stage in table.stages] if table else [],
    )


def _audited(table: Table, confidence: float) -> str:
    """What the cascade's chance sample says of the failures that it may have missed."""
    sample = next((stage for stage in table.stages if stage.name == AUDIT), None)
    if sample is None:
        return ""
    most = float(clopper_pearson(sample.broken, sample.examples, confidence=confidence).high)
    return (
        f" Of {sample.examples} unsuspected examples drawn by chance, score queries broke {sample.broken}: with {confidence:.0%} "
        f"confidence they would break at most {most:.1%} of the others."
    )


def _data_card(data: Source) -> DataCard:
    classes = max(len(data.class_names), int(data.y.max()) + 1)
    groups = {name: dict(Counter(values.tolist())) for name, values in data.groups.items()}
    return DataCard(
        uri=data.uri,
        fingerprint=data.fingerprint(),
        n=len(data),
        kind=data.space.kind,
        units=data.space.units,
        low=data.space.low if data.space.bounded and not data.space.columns else None,
        high=data.space.high if data.space.bounded and not data.space.columns else None,
        columns=[column.name for column in data.space.columns],
        classes=classes,
        class_names=list(data.class_names),
        groups=groups,
        notes=list(data.notes),
    )


def _gallery(store: Store, cells: Sequence[Cell]) -> list[Picture]:
    """The surest failures of each pair of shift and search."""
    clean: dict[tuple[str, str], tuple[int, float]] = {}
    for cell in cells:
        if cell.shift.name == "identity" and store.path(cell).exists():
            columns = store.read(cell).columns
            rows = zip(columns["id"], columns["prediction"], columns["confidence"], strict=True)
            clean.update({(cell.data, str(name)): (int(p), float(c)) for name, p, c in rows})
    found: dict[str, list[Picture]] = {}
    for cell in cells:
        for path in sorted(store.gallery.glob(f"{cell.key()}-????????????.npz")):
            with np.load(path, allow_pickle=False) as arrays:
                name, confidence = str(arrays["id"]), float(arrays["confidence"])
                before, sure = clean.get((cell.data, name), (int(arrays["label"]), float("nan")))
                picture = Picture(
                    cell=cell.group,
                    shift=cell.shift.spec(),
                    search=cell.method.spec(),
                    id=name,
                    file=path.name,
                    label=int(arrays["label"]),
                    clean_prediction=before,
                    clean_confidence=None if np.isnan(sure) else sure,
                    prediction=int(arrays["prediction"]),
                    confidence=None if np.isnan(confidence) else confidence,
                )
            found.setdefault(cell.group, []).append(picture)
    surest = [sorted(group, key=lambda p: -(p.confidence or 0.0))[:PICTURES_A_PAIR] for group in found.values()]
    return [picture for group in surest for picture in group]
