"""Behavioural tests of a text classifier: what it must say, what must not change its answer, and which way an answer must go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.rows import Items
from shiftproof.models.abstract import Labels, Scores
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.shifts.text.pinned import read_lines

Sort = Literal["MFT", "INV", "DIR"]
SORTS = ("MFT", "INV", "DIR")


@dataclass(frozen=True)
class BehaviourCase:
    """One line of a file of tests.

    Args:
        sort: "MFT", the text must get `label`; "INV", no edited text may get another answer than the text; "DIR", the probability of
            `label` must not fall (direction "up") or rise ("down") from the text to an edited one by more than 0.1.
        test: the name of the test that it belongs to.
        text: the text.
        edited: the edited texts, for INV and DIR.
        label: a class code, for MFT and DIR.
        direction: "up" or "down", for DIR.
    """

    sort: Sort
    test: str
    text: str
    edited: tuple[str, ...] = ()
    label: int = -1
    direction: str = ""


@dataclass(frozen=True)
class BehaviourResult:
    """What became of one test: cases that failed, their share with its interval, and a few failures as (text, what was asked, answer)."""

    sort: Sort
    test: str
    n: int
    failed: int
    rate: float
    interval: Interval
    failures: tuple[tuple[str, str, str], ...]


_SLACK = 0.1
"""How far a probability may move the wrong way, as in CheckList."""


def read_behaviour(path: Path, class_names: Sequence[str] = ()) -> list[BehaviourCase]:
    """The cases of a JSONL file: `type` (MFT, INV or DIR), `name`, `text`, and by type `label`, `edited` (a list) and `direction`.

    Raises:
        UsageError: a line lacks what its type needs, or names a class that is not among `class_names`.
    """
    found = [
        _case(row, f"'{path}', case {number}", class_names) for number, row in enumerate(read_lines(path, "behavioural tests"), start=1)
    ]
    if not found:
        raise UsageError(f"The file '{path}' holds no tests. Each line is an object with type, name and text.")
    return found


def _case(row: Mapping[str, Any], where: str, class_names: Sequence[str]) -> BehaviourCase:
    sort, text, edited, direction = row.get("type"), row.get("text"), row.get("edited", []), row.get("direction", "")
    if sort not in SORTS:
        raise must("type", where, "be MFT, INV or DIR", sort)
    if not isinstance(text, str) or not text.strip():
        raise must("text", where, "be a text", text)
    edited = [edited] if isinstance(edited, str) else edited
    if not isinstance(edited, list) or not all(isinstance(one, str) and one.strip() for one in edited):
        raise must("edited", where, "be a text or a list of texts", edited)
    if sort != "MFT" and not edited:
        raise must("edited", where, "be given for INV and DIR", None)
    if sort == "DIR" and direction not in ("up", "down"):
        raise must("direction", where, "be up or down for DIR", direction)
    label = -1 if sort == "INV" else _label(row.get("label"), where, class_names)
    return BehaviourCase(sort, str(row.get("name", sort)), text, tuple(edited), label, direction)


def _label(label: object, where: str, class_names: Sequence[str]) -> int:
    if isinstance(label, str) and class_names:
        if label not in class_names:
            raise unknown(f"class of {where}", label, class_names)
        return list(class_names).index(label)
    if isinstance(label, bool) or not isinstance(label, int) or label < 0:
        raise must("label", where, "be a class code 0, 1, 2, ... or a class name", label, "Names need --classes.")
    return label


def behaviour(
    model: Labels, cases: Sequence[BehaviourCase], *, class_names: Sequence[str] = (), confidence: float = 0.95, batch_size: int = 256
) -> tuple[BehaviourResult, ...]:
    """Every test with its failures, in order of first appearance.

    Args:
        model: of texts; DIR needs scores.
        cases: from `read_behaviour`.
        class_names: the classes in label order, for failures.
        confidence: of the intervals, in (0, 1).
        batch_size: texts per call.

    Cost: one forward for each different text.

    Reference: Ribeiro et al. 2020 [ribeiro2020beyond], "Beyond accuracy: behavioral testing of NLP models with CheckList".
    """
    if any(case.sort == "DIR" for case in cases) and not isinstance(model, Scores):
        raise UsageError(f"DIR tests need probabilities, and the model '{model.name}' gives labels only. Leave them out.")
    texts = [*dict.fromkeys(text for case in cases for text in (case.text, *case.edited))]
    said = _answers(model, texts, batch_size)
    tests: dict[tuple[Sort, str], list[tuple[str, str, str] | None]] = {}
    for case in cases:
        tests.setdefault((case.sort, case.test), []).append(_failure(case, said, class_names))
    found: list[BehaviourResult] = []
    for (sort, name), results in tests.items():
        failures = tuple(one for one in results if one is not None)
        interval = clopper_pearson(len(failures), len(results), confidence=confidence).one()
        found.append(BehaviourResult(sort, name, len(results), len(failures), len(failures) / len(results), interval, failures[:3]))
    return tuple(found)


Said = Mapping[str, tuple[int, Any]]


def _answers(model: Labels, texts: list[str], batch_size: int) -> Said:
    """By each text the decision, and the probabilities where there are some."""
    found: dict[str, tuple[int, Any]] = {}
    for start in range(0, len(texts), batch_size):
        part: Any = Items(texts[start : start + batch_size])
        if isinstance(model, Scores):
            scores = model.scores(part).double()
            rows = zip(scores.argmax(1).tolist(), scores.softmax(1).numpy(), strict=True)
        else:
            rows = ((label, np.zeros(0)) for label in model.labels(part).tolist())  # type: ignore[assignment]  # the same pairs
        found.update(zip(part, rows, strict=True))
    return found


def _failure(case: BehaviourCase, said: Said, class_names: Sequence[str]) -> tuple[str, str, str] | None:
    """How a case fails: its text, what was asked, the answer; None where it holds."""
    decision, probabilities = said[case.text]
    if case.sort == "MFT":
        return None if decision == case.label else (case.text, f"must be {_named(case.label, class_names)}", _named(decision, class_names))
    if case.label >= len(probabilities) and case.sort == "DIR":
        raise must("label", f"the test '{case.test}'", f"be one of the model's {len(probabilities)} classes", case.label)
    for edited in case.edited:
        other, after = said[edited]
        if case.sort == "INV" and other != decision:
            return case.text, edited, f"{_named(decision, class_names)} became {_named(other, class_names)}"
        if case.sort == "DIR":
            rise = float(after[case.label] - probabilities[case.label])
            if (rise if case.direction == "up" else -rise) < -_SLACK:
                return case.text, edited, f"{_named(case.label, class_names)} went by {rise:+.2f}, and must not go {_other(case.direction)}"
    return None


def _other(direction: str) -> str:
    return "down" if direction == "up" else "up"


def _named(label: int, class_names: Sequence[str]) -> str:
    return class_names[label] if 0 <= label < len(class_names) else str(label)
