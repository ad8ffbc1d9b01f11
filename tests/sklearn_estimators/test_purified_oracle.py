"""The removed component against an exact and a randomised decomposition, pooling against sums by hand, and what is refused."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.extmath import randomized_svd

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.sklearn import PurifiedPooling
from shiftproof.sklearn.purified import self_attention, without_components

TEXTS = ["a good film", "good fun and a great film", "a bad film", "dull and bad and long"]


def test_what_is_left_has_no_part_along_the_first_component() -> None:
    numbers = np.random.default_rng(0)
    for tokens, width in ((7, 5), (4, 9), (1, 3)):
        h = numbers.normal(size=(tokens, width))
        values, vectors = np.linalg.eigh(h.T @ h)  # another way to the same direction
        v = vectors[:, -1]
        left = without_components(h)
        np.testing.assert_allclose(left @ v, 0, atol=1e-10)
        np.testing.assert_allclose(left, h - np.outer(h @ -v, -v), atol=1e-9)  # the sign does not matter
        assert np.linalg.matrix_rank(left, tol=1e-8) == min(tokens, width) - 1
        assert np.linalg.norm(h) ** 2 - np.linalg.norm(left) ** 2 == pytest.approx(values[-1])
        np.testing.assert_array_equal(without_components(h, 0), h)


def test_a_randomised_decomposition_removes_the_same() -> None:
    h = np.random.default_rng(1).normal(size=(30, 20))
    _, _, right = randomized_svd(h, n_components=1, n_iter=30, random_state=0)
    np.testing.assert_allclose(without_components(h), h - h @ right.T @ right, atol=1e-5)


def test_self_attention_is_a_sum_by_hand() -> None:
    h = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]])
    expected = np.zeros(3)
    for one in h:
        weights = [math.exp(sum(a * b for a, b in zip(one, other, strict=True)) / math.sqrt(3)) for other in h]
        expected += sum(weight * other for weight, other in zip(weights, h, strict=True)) / sum(weights) / 2
    np.testing.assert_allclose(self_attention(h), expected)


def test_a_text_is_its_tokens_purified_and_pooled() -> None:
    def encode(texts: list[str]) -> list[Any]:
        return [[[len(word), word.count("o"), 1.0] for word in text.split()] for text in texts]

    h = np.array(encode(["good fun and long"])[0], dtype=np.float64)
    for remove in (0, 1, 2):
        found = PurifiedPooling(encode, remove=remove, pooling="mean").fit(TEXTS).transform(["good fun and long"])
        np.testing.assert_allclose(found[0], without_components(h, remove).mean(0), atol=1e-12)
    attended = PurifiedPooling(encode).fit(TEXTS).transform(["good fun and long"])
    np.testing.assert_allclose(attended[0], self_attention(without_components(h)), atol=1e-12)


def test_learned_vectors_give_back_the_matrix_that_they_are_of() -> None:
    model = PurifiedPooling(size=4).fit(TEXTS)
    vectors = model.vectors_
    from sklearn.feature_extraction.text import TfidfVectorizer

    x = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b").fit_transform(TEXTS).toarray()
    np.testing.assert_allclose(vectors @ vectors.T, x.T @ x, atol=1e-8)  # four texts: nothing is lost in four numbers
    assert not model.transform(["xyzzy", ""]).any()
    assert not model.transform(["good"]).any()  # one token, one component removed
    assert model.transform([]).shape == (0, 4)


def test_it_stands_in_a_pipeline_that_is_audited_and_kept() -> None:
    pipeline = make_pipeline(PurifiedPooling(size=3), LogisticRegression(C=100)).fit(TEXTS, ["pos", "pos", "neg", "neg"])
    assert clone(pipeline[0]).get_params() == pipeline[0].get_params()
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), pipeline.predict_proba(TEXTS))
    model = sp.as_model(pipeline, class_names=["neg", "pos"])
    found = sp.confront(model, sp.Typos(edits=1), search=sp.OneDraw(), examples=sp.examples(TEXTS, ["pos", "pos", "neg", "neg"]))
    assert 0 <= found.accuracy <= 1


def test_what_cannot_be_used_is_refused() -> None:
    for options, message in (
        ({"remove": -1}, r"'remove' of PurifiedPooling must be a whole number of at least 0, got -1"),
        ({"remove": True}, "'remove' of PurifiedPooling"),
        ({"size": 0}, r"'size' of PurifiedPooling must be a whole number of at least 1"),
        ({"size": 99}, r"'size' of PurifiedPooling must be at most the texts and the words \(4\), got 99"),
        ({"pooling": "maen"}, "mean"),
        ({"encode": lambda texts: []}, "one matrix a text"),
        ({"encode": lambda texts: [[1.0, 2.0]] * len(texts)}, r"matrices \(tokens, d\)"),
        ({"encode": lambda texts: [[[math.nan]]] * len(texts)}, "finite"),
    ):
        given: dict[str, Any] = {"size": 3, **options}
        with pytest.raises(UsageError, match=message):
            PurifiedPooling(**given).fit(TEXTS)
    for texts, message in (("a text", "list of texts, got 'str'"), ([1], "list of texts"), ([], "at least one"), (["", "!"], "have words")):
        with pytest.raises(UsageError, match=message):
            PurifiedPooling(size=1).fit(texts)  # type: ignore[arg-type]
