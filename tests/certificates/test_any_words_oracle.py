"""The certificate against any words, against every replacement of words by those of the vocabulary."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline

import shiftproof as sp
from shiftproof.certificates import AnyWords, Hamming, WordChanges
from shiftproof.certify import certify
from shiftproof.randomness import Rng
from shiftproof.shifts.text.words.antonyms import Antonyms
from shiftproof.shifts.text.words.common_synonyms import CommonSynonyms

WORDS = ["good", "bad", "great", "terrible", "film", "movie", "story", "dull", "funny", "old", "new", "never"]
WORTH = np.array([2.0, -2.0, 2.5, -2.5, 0.1, -0.1, 0.0, -1.5, 1.5, -0.3, 0.3, -0.5])
STEPS = {
    "l2": [TfidfVectorizer(), LogisticRegression(C=10.0)],
    "l1": [TfidfVectorizer(norm="l1"), LogisticRegression(C=100.0)],
    "unscaled": [TfidfVectorizer(norm=None), LogisticRegression(C=10.0)],
    "counts": [CountVectorizer(), RidgeClassifier()],
}


def drawn(n: int, seed: int, longest: int) -> list[str]:
    """Texts of one opinion, more or less."""
    chance = np.random.default_rng(seed)
    tilt = [np.exp(side * WORTH) / np.exp(side * WORTH).sum() for side in (-0.7, 0.0, 0.7)]
    return [" ".join(chance.choice(WORDS, size=chance.integers(2, longest), p=tilt[chance.integers(3)])) for _ in range(n)]


def model_of(name: str, classes: int = 2) -> Any:
    texts = drawn(200, 1, 9)
    total = np.array([sum(WORTH[WORDS.index(word)] for word in text.split()) for text in texts])
    y = np.searchsorted(np.quantile(total, np.linspace(0, 1, classes + 1)[1:-1]), total)
    return sp.as_model(make_pipeline(*STEPS[name]).fit(texts, y))


def replacements(text: str, edits: int) -> list[str]:
    """Every bag of words that so many replacements lead to; `gone` is no word of the vocabulary."""
    words, found = text.split(), set()
    for left in {tuple(sorted(left)) for left in itertools.combinations(words, len(words) - edits)}:
        for new in itertools.combinations_with_replacement([*WORDS, "gone"], edits):
            found.add(" ".join(sorted((*left, *new))))
    return sorted(found)


def proven(part: AnyWords | Hamming | WordChanges, model: Any, texts: list[str], edits: int) -> list[float]:
    x = sp.examples(texts, [0] * len(texts)).x
    return [float(one) for one in part.certify(model, CommonSynonyms(edits=edits), x, Rng.for_ids(0, texts)).radius]


@pytest.mark.parametrize(("name", "classes"), [("l2", 2), ("l2", 3), ("l1", 2), ("unscaled", 2), ("counts", 2)])
def test_no_replacement_of_so_many_words_changes_the_decision(name: str, classes: int) -> None:
    model, texts = model_of(name, classes), [*dict.fromkeys(drawn(40, 5, 9))][:20]
    found = proven(AnyWords(), model, texts, 2)
    tight = 0
    for text, radius in zip(texts, found, strict=True):
        said = model.labels([text])
        for edits in range(1, 3):
            if edits > len(text.split()):
                continue
            safe = bool((model.labels(replacements(text, edits)) == said).all())
            assert safe or radius < edits, (text, edits)
            tight += safe and radius < edits
    assert max(found) >= 1
    if name in ("unscaled", "counts"):
        assert tight == 0, "without scaling and with two classes the bound is exact"


@pytest.mark.parametrize("name", ["l2", "unscaled"])
def test_it_proves_at_least_as_much_as_hamming_and_no_more_than_the_exact_proof(name: str) -> None:
    model, texts = model_of(name), [" ".join([text] * times) for text in drawn(8, 7, 7) for times in (1, 2, 4)]
    parts = (proven(part, model, texts, 2) for part in (Hamming(), AnyWords(), WordChanges()))
    hamming, any_words, exact = map(np.array, parts)
    assert (hamming <= any_words).all()
    assert (any_words <= exact).all()
    assert any_words.sum() > hamming.sum()


def test_it_says_of_what_share_it_proves_nothing_and_what_it_cannot_bound() -> None:
    model, texts = model_of("l2"), drawn(20, 11, 6)
    found = certify(model, CommonSynonyms(edits=1), certificate=AnyWords(), examples=sp.examples(texts, model.labels(texts)))
    flag = next(flag for flag in found.flags if flag.name == "loose_bound")
    assert "Of these texts any_words proves no single changed word" in flag.detail
    assert flag.share == np.mean(np.nan_to_num(found.radius) < 1)
    binary = sp.as_model(make_pipeline(CountVectorizer(binary=True), RidgeClassifier()).fit(WORDS, WORTH > 0))
    assert "it bounds counts as they are" in str(AnyWords().objection(binary, CommonSynonyms(edits=1)))


def test_what_rounds_to_a_tie_in_float32_has_no_proof() -> None:
    pipeline = make_pipeline(CountVectorizer(dtype=np.float32), LogisticRegression()).fit(["good film great", "bad film great"], [1, 0])
    bad, film, great = (float.fromhex(part) for part in ("0x1.8351860000000p-3", "0x1.98de0a0000000p-4", "0x1.27e0460000000p-2"))
    assert great - bad - film > 0, "in exact arithmetic the second text is of class 1"
    pipeline[1].coef_ = np.array([[-bad, -film, 1.0, great]], dtype=np.float32)
    pipeline[1].intercept_ = np.zeros(1, dtype=np.float32)
    text = "good film great"
    assert list(pipeline.predict([text, "bad film great"])) == [1, 0]
    for part in (WordChanges(), AnyWords(), Hamming()):
        x = sp.examples([text], [1]).x
        assert float(part.certify(sp.as_model(pipeline), Antonyms(edits=1), x, Rng.for_ids(0, ["a"])).radius) == 0, part.name


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint8])
def test_counts_that_do_not_fit_their_type_are_not_read(kind: Any) -> None:
    model = sp.as_model(make_pipeline(CountVectorizer(dtype=kind), LogisticRegression()).fit(WORDS, WORTH > 0))
    for part in (WordChanges(), AnyWords(), Hamming()):
        assert f"not in {np.dtype(kind).name}" in str(part.objection(model, CommonSynonyms(edits=1)))


@pytest.mark.parametrize("weight", [-1.0, np.inf])
def test_weights_of_words_that_no_bound_holds_for_are_not_read(weight: float) -> None:
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(WORDS, WORTH > 0)
    pipeline[0].idf_ = np.full(len(WORDS), weight)
    for part in (WordChanges(), AnyWords(), Hamming()):
        assert "finite and at least 0" in str(part.objection(sp.as_model(pipeline), CommonSynonyms(edits=1)))
