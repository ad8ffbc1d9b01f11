"""The faster count of words against scikit-learn's own, bit for bit, on texts of all kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import shiftproof as sp
from shiftproof.models.fast_words import FastWords, fast_words

TEXTS = [
    "a good film",
    "Great GREAT fun, and a good film",
    "bad film; really bad",
    "dull",
    "",
    "ΟΔΟΣ Σ naïve İstanbul",
    "x y z",
    "film 🎬film\n",
]
LABELS = [1, 1, 0, 0, 0, 1, 0, 1]
ODD = [
    "",
    " ",
    "qzrowbreakqz film",
    "QZROWBREAKQZ good",
    "ΟΔΟΣ",
    "a\x00b good",
    "\ud800 film",
    "film" * 3000,
    "שלום film",
    "good_film",
    "ﬁlm ß",
]
WAYS: dict[str, Any] = {
    "tf-idf": lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()),
    "counts": lambda: make_pipeline(CountVectorizer(), LogisticRegression()),
    "binary": lambda: make_pipeline(CountVectorizer(binary=True), LogisticRegression()),
    "sublinear, l1": lambda: make_pipeline(TfidfVectorizer(sublinear_tf=True, norm="l1", lowercase=False), LogisticRegression()),
    "unscaled, no idf": lambda: make_pipeline(TfidfVectorizer(norm=None, use_idf=False), LogisticRegression()),
    "decomposed": lambda: make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0), "passthrough", LogisticRegression()),
    "decisions": lambda: make_pipeline(TfidfVectorizer(), LinearSVC()),
    "the break as a word": lambda: make_pipeline(TfidfVectorizer(vocabulary=["good", "qzrowbreakqz", "film"]), LogisticRegression()),
}


@pytest.mark.parametrize("way", WAYS)
def test_answers_are_those_of_the_pipeline_to_the_bit(way: str) -> None:
    pipeline = WAYS[way]().fit(TEXTS, LABELS)
    fast = fast_words(pipeline)
    assert fast is not None
    method = "predict" if way == "decisions" else "predict_proba"
    for texts in (TEXTS, ODD, ODD[:1], [*reversed(TEXTS)] * 3):
        assert np.array_equal(fast.answer(method, texts), getattr(pipeline, method)(texts))
        one, other = fast.weighed(texts), pipeline[0].transform(texts)
        assert (one != other).nnz == 0
        assert np.array_equal(one.data, other.data)
    assert fast.trusted


def test_bytes_and_what_is_no_text_go_to_the_pipeline() -> None:
    fast = fast_words(PIPELINE)
    assert fast is not None
    for _ in range(2):
        assert np.array_equal(fast.answer("predict_proba", [b"good film", "bad"]), PIPELINE.predict_proba([b"good film", "bad"]))
        assert np.array_equal(fast.answer("predict_proba", TEXTS), PIPELINE.predict_proba(TEXTS))
    with pytest.raises(AttributeError, match="lower"):
        fast.answer("predict_proba", [None])


PIPELINE = WAYS["tf-idf"]().fit(TEXTS, LABELS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from([*"goodfilm ADбΣσςİı\u0301'_-\n0"]), max_size=30), min_size=1, max_size=6))
def test_any_texts_are_counted_alike(texts: list[str]) -> None:
    fast = fast_words(PIPELINE)
    assert fast is not None
    assert np.array_equal(fast.weighed(texts).toarray(), PIPELINE[0].transform(texts).toarray())


@pytest.mark.parametrize(
    "vectoriser",
    [
        TfidfVectorizer(ngram_range=(1, 2)),
        TfidfVectorizer(analyzer="char"),
        TfidfVectorizer(strip_accents="ascii"),
        TfidfVectorizer(stop_words="english"),
        CountVectorizer(tokenizer=str.split),
        TfidfVectorizer(token_pattern=r"\w+"),
        TfidfVectorizer(dtype=np.int64),
        CountVectorizer(vocabulary=["good", "film"]),
    ],
)
def test_other_vectorisers_are_asked_as_they_are(vectoriser: Any) -> None:
    assert fast_words(make_pipeline(vectoriser, LogisticRegression())) is None
    assert fast_words(LogisticRegression()) is None


def test_a_model_takes_it_and_turns_it_off_where_the_counts_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = sp.as_model(PIPELINE)
    want = np.log(PIPELINE.predict_proba(TEXTS))
    assert np.array_equal(model.scores(TEXTS).numpy(), want)
    whole = FastWords.weighed
    monkeypatch.setattr(FastWords, "weighed", lambda self, texts: whole(self, texts) * 2)
    other: Any = sp.as_model(PIPELINE)
    assert np.array_equal(other.scores(TEXTS).numpy(), want)
    assert other.fitted.quick is not None
    assert other.fitted.quick.trusted is False


OTHERS = ["alpha film", "beta alpha", "film", "beta"]


def refitted(pipeline: Any) -> None:
    pipeline.fit(OTHERS, [1, 0, 1, 0])


def of_other_steps(pipeline: Any) -> None:
    other = WAYS["counts"]().fit(OTHERS, [1, 0, 1, 0])
    pipeline.steps = other.steps


def with_stop_words(pipeline: Any) -> None:
    pipeline.set_params(tfidfvectorizer__stop_words=["good"])


def with_own_analyzer(pipeline: Any) -> None:
    pipeline[0].build_analyzer = lambda: str.split


def with_own_predict(pipeline: Any) -> None:
    pipeline.predict_proba = lambda texts: np.full((len(texts), 2), 0.5)


@pytest.mark.parametrize("change", [refitted, of_other_steps, with_stop_words, with_own_analyzer, with_own_predict])
def test_a_pipeline_that_is_changed_answers_as_it_is_now(change: Any) -> None:
    pipeline = WAYS["tf-idf"]().fit(TEXTS, LABELS)
    fast = fast_words(pipeline)
    assert fast is not None
    texts = ["good film.", "alpha beta film, good"]
    before = fast.answer("predict_proba", texts)
    change(pipeline)
    after = fast.answer("predict_proba", texts)
    assert np.array_equal(after, pipeline.predict_proba(texts))
    assert not np.array_equal(after, before)


def test_no_texts_are_refused_as_the_pipeline_refuses_them() -> None:
    fast = fast_words(PIPELINE)
    assert fast is not None
    with pytest.raises(ValueError, match="0 sample"):
        fast.answer("predict", [])
