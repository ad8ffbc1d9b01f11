"""`shiftproof defend`: defences trained and wrapped, each attacked by what knows it, side by side in one record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from shiftproof._errors import UsageError, must
from shiftproof._secrets import without_secrets
from shiftproof._writing import clear_leftovers, disk_error, is_temporary
from shiftproof.data.align import align
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.data.space import TextSpace
from shiftproof.defences import defences
from shiftproof.defences.abstract import Defence
from shiftproof.door import refuse
from shiftproof.evaluation.audit.record import data_card
from shiftproof.evaluation.config import CommonConfig
from shiftproof.evaluation.defend.learned import PLACE, store_codecs
from shiftproof.evaluation.defend.measure import PLAIN, AttackPlan
from shiftproof.evaluation.defend.rows import ComparedModel, make_rows
from shiftproof.evaluation.defend.training import FAMILIES, OPTIMISER, NetworkTrainer, method_of, plain
from shiftproof.models.abstract import Gradients, Labels, Scores, access_name
from shiftproof.models.load import load_model
from shiftproof.models.query_count import QueryCount, counting_queries
from shiftproof.models.torch_module import TorchModule
from shiftproof.preflight import PROBES, ScoresOnly, check_examples, look_at
from shiftproof.randomness import Rng
from shiftproof.records.defend import DEFAULT_SEARCH, DefendRecord, Training
from shiftproof.records.document import write_document
from shiftproof.runs.provenance import now, provenance
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search, suited
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.edits import Edits
from shiftproof.training.methods.abstract import Method

FILE = "defend.json"
CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "brightness", "contrast")
HELD_OUT = 0.2
"""Of the training data (or of the data, where there are none), what is kept apart for defences that are fitted."""
TEXT_SEARCHES = ("word_importance(queries=100)", "greedy(queries=100)")
"""What texts are searched with where nothing else is named: the first that can move them."""
Say = Callable[[str], None]


class DefendConfig(CommonConfig):
    """Every option of a comparison of defences."""

    model: Any = Field(description="A model, or a factory of networks where there are training data; a spec, or in Python the object.")
    data: Any = Field(description="The sample that is measured on.")
    train_data: Any = Field(default=None, description="Where given, the standard model and the methods are trained on it.")
    weights: str | None = Field(default=None, description="A file of weights for a model that is trained already.")
    name: str | None = Field(default=None, description="What the model is called in reports.")
    model_version: str | None = Field(
        default=None, description="What you call this state of the model, where its code and weights do not tell it."
    )
    threat: str = Field(description="Spec of the shift that defences may know.")
    unseen: str = Field(description="Spec of another.")
    defences: tuple[str, ...] = Field(default=(), description="Specs of defences at inference time.")
    train: tuple[str, ...] = Field(default=(), description="Specs of training methods; those with a shift take the threat.")
    search: str = Field(default=DEFAULT_SEARCH, description="Spec of the adaptive search.")
    corruptions: tuple[str, ...] = Field(default=CORRUPTIONS, description="Names of corruptions, each at severity 3.")
    epochs: int | None = Field(default=None, description="Passes over the training data; without it 20, or as many as make 1,000 steps.")
    optimiser: str = Field(default=OPTIMISER, description="Of every training.")


@dataclass(frozen=True, eq=False)
class LoadedDefend:
    """What was loaded and checked before any work."""

    examples: Examples
    held_out: Examples | None
    training: Source | Examples | None
    data: Source
    defences: tuple[Defence, ...]
    methods: tuple[Method, ...]
    threat: Shift
    unseen: Shift
    search: Search
    corruptions: tuple[Shift, ...]
    notes: tuple[str, ...]

    @property
    def of_texts(self) -> bool:
        """Whether the inputs are texts: they have no gradient, and nothing is trained on them."""
        return isinstance(self.data.space, TextSpace)


def run_defend(config: DefendConfig, *, say: Say = lambda _: None) -> DefendRecord:
    """Trains and wraps, attacks each, and writes `defend.json` and the page into the folder `out`.

    Args:
        config: what is compared.
        say: called with a line before each piece of work.

    Raises:
        UsageError: something in the config cannot be used; raised before any work where it can be seen.
    """
    with counting_queries() as count:
        return _run(config, count, say)


def _run(config: DefendConfig, count: QueryCount, say: Say) -> DefendRecord:
    from shiftproof.reports.defend import write_defend

    started = now()
    loaded = _loaded(config)
    folder = _folder(config.out).absolute()  # a network that is trained may leave the working folder
    trainer = None
    if loaded.training is not None:
        place = folder / PLACE
        trainer = NetworkTrainer(
            config.model,
            loaded.training,
            place,
            device=config.device,
            epochs=config.epochs,
            optimiser=config.optimiser,
            seed=config.seed,
            unseen=config.unseen,
            version=config.model_version,
        )
        trainer.warm_up()
    subjects = list(_subjects(config, loaded, trainer, say))
    stored = store_codecs(subjects, folder)
    standard = subjects[0].model
    search, plain = loaded.search, None if loaded.of_texts else PLAIN
    question = AttackPlan(
        standard, loaded.examples, loaded.threat, loaded.unseen, search, loaded.corruptions, config.seed, config.batch_size, plain
    )
    rows, notes = make_rows(subjects, question, config.confidence, say)
    record = DefendRecord(
        model=without_secrets(config.model) if isinstance(config.model, str) else standard.name,
        data=data_card(loaded.data),
        train_data=None if config.train_data is None else _uri_of(config.train_data),
        threat=loaded.threat.spec(),
        unseen=loaded.unseen.spec(),
        search=search.spec(),
        n=len(loaded.examples),
        held_out=0 if loaded.held_out is None else len(loaded.held_out),
        confidence=config.confidence,
        rows=rows,
        notes=[*loaded.notes, *([] if trainer is None else [trainer.note]), *stored, *notes],
        asked=count.asked,
        sent=count.sent,
        provenance=provenance(config, started),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_document(folder / FILE, record, "defend")
        write_defend(record, folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    return record


def _uri_of(data: object) -> str:
    return data.uri if isinstance(data, Source) else str(data)


def _loaded(config: DefendConfig) -> LoadedDefend:
    _check(config)
    parts = tuple(defences.build(spec) for spec in config.defences)
    searches.build(config.search)
    data = load_data(config.data, box=config.box if isinstance(config.data, str) else None, limit=config.limit)
    data.require_classes("defend", texts=True)
    if isinstance(data.space, TextSpace):
        _check_texts(config)
    source = None
    if config.train_data is not None:
        samples = align(load_data(config.train_data, box=config.box if isinstance(config.train_data, str) else None), data)
        samples.refuse_strangers(())
        source, data = samples.sources
    examples, held_out = data.take(slice(None)), None
    training: Source | Examples | None = source
    notes: list[str] = []
    fitted = any(part.needs_held_out for part in parts)
    if source is not None and fitted:
        training, held_out = _apart(source.take(slice(None)), config.seed)
    elif fitted:
        examples, held_out = _apart(examples, config.seed)
        notes.append(f"{len(held_out)} examples of the data fit and calibrate detectors; nothing is measured on them.")
    if not len(examples):
        raise UsageError(f"The data '{data.uri}' hold no examples to measure on.")
    check_examples(examples)
    threat, unseen = (shifts.build(spec, space=data.space) for spec in (config.threat, config.unseen))
    if threat == unseen:
        raise must("unseen", "defend", "be another shift than the threat", unseen.spec(), "Try l2(eps=1) beside linf(eps=0.2).")
    search = _search(config, (threat, unseen))
    of_texts = isinstance(data.space, TextSpace)
    moves, out = ((), []) if of_texts and config.corruptions == CORRUPTIONS else _fitting(config.corruptions, data, examples)
    methods = tuple(method_of(spec, config.threat) for spec in config.train)
    return LoadedDefend(examples, held_out, training, data, parts, methods, threat, unseen, search, moves, (*notes, *out))


def _check(config: DefendConfig) -> None:
    for option, count in (("epochs", config.epochs), ("batch_size", config.batch_size)):
        if count is not None and count < 1:
            raise must(option, "defend", "be at least 1", count)
    if not 0 < config.confidence < 1:
        raise must("confidence", "defend", "be in (0, 1)", config.confidence)
    if not config.defences and not config.train:
        raise UsageError("There is nothing to compare. Name defences with --defence jpeg, or methods with --train adversarial.")
    if config.train and config.train_data is None:
        raise UsageError("Methods need training data that are not measured on: add --train-data, for example digits:?split=train.")
    if config.weights is not None and config.train_data is not None:
        raise UsageError("Give either --weights, of a model that is trained already, or --train-data, on which it is trained: not both.")
    for what, specs in (("defence", config.defences), ("method", config.train)):
        twice = next((spec for spec in specs if specs.count(spec) > 1), None)
        if twice:
            raise UsageError(f"The {what} '{twice}' was given twice.")


def _check_texts(config: DefendConfig) -> None:
    if config.train or config.train_data is not None:
        raise UsageError("Networks are trained on numbers, and these data are texts: leave out --train and --train-data.")


def _search(config: DefendConfig, moves: Sequence[Shift]) -> Search:
    """The adaptive search: what the config names, or for edits, which the default cannot search, the first that can search them all."""
    if config.search != DEFAULT_SEARCH or not all(isinstance(shift, Edits) for shift in moves):
        return searches.build(config.search)
    found = (searches.build(spec) for spec in TEXT_SEARCHES)
    return next(search for search in found if all(search.objection(shift) is None for shift in moves))


def _apart(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """The examples without a share that is kept for fitting, chosen by their names and the seed; and that share."""
    order = np.argsort(Rng.for_ids(seed, examples.ids).child("calibration").uniform(1)[:, 0].numpy(), kind="stable")
    kept = round(HELD_OUT * len(examples))
    return examples[np.sort(order[kept:])], examples[np.sort(order[:kept])]


def _fitting(names: Sequence[str], data: Source, examples: Examples) -> tuple[tuple[Shift, ...], list[str]]:
    """The corruptions that these inputs can have, and a note on those that they cannot."""
    found: list[Shift] = []
    notes: list[str] = []
    for name in names:
        shift_kind = shifts.get(name)
        try:
            if data.space.kind not in shift_kind.kinds:
                raise UsageError(f"it is not for inputs of kind '{data.space.kind}'")
            shift: Shift = shifts.build(f"{name}(severity=3)", space=data.space)
            shift.check_inputs(examples.x[:1])
        except UsageError as error:
            notes.append(f"The corruption {name} is left out: {str(error).rstrip('.')}.")
            continue
        found.append(shift)
    return tuple(found), notes


def _subjects(config: DefendConfig, loaded: LoadedDefend, trainer: NetworkTrainer | None, say: Say) -> Iterator[ComparedModel]:
    """The standard model first, then those that are trained, then those that are wrapped around the standard one."""
    standard, seconds, training = _standard(config, loaded, trainer, say)
    for shift in (loaded.threat, loaded.unseen):
        refuse(standard, shift, suited(loaded.search, standard))
    yield ComparedModel("standard", "standard training", standard, seconds, None, training)
    for spec, method in zip(config.train if trainer else (), loaded.methods, strict=True):
        assert trainer is not None  # methods ask for training data
        say(f"training {spec}")
        done = trainer.trained_with_teacher(method)
        family = FAMILIES.get(method.name, "other training")
        yield ComparedModel(spec, family, TorchModule(done.module, name=spec, device=config.device), done.seconds, None, done.training)
    members: list[Labels] = []
    member_seconds = 0.0
    for part in loaded.defences:
        while len(members) < part.others:
            if trainer is None:
                raise UsageError(
                    f"The defence {part.spec()} needs several independently trained models: give --train-data and a model factory."
                )
            seed = config.seed + len(members) + 1
            say(f"training member {len(members) + 2} of {part.spec()}")
            member = trainer.trained(plain(), seed)
            members.append(TorchModule(member.module, name=f"member {seed}", device=config.device))
            member_seconds += member.seconds
        made = part(standard, space=loaded.data.space, held_out=loaded.held_out, others=tuple(members[: part.others]))
        share = member_seconds * part.others / len(members) if part.others else 0.0
        yield ComparedModel(part.spec(), part.family, made, None if seconds is None else seconds + share, part)


def _standard(
    config: DefendConfig, loaded: LoadedDefend, trainer: NetworkTrainer | None, say: Say
) -> tuple[Scores, float | None, Training | None]:
    seconds, training = None, None
    if trainer is None:
        probe = loaded.examples.x[:PROBES]
        space = loaded.data.space
        names = loaded.data.class_names
        known = {"weights": config.weights, "device": config.device, "space": space, "name": config.name, "class_names": names}
        model = load_model(config.model, probe=probe, version=config.model_version, **known)
    else:
        say("training the standard model")
        done = trainer.trained(plain(), config.seed)
        seconds, training = done.seconds, done.training
        model = TorchModule(done.module, name=config.name or "standard", device=config.device)
    seen, _ = look_at(model, loaded.examples[: min(PROBES, len(loaded.examples))])
    if loaded.of_texts and isinstance(seen, Scores):
        return seen, seconds, training
    if loaded.of_texts:
        hint = "Give a classifier with predict_proba."
        raise must("model", "defend", "give scores, which defences of texts take means of", access_name(type(seen)), hint)
    if not isinstance(seen, Gradients):
        why = f", since {seen.why}" if isinstance(seen, ScoresOnly) else ""
        raise UsageError(
            f"The model '{model.name}' provides {access_name(type(seen))} only{why}; an adaptive attack needs gradients. Give a torch "
            "module that torch can differentiate."
        )
    return seen, seconds, training


def _folder(out: str) -> Path:
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"The output '{folder}' is a file. Choose a folder with --out.")
    if folder.is_dir() and any(entry.name not in (FILE, "index.html", PLACE) and not is_temporary(entry) for entry in folder.iterdir()):
        raise UsageError(f"The output folder '{folder}' holds other files. Choose an empty or new folder with --out.")
    clear_leftovers(folder)
    return folder
