"""Whether a folder's run can be resumed: the same model, the same parts, and an endpoint that still answers as it did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof._identity.fingerprinted import Fingerprint, found_again, with_version
from shiftproof._sealed import read_file
from shiftproof.data.source import Source
from shiftproof.judges.classify import CLASSIFY
from shiftproof.models.abstract import Answers as Model
from shiftproof.models.answer_cache import CachedAnswers
from shiftproof.models.endpoint import EndpointLabels, EndpointScores
from shiftproof.models.unanswered import Unanswered
from shiftproof.runs.cell import CELL_VERSION, Cell
from shiftproof.runs.provenance import now
from shiftproof.runs.store import ANSWERS, KNOWN

PROBES = 8
"""Inputs whose answers stand for an endpoint."""
MODEL_FIX = "give its state a name with --model-version (version=... of as_model, model_version=... of audit)"
PART_FIX = "give its class a name for its state, code_version = '1'"


@dataclass(frozen=True)
class EndpointAnswers:
    """What an endpoint answered to a few inputs.

    Args:
        date: when.
        said: scores or labels, a row an input; None where no answer came.
        steady: whether it said the same when it was asked twice.
    """

    date: str
    said: list[Any]
    steady: bool


@dataclass(frozen=True)
class RunIdentity:
    """What a run measures, as far as a later run must recognise it.

    Args:
        name: of the model.
        model: its fingerprint.
        parts: the fingerprints of the run's shifts, searches and certificates, by spec.
        answers: those of an endpoint.
    """

    name: str
    model: Fingerprint
    parts: Mapping[str, Fingerprint]
    answers: EndpointAnswers | None

    def written(self) -> dict[str, Any]:
        """As `plan.json` keeps it."""
        parts = {spec: part.text.rpartition("#")[2] for spec, part in self.parts.items()}
        return {KNOWN: {"model": self.model.text, "parts": parts}, ANSWERS: self.answers and asdict(self.answers)}

    def notes(self) -> list[str]:
        """What the reader must know about it."""
        found = [f"A later run cannot recognise the model '{self.name}': {gap}. To resume runs, {MODEL_FIX}." for gap in _gaps(self.model)]
        for spec, part in self.parts.items():
            found += [f"A later run cannot recognise {spec}: {gap}. To resume runs, {PART_FIX}." for gap in _gaps(part)]
        if self.answers is not None:
            steady = (
                "" if self.answers.steady else " It answered differently when asked twice, so a finished run of it is never read again."
            )
            found.append(f"The numbers are those of the endpoint '{self.name}' as answered on {self.answers.date[:10]}.{steady}")
        return found


def model_known(model: Model, version: str | None) -> Fingerprint:
    """The fingerprint of a model that the user calls `version`, whoever made it; that of a language model says so already."""
    found = model.identity()
    if version is None or (isinstance(model, CachedAnswers) and found.text.endswith(f"+version:{version}")):
        return found
    return Fingerprint(with_version(found.text, version))


def parts_known(cells: Sequence[Cell]) -> dict[str, Fingerprint]:
    """The fingerprints of all parts, by spec."""
    parts = {part.spec(): known for cell in cells for part, known in ((cell.shift, cell.shift_known), (cell.method, cell.method_known))}
    return parts | {cell.judge.spec(): cell.judge_known for cell in cells if cell.judge != CLASSIFY}


def answers_of(model: Model, data: Source) -> EndpointAnswers | None:
    """What an endpoint answers to the first inputs of the data, asked twice; None for a model that is here.

    Cost: 2 forwards on up to 8 examples.
    """
    if not isinstance(model, EndpointScores | EndpointLabels):
        return None
    x = data.take(slice(0, PROBES)).x
    first, second = _said(model, x), _said(model, x)
    return EndpointAnswers(now(), first, _agree(first, second) == len(x))


def _said(model: EndpointScores | EndpointLabels, x: Any) -> list[Any]:
    """Its answers, None in place of those that did not come."""
    try:
        return (model.scores(x) if isinstance(model, EndpointScores) else model.labels(x)).tolist()
    except Unanswered as missing:
        rows = iter([] if missing.said is None else missing.said.tolist())
        return [next(rows) if came else None for came in missing.came.tolist()]


def _agree(first: Sequence[Any], second: Sequence[Any]) -> int:
    """To how many inputs the answers are the same, those without one in either among them."""
    return sum(one == two or one is None or two is None for one, two in zip(first, second, strict=False))


def gone_on_with(known: RunIdentity, folder: Path) -> RunIdentity:
    """What is written of a run that goes on in this folder: an endpoint's answers are those stored there.

    Raises:
        UsageError: the folder holds a run of an older form, or one that cannot be told to be of the same model and parts.
    """
    before = _before(folder)
    if before is None:
        return known
    _check_form(before, folder)
    _check_gaps(known, folder)
    if known.answers is None or before[ANSWERS] is None or before[KNOWN]["model"] != known.model.text:
        return known
    stored = EndpointAnswers(**before[ANSWERS])
    _check_answers(known.name, stored, known.answers, folder)
    return RunIdentity(known.name, known.model, known.parts, stored)


def measured_anew(known: RunIdentity, folder: Path) -> list[str]:
    """What of a folder's earlier run is another thing by now under the same name, and is measured anew."""
    before = _before(folder)
    if before is None or KNOWN not in before:
        return []
    found = [f"the model '{known.name}'"] if before[KNOWN]["model"] != known.model.text else []
    now_, then = known.written()[KNOWN]["parts"], before[KNOWN]["parts"]
    found += [spec for spec in now_ if spec in then and then[spec] != now_[spec]]
    if not found:
        return []
    return [f"Changed since the last run in this folder: {', '.join(found)}. They are measured again; no earlier result of them is used."]


def _before(folder: Path) -> dict[str, Any] | None:
    try:
        plan = json.loads(read_file(folder / "plan.json"))
    except (OSError, ValueError, RecursionError):  # no run, or a damaged one: the store says which
        return None
    return plan if isinstance(plan, dict) else None


def _check_form(before: Mapping[str, Any], folder: Path) -> None:
    if before.get("form") != CELL_VERSION:
        raise UsageError(
            f"The run in '{folder}' was written by an older version of shiftproof (form {before.get('form', 1)}, now {CELL_VERSION}), "
            "whose results do not record everything that they depend on, so it cannot be resumed. `shiftproof report` and "
            "`shiftproof compare` still read it. Choose another folder with --out."
        )


def _check_gaps(known: RunIdentity, folder: Path) -> None:
    named = [(f"the model '{known.name}'", known.model, MODEL_FIX), *((spec, part, PART_FIX) for spec, part in known.parts.items())]
    for what, fingerprint, fix in named:
        for gap in _gaps(fingerprint):
            raise UsageError(
                f"The run in '{folder}' cannot be resumed, because {what} cannot be recognised: {gap}. Choose another folder with --out; "
                f"to resume later runs, {fix}."
            )


def _gaps(known: Fingerprint) -> Sequence[str]:
    return known.gaps if found_again(known.text) or known.gaps else ("a model that it is made of cannot be identified",)


def _check_answers(name: str, stored: EndpointAnswers, given: EndpointAnswers, folder: Path) -> None:
    fix = "Choose another folder with --out."
    if not stored.steady:
        if _complete(folder):
            raise UsageError(
                f"The run in '{folder}' is finished, and the endpoint '{name}' answers differently each time, so it cannot be checked "
                f"that it is still the same model. `shiftproof report` shows the run, as answered on {stored.date}. {fix}"
            )
        return
    rows = len(given.said) - _agree(stored.said, given.said)
    if rows:
        raise UsageError(
            f"The endpoint '{name}' gives other answers to {rows} of {len(given.said)} inputs than on {stored.date}, when the run in "
            f"'{folder}' began: the model behind it has changed. {fix}"
        )


def _complete(folder: Path) -> bool:
    try:
        return bool(json.loads(read_file(folder / "audit.json"))["complete"])
    except (OSError, ValueError, KeyError, RecursionError):
        return False
