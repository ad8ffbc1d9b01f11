"""Runs a study: seed by seed, each kept when it is finished, so that the same call goes on; then the verdict."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from shiftproof._errors import UsageError, must
from shiftproof._references import bibtex
from shiftproof.data.load import load_data
from shiftproof.evaluation.provenance import now, provenance
from shiftproof.evaluation.store import save
from shiftproof.studies import studies
from shiftproof.studies.abstract import Study
from shiftproof.studies.quantity import Quantity, Unit, over_seeds
from shiftproof.studies.record import FigureRecord, Form, PredictionRecord, QuantityRecord, StudyRecord, TrialRecord
from shiftproof.studies.trial import Trial
from shiftproof.studies.verdict import Judged, judge, overall

RECORD = "study.json"
_ASKED = "asked.json"
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
    _claim(folder, {"study": chosen.full_spec(), "form": form, "data": prints})
    started = now()
    trials: list[TrialRecord] = []
    for seed in range(seeds):
        trials.append(_trial(chosen, seed, full, uris, folder, say or _silent))
        if done is not None:
            done()
    record = _record(chosen, form, prints, tuple(trials), confidence, started)
    save(folder / RECORD, record.model_dump_json(indent=2).encode())
    return record


def read_studies(folder: str | Path) -> list[StudyRecord]:
    """The records of every finished study in a folder, by name, the full form before the quick one."""
    found: list[StudyRecord] = []
    for path in sorted(Path(folder).glob(f"*/{RECORD}")):
        try:
            found.append(StudyRecord.model_validate_json(path.read_bytes()))
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


def _trial(study: Study, seed: int, full: bool, data: Mapping[str, str], folder: Path, say: Callable[[str], None]) -> TrialRecord:
    """The finished trial of a seed, from its file where it is there."""
    path = folder / f"seed-{seed}.json"
    if path.exists():
        try:
            return TrialRecord.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise UsageError(f"The record '{path}' is damaged. Remove it, and the seed is measured again.") from error
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
    save(path, record.model_dump_json(indent=2).encode())
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


def _claim(folder: Path, asked: dict[str, Any]) -> None:
    """The folder, for this study under these circumstances only."""
    from shiftproof import __version__

    now_asked = {**asked, "shiftproof": __version__}
    path = folder / _ASKED
    if not path.exists():
        save(path, json.dumps(now_asked, indent=2).encode())
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"The record '{path}' is damaged ({error}). Choose another folder with --out.") from error
    other = [key for key in now_asked if before.get(key) != now_asked[key]]
    if other:
        was, here = before.get(other[0]), now_asked[other[0]]
        raise UsageError(
            f"The folder '{folder}' holds the study with '{other[0]}' {was!r}, and now it is {here!r}. Choose another with --out."
        )
