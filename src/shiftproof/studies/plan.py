"""The seed plan of a study: how many seeds, which ones, and what was seen before; and the key that every trial is kept under."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shiftproof._errors import StoredFileWarning
from shiftproof._sealed import DamagedFile, UnsealedFile, read_json, read_sealed, sealed, with_seal
from shiftproof._writing import save
from shiftproof.records.study import Form, TrialRecord
from shiftproof.studies.abstract import EarlierLook, Study
from shiftproof.studies.code_digest import Code

QUICK_SEEDS = 3
"""Of every study's quick form, which settles no claim."""


@dataclass(frozen=True)
class StudyPlan:
    """Rounds of `planned` seeds from `first` on, the first planned and each further one an extension, after some looks."""

    planned: int
    first: int
    looks: tuple[EarlierLook, ...]

    def seeds(self, extensions: int) -> range:
        """The seeds of the planned round and of so many extensions."""
        return range(self.first, self.first + self.planned * (1 + extensions))

    @property
    def used(self) -> int:
        """How many of the looks were at this study's own samples."""
        return sum(bool(look.seeds) for look in self.looks)


def plan_of(study: type[Study], form: Form, code: Code, folder: Path) -> StudyPlan:
    """The plan of a study in its folder: after the looks that the study states, and after trials there of other code."""
    looks = (*study.looks, *_looks_in(folder, code))
    used = [seed for look in looks for seed in look.seeds]
    return StudyPlan(QUICK_SEEDS if form == "quick" else study.seeds, max(used, default=-1) + 1, looks)


def trial_key(asked: Mapping[str, object], code: Code, plan: StudyPlan) -> str:
    """What a stored trial is known by: whatever its figures depend on, and what was seen before."""
    whole = {**asked, "code": code.digest, "planned": plan.planned, "first": plan.first, "looks": plan.used}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def trial_path(folder: Path, seed: int, key: str) -> Path:
    """The file of a trial."""
    return folder / f"seed-{seed}-{key}.json"


def write_trial(folder: Path, trial: TrialRecord, key: str) -> None:
    """Keeps a finished trial, sealed."""
    text = with_seal(trial.model_dump_json(indent=2))
    save(trial_path(folder, trial.seed, key), bytes(sealed(text, _identity(trial.seed, key))))


def read_trial(folder: Path, seed: int, key: str) -> TrialRecord | None:
    """A stored trial; None where there is none, or a damaged one, which is said."""
    path = trial_path(folder, seed, key)
    try:
        return TrialRecord.model_validate(read_json(path, _identity(seed, key)))
    except FileNotFoundError:
        return None
    except (DamagedFile, OSError) as error:
        warnings.warn(f"The record '{path}' is not used, as {error}. Its seed is measured again.", StoredFileWarning, stacklevel=3)
        return None


def _identity(seed: int, key: str) -> dict[str, object]:
    return {"kind": "trial", "seed": seed, "key": key}


def extensions_in(folder: Path, plan: StudyPlan, key: str) -> int:
    """How many extensions of a plan were begun in its folder: what was seen cannot be unseen."""
    begun = [seed for seed in plan.seeds(len(list(folder.glob(f"seed-*-{key}.json")))) if trial_path(folder, seed, key).exists()]
    return max(0, (max(begun, default=plan.first) - plan.first) // plan.planned)


def _looks_in(folder: Path, code: Code) -> Sequence[EarlierLook]:
    """Trials in the folder that were measured with other code, one look for each code."""
    others: dict[str | None, list[TrialRecord]] = {}
    for path in sorted(folder.glob("seed-*.json")):
        try:
            text = read_sealed(path, None)
        except UnsealedFile:  # of before there were seals
            text = path.read_bytes()
        except (DamagedFile, OSError):  # said where its seed is measured again
            continue
        try:
            trial = TrialRecord.model_validate({name: value for name, value in json.loads(text).items() if name != "seal"})
        except (ValueError, AttributeError):
            continue
        if trial.code != code.digest:
            others.setdefault(trial.code, []).append(trial)
    return [_look(digest, trials) for digest, trials in others.items()]


def _look(digest: str | None, trials: Sequence[TrialRecord]) -> EarlierLook:
    seeds = tuple(sorted({trial.seed for trial in trials}))
    which = f"code {digest}" if digest else "code that was not recorded"
    return EarlierLook(
        f"Seeds {', '.join(map(str, seeds))} were measured in the same folder with {which}, before the study was changed.", seeds
    )
