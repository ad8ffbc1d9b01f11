"""Messages, docstrings and pages are plain engineering English: no phrase of this table, and no name that does not say what a thing is."""

from __future__ import annotations

import ast
import re

import pytest

from repository import ROOT

SOURCE = ROOT / "src" / "shiftproof"
TEXTS = [
    *(file for file in sorted(SOURCE.rglob("*")) if file.suffix in (".py", ".html", ".js", ".css")),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
]
PER = "(?:forwards?|backwards?|passes|queries|numbers|inputs?|entry)"
PLAIN = {
    r"does not compute what it computes": "gives different outputs from the model",
    r"\bwhich there are for\b": "Supported: ...",
    rf"\b{PER} an? (?:example|image|input|row|column|step)\b": "forwards per example",
    r"\bhangs? on\b": "depends on",
    r"\b(?:it|that|which|verdict|number|measurement|they|we) stands? on\b": "number of examples, sample",
    r"\bspeaks? about\b": "covers",
    r"\bso the two make no bracket\b": "do not read the two as a bracket",
    r"\bleaves at most\b": "under attack (SEARCH), accuracy is at most",
    r"\bLeft open\b": "Not covered",
    r"\bdearest\b": "maximum",
    r"\bat most for half of them\b": "median",
    r"\bthe least of several timed\b": "fastest of 7 runs",
    r"\bis for measuring\b": "can be measured but not optimised",
    r"\baccurac(?:y|ies) (?:at home|elsewhere)\b": "in-distribution accuracy, out-of-distribution accuracy",
    r"\bhas nothing to take\b": "the model misclassifies every example even without noise",
    r"\bcannot be made by gradients\b": "has no gradient",
    r"\bstarts from a model of its own\b": "with a custom init estimator",
    r"\bmodels? trained apart\b": "independently trained models",
    r"\bdecided rightly\b": "uncertified (including examples where it abstains)",
    r"\bdecided for the user\b": "decisions made automatically, shown in the report",
    r"\bspeaks? against\b": "warnings about",
    r"\bin silence\b": "silently",
    r"\b(?:is|are) no (?:file|folder|number|image|picture|feature|error|parts?|models?|classifier)s?\b": "is not a file",
    r"\bways? out\b|\bway_out\b": "how to fix it",
    r"\btold below\b": "reported below",
}
"""A phrase that must be read twice, and what says the same at once. The slogan "when the world moves" may sing."""
THERE = re.compile(r"\b[Tt]here (?:is|are) no ")
ALLOWED_NAMES = {"cli/line.py"}
"""`shiftproof line`, after the papers on accuracy on the line."""
ODD = frozenset({"lesson", "school", "taught", "wrapping", "watch", "feed", "foreign", "drawer", "wall", "keeper"})
NAMES = ODD | {"moving", "front", "shown", "line", "words"}
"""What modules and classes are not called; functions are not called by an odd name either."""


def found_in(text: str) -> list[str]:
    """The phrases of the table in a text, wherever its lines break."""
    flat = THERE.sub("there exists ", re.sub(r"\s+", " ", text))
    return [match[0] for phrase in PLAIN for match in re.finditer(phrase, flat)]


def names_in(code: str) -> list[str]:
    """The classes, functions and parameters of a module that have one of the names."""
    found: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ClassDef) and node.name.strip("_").lower() in NAMES:
            found.append(node.name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            called = [node.name, *(each.arg for each in (*node.args.args, *node.args.kwonlyargs))]
            found += [name for name in called if name.strip("_").lower() in ODD]
    return found


def test_no_phrase_has_to_be_read_twice() -> None:
    found = {str(file.relative_to(ROOT)): found_in(file.read_text(encoding="utf-8")) for file in TEXTS}
    assert len(found) > 400
    assert {file: phrases for file, phrases in found.items() if phrases} == {}


def test_no_name_hides_what_a_thing_is() -> None:
    modules = {str(file.relative_to(SOURCE)): file for file in SOURCE.rglob("*.py")}
    hidden = {name: names_in(file.read_text(encoding="utf-8")) for name, file in modules.items()}
    hidden |= {name: [file.stem] for name, file in modules.items() if file.stem.strip("_") in NAMES}
    assert {name: names for name, names in hidden.items() if names and name not in ALLOWED_NAMES} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "Randomness hangs on the id.",
        '"""Costs 20 forwards\n    an example."""',
        "The way out: install it.",
        "Nothing is clipped in silence.",
        "'x' is no file",
        "speaks against",
    ],
)
def test_a_planted_phrase_is_found(planted: str) -> None:
    assert found_in(planted)


def test_there_is_no_file_is_plain_english() -> None:
    assert found_in("There is no file 'x'. There are no models to rank.") == []


def test_a_planted_name_is_found() -> None:
    assert names_in("class Front:\n    def _watch(self, line, *, keeper): ...") == ["Front", "_watch", "keeper"]
