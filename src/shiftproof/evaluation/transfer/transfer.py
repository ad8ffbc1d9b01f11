"""`shiftproof transfer`: failures of each of several models tried on the others, as one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from shiftproof._errors import UsageError, must
from shiftproof._secrets import without_secrets
from shiftproof._writing import clear_leftovers, disk_error, is_temporary
from shiftproof.data.align import align
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.diagnostics.limits import NOMINAL
from shiftproof.diagnostics.probed_model import LEAST_EXAMPLES
from shiftproof.door import refuse
from shiftproof.evaluation.audit.record import data_card
from shiftproof.evaluation.class_fit import fit_classes
from shiftproof.evaluation.config import CommonConfig
from shiftproof.evaluation.transfer.transfer_matrix import TransferMatrix, transfer_matrix
from shiftproof.models.abstract import Gradients, Labels, access_name
from shiftproof.models.query_count import QueryCount, counting_queries
from shiftproof.outcomes import Flag
from shiftproof.preflight import PROBES, InspectedModel, check_examples, look_at
from shiftproof.records.audit import ModelCard
from shiftproof.records.document import write_document
from shiftproof.records.transfer import TransferPair, TransferRecord, TransferVerdict
from shiftproof.runs.provenance import now, provenance
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.searches.transfer import Transfer
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Shift

FILE = "transfer.json"
FULLY, LARGELY = 0.9, 0.5
"""Share of the drop that a model's own search makes, from which on moves of another transfer fully, or largely."""


class TransferConfig(CommonConfig):
    """Every option of a transfer matrix."""

    models: tuple[str, ...] = Field(description="Specs of at least two models.")
    weights: tuple[str, ...] = Field(default=(), description="A file of weights for each model, in their order; '-' for none.")
    names: tuple[str, ...] = Field(default=(), description="What each model is called in reports, in their order.")
    data: str
    shift: str
    search: str | None = Field(default=None, description="Spec of the search on the model that moves are made on.")


@dataclass(frozen=True, eq=False)
class LoadedTransfer:
    """What was loaded and checked before any work."""

    looks: list[InspectedModel]
    cards: list[ModelCard]
    data: Source
    examples: Examples
    shift: Shift
    search: Search | None


def run_transfer(config: TransferConfig, *, show: bool = False) -> TransferRecord:
    """Measures, and writes `transfer.json` and the page into the folder `out`.

    Raises:
        UsageError: something in the config cannot be used; raised before any work, and nothing is written.
    """
    with counting_queries() as count:
        return _run(config, count, show=show)


def _run(config: TransferConfig, count: QueryCount, *, show: bool) -> TransferRecord:
    from shiftproof.reports.transfer import write_transfer

    started = now()
    loaded = _loaded(config)
    folder = _folder(config.out)
    with _bar(len(loaded.looks) ** 2 * len(loaded.examples), show) as advance:
        matrix = transfer_matrix(
            [look.model for look in loaded.looks],
            loaded.shift,
            examples=loaded.examples,
            search=loaded.search,
            seed=config.seed,
            batch_size=config.batch_size,
            confidence=config.confidence,
            progress=advance,
            looks=loaded.looks,
        )
    record = TransferRecord(
        models=[_doubted(card, flags) for card, flags in zip(loaded.cards, matrix.doubts, strict=True)],
        data=data_card(loaded.data),
        shift=loaded.shift.spec(),
        search=(loaded.search or Transfer()).spec(),
        n=matrix.n,
        confidence=matrix.confidence,
        clean=matrix.clean.tolist(),
        accuracy=matrix.accuracy.tolist(),
        low=matrix.low.tolist(),
        high=matrix.high.tolist(),
        pairs=pairs(matrix),
        asked=count.asked,
        sent=count.sent,
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
    return card.model_copy(update={"flags": [*card.flags, *flags]})


def pairs(matrix: TransferMatrix) -> list[TransferPair]:
    """Every two different models, and how far moves made on the first break the second; those that lose most first."""
    gap = max(NOMINAL["transfer"], LEAST_EXAMPLES / matrix.n)
    found: list[TransferPair] = []
    for i, made in enumerate(matrix.names):
        for j, tried in enumerate(matrix.names):
            if i == j:
                continue
            drop, own = float(matrix.clean[j] - matrix.accuracy[i, j]), float(matrix.clean[j] - matrix.accuracy[j, j])
            found.append(
                TransferPair(
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


def _verdict(drop: float, own: float, gap: float) -> TransferVerdict:
    if max(drop, own) < gap:
        return "nothing to compare"
    if drop < gap:
        return "not measurably"
    return "fully" if drop >= FULLY * own else "largely" if drop >= LARGELY * own else "in part"


def _loaded(config: TransferConfig) -> LoadedTransfer:
    if len(config.models) < 2:
        raise must("model", "transfer", "be given at least twice", len(config.models), "Add another --model.")
    if config.weights and len(config.weights) != len(config.models):
        raise UsageError(
            f"There are {len(config.models)} models and {len(config.weights)} files of weights. Give one --weights for each --model, "
            "in the same order, and - for a model that needs none."
        )
    for option, count in (("batch_size", config.batch_size), ("limit", config.limit)):
        if count is not None and count < 1:
            raise must(option, "transfer", "be at least 1", count)
    if not 0 < config.confidence < 1:
        raise must("confidence", "transfer", "be in (0, 1)", config.confidence)
    search = searches.build(config.search) if config.search else None
    data = load_data(config.data, box=config.box, limit=config.limit)
    data.require_classes("transfer")
    if not len(data):
        raise UsageError(f"The data '{data.uri}' hold no examples.")
    shift: Shift = shifts.build(config.shift, space=data.space)
    examples = data.take(slice(None))
    check_examples(examples)
    found = _models(config, data, examples)
    for look, _ in found:
        _fits(look.model, shift, search)
    return LoadedTransfer([look for look, _ in found], [card for _, card in found], data, examples, shift, search)


def _models(config: TransferConfig, data: Source, examples: Examples) -> list[tuple[InspectedModel, ModelCard]]:
    from shiftproof.models.load import load_model

    samples = align(data)
    weights = [None if file == "-" else file for file in config.weights] or [None] * len(config.models)
    names = list(config.names) or _names(config.models, weights)
    found: list[tuple[InspectedModel, ModelCard]] = []
    for spec, file, name in zip(config.models, weights, names, strict=True):
        model = load_model(
            spec,
            weights=file,
            device=config.device,
            space=data.space,
            probe=examples.x[:PROBES],
            class_names=data.class_names,
            groups=tuple(data.groups),
            name=name,
        )
        look = look_at(model, examples)
        card = ModelCard(
            name=model.name,
            spec=without_secrets(spec),
            fingerprint=look.model.fingerprint(),
            access=access_name(type(look.model)),
            notes=[*look.model.notes, *fit_classes(model, samples)],
            flags=look.flags,
        )
        found.append((look, card))
    return found


def _names(specs: Sequence[str], weights: Sequence[str | None]) -> list[str | None]:
    """Names of models that a spec alone does not tell apart: with their weights."""
    twice = Counter(specs)
    short = [without_secrets(spec).rpartition("/")[2] for spec in specs]
    called = [f"{name} {Path(file).stem}" if file else name for name, file in zip(short, weights, strict=True)]
    names = [None if twice[spec] == 1 else name for spec, name in zip(specs, called, strict=True)]
    same = [name for name, count in Counter(name for name in names if name).items() if count > 1]
    if same:
        raise UsageError(f"The model '{same[0]}' was given twice. A transfer matrix compares different models.")
    return names


def _fits(model: Labels, shift: Shift, search: Search | None) -> None:
    if search is not None:
        refuse(model, shift, search)
        return
    if not isinstance(model, Gradients):
        raise UsageError(
            f"The model '{model.name}' provides {access_name(type(model))} only, and the default search needs gradients. Choose "
            "another search with --search, such as best_of_n(n=20)."
        )
    objection = Transfer(surrogates=(model,)).objection(shift)
    if objection:
        raise UsageError(f"{shift.spec()} cannot be searched by gradients: {objection}. Choose another search with --search.")


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
