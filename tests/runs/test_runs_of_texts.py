"""Runs of texts, numbers and spans by the command line: the same verdicts however they are made, resumed whole, bad input in one line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from small_runs import command, record, stamps

MODELS = '''
import csv, json, os, time

WEIGHT = {"good": 2.0, "fine": 1.0, "poor": -1.0, "awful": -2.0}
CALLS = 0


def note(rows):
    with open(os.environ.get("SEEN", os.devnull), "a") as seen:
        seen.write("x" * rows)


def scores(texts):
    """The scores of two classes, by the words that it knows; told to by the environment, it waits at a call."""
    global CALLS
    CALLS += 1
    note(len(texts))
    if CALLS == int(os.environ.get("HOLD_AT", "0")):
        open(os.environ["HELD"], "w").close()
        time.sleep(600)
    totals = [sum(WEIGHT.get(word, 0.01 * (len(word) - 4)) for word in text.split()) for text in texts]
    return [[-total, total] for total in totals]


def bot():
    return scores


def house():
    from sklearn.linear_model import LinearRegression

    rows = list(csv.DictReader(open(os.path.join(os.path.dirname(__file__), "houses.csv"))))
    return LinearRegression().fit([[float(r["area"]), float(r["rooms"])] for r in rows], [float(r["price"]) for r in rows])


def qa():
    def answer(asked):
        note(len(asked["question"]))
        both = zip(asked["question"], asked["context"])
        return [context.split()[0] if "lives" in question else "nobody" for question, context in both]

    return answer
'''
WORDS = ["good", "fine", "poor", "awful", "plot", "story"]


def squad(change: dict[str, Any] | None = None) -> str:
    def asked(place: int) -> dict[str, Any]:
        found = {"id": f"q{place}", "question": "Who lives there?", "answers": [{"text": f"Ann{place}", "answer_start": 0}]}
        return {**found, **(change or {})} if place == 1 else found

    paragraphs = [{"context": f"Ann{place} lives in a town", "qas": [asked(place)]} for place in range(8)]
    return json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with models and data, in which the command runs."""
    texts = [" ".join(WORDS[(place * step) % 6] for step in (1, 3, 5)) for place in range(24)]
    label = ["yes" if place % 3 else "no" for place in range(24)]
    (tmp_path / "mine.py").write_text(MODELS)
    (tmp_path / "reviews.csv").write_text("review,sentiment\n" + "".join(f"{t},{y}\n" for t, y in zip(texts, label, strict=True)))
    houses = [(40 + 7 * place % 90, 1 + place % 5) for place in range(30)]
    (tmp_path / "houses.csv").write_text("area,rooms,price\n" + "".join(f"{a},{r},{100 + 3 * a + 10 * r}\n" for a, r in houses))
    (tmp_path / "dev.json").write_text(squad())
    monkeypatch.chdir(tmp_path)
    return tmp_path


TEXT = (
    *("audit", "--model", "mine.py:bot", "--data", "csv:reviews.csv?text=review&label=sentiment"),
    *("--shift", "typos(edits=1)", "--search", "exhaustive", "--search", "greedy", "--quiet"),
)
NUMBERS = ("audit", "--model", "mine.py:house", "--data", "csv:houses.csv?target=price", "--judge", "within(relative=0.1)", "--quiet")
SPANS = (
    *("audit", "--model", "mine.py:qa", "--data", "squad:dev.json", "--judge", "token_f1"),
    *("--shift", "on(field=question, inner=typos(edits=2))", "--search", "greedy", "--quiet"),
)


def test_the_lines_of_the_guide(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, *TEXT, "--out", "text") == 0
    assert command(monkeypatch, *NUMBERS, "--suite", "quick", "--out", "numbers") == 0
    assert command(monkeypatch, *SPANS, "--out", "spans") == 0
    kinds = {folder: {(r["search"], r["measure"]): r["value"] for r in record(place / folder)["results"]} for folder in ("text", "spans")}
    assert kinds["text"]["exhaustive", "robust_accuracy"] == kinds["text"]["exhaustive", "certified_accuracy"]
    assert kinds["text"]["greedy", "robust_accuracy"] == kinds["text"]["exhaustive", "robust_accuracy"], "of one edit both try all"
    assert kinds["spans"]["greedy", "robust_f1"] < kinds["spans"]["one_draw", "f1"] == 1.0
    assert {r["measure"] for r in record(place / "numbers")["results"]} == {"within", "robust_within", "drop"}
    assert "<ins>" in (place / "text" / "index.html").read_text()


@pytest.mark.parametrize("line", [TEXT, SPANS], ids=["text", "spans"])
def test_verdicts_do_not_depend_on_batch_or_backend(place: Path, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]) -> None:
    ways = {"whole": ["--batch-size", "64"], "ones": ["--batch-size", "1"], "sevens": ["--batch-size", "7"]}
    ways["apart"] = ["--backend", "processes", "--workers", "2"]
    for name, how in ways.items():
        monkeypatch.setenv("SEEN", str(place / f"{name}.seen"))
        assert command(monkeypatch, *line, *how, "--out", name) == 0
        assert record(place / name)["sent"] == len((place / f"{name}.seen").read_text()) > 0
    found = {name: said(place / name) for name in ways}
    assert all(other == found["whole"] for other in found.values())


def said(folder: Path) -> dict[tuple[str, str], Any]:
    """By shift and search, each example's outcome, answer and loss, and what was asked about it."""
    import pyarrow.parquet as pq

    found = {}
    for cell in record(folder)["cells"]:
        tables = [pq.read_table(path) for path in sorted((folder / "cells").glob(f"{cell['key']}*.parquet"))]
        columns = ["id", "outcome", "prediction", "loss", "forwards"]
        found[cell["shift"], cell["search"]] = sorted(str(row) for table in tables for row in table.select(columns).to_pylist())
    return found


def test_a_finished_run_is_read_and_sent_is_what_the_model_saw(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN", str(place / "seen"))
    assert command(monkeypatch, *TEXT, "--out", "run") == 0
    assert record(place / "run")["sent"] == len((place / "seen").read_text())
    before = stamps(place / "run")
    assert command(monkeypatch, *TEXT, "--out", "run") == 0
    assert stamps(place / "run") == before
    assert record(place / "run")["sent"] == len((place / "seen").read_text())


def test_a_killed_run_goes_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, *TEXT, "--batch-size", "4", "--out", "whole") == 0
    held = place / "held"
    monkeypatch.setenv("HOLD_AT", "60")
    monkeypatch.setenv("HELD", str(held))
    monkeypatch.setenv("SEEN", str(place / "seen"))
    program = [sys.executable, "-m", "shiftproof", *TEXT, "--batch-size", "4", "--out", "killed"]
    running = subprocess.Popen(program, cwd=place, start_new_session=True)
    while not held.exists() and running.poll() is None:
        time.sleep(0.05)
    assert running.poll() is None
    import os

    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (place / "killed" / "audit.json").exists()
    monkeypatch.delenv("HOLD_AT")
    assert command(monkeypatch, *TEXT, "--batch-size", "4", "--out", "killed") == 0
    assert said(place / "killed") == said(place / "whole")
    assert record(place / "killed")["sent"] == len((place / "seen").read_text())


LONG = "x" * 1_000_001
BAD: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "a missing answer": (SPANS, {"dev.json": squad({"answers": []})}, "The question 'q1' of '.*dev.json' has no answer, and is not called"),
    "a span that is not in its context": (
        SPANS,
        {"dev.json": squad({"answers": [{"text": "Bob", "answer_start": 3}]})},
        "The 'answer' of the question 'q1' must stand in its paragraph at 3, where there is '1 l', got 'Bob'",
    ),
    "an empty question": (SPANS, {"dev.json": squad({"question": " "})}, "The 'text' of the example 'q1' must not be empty, got ' '"),
    "a file of something else": (SPANS, {"dev.json": '{"data": 3}'}, "Cannot read '.*dev.json' as SQuAD"),
    "a missing text": (TEXT, {"reviews.csv": "review,sentiment\ngood,yes\n,no\n"}, "The text 'review' of '.*' is missing in 1 of 2 rows"),
    "an empty text": (TEXT, {"reviews.csv": 'review,sentiment\ngood,yes\n" ",no\n'}, "(must not be empty|is missing in 1 of 2 rows)"),
    "a text too long": (TEXT, {"reviews.csv": f"review,sentiment\n{LONG},yes\n"}, "must have at most 1000000 characters, got 1000001"),
    "a missing label": (TEXT, {"reviews.csv": "review,sentiment\ngood,yes\nbad,\n"}, "The label 'sentiment' of '.*' is missing in 1 of 2"),
    "no column of texts": (TEXT, {"reviews.csv": "text,sentiment\ngood,yes\n"}, "Unknown column of '.*reviews.csv' 'review'"),
    "a NaN target": (
        NUMBERS,
        {"houses.csv": "area,rooms,price\n1,2,3\n2,3,\n"},
        "The target 'price' of '.*' is not a finite number",
    ),
    "a word for a target": (
        NUMBERS,
        {"houses.csv": "area,rooms,price\n1,2,3\n2,3,dear\n"},
        "in 1 of 2 rows, first 'dear' in row 1",
    ),
    "an infinite target": (NUMBERS, {"houses.csv": "area,rooms,price\n1,2,3\n2,3,inf\n"}, "in 1 of 2 rows, first 'inf' in row 1"),
    "an unknown judge": ((*NUMBERS, "--judge", "wihtin"), {}, "Unknown judge 'wihtin'. Did you mean: within"),
    "a judge of classes for numbers": (
        (*NUMBERS, "--judge", "classify"),
        {},
        "The judge classify compares classes, and the truth",
    ),
    "a judge of texts for numbers": (
        (*NUMBERS, "--judge", "contains"),
        {},
        "The judge contains compares texts, and the truth",
    ),
    "a proof of numbers": (
        (*NUMBERS, "--certify", "crown"),
        {},
        "--certify is about classes of .*, and the judge within",
    ),
    "a defence of a text": (
        (*TEXT, "--defence", "jpeg"),
        {},
        "The defence jpeg supports image inputs, got inputs of kind 'text'",
    ),
    "a curve of texts": (
        (*TEXT, "--curve", "linf"),
        {},
        "--curve is about classes of .*, and these inputs",
    ),
    "a shift of images for texts": ((*TEXT, "--shift", "fog(severity=3)"), {}, "fog moves image data, and these inputs are of kind 'text'"),
    "a field that is not there": ((*SPANS, "--shift", "on(field=image, inner=typos(edits=1))"), {}, "Unknown field of the inputs 'image'"),
    "a label and a target": (
        (*NUMBERS, "--data", "csv:houses.csv?target=price&label=rooms"),
        {},
        "names both a label .rooms. and a target .price.",
    ),
    "a module for texts": (
        (*TEXT, "--model", "torch.nn:Identity"),
        {},
        "must be a function or an estimator, got 'Identity'. Give FILE.py:NAME",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(what: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import re

    line, files, told = BAD[what]
    for name, text in files.items():
        (place / name).write_text(text)
    before = sorted(place.rglob("*"))
    assert command(monkeypatch, *line, *(() if "--shift" in line else ("--shift", "linf(eps=0.1)")), "--out", "run") == 2
    err = capsys.readouterr().err
    assert re.search(told, err), err
    assert err.count("\n") == 1, err
    assert sorted(path for path in place.rglob("*") if "__pycache__" not in str(path)) == before, "nothing is written"


def test_other_commands_take_classes_of_numbers(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("severity", "--shift", "fog", "--model", "mine.py:bot"), ("frequency", "--model", "mine.py:bot")):
        for data, told in (("squad:dev.json", "takes inputs of numbers"), ("csv:houses.csv?target=price", "takes labels of classes")):
            assert command(monkeypatch, *words, "--data", data, "--out", "run") == 2, words
            err = capsys.readouterr().err
            assert told in err
            assert err.count("\n") == 1, err
