"""Certificates over changed words against every change there is, on pipelines of all kinds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.certificates import Hamming, WordChanges, certificates, doc2vec_bound
from shiftproof.certificates._linear_text import read_linear_text
from shiftproof.certify import certify
from shiftproof.randomness import Rng
from shiftproof.shifts import Rewrite
from shiftproof.shifts.text.words.antonyms import Antonyms
from shiftproof.shifts.text.words.common_synonyms import CommonSynonyms
from shiftproof.shifts.text.words.doubled_words import DoubledWords

WORDS = [
    "good",
    "bad",
    "great",
    "terrible",
    "film",
    "movie",
    "story",
    "plot",
    "dull",
    "funny",
    "smart",
    "a",
    "the",
    "of",
    "never",
    "very",
    "old",
    "new",
]


def drawn(n: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(2, 8))) for _ in range(n)]


def labelled(n: int, seed: int, classes: int = 2) -> tuple[list[str], list[int]]:
    texts = drawn(n, seed)
    rng = np.random.default_rng(seed + 1)
    worth = dict(zip(WORDS, rng.normal(size=len(WORDS)), strict=True))
    total = [sum(worth[word] for word in text.split()) + 0.5 * rng.normal() for text in texts]
    return texts, np.searchsorted(np.quantile(total, np.linspace(0, 1, classes + 1)[1:-1]), total).tolist()


PIPELINES: dict[str, Any] = {
    "tf-idf, logistic": lambda: make_pipeline(TfidfVectorizer(), LogisticRegression()),
    "counts, logistic": lambda: make_pipeline(CountVectorizer(), LogisticRegression()),
    "sublinear, svm": lambda: make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC()),
    "binary, ridge": lambda: make_pipeline(CountVectorizer(binary=True, token_pattern=r"(?u)\b\w+\b"), RidgeClassifier()),
    "l1, sgd": lambda: make_pipeline(TfidfVectorizer(norm="l1", use_idf=False), SGDClassifier(random_state=0)),
    "counts, tf-idf": lambda: make_pipeline(CountVectorizer(stop_words=["of"]), TfidfTransformer(), LogisticRegression(C=30.0)),
    "unscaled": lambda: make_pipeline(TfidfVectorizer(norm=None), LogisticRegression()),
}


def model_of(name: str, classes: int = 2) -> Any:
    texts, y = labelled(150, 3, classes)
    return sp.as_model(PIPELINES[name]().fit(texts, y), name=name)


def largest_safe(model: Any, shift: Rewrite, text: str) -> int:
    """The most edits up to which no move changes the decision, by asking about every move."""
    decision = int(model.labels([text])[0])
    every: dict[int, list[str]] = {}
    for move in shift.every(text):
        every.setdefault(len(move), []).append(shift.edited(text, move))
    for size in range(1, shift.edits + 1):
        if size in every and (model.labels(every[size]) != decision).any():
            return size - 1
    return shift.edits


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", PIPELINES)
def test_exact_against_every_change(name: str, classes: int) -> None:
    model, shift, texts = model_of(name, classes), Antonyms(edits=3), drawn(25, 7)
    x = sp.examples(texts, [0] * len(texts)).x
    proof = WordChanges().certify(model, shift, x, Rng.for_ids(0, [str(row) for row in range(len(texts))]))
    want = [largest_safe(model, shift, text) for text in texts]
    assert proof.radius.int().tolist() == want
    assert 0 < sum(radius > 0 for radius in want) < len(texts) or name == "binary, ridge"


@pytest.mark.parametrize("strips", ["ascii", "unicode"])
@pytest.mark.parametrize("between", ["—", "™", "\u0301", "’", "-"])
def test_words_that_stripping_accents_joins_are_not_proven_apart(strips: str, between: str) -> None:
    """Stripped to ASCII, "old—new" is the token "oldnew": two changes there are one of the token, and not the sum of two."""
    chance, pool = np.random.default_rng(0), ["good", "bad", "great", "terrible", "new", "old", "never"]
    texts = [f"{between.join(chance.choice(pool, size=2))} {chance.choice(WORDS)}" for _ in range(60)]
    sides = {text: int(chance.integers(2)) for text in texts}
    model = sp.as_model(
        make_pipeline(TfidfVectorizer(strip_accents=strips), LogisticRegression(C=10.0)).fit(texts, [*map(sides.get, texts)])
    )
    shift = Antonyms(edits=3)
    proof = WordChanges().certify(model, shift, sp.examples(texts, [0] * 60).x, Rng.for_ids(0, [str(row) for row in range(60)]))
    assert all(radius <= largest_safe(model, shift, text) for text, radius in zip(texts, proof.radius.tolist(), strict=True))
    assert between != "-" or (proof.radius > 0).any()


@pytest.mark.parametrize("name", ["tf-idf, logistic", "l1, sgd", "unscaled"])
def test_bounds_beyond_the_enumeration_are_sound(name: str) -> None:
    model, shift, texts = model_of(name), CommonSynonyms(edits=3), drawn(40, 9)
    x = sp.examples(texts, [0] * len(texts)).x
    rng = Rng.for_ids(0, [str(row) for row in range(len(texts))])
    few = WordChanges(most=1).certify(model, shift, x, rng).radius
    want = torch.tensor([float(largest_safe(model, shift, text)) for text in texts])
    assert (few <= want).all()
    assert (few > 0).any()
    if name == "unscaled":
        assert torch.equal(few.float(), want), "a sum is exact without looking at sets"


@pytest.mark.parametrize("name", ["tf-idf, logistic", "counts, logistic", "unscaled"])
def test_hamming_is_sound_for_any_words_and_never_beats_the_exact_proof(name: str) -> None:
    model, shift = model_of(name), CommonSynonyms(edits=2)
    texts = [" ".join([text] * 3) for text in drawn(30, 11)]
    x = sp.examples(texts, [0] * len(texts)).x
    rng = Rng.for_ids(0, [str(row) for row in range(len(texts))])
    hamming, exact = (part.certify(model, shift, x, rng).radius for part in (Hamming(), WordChanges()))
    assert (hamming <= exact).all()
    for text, radius in zip(texts, hamming.tolist(), strict=True):
        if radius >= 1:
            words = text.split()
            changed = [" ".join([*words[:at], new, *words[at + 1 :]]) for at in range(len(words)) for new in WORDS]
            assert (model.labels(changed) == model.labels([text])).all()


@pytest.mark.parametrize("words", [1, 2, 3])
def test_scaled_counts_turn_by_no_more_than_the_bound(words: int) -> None:
    """The chord of the angle whose sine is d L / |v|, against changes of d words drawn by chance and the worst ones."""
    chance = np.random.default_rng(words)
    for _ in range(2000):
        v = chance.integers(0, 4, size=6) * chance.uniform(0.5, 2, size=6)
        if not v.any():
            continue
        idf = np.full(6, 2.0)
        moved = v.copy()
        for _ in range(words):
            moved[chance.integers(6)] -= chance.uniform(0, 2)
            moved[chance.integers(6)] += 2.0
        moved = np.maximum(moved, 0)
        step = float(np.linalg.norm(moved - v))
        sine = step / float(np.linalg.norm(v))
        chord = float(np.linalg.norm(v / np.linalg.norm(v) - moved / np.linalg.norm(moved)))
        if sine < 1:
            assert chord <= np.sqrt(2 - 2 * np.sqrt(1 - sine**2)) + 1e-9
        assert chord <= np.sqrt(2) + 1e-9
        assert step <= words * idf.max() * np.sqrt(2) + 1e-9


def test_hamming_says_where_it_proves_nothing_and_proves_long_texts() -> None:
    model, shift = model_of("tf-idf, logistic"), CommonSynonyms(edits=1)
    short, long = ([" ".join([text] * times) for text in drawn(20, 11)] for times in (1, 60))
    none, some = (certify(model, shift, certificate=Hamming(), examples=sp.examples(x, model.labels(x))) for x in (short, long))
    assert "certified" not in none.outcome
    flag = next(flag for flag in none.flags if flag.name == "loose_bound")
    assert "Of these texts hamming proves no single changed word" in flag.detail
    assert flag.share == np.mean(np.nan_to_num(none.radius) < 1)
    assert "certified" in some.outcome
    assert {"loose_bound": np.mean(np.nan_to_num(some.radius) < 1)}.items() >= {flag.name: flag.share for flag in some.flags}.items()


def test_the_lipschitz_constant_of_scaled_counts_holds_for_every_replacement() -> None:
    linear = read_linear_text(model_of("tf-idf, logistic"))
    assert not isinstance(linear, str)
    vectoriser = TfidfVectorizer().fit(labelled(150, 3)[0])
    worst = 0.0
    for text in drawn(12, 5):
        words = text.split()
        v = vectoriser.transform([text]).toarray()[0]
        counts = CountVectorizer(vocabulary=vectoriser.vocabulary_).transform([text]).toarray()[0]
        size = np.linalg.norm(counts * vectoriser.idf_)
        if size == 0:
            continue
        bound = 2 * 2**0.5 * float(vectoriser.idf_.max()) / size
        changed = [" ".join([*words[:at], new, *words[at + 1 :]]) for at in range(len(words)) for new in WORDS]
        moved = np.linalg.norm(vectoriser.transform(changed).toarray() - v, axis=1).max()
        worst = max(worst, moved / bound)
    assert 0 < worst <= 1


def test_the_bound_of_doc2vec_holds_for_the_minimiser_itself() -> None:
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(5, 2))

    def embedded(words: tuple[int, ...]) -> Any:
        def loss(q: Any) -> float:
            scores = outputs @ q
            return float(np.mean([np.log(np.exp(scores).sum()) - scores[word] for word in words]) + 0.5 * q @ q)

        return minimize(loss, np.zeros(2), tol=1e-10).x

    first = (0, 1, 2, 3)
    bound = doc2vec_bound(outputs, length=4, alpha=1.0)
    ratios = []
    for changed in itertools.product(range(5), repeat=2):
        other = (*changed, 2, 3)
        distance = sum(one != two for one, two in zip(first, other, strict=True))
        if distance:
            ratios.append(float(np.linalg.norm(embedded(other) - embedded(first))) / (distance * bound))
    assert 0.05 < max(ratios) <= 1
    assert doc2vec_bound(outputs, length=4, alpha=1.0, window=2) == pytest.approx(5 * bound)


def test_words_that_touch_digits_prove_nothing() -> None:
    model = model_of("counts, logistic")
    x = sp.examples(["good2 film", "good film"], [0, 0]).x
    proof = WordChanges().certify(model, DoubledWords(edits=1), x, Rng.for_ids(0, ["a", "b"]))
    assert proof.abstained.tolist()[0]


REFUSED: dict[str, tuple[Any, str]] = {
    "a module": (lambda: torch.nn.Linear(2, 2), "it needs a scikit-learn pipeline, and 'refused' is not one"),
    "no pipeline": (lambda: LogisticRegression().fit([[0.0], [1.0]], [0, 1]), "is a LogisticRegression"),
    "pairs of words": (
        lambda: make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(*labelled(40, 1)),
        "single words as tokens",
    ),
    "letters": (
        lambda: make_pipeline(TfidfVectorizer(analyzer="char"), LogisticRegression()).fit(*labelled(40, 1)),
        "single words as tokens",
    ),
    "a forest": (lambda: _forest(), "not RandomForestClassifier"),
}


def _forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return make_pipeline(CountVectorizer(), RandomForestClassifier(n_estimators=2)).fit(*labelled(40, 1))


@pytest.mark.parametrize("what", REFUSED)
def test_what_it_cannot_read_is_said(what: str) -> None:
    make, told = REFUSED[what]
    model = sp.as_model(make(), name="refused")
    for part in (WordChanges(), Hamming()):
        assert told in str(part.objection(model, Antonyms(edits=1)))
    assert "supports edits of words, not typos" in str(WordChanges().objection(model, sp.Typos(edits=1)))


def test_hamming_bounds_no_other_counts() -> None:
    assert "it bounds counts as they are" in str(Hamming().objection(model_of("sublinear, svm"), Antonyms(edits=1)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: certificates.build("word_changes(most=0)"), "The 'most' of word_changes must be at least 1"),
        (lambda: doc2vec_bound(np.ones((2, 2)), length=0), "The 'length' of doc2vec_bound must be at least 1"),
        (lambda: doc2vec_bound(np.ones((2, 2)), length=1, alpha=0.0), "The 'alpha' of doc2vec_bound must be above 0"),
    ],
)
def test_bad_options_are_one_line(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
