"""`shiftproof trust`: can a model's confidence be trusted, before and after each shift?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from shiftproof._errors import UsageError, must
from shiftproof._secrets import without_secrets
from shiftproof._writing import disk_error
from shiftproof.data.examples import Examples
from shiftproof.evaluation.audit.record import data_card
from shiftproof.evaluation.class_fit import fit_classes
from shiftproof.evaluation.config import CommonConfig
from shiftproof.evaluation.trust.ask import ModelOutputs, answers, moved_answers
from shiftproof.evaluation.trust.promises import Promises, Wanted, calibration_card, check_wanted
from shiftproof.evaluation.trust.rows import RowKind, make_row
from shiftproof.evaluation.trust.samples import CLEAN, Samples, load_samples
from shiftproof.evaluation.trust.stranger import KINDS, OF_FEATURES
from shiftproof.models.abstract import Scores, access_name
from shiftproof.models.load import load_model
from shiftproof.models.query_count import QueryCount, counting_queries
from shiftproof.outcomes import Flag
from shiftproof.preflight import PROBES, look_at
from shiftproof.records.audit import ModelCard
from shiftproof.records.document import write_document
from shiftproof.records.trust import TrustRecord
from shiftproof.records.trust_row import TrustRow
from shiftproof.runs.provenance import now, provenance
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Shift

FILE = "trust.json"
Say = Callable[[str], None]


class TrustConfig(CommonConfig):
    """Every option of a trust report; `confidence` is the level of intervals and prediction sets."""

    model: Any = Field(description="As of an audit: a spec, or in Python the object. It must give scores.")
    data: Any = Field(description="The clean test sample.")
    weights: str | None = Field(default=None, description="File of weights for a torch module.")
    name: str | None = Field(default=None, description="What the model is called in reports.")
    calibrate: float | None = Field(default=None, description="Share of the data, chosen by id, that calibrates and is not tested on.")
    calibrate_on: str | None = Field(default=None, description="URI of another sample that calibrates.")
    shifts: tuple[str, ...] = Field(default=(), description="Specs; each moves every test example by one chance draw.")
    shift_from: tuple[str, ...] = Field(default=(), description="URI or NAME=URI of other labelled samples: a natural shift.")
    unfamiliar: tuple[str, ...] = Field(default=(), description="URI or NAME=URI of inputs of no class of the model.")
    sets: str = Field(default=Wanted.sets, description="Score of prediction sets: lac (the smallest), aps or raps.")
    risk: float = Field(default=Wanted.target, description="Error rate promised among answers kept.")
    delta: float = Field(default=Wanted.delta, description="How often that promise may be false.")
    score: str = Field(
        default=Wanted.score,
        description="What strangeness is: msp, max_logit or energy of scores; mahalanobis, neighbours or sdm of features.",
    )
    alarm_rate: float = Field(default=Wanted.alarm_rate, description="Of familiar inputs, how many may raise an alarm.")


def run_trust(config: TrustConfig, *, say: Say = lambda _: None) -> TrustRecord:
    """Measures calibration, abstention, prediction sets and alarms on every sample; writes `trust.json` and the page into `out`.

    Args:
        config: what is measured.
        say: called with a line before each piece of work.

    Raises:
        UsageError: something in the config cannot be used, or calibration inputs are test inputs too.

    Cost: one forward for each example of each sample, two for each example and shift, and up to 48 to look at the model.
    """
    from shiftproof.reports.trust import write_trust

    started = now()
    with counting_queries() as count:
        record = _measure(config, count, started, say)
    folder = Path(config.out).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_document(folder / FILE, record, "trust")
        write_trust(record, folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    return record


def _measure(config: TrustConfig, count: QueryCount, started: str, say: Say) -> TrustRecord:
    wanted = _wanted(config)
    samples = load_samples(
        config.data,
        calibrate=config.calibrate,
        calibrate_on=config.calibrate_on,
        shift_from=config.shift_from,
        unfamiliar=config.unfamiliar,
        seed=config.seed,
        box=config.box,
        limit=config.limit,
    )
    moves: list[Shift] = [shifts.build(spec, space=samples.test.space) for spec in config.shifts]
    model, flags, notes = _model(config, samples)
    say(f"Asking {model.name} about {len(samples.test)} test examples")
    clean = answers(model, samples.test, config.batch_size)
    calibrating = samples.calibrating
    own = answers(model, calibrating.examples, config.batch_size) if calibrating else None
    promises = Promises.make(wanted, own, clean)
    asked = _Asked(config, samples, model, flags, clean, promises)
    rows = [asked.row(CLEAN, "identity", "clean", clean)]
    lost: list[str] = []
    for name, shift, kind, found in asked.others(moves, say):
        if bad := int((~np.isfinite(found.scores).all(1)).sum()):
            lost.append(f"{name} under {shift} is left out: the model's scores are NaN or infinite for {bad} of {len(found)} inputs.")
        else:
            rows.append(asked.row(name, shift, kind, found))
    return TrustRecord(
        model=ModelCard(
            name=model.name,
            spec=without_secrets(config.model) if isinstance(config.model, str) else type(config.model).__qualname__,
            fingerprint=model.fingerprint(),
            access=access_name(type(model)),
            notes=list(notes),
            flags=list(flags),
        ),
        data=data_card(samples.data),
        calibration=calibration_card(promises, calibrating.uri, calibrating.left_out) if calibrating else None,
        rows=rows,
        notes=lost,
        asked=count.asked,
        sent=count.sent,
        provenance=provenance(config, started),
    )


def _wanted(config: TrustConfig) -> Wanted:
    if config.batch_size < 1:
        raise must("batch_size", "trust", "be at least 1", config.batch_size)
    wanted = Wanted(
        level=config.confidence,
        sets=config.sets,  # type: ignore[arg-type]  # checked below
        target=config.risk,
        delta=config.delta,
        score=config.score,
        alarm_rate=config.alarm_rate,
        seed=config.seed,
    )
    check_wanted(wanted, KINDS)
    if wanted.score in OF_FEATURES and config.calibrate is None and config.calibrate_on is None:
        raise UsageError(
            f"The strangeness {wanted.score} is a distance from calibration inputs: add --calibrate 0.5 or --calibrate-on URI."
        )
    return wanted


def _model(config: TrustConfig, samples: Samples) -> tuple[Scores, list[Flag], tuple[str, ...]]:
    """The model, warnings about its answers, and decisions made automatically about it."""
    probe = samples.test
    model = load_model(
        config.model,
        weights=config.weights,
        device=config.device,
        space=samples.aligned.space,
        probe=probe.x[:PROBES],
        class_names=samples.aligned.class_names,
        groups=tuple(samples.data.groups),
        name=config.name,
    )
    said = fit_classes(model, samples.aligned)
    if not isinstance(model, Scores):
        raise UsageError(
            f"The model '{model.name}' gives {access_name(type(model))} only: without scores it states no confidence to trust."
        )
    looked, flags = look_at(model, probe)
    return (looked if isinstance(looked, Scores) else model), flags, (*model.notes, *said)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What every row of the record is made from."""

    config: TrustConfig
    samples: Samples
    model: Scores
    flags: list[Flag]
    clean: ModelOutputs
    promises: Promises

    def row(self, sample: str, shift: str, kind: RowKind, found: ModelOutputs) -> TrustRow:
        return make_row(sample, shift, kind, found, self.clean, self.promises, self.samples.aligned.class_names)

    def others(self, moves: list[Shift], say: Say) -> Iterator[tuple[str, str, RowKind, ModelOutputs]]:
        """The answers to every sample but the clean one: its name, shift and kind."""
        samples, size = self.samples, self.config.batch_size
        for shift in moves:
            say(f"Moving {len(samples.test)} examples by {shift.spec()}")
            moved = moved_answers(self.model, shift, samples.test, seed=self.config.seed, batch_size=size, flags=self.flags)
            yield CLEAN, shift.spec(), "shifted", moved
        kinds: tuple[tuple[RowKind, dict[str, Examples]], ...] = (("shifted", samples.shifted), ("unfamiliar", samples.unfamiliar))
        for kind, named in kinds:
            for name, examples in named.items():
                say(f"Asking about {len(examples)} examples of {name}")
                yield name, "identity", kind, answers(self.model, examples, size)
