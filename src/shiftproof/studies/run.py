"""Runs a study: seed by seed, each kept when it is finished, so that the same call goes on; then the verdict."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError

from shiftproof import __version__
from shiftproof._errors import UsageError, must
from shiftproof._sealed import create_json, read_document, read_json
from shiftproof._writing import clear_leftovers, disk_error, one_at_a_time
from shiftproof.data.load import load_data
from shiftproof.models.torch_module import TorchModule
from shiftproof.records.document import write_document
from shiftproof.records.study import Form, QuantityRecord, StudyRecord, TrialRecord
from shiftproof.runs.provenance import now, provenance
from shiftproof.studies import studies
from shiftproof.studies.abstract import Study
from shiftproof.studies.build_record import StudyTrials, build_record, rebuild_record
from shiftproof.studies.code_digest import Code, code_of
from shiftproof.studies.plan import extensions_in, plan_of, read_trial, trial_key, trial_path, write_trial
from shiftproof.studies.trial import Trial

RECORD = "study.json"
_ASKED = "asked.json"
_CLAIM = {"kind": "asked"}


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
    nets: Mapping[str, str] | None = None,
    extend: int = 0,
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
        nets: for the full form, what makes each trained network that the study needs, such as {"cifar10.plain": "nets.py:resnet20"}: a
            torch module on the CPU that takes inputs in the data's units.
        extend: how often as many seeds as the study plans are added to them, after its verdict was seen or before. The verdict is then
            marked as extended and its intervals are wider by what the earlier looks have spent.
        confidence: of the verdict.
        say: takes a line on what is being done.
        done: called when a seed is finished.

    Returns:
        The verdict with its marks, every quantity with its interval, and what each seed was measured with.

    Raises:
        UsageError: no such study, a sample or network that the study needs is not named or is not there, or the folder holds the study
            under other circumstances.

    Guarantees:
        A claim is called reproduced, or not reproduced, wrongly with probability at most 1 - confidence, as far as its quantities are
        normal over seeds: every interval counts training, drawing and the test sample, and those of all predictions, planned and after
        every extension, hold together. Not covered: what was seen elsewhere or with other code; the verdict is then marked, and other
        seeds are used.
    """
    chosen = studies.build(study) if isinstance(study, str) else study
    uris, specs = check_run(chosen, full=full, data=data or {}, nets=nets or {}, extend=extend, confidence=confidence)
    form: Form = "full" if full else "quick"
    folder = Path(out) / f"{chosen.name}-{form}"
    code = code_of(type(chosen))
    prints = {name: load_data(uri).fingerprint() for name, uri in uris.items()}
    given = {name: _net(name, spec) for name, spec in specs.items()}
    known = {name: net.fingerprint() for name, net in given.items()}
    asked = {"study": chosen.full_spec(), "form": form, "data": prints, "nets": known, "shiftproof": __version__}
    _claim(folder, asked)
    plan = plan_of(type(chosen), form, code, folder)
    key = trial_key(asked, code, plan)
    extensions = max(extend, extensions_in(folder, plan, key))
    started = now()
    trials: list[TrialRecord] = []
    for seed in plan.seeds(extensions):
        work = trial_path(folder, seed, key).with_suffix("")
        modules = {name: net.module.eval() for name, net in given.items()}
        trial = Trial(not full, seed, work, uris, _reporter(chosen, seed, say), plan.used, modules)
        with one_at_a_time(folder, f"The folder '{folder}' is in use by another run: waiting for it."):
            trials.append(_kept(chosen, trial, folder, key, code))
        if done is not None:
            done()
    drawn = StudyTrials(tuple(trials), plan.planned, extensions, plan.looks, confidence, nets=known)
    record = build_record(chosen, form, prints, drawn, provenance(_Circumstances(trials[0].seed, confidence), started))
    _write(folder / RECORD, record)
    return record


def read_studies(folder: str | Path) -> list[StudyRecord]:
    """The records of every finished study in a folder, by name, the full form before the quick one."""
    found = [_read(path) for path in sorted(Path(folder).glob(f"*/{RECORD}"))]
    if not found:
        raise UsageError(f"There is no finished study in '{folder}'. Run one: shiftproof study run learning_from_errors --out {folder}")
    return sorted(found, key=lambda record: (record.study, record.form))


def judge_again(folder: str | Path) -> list[StudyRecord]:
    """Every stored record with the verdict that the predictions, as they now stand, draw from its figures; see `rebuild_record`.

    The file of a record that says the same as before, up to the rounding of the last digits, stays as it is.
    """
    for path in sorted(Path(folder).glob(f"*/{RECORD}")):
        record = _read(path)
        again = rebuild_record(record, studies.build(record.study))
        if _rounded(again) != _rounded(record):
            _write(path, again)
    return read_studies(folder)


def _rounded(record: StudyRecord) -> object:
    """What a record says, its figures to nine digits: libraries differ in the last ones."""
    return json.loads(record.model_dump_json(exclude={"seal"}), parse_float=lambda figure: f"{float(figure):.9g}")


def _read(path: Path) -> StudyRecord:
    try:
        return StudyRecord.model_validate_json(read_document(path, "study"))
    except (OSError, ValidationError) as error:
        raise UsageError(f"The record '{path}' cannot be read: {str(error).splitlines()[0]} Run the study again.") from error


def _write(path: Path, record: StudyRecord) -> None:
    try:
        write_document(path, record, "study")
    except OSError as error:
        raise disk_error(path.parent, error) from error


class Given(NamedTuple):
    """What a run uses of what its user has: the URI of each sample, and what makes each network."""

    data: dict[str, str]
    nets: dict[str, str]


def check_run(study: Study, *, full: bool, data: Mapping[str, str], nets: Mapping[str, str], extend: int, confidence: float) -> Given:
    """What the run uses; `UsageError` where `run_study` would raise it for what was asked."""
    if isinstance(study.seeds, bool) or study.seeds < 2:
        raise must("seeds", f"the study '{study.name}'", "be at least 2", study.seeds, "One training cannot say how much chance there is.")
    if isinstance(extend, bool) or extend < 0:
        raise must("extend", "a study", "be at least 0", extend)
    if not 0 < confidence < 1:
        raise must("confidence", "a study", "be in (0, 1)", confidence)
    return Given(_samples(study, data), _networks(study, nets)) if full else Given({}, {})


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


def _networks(study: Study, given: Mapping[str, str]) -> dict[str, str]:
    missing = [name for name in study.nets if name not in given]
    if missing:
        raise UsageError(
            f"The full form of the study '{study.name}' needs the trained network {missing[0]}: add --net {missing[0]}=FILE.py:NAME, "
            "what makes it. Its quick form needs none."
        )
    return {name: given[name] for name in study.nets}


def _net(name: str, spec: str) -> TorchModule:
    from shiftproof.models.load import load_model

    model = load_model(spec, gives="scores")
    if not isinstance(model, TorchModule):
        raise must("net", f"the study's {name}", "be a torch module", spec)
    return model


def _reporter(study: Study, seed: int, say: Callable[[str], None] | None) -> Callable[[str], None]:
    def report(line: str) -> None:
        if say is not None:
            say(f"{study.name}, seed {seed}: {line}")

    return report


def _kept(study: Study, trial: Trial, folder: Path, key: str, code: Code) -> TrialRecord:
    """The finished trial of a seed, from its file where it is there and whole."""
    stored = read_trial(folder, trial.seed, key)
    if stored is None:
        stored = _measured(study, trial, key, code)
        write_trial(folder, stored, key)
        shutil.rmtree(trial.folder, ignore_errors=True)  # the trainings, which are of no use any more
    return stored


def _measured(study: Study, trial: Trial, key: str, code: Code) -> TrialRecord:
    trial.say("measuring")
    started, wall, cpu = now(), time.perf_counter(), time.process_time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        measured = study.measure(trial)
    return TrialRecord(
        seed=trial.seed,
        quantities={name: QuantityRecord(value=each.value, error=each.error, unit=each.unit) for name, each in measured.items()},
        seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
        key=key,
        code=code.digest,
        commit=code.commit,
        dirty=code.dirty,
        started=started,
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
