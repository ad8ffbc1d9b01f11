"""The record of a run, from its plan and what its folder holds: what `audit.json` says."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shiftproof._errors import StoredFileWarning
from shiftproof._printable import figure
from shiftproof._sealed import DamagedFile
from shiftproof._secrets import without_secrets
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.data.source import Source
from shiftproof.data.space import InputSpace
from shiftproof.diagnostics.constant_answer import constant_answer
from shiftproof.evaluation.audit import collect
from shiftproof.evaluation.audit.confusions import confusions
from shiftproof.evaluation.audit.curves import read_curve
from shiftproof.evaluation.audit.diagnose import distrust, read_diagnosis
from shiftproof.evaluation.audit.meaning import meanings
from shiftproof.evaluation.audit.natural import clean_of, natural_of
from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.evaluation.audit.pooled import PooledResults, join_tables, pooled_results, unions
from shiftproof.evaluation.audit.proven import proven_curve
from shiftproof.evaluation.audit.set_measures import ToldPool, set_measures, told_pools
from shiftproof.evaluation.config import AuditConfig
from shiftproof.judges.classify import CLASSIFY
from shiftproof.models.abstract import Answers, Gradients, access_name
from shiftproof.models.query_count import open_counts
from shiftproof.outcomes import AUDITED_SAMPLE, NO_ANSWER, Bound, Flag
from shiftproof.records.audit import Audit, CellRecord, DataCard, GalleryExample, JudgeCard, ModelCard, Result, Shown
from shiftproof.records.diagnosis import Diagnosis
from shiftproof.records.picture import read_picture
from shiftproof.records.trust_row import TrustSection
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.runs.cell import Cell
from shiftproof.runs.ledger import Ledger, rows_sent, tokens_counted
from shiftproof.runs.libraries import loaded, other_versions
from shiftproof.runs.provenance import provenance
from shiftproof.runs.score_rows import UNREADABLE
from shiftproof.runs.store import CellTable, Store
from shiftproof.searches.abstract import Search

CLAIMS = {
    Bound.ESTIMATE: "The mean over these examples of one chance draw each: an estimate of the average case, with its sampling interval.",
    Bound.AT_MOST: "The search found these failures: true worst-case accuracy is at most this. A stronger search may find more.",
    Bound.AT_LEAST: "Proven for these examples: true worst-case accuracy is at least this.",
}
_VOTES = " Where the votes decide nothing it abstains, which counts as not broken."
_ACCESS = ("answers", "labels", "scores", "gradients", "structure")
"""What methods are given, the least first."""


def make_record(config: AuditConfig, plan: AuditPlan, store: Store, started: str) -> Audit:
    """Collects what is finished.

    Raises:
        Contradiction: an example was certified and broken.
    """
    pools = pooled_results(store, plan.cells, plan.sources)
    collect.contradictions(pools)
    diagnoses = [read_diagnosis(question, plan.data, store) for question in plan.diagnoses]
    distrusted = {diagnosis.family: flag for diagnosis in diagnoses if (flag := distrust(diagnosis))}
    suspect = collect.suspicions([*pools, *unions(pools)], distrusted)
    cells = _cell_records(plan, store, config, suspect)
    told = told_pools(plan, store, [*pools, *unions(pools)])
    trust = _trust(config, plan, store, told)
    access = {cell.key: cell.access for cell in cells}
    numbers = [_with_access(_flagged(r, suspect), access) for r in collect.results(pools, config.confidence)]
    curves = [
        read_curve(group, store, plan.data, config.confidence, [flag for flag in (distrusted.get(group[0].shift.name),) if flag])
        for group in _by_group(plan.curves).values()
    ]
    return Audit(
        asked=_asked([store.read(cell) for cell in (*plan.cells, *plan.curves) if store.has(cell)], diagnoses),
        sent=rows_sent(store.sent),
        tokens=tokens_counted(store.sent),
        tokens_left=_tokens_left(config),
        complete=all(cell.measured for cell in cells)
        and {part.state for part in curves} | {part.state for part in diagnoses} | {trust.state if trust else "done"} <= {"done"},
        model=ModelCard(
            name=plan.model.name,
            spec=without_secrets(config.model)
            if isinstance(config.model, str)
            else f"{type(config.model).__module__}.{type(config.model).__qualname__}",
            fingerprint=plan.fingerprint,
            access=access_name(type(plan.model)),
            notes=[*plan.model.notes, *plan.notes, *other_versions((cell.versions for cell in cells if cell.n), loaded())],
            flags=[*_of_the_model(plan), *_constant(plan, pools, config)],
        ),
        data=data_card(plan.data),
        clean=clean_of(pools, plan.data, config.confidence),
        results=[r for r in numbers if r.data == plan.data.uri or r.shift == "identity"],
        natural=natural_of(pools, plan.data, config.confidence, plan.uris),
        measures=set_measures(plan, told, config.confidence),
        confusions=confusions(plan, pools),
        trust=trust,
        diagnoses=diagnoses,
        curves=curves,
        proven=[
            curve
            for group in _by_group(plan.cells).values()
            if (curve := proven_curve(group, store, plan.sources[group[0].data], config.confidence, plan.cells)) is not None
        ],
        cells=cells,
        left_out=list(plan.left_out),
        gallery=_gallery(store, plan.cells, config.pictures),
        provenance=provenance(config, started),
        judge=JudgeCard(spec=plan.judge.spec(), measure=plan.judge.measure, word=plan.judge.word, graded=plan.judge.graded),
    )


def _trust(config: AuditConfig, plan: AuditPlan, store: Store, told: Sequence[ToldPool]) -> TrustSection | None:
    if plan.calibrated_on is None:
        return None
    from shiftproof.evaluation.audit.trust import trust_of  # late, as few audits ask for it

    return trust_of(config, plan, store, told)


def _tokens_left(config: AuditConfig) -> int | None:
    """What is left of the budget of tokens of this call, of which each process has its own."""
    if config.max_tokens is None or config.backend != "serial":
        return None
    return max(0, config.max_tokens - sum(count.tokens for count in open_counts() if isinstance(count, Ledger)))


def _of_the_model(plan: AuditPlan) -> list[Flag]:
    """What the look at the model before the run found; scores that are probabilities matter only where gradients were used."""
    methods = [cell.method for cell in (*plan.cells, *plan.curves)]
    gradients = bool(plan.diagnoses) or any(isinstance(method, Search) and method.needs is Gradients for method in methods)
    return [flag for flag in plan.model_flags if gradients or flag.name != "probabilities"]


def _constant(plan: AuditPlan, pools: Sequence[PooledResults], config: AuditConfig) -> list[Flag]:
    """Whether the model, on its own sample as it is, is any better than a constant answer."""
    own = next((p for p in pools if p.shift.name == "identity" and p.source is plan.data), None)
    if own is None or plan.judge.said != "classes":
        return []
    answered = own.table.columns["outcome"] != NO_ANSWER
    columns = {name: values[answered] for name, values in own.table.columns.items()}
    flag = constant_answer(
        columns["label"],
        columns["prediction"],
        sure=columns["confidence"],
        class_names=plan.data.class_names,
        units=plan.data.space.units if isinstance(plan.data.space, InputSpace) else "",
        confidence=config.confidence,
    )
    return [flag] if flag else []


def _asked(tables: Sequence[CellTable], diagnoses: Sequence[Diagnosis]) -> int:
    return sum(int(table.columns["forwards"].sum()) for table in tables) + sum(diagnosis.asked for diagnosis in diagnoses)


def _flagged(result: Result, suspect: dict[str, tuple[Flag, ...]]) -> Result:
    if result.cell not in suspect:
        return result
    return result.model_copy(update={"flags": [*result.flags, *(flag.name for flag in suspect[result.cell])]})


def _with_access(result: Result, access: Mapping[str, str]) -> Result:
    """What its search was given; of several searches together, the most that any of them was."""
    given = [access[key] for key in result.cell.split("+")]
    return result.model_copy(update={"access": max(given, key=_ACCESS.index)})


def _cell_records(plan: AuditPlan, store: Store, config: AuditConfig, suspect: dict[str, tuple[Flag, ...]]) -> list[CellRecord]:
    """One record a pair of sample, shift and method; its shards are one cell to a reader."""
    return [_cell_record(plan, store, config, group, suspect.get(key, ())) for key, group in _by_group(plan.cells).items()]


def _by_group(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    by_group: dict[str, list[Cell]] = {}
    for cell in cells:
        by_group.setdefault(cell.group, []).append(cell)
    return by_group


def _cell_record(plan: AuditPlan, store: Store, config: AuditConfig, group: Sequence[Cell], suspicions: Sequence[Flag]) -> CellRecord:
    first = group[0]
    done = [cell for cell in group if store.has(cell)]
    silent = sum(len(store.unanswered(cell)) for cell in done)
    errors = [error for cell in group if cell not in done and (error := store.error(cell))]
    bound = first.method.bound
    table = join_tables([store.read(cell) for cell in done]) if done else None
    flags = [*(table.flags if table else ()), *suspicions]
    return CellRecord(
        key=first.group,
        data=plan.sources[first.data].uri,
        shift=first.shift.spec(),
        shift_full=first.shift.full_spec(),
        search=first.method.spec(),
        search_full=first.method.full_spec(),
        access=_access(first),
        claim=_claim(first, bound) + _of_another(first) + (_audited(table, config.confidence) if table else ""),
        kind=bound.value,
        state=("incomplete" if silent else "done") if len(done) == len(group) else "failed" if errors else "missing",
        error=errors[0] if errors else None,
        n=sum(len(cell) for cell in done),
        outcomes=dict(Counter(table.columns["outcome"].tolist())) if table else {},
        unreadable=int(table.columns[UNREADABLE].sum()) if table and UNREADABLE in table.columns else 0,
        forwards_per_example=float(table.columns["forwards"].mean()) if table else 0.0,
        backwards_per_example=float(table.columns["backwards"].mean()) if table else 0.0,
        sent=table.sent if table else 0,
        seconds=table.seconds if table else 0.0,
        seed=first.seed,
        batch_size=table.batch_size if table else config.batch_size,
        flags=flags,
        stages=list(table.stages) if table else [],
        versions=[dict(each) for each in table.versions] if table else [],
        meaning=meanings(store, done, plan.sources[first.data]),
    )


def _access(cell: Cell) -> str:
    """The word for what the method is given of the model."""
    if isinstance(cell.method, SmoothedAttack):
        return access_name(Gradients)
    if not isinstance(cell.method, Search):
        return "labels" if cell.method.subject else "structure"
    return "labels" if cell.method.needs is Answers and cell.judge.said == "classes" else access_name(cell.method.needs)


def _claim(cell: Cell, bound: Bound) -> str:
    if cell.judge != CLASSIFY:
        claim = {Bound.ESTIMATE: "an estimate of the average case", Bound.AT_MOST: "the worst case is at most this"}[bound]
        return f"{cell.judge.word[0].upper()}{cell.judge.word[1:]}, judged by {cell.judge.spec()}: {claim}."
    return CLAIMS[bound]


def _of_another(cell: Cell) -> str:
    """What must be said where a number is not of the model that is measured and attacked elsewhere in the run."""
    if isinstance(cell.method, Search):
        return ""
    chance = 1 - cell.method.confidence
    false = f" Of each example it is false with probability at most {chance:.3g}." if chance > 0 else ""
    if cell.method.subject is None:
        return false
    return (
        f" This is about {cell.method.subject} (its most frequent decision under that noise), not the measured model; do not read it "
        f"together with numbers of the measured model.{_VOTES if isinstance(cell.method, SmoothedAttack) else ''}{false}"
    )


def _audited(table: CellTable, confidence: float) -> str:
    """What the cascade's chance sample says of the failures that it may have missed."""
    sample = next((stage for stage in table.stages if stage.name == AUDITED_SAMPLE), None)
    if sample is None:
        return ""
    most = float(clopper_pearson(sample.broken, sample.examples, confidence=confidence).high)
    return (
        f" Of {sample.examples} random examples that no stage suspected, score queries broke {sample.broken}: with {confidence:.0%} "
        f"confidence they would break at most {most:.1%} of the others."
    )


def data_card(data: Source) -> DataCard:
    """What a record says of a sample."""
    classes = max(len(data.class_names), int(data.y.max()) + 1) if data.labelled else 0
    groups = {name: dict(Counter(values.tolist())) for name, values in data.groups.items()}
    return DataCard(
        uri=data.uri,
        fingerprint=data.fingerprint(),
        n=len(data),
        kind=data.space.kind,
        units=data.space.units,
        **data.space.card(),
        classes=classes,
        class_names=list(data.class_names),
        groups=groups,
        notes=list(data.notes),
    )


def _plain(value: Any) -> Shown:
    """A class as a number; a number that is none, or a text, as people read it."""
    if isinstance(value, str | np.str_):
        return str(value)
    return int(value) if isinstance(value, int | np.integer) else figure(float(value))


def _gallery(store: Store, cells: Sequence[Cell], most: int) -> list[GalleryExample]:
    """The surest failures of each pair of shift and search, at most `most` of each."""
    clean: dict[tuple[str, str], tuple[Shown, float]] = {}
    for cell in cells:
        if cell.shift.name == "identity" and store.has(cell):
            columns = store.read(cell).columns
            rows = zip(columns["id"], columns["prediction"], columns["confidence"], strict=True)
            clean.update({(cell.data, str(name)): (_plain(p), float(c)) for name, p, c in rows})
    found: dict[str, list[GalleryExample]] = {}
    for cell in cells:
        for path in sorted(store.gallery.glob(f"{cell.key()}-????????????.npz")):
            try:
                arrays = read_picture(path)
            except (DamagedFile, OSError) as error:
                warnings.warn(f"The picture '{path}' is left out of the report: {error}.", StoredFileWarning, stacklevel=2)
                continue
            name, confidence = str(arrays["id"]), float(arrays["confidence"])
            before, sure = clean.get((cell.data, name), (_plain(arrays["label"][()]), float("nan")))
            picture = GalleryExample(
                cell=cell.group,
                shift=cell.shift.spec(),
                search=cell.method.spec(),
                id=name,
                file=path.name,
                label=_plain(arrays["label"][()]),
                clean_prediction=before,
                clean_confidence=None if np.isnan(sure) else sure,
                prediction=_plain(arrays["prediction"][()]),
                confidence=None if np.isnan(confidence) else confidence,
            )
            found.setdefault(cell.group, []).append(picture)
    surest = [sorted(group, key=lambda p: -(p.confidence or 0.0))[:most] for group in found.values()]
    return [picture for group in surest for picture in group]
