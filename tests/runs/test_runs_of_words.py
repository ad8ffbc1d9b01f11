"""Runs of a pipeline of words by the command line: bracket, meaning of failures, resume, and orders and batches that change nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from small_runs import command, record, stamps

MODEL = """
import csv

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def model():
    rows = list(csv.DictReader(open("reviews.csv")))
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit([r["review"] for r in rows], [r["sentiment"] for r in rows])
"""
GOOD, BAD = ("good", "great", "funny", "smart"), ("bad", "dull", "awful", "boring")
LINE = ("audit", "--model", "words.py:model", "--data", "csv:reviews.csv?text=review&label=sentiment", "--quiet")
MOVES = ("--shift", "antonyms(edits=2)", "--search", "one_draw", "--search", "word_importance(queries=60)", "--search", "exhaustive")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [f"a {words[k % 4]} film with a {words[(k + 1) % 4]} cast and {words[k // 4]} jokes" for words in (GOOD, BAD) for k in range(12)]
    texts = "".join(f"{text},{'pos' if place < 12 else 'neg'}\n" for place, text in enumerate(rows))
    (tmp_path / "reviews.csv").write_text("review,sentiment\n" + texts)
    (tmp_path / "words.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def numbers(folder: Path) -> dict[tuple[str, str], Any]:
    return {(r["search"], r["measure"]): r["value"] for r in record(folder)["results"] if r["risk"] == "mean"}


def test_bracket_meaning_page_and_resume(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, *LINE, *MOVES, "--certify", "word_changes", "--out", "run") == 0
    found = numbers(place / "run")
    exact = found["exhaustive", "robust_accuracy"]
    assert found["exhaustive", "certified_accuracy"] == exact == found["word_changes", "certified_accuracy"], "both are exact"
    assert exact <= found["word_importance(queries=60)", "robust_accuracy"] <= found["one_draw", "accuracy"]
    meaning = {cell["search"]: cell["meaning"] for cell in record(place / "run")["cells"] if cell["shift"] != "identity"}
    broken = next(cell for cell in record(place / "run")["cells"] if cell["search"] == "exhaustive")["outcomes"]["broken"]
    assert sum(meaning["exhaustive"].values()) == broken
    assert meaning["exhaustive"].get("kept", 0) == 0
    page = (place / "run" / "index.html").read_text()
    assert re.search("meaning: <b>(changed|needs a person)</b>", page)
    assert "Meaning of the failures, by the guard" in page
    before = stamps(place / "run")
    assert command(monkeypatch, *LINE, *MOVES, "--certify", "word_changes", "--out", "run") == 0
    assert stamps(place / "run") == before
    assert command(monkeypatch, *LINE, *MOVES, "--certify", "word_changes", "--batch-size", "5", "--out", "small") == 0
    assert numbers(place / "small") == found


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (
            ("--shift", "typos(edits=1)", "--certify", "word_changes"),
            "word_changes cannot be used here: .*no shift of this run can be certified",
        ),
        (("--shift", "homoglyphs(edits=1)", "--certify", "word_changes"), "it supports edits of words, not homoglyphs"),
        (("--shift", "antonyms(edits=1)", "--search", "textfooler"), "The 'similarity' of textfooler must be FILE.py:NAME"),
        (("--shift", "stored(edits=1, file='none.jsonl')"), "There is no file"),
    ],
)
def test_what_does_not_fit_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], extra: tuple[str, ...], told: str
) -> None:
    assert command(monkeypatch, *LINE, *extra, "--out", "run") == 2
    err = capsys.readouterr().err
    assert re.search(told, err), err
    assert err.count("\n") == 1
