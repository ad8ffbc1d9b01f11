"""Labelled texts of studies, made-up reviews for their quick forms, and the usual pipelines on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Bools
from shiftproof.data.examples import Examples
from shiftproof.models.abstract import Scores

GOOD = ("good", "great", "lovely", "clever", "funny", "charming")
BAD = ("bad", "dull", "boring", "awful", "weak", "terrible")
THINGS = ("film", "story", "music", "cast", "plot", "script")
PEOPLE = ("John", "Mary", "David", "Susan", "Peter", "Anna")
PLACES = ("Paris", "London", "Berlin", "Rome", "Boston", "Chicago")


class Texts(NamedTuple):
    """Texts with their labels, shape (n,)."""

    x: list[str]
    y: npt.NDArray[np.int64]

    def rows(self, rows: npt.NDArray[Any]) -> Texts:
        """Those at these places, or of this mask."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Texts([self.x[place] for place in places], self.y[places])

    def examples(self) -> Examples:
        """The same as examples, named by their places."""
        from shiftproof.data.arrays import examples

        return examples(self.x, self.y)


def texts_of(examples: Examples) -> Texts:
    """The texts and label codes of a sample."""
    return Texts([str(text) for text in examples.x], examples.y.numpy())


def made_up(numbers: np.random.Generator, count: int, things: Sequence[str] = THINGS) -> Texts:
    """Reviews of two opinions with a name and a place; one in four has one opinion of each kind and the label of the last."""
    y = numbers.integers(0, 2, count)
    mixed = numbers.random(count) < 0.25
    x: list[str] = []
    for label, both in zip(y, mixed, strict=True):
        last, first = (GOOD if label else BAD), (GOOD if bool(label) != bool(both) else BAD)
        who, where, what = (each[int(numbers.integers(len(each)))] for each in (PEOPLE, PLACES, things))
        x.append(f"{who} saw it in {where} and the {what} is {first[int(numbers.integers(6))]} and {last[int(numbers.integers(6))]}")
    return Texts(x, y.astype(np.int64))


def split(texts: Texts, numbers: np.random.Generator, train: int) -> tuple[Texts, Texts]:
    """So many texts drawn by chance, and the others."""
    order = numbers.permutation(len(texts.x))
    return texts.rows(np.sort(order[:train])), texts.rows(np.sort(order[train:]))


def fitted(steps: Sequence[Any], learned: Texts) -> Scores:
    """A scikit-learn pipeline of these steps, fitted, as a model."""
    from sklearn.pipeline import make_pipeline

    from shiftproof.models.load import as_model

    pipeline = make_pipeline(*steps).fit(learned.x, learned.y)
    model = as_model(pipeline, name="pipeline", class_names=[str(code) for code in range(int(learned.y.max()) + 1)])
    if not isinstance(model, Scores):
        raise TypeError("A pipeline that ends in logistic regression gives scores.")
    return model


def words_and_pairs() -> list[Any]:
    """TF-IDF of words and pairs of words, and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    return [TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)]


def right_on(model: Scores, texts: Texts) -> Bools:
    """Whether a model is right, shape (n,)."""
    from shiftproof.data.rows import Items

    said = model.labels(Items(texts.x)).numpy()  # type: ignore[arg-type]  # texts are rows too
    return np.asarray(said == texts.y)
