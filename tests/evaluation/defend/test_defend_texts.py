"""`shiftproof defend` on texts: the same table without a gradient, a certificate of the standard model, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from outline import Outline
from shiftproof._errors import UsageError
from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
from shiftproof.records.defend import DefendRecord
from shiftproof.reports.defend import summary
from small_runs import command

SYNONYMS = "common_synonyms(edits=2)"
REVIEWS = [
    ("a good film with a great cast", "pos"),
    ("great fun and a smart story", "pos"),
    ("the music is lovely and the plot is clever", "pos"),
    ("a funny and charming movie", "pos"),
    ("a bad film with a dull plot", "neg"),
    ("the story is boring and the jokes are awful", "neg"),
    ("a terrible movie and a waste of time", "neg"),
    ("dull actors and a bad script", "neg"),
]
MODEL = f"""
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

REVIEWS = {REVIEWS!r}


def model():
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(*zip(*REVIEWS))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("words")
    (place / "words.py").write_text(MODEL, encoding="utf-8")
    (place / "reviews.csv").write_text("\n".join(["text,label", *map(",".join, REVIEWS), ""]), encoding="utf-8")
    return place


def test_texts_are_compared_in_the_same_table(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out, data = folder / "d", f"csv:{folder / 'reviews.csv'}?text=text&label=label"
    specs = (f"gated_rewriting(shift='{SYNONYMS}', copies=2)", f"gated_rewriting(shift='{SYNONYMS}', gate=9)")
    wanted = [word for spec in specs for word in ("--defence", spec)]
    threat = ["--threat", SYNONYMS, "--unseen", "word_bugs(edits=1)"]
    assert command(monkeypatch, "defend", f"{folder / 'words.py'}:model", "--data", data, *threat, *wanted, "--out", str(out)) == 0
    record = DefendRecord.model_validate_json((out / "defend.json").read_bytes())
    assert record.search == "word_importance(queries=100)"
    standard, rewriting, closed = record.rows
    for row in record.rows:
        assert (row.plain.value, row.hidden.value, row.collapses) == (None, None, False)
        assert row.robust.value is not None
        assert row.robust.value <= min(share.value for share in (row.transfer, row.adaptive) if share.value is not None)
    assert (closed.adaptive, closed.clean, closed.unseen) == (standard.adaptive, standard.clean, standard.unseen), "a gate that never opens"
    assert standard.certificate == "word_changes"
    assert standard.certified.value is not None
    assert standard.certified.value <= (standard.robust.value or 0)
    assert rewriting.certified.value is None
    page = "".join(Outline((out / "index.html").read_text()).text)
    assert "Plain gradient" not in page
    assert "in place of the default" not in page
    assert "Texts have no gradient" in page
    printed = capsys.readouterr().out
    assert "not measured" not in printed
    assert "plain" not in summary(record)


def test_what_texts_are_refused() -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    texts, labels = map(list, zip(*REVIEWS, strict=True))
    data = sp.load_data(sp.examples(texts, labels))
    model = make_pipeline(CountVectorizer(), LinearSVC()).fit(texts, labels)
    scores = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, labels)
    base: dict[str, Any] = {"data": data, "threat": SYNONYMS, "unseen": "word_bugs(edits=1)", "out": "unused"}
    with pytest.raises(UsageError, match="Networks are trained on numbers, and these data are texts: leave out --train"):
        run_defend(DefendConfig(model=model, train=("adversarial",), train_data=data, **base))
    with pytest.raises(UsageError, match="must give scores, which defences of texts take means of"):
        run_defend(DefendConfig(model=model, defences=(f"gated_rewriting(shift='{SYNONYMS}')",), **base))
    with pytest.raises(UsageError, match="The defence jpeg supports image inputs"):
        run_defend(DefendConfig(model=scores, defences=("jpeg",), **base))
