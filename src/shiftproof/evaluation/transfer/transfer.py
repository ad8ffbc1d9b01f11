"""`shiftproof transfer`: failures of each of several models tried on the others, as one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shiftproof._errors import UsageError, must
from shiftproof._writing import clear_leftovers, is_temporary
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.data.together import together
from shiftproof.diagnostics.subject import LEAST_GAP
from shiftproof.door import refuse
from shiftproof.evaluation.audit.record import data_card
from shiftproof.evaluation.class_fit import fit_classes
from shiftproof.evaluation.config import CommonConfig
from shiftproof.evaluation.transfer.transfer_matrix import TransferMatrix, transfer_matrix
from shiftproof.models.abstract import Gradients, Labels, access_name
from shiftproof.models.meter import Meter, metering
from shiftproof.models.shown import shown_spec
from shiftproof.outcomes import Flag
from shiftproof.preflight import PROBES, check_examples, look_at
from shiftproof.records.audit import DataCard, Document, FlagRecord, ModelCard, Provenance, Record, write_document
from shiftproof.runs.provenance import now, provenance
from shiftproof.runs.store import disk_error
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.searches.transfer import Transfer
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Shift

SCHEMA_VERSION = "1.0"
FILE = "transfer.json"
Verdict = Literal["fully", "largely", "in part", "not measurably", "nothing to compare"]
FULLY, LARGELY = 0.9, 0.5
"""Share of the drop that a model's own search makes, from which on moves of another transfer fully, or largely."""


class TransferConfig(CommonConfig):
    """Every option of a transfer matrix."""

    models: tuple[str, ...] = Field(description="Specs of at least two models.")
    weights: tuple[str, ...] = Field(default=(), description="A file of weights for each model, in their order; '-' for none.")
    data: str = Field(default="digits:")
    shift: str
    search: str | None = Field(default=None, description="Spec of the search on the model that moves are made on.")


class Pair(Record):
    """Moves made on one model, tried on another."""

    made_on: str
    tried_on: str
    accuracy: float
    drop: float = Field(description="Clean accuracy of the model tried on, minus its accuracy here: at least this much is lost.")
    own_drop: float = Field(description="The same under moves made on the model itself.")
    share: float | None = Field(description="drop / own_drop; null where its own search made none.")
    transfers: Verdict
    beats_own: bool = Field(description="Moves of the other model break more than its own search: its gradients are likely masked.")


class TransferRecord(Document):
    """Accuracy of each model on moves made on each; entry [i][j] is model j on moves made on model i, and at most this is the truth."""

    schema_version: str = SCHEMA_VERSION
    models: list[ModelCard]
    data: DataCard
    shift: str
    search: str
    n: int
    confidence: float
    clean: list[float] = Field(description="Accuracy of each model on the sample as it is.")
    accuracy: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]
    pairs: list[Pair] = Field(description="Every two different models, those that lose most first.")
    asked: int = Field(default=0, description="Forwards asked of all budgets, those of the models that moves are made on among them.")
    sent: int | None = Field(default=None, description="Rows that reached the models, all of them together. Null in older records.")
    provenance: Provenance


class _Ready(BaseModel):
    """What was loaded and checked."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    models: list[Labels]
    cards: list[ModelCard]
    data: Source
    shift: Shift
    search: Search | None


def run_transfer(config: TransferConfig, *, show: bool = False) -> TransferRecord:
    """Measures, and writes `transfer.json` and the page into the folder `out`.

    Raises:
        UsageError: something in the config cannot be used; raised before any work, and nothing is written.
    """
    with metering() as meter:
        return _run(config, meter, show=show)


def _run(config: TransferConfig, meter: Meter, *, show: bool) -> TransferRecord:
    from shiftproof.reports.transfer import write_transfer

    started = now()
    ready = _ready(config)
    folder = _folder(config.out)
    examples = ready.data.take(slice(None))
    with _bar(len(ready.models) ** 2 * len(examples), show) as advance:
        matrix = transfer_matrix(
            ready.models,
            ready.shift,
            examples=examples,
            search=ready.search,
            seed=config.seed,
            batch_size=config.batch_size,
            confidence=config.confidence,
            progress=advance,
        )
    record = TransferRecord(
        models=[_doubted(card, flags) for card, flags in zip(ready.cards, matrix.doubts, strict=True)],
        data=data_card(ready.data),
        shift=ready.shift.spec(),
        search=(ready.search or Transfer()).spec(),
        n=matrix.n,
        confidence=matrix.confidence,
        clean=matrix.clean.tolist(),
        accuracy=matrix.accuracy.tolist(),
        low=matrix.low.tolist(),
        high=matrix.high.tolist(),
        pairs=pairs(matrix),
        asked=meter.asked,
        sent=meter.sent,
        provenance=provenance(config, started),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_document(folder / FILE, record, "transfer")
        write_transfer(record, folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    return record


def _doubted(card: ModelCard, flags: Sequence[Flag]) -> ModelCard:
    more = [FlagRecord(name=flag.name, detail=flag.detail, share=flag.share) for flag in flags]
    return card.model_copy(update={"flags": [*card.flags, *more]})


def pairs(matrix: TransferMatrix) -> list[Pair]:
    """Every two different models, and how far moves made on the first break the second; those that lose most first."""
    gap = max(LEAST_GAP, 3 / matrix.n)
    found: list[Pair] = []
    for i, made in enumerate(matrix.names):
        for j, tried in enumerate(matrix.names):
            if i == j:
                continue
            drop, own = float(matrix.clean[j] - matrix.accuracy[i, j]), float(matrix.clean[j] - matrix.accuracy[j, j])
            found.append(
                Pair(
                    made_on=made,
                    tried_on=tried,
                    accuracy=float(matrix.accuracy[i, j]),
                    drop=drop,
                    own_drop=own,
                    share=drop / own if own > 0 else None,
                    transfers=_verdict(drop, own, gap),
                    beats_own=drop > own + gap,
                )
            )
    return sorted(found, key=lambda pair: -pair.drop)


def _verdict(drop: float, own: float, gap: float) -> Verdict:
    if max(drop, own) < gap:
        return "nothing to compare"
    if drop < gap:
        return "not measurably"
    return "fully" if drop >= FULLY * own else "largely" if drop >= LARGELY * own else "in part"


def _ready(config: TransferConfig) -> _Ready:
    if len(config.models) < 2:
        raise must("model", "transfer", "be given at least twice", len(config.models), "Add another --model.")
    if config.weights and len(config.weights) != len(config.models):
        raise UsageError(
            f"There are {len(config.models)} models and {len(config.weights)} files of weights. Give one --weights for each --model, "
            "in the same order, and - for a model that needs none."
        )
    for option, least in (("batch_size", 1), ("limit", 1)):
        value = getattr(config, option)
        if value is not None and value < least:
            raise must(option, "transfer", f"be at least {least}", value)
    if not 0 < config.confidence < 1:
        raise must("confidence", "transfer", "be in (0, 1)", config.confidence)
    search = searches.build(config.search) if config.search else None
    data = load_data(config.data, box=config.box, limit=config.limit)
    data.require_classes("transfer")
    if not len(data):
        raise UsageError(f"The data '{data.uri}' hold no examples.")
    shift: Shift = shifts.build(config.shift, space=data.space)
    for batch in data.batches(2048):
        check_examples(batch)
    found = _models(config, data)
    for model, _ in found:
        _fits(model, shift, search)
    return _Ready(models=[model for model, _ in found], cards=[card for _, card in found], data=data, shift=shift, search=search)


def _models(config: TransferConfig, data: Source) -> list[tuple[Labels, ModelCard]]:
    from shiftproof.models.load import load_model

    probe, samples = data.take(slice(0, PROBES)), together(data)
    weights = [None if file == "-" else file for file in config.weights] or [None] * len(config.models)
    names = _names(config.models, weights)
    found: list[tuple[Labels, ModelCard]] = []
    for spec, file, name in zip(config.models, weights, names, strict=True):
        model = load_model(
            spec,
            weights=file,
            device=config.device,
            space=data.space,
            probe=probe.x,
            class_names=data.class_names,
            groups=tuple(data.groups),
            name=name,
        )
        model, flags = look_at(model, probe)
        card = ModelCard(
            name=model.name,
            spec=shown_spec(spec),
            fingerprint=model.fingerprint(),
            access=access_name(type(model)),
            notes=[*model.notes, *fit_classes(model, samples)],
            flags=[FlagRecord(name=flag.name, detail=flag.detail, share=flag.share) for flag in flags],
        )
        found.append((model, card))
    return found


def _names(specs: Sequence[str], weights: Sequence[str | None]) -> list[str | None]:
    """Names of models that a spec alone does not tell apart: with their weights."""
    twice = Counter(specs)
    short = [shown_spec(spec).rpartition("/")[2] for spec in specs]
    called = [f"{name} {Path(file).stem}" if file else name for name, file in zip(short, weights, strict=True)]
    names = [None if twice[spec] == 1 else name for spec, name in zip(specs, called, strict=True)]
    same = [name for name, count in Counter(name for name in names if name).items() if count > 1]
    if same:
        raise UsageError(f"The model '{same[0]}' was given twice. A transfer matrix is of models that differ.")
    return names


def _fits(model: Labels, shift: Shift, search: Search | None) -> None:
    if search is not None:
        refuse(model, shift, search)
        return
    if not isinstance(model, Gradients):
        raise UsageError(
            f"The model '{model.name}' gives {access_name(type(model))} only, and moves are made by gradients unless you name a --search, "
            "such as best_of_n(n=20)."
        )
    objection = Transfer(surrogates=(model,)).objection(shift)
    if objection:
        raise UsageError(f"Moves of {shift.spec()} cannot be made by gradients: {objection}. Name a --search that can.")


def _folder(out: str) -> Path:
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"The output '{folder}' is a file. Choose a folder with --out.")
    if folder.is_dir() and not all(map(is_temporary, folder.iterdir())) and not (folder / FILE).exists():
        raise UsageError(f"The output folder '{folder}' holds other files. Choose an empty or new folder with --out.")
    clear_leftovers(folder)
    return folder


@contextmanager
def _bar(total: int, show: bool) -> Iterator[Callable[[int], None]]:
    if not show:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("trying moves", total=total)
        yield lambda n: bar.advance(task, n)
