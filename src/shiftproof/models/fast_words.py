"""Pipelines over counted words, asked with a faster count of the same words: answers are the same to the bit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

_PATTERN = r"(?u)\b\w\w+\b"
_WORD = re.compile(_PATTERN)
_BREAK = "qzrowbreakqz"
"""A token between two texts; one that stands in them is lengthened."""


@dataclass(eq=False)
class FastWords:
    """A fitted pipeline that begins with scikit-learn's CountVectorizer or TfidfVectorizer over single words.

    All texts of a call are cut into words at once, which takes about half the time of scikit-learn's own count. The first call is made both
    ways: where the two matrices differ in any bit, the pipeline is asked as it is from then on. It is read anew at every call, as its owner
    may fit it again or change its options.
    """

    pipeline: Any
    trusted: bool | None = field(default=None, init=False)
    """Whether the two counts have agreed; None before the first call, and after another fit."""

    def __post_init__(self) -> None:
        self._read(_steps(self.pipeline)[0])

    def answer(self, method: str, texts: Sequence[Any]) -> Any:
        """What `method` of the pipeline answers."""
        # scikit-learn takes bytes too, and says what it refuses
        if not (_countable(self.pipeline) and len(texts) and all(isinstance(text, str) for text in texts)):
            return getattr(self.pipeline, method)(texts)
        vectoriser, *rest, final = _steps(self.pipeline)
        if vectoriser is not self.vectoriser or vectoriser.vocabulary_ is not self._words:
            self._read(vectoriser)
        if self.trusted is None:
            self.trusted = _same(self.weighed(texts), vectoriser.transform(texts))
        x = self.weighed(texts) if self.trusted else vectoriser.transform(texts)
        for step in rest:
            x = step.transform(x)
        return getattr(final, method)(x)

    def _read(self, vectoriser: Any) -> None:
        self.vectoriser, self._words, self.trusted = vectoriser, vectoriser.vocabulary_, None
        self._places = {**self._words, _BREAK: -1} if _BREAK not in self._words else dict(self._words)

    def weighed(self, texts: Sequence[str]) -> Any:
        """What the vectoriser gives, shape (n, words), in compressed rows."""
        from scipy.sparse import csr_matrix

        words = self.vectoriser.vocabulary_
        rows, ids = _tokens(texts, self._places, lower=self.vectoriser.lowercase)
        keys, counts = np.unique(rows * len(words) + ids, return_counts=True)
        at, places = np.divmod(keys, len(words))
        starts = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=len(texts)))]).astype(np.int32)
        values = (np.ones(len(counts)) if self.vectoriser.binary else counts).astype(self.vectoriser.dtype)
        found = csr_matrix((values, places.astype(np.int32), starts), shape=(len(texts), len(words)))
        return _scaled(found, self.vectoriser)


def fast_words(estimator: Any) -> FastWords | None:
    """The pipeline, where its words can be counted faster; None where it is something else, or has options of another kind."""
    return FastWords(estimator) if _countable(estimator) else None


def _steps(pipeline: Any) -> list[Any]:
    return [step for _, step in pipeline.steps if step is not None and step != "passthrough"]


def _countable(estimator: Any) -> bool:
    """Whether it is a pipeline that counts single words as scikit-learn does by default, nothing of it written over."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.pipeline import Pipeline

    if type(estimator) is not Pipeline or _has_own_methods(estimator):
        return False
    steps = _steps(estimator)
    if len(steps) < 2 or type(steps[0]) not in (CountVectorizer, TfidfVectorizer) or _has_own_methods(steps[0]):
        return False
    first = steps[0]
    own = first.tokenizer is None and first.preprocessor is None and first.stop_words is None and first.strip_accents is None
    plain = first.input == "content" and first.analyzer == "word" and tuple(first.ngram_range) == (1, 1)
    # scikit-learn weighs counts of other types as float64
    weighed = type(first) is CountVectorizer or first.dtype in (np.float32, np.float64)
    return own and plain and weighed and first.token_pattern == _PATTERN and hasattr(first, "vocabulary_")


def _has_own_methods(part: Any) -> bool:
    """Whether somebody gave this one object methods of its own."""
    return any(callable(getattr(type(part), name, None)) for name in vars(part))


def _tokens(texts: Sequence[str], words: Mapping[str, int], *, lower: bool, stop: str = _BREAK) -> tuple[Any, Any]:
    """The row and the place in the vocabulary of every word that counts."""
    while True:
        joined = f" {stop} ".join(texts)
        joined = joined.lower() if lower else joined
        if joined.count(stop) == len(texts) - 1 and words.get(stop, -1) == -1:
            break
        stop += "qz"
    if stop not in words:
        words = {word: place for word, place in words.items() if place >= 0} | {stop: -1}
    tokens = _WORD.findall(joined)
    ids = np.fromiter(map(words.get, tokens, repeat(-2)), dtype=np.int64, count=len(tokens))
    counted = ids >= 0
    return np.cumsum(ids == -1)[counted], ids[counted]


def _scaled(counts: Any, vectoriser: Any) -> Any:
    """The counts as a TfidfVectorizer weighs and scales them; those of a CountVectorizer as they are."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.utils.sparsefuncs_fast import inplace_csr_row_normalize_l1, inplace_csr_row_normalize_l2

    if not isinstance(vectoriser, TfidfVectorizer):
        return counts
    if vectoriser.sublinear_tf:
        np.log(counts.data, counts.data)
        counts.data += 1.0
    if vectoriser.use_idf:
        counts.data *= vectoriser.idf_[counts.indices]
    if vectoriser.norm is not None:
        (inplace_csr_row_normalize_l1 if vectoriser.norm == "l1" else inplace_csr_row_normalize_l2)(counts)
    return counts


def _same(one: Any, other: Any) -> bool:
    """Whether two matrices have the same bits."""
    parts = ((one.indptr, other.indptr), (one.indices, other.indices), (one.data, other.data))
    return one.shape == other.shape and one.dtype == other.dtype and all(np.array_equal(a, b) for a, b in parts)
