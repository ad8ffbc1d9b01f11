"""Runs a study: seed by seed, each kept when it is finished, so that the same call goes on; then the verdict."""

from __future__ import annotations

import json
import math
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from shiftproof import __version__
from shiftproof._errors import StoredFileWarning, UsageError, must
from shiftproof._references import bibtex
from shiftproof._sealed import DamagedFile, create_json, read_document, read_json, sealed, with_seal
from shiftproof._writing import clear_leftovers, one_at_a_time
from shiftproof.data.load import load_data
from shiftproof.evaluation.provenance import now, provenance
from shiftproof.evaluation.records import write_document
from shiftproof.evaluation.store import disk_error, save
from shiftproof.studies import studies
from shiftproof.studies.abstract import Study
from shiftproof.studies.quantity import Quantity, Unit, over_seeds
from shiftproof.studies.record import FigureRecord, Form, PredictionRecord, QuantityRecord, StudyRecord, TrialRecord
from shiftproof.studies.trial import Trial
from shiftproof.studies.verdict import Judged, judge, overall

RECORD = "study.json"
_ASKED = "asked.json"
_CLAIM = {"kind": "asked"}
SEEDS = 3


@dataclass(frozen=True)
class _Circumstances:
    """What provenance asks of a run."""

    seed: int
    confidence: float
    device: str = "cpu"
    suite: str | None = None


def run_study(
    study: str | Study,
    *,
    out: str | Path,
    full: bool = False,
    data: Mapping[str, str] | None = None,
    seeds: int = SEEDS,
    confidence: float = 0.95,
    say: Callable[[str], None] | None = None,
    done: Callable[[], None] | None = None,
) -> StudyRecord:
    """Measures a published claim anew.

    Args:
        study: a study, its name, or its spec.
        out: the folder of all studies; this one has a folder of its own in it. The same call again goes on where a killed one stopped.
        full: the full form, minutes to an hour; else the quick one on embedded digits, seconds.
        data: for the full form, the URI of each sample that the study needs, such as {"mnist.train": "idx:mnist?split=train"}.
        seeds: how often everything is trained and drawn anew, at least 2.
        confidence: of the verdict.
        say: takes a line on what is being done.
        done: called when a seed is finished.

    Returns:
        The verdict, every quantity with its interval, and where it was made.

    Raises:
        UsageError: no such study, a sample that the study needs is not named or is not there, fewer than 2 seeds, or the folder holds
            the study under other circumstances.

    Guarantees:
        A claim is called reproduced, or not reproduced, wrongly with probability at most 1 - confidence, as far as its quantities are
        normal over seeds: every interval counts training, drawing and the test sample, and they hold together (Bonferroni).
    """
    chosen = studies.build(study) if isinstance(study, str) else study
    uris = check_run(chosen, full=full, data=data or {}, seeds=seeds, confidence=confidence)
    form: Form = "full" if full else "quick"
    folder = Path(out) / f"{chosen.name}-{form}"
    prints = {name: load_data(uri).fingerprint() for name, uri in uris.items()}
    asked = {"study": chosen.full_spec(), "form": form, "data": prints, "shiftproof": __version__}
    _claim(folder, asked)
    started = now()
    trials: list[TrialRecord] = []
    for seed in range(seeds):
        with one_at_a_time(folder, f"The folder '{folder}' is in use by another run: waiting for it."):
            trials.append(_trial(chosen, seed, full, uris, folder, asked, say or _silent))
        if done is not None:
            done()
    record = _record(chosen, form, prints, tuple(trials), confidence, started)
    try:
        write_document(folder / RECORD, record, "study")
    except OSError as error:
        raise disk_error(folder, error) from error
    return record


def read_studies(folder: str | Path) -> list[StudyRecord]:
    """The records of every finished study in a folder, by name, the full form before the quick one."""
    found: list[StudyRecord] = []
    for path in sorted(Path(folder).glob(f"*/{RECORD}")):
        try:
            found.append(StudyRecord.model_validate_json(read_document(path, "study")))
        except (OSError, ValidationError) as error:
            raise UsageError(f"The record '{path}' cannot be read: {str(error).splitlines()[0]} Run the study again.") from error
    if not found:
        raise UsageError(f"There is no finished study in '{folder}'. Run one: shiftproof study run learning_from_errors --out {folder}")
    return sorted(found, key=lambda record: (record.study, record.form))


def _silent(line: str) -> None:
    del line


def check_run(study: Study, *, full: bool, data: Mapping[str, str], seeds: int, confidence: float) -> dict[str, str]:
    """The samples that the run uses; `UsageError` where `run_study` would raise it for what was asked."""
    if isinstance(seeds, bool) or seeds < 2:
        raise must("seeds", "a study", "be at least 2", seeds, "One training cannot say how much chance there is in training.")
    if not 0 < confidence < 1:
        raise must("confidence", "a study", "be in (0, 1)", confidence)
    return _samples(study, data) if full else {}


def _samples(study: Study, given: Mapping[str, str]) -> dict[str, str]:
    for name in given:
        if "." not in name:
            raise must("data", "a study", "name a sample, such as mnist.train", name)
    missing = [name for name in study.needs if name not in given]
    if missing:
        raise UsageError(
            f"The full form of the study '{study.name}' needs the sample {missing[0]}: add --data {missing[0]}=URI, "
            "such as idx:FOLDER?split=train. Its quick form needs none."
        )
    return {name: given[name] for name in study.needs}


def _trial(
    study: Study, seed: int, full: bool, data: Mapping[str, str], folder: Path, asked: Mapping[str, Any], say: Callable[[str], None]
) -> TrialRecord:
    """The finished trial of a seed, from its file where it is there and whole."""
    path, identity = folder / f"seed-{seed}.json", {"kind": "trial", "seed": seed, **asked}
    try:
        return TrialRecord.model_validate(read_json(path, identity))
    except FileNotFoundError:
        pass
    except (DamagedFile, OSError) as error:
        warnings.warn(f"The record '{path}' is not used, as {error}. Its seed is measured again.", StoredFileWarning, stacklevel=3)
    work = folder / f"seed-{seed}"
    trial = Trial(not full, seed, work, data, lambda line: say(f"{study.name}, seed {seed}: {line}"))
    trial.say("measuring")
    wall, cpu = time.perf_counter(), time.process_time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        measured = study.measure(trial)
    record = TrialRecord(
        seed=seed,
        quantities={name: QuantityRecord(value=each.value, error=each.error, unit=each.unit) for name, each in measured.items()},
        seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
    )
    save(path, sealed(with_seal(record.model_dump_json(indent=2)), identity))
    shutil.rmtree(work, ignore_errors=True)  # the trainings, which are of no use any more
    return record


def _record(
    study: Study, form: Form, prints: dict[str, str], trials: tuple[TrialRecord, ...], confidence: float, started: str
) -> StudyRecord:
    found = [{name: Quantity(each.value, each.error, each.unit) for name, each in trial.quantities.items()} for trial in trials]
    judged = judge(study.predictions, found, confidence=confidence)
    return StudyRecord(
        study=study.spec(),
        form=form,
        claim=study.claim,
        paper=study.paper,
        figure=study.figure,
        protocol=study.protocol,
        scaled_down=study.scaled_down,
        references=tuple(bibtex(reference) or reference for reference in study.references),
        data=prints,
        verdict=overall([each.verdict for each in judged]),
        predictions=tuple(_predicted(each, found[0][each.prediction.quantity].unit) for each in judged),
        figures=tuple(
            FigureRecord(
                quantity=name,
                value=float(np.mean([trial[name].value for trial in found])),
                interval=over_seeds([trial[name] for trial in found], confidence=confidence),
                unit=first.unit,
            )
            for name, first in found[0].items()
        ),
        trials=trials,
        provenance=provenance(_Circumstances(trials[0].seed, confidence), started),
    )


def _predicted(judged: Judged, unit: Unit) -> PredictionRecord:
    said = judged.prediction
    return PredictionRecord(
        quantity=said.quantity,
        says=said.says,
        low=said.low if math.isfinite(said.low) else None,
        high=said.high if math.isfinite(said.high) else None,
        paper=said.paper,
        unit=unit,
        value=judged.value,
        interval=judged.interval,
        verdict=judged.verdict,
    )


def _claim(folder: Path, asked: Mapping[str, Any]) -> None:
    """The folder, for this study under these circumstances only; taken in one step."""
    path = folder / _ASKED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if create_json(path, json.dumps(asked, indent=2), _CLAIM):
            return
        before = read_json(path, _CLAIM)
    except ValueError as error:
        raise UsageError(f"The record '{path}' is damaged ({error}). Choose another folder with --out.") from error
    except OSError as error:
        raise disk_error(folder, error) from error
    clear_leftovers(folder)
    other = [key for key in asked if before.get(key) != asked[key]]
    if other:
        was, here = before.get(other[0]), asked[other[0]]
        raise UsageError(
            f"The folder '{folder}' holds the study with '{other[0]}' {was!r}, and now it is {here!r}. Choose another with --out."
        )
