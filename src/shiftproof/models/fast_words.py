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
    """A fitted pipeline that begins with scikit-learn's CountVectorizer or TfidfVectorizer over single words, and what comes after.

    All texts of a call are cut into words at once, which takes about half the time of scikit-learn's own count. The first call is made both
    ways: where the two matrices differ in any bit, the pipeline is asked as it is from then on.
    """

    vectoriser: Any
    rest: tuple[Any, ...]
    final: Any
    trusted: bool | None = field(default=None, init=False)
    """Whether the two counts have agreed; None before the first call."""

    def __post_init__(self) -> None:
        words = self.vectoriser.vocabulary_
        self._places = {**words, _BREAK: -1} if _BREAK not in words else dict(words)

    def answer(self, method: str, texts: Sequence[Any]) -> Any:
        """What `method` of the pipeline answers."""
        texts_only = all(isinstance(text, str) for text in texts)  # scikit-learn takes bytes too, and says what it refuses
        if self.trusted is None and texts_only:
            self.trusted = _same(self.weighed(texts), self.vectoriser.transform(texts))
        x = self.weighed(texts) if self.trusted and texts_only else self.vectoriser.transform(texts)
        for step in self.rest:
            x = step.transform(x)
        return getattr(self.final, method)(x)

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
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.pipeline import Pipeline

    if type(estimator) is not Pipeline:
        return None
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    if len(steps) < 2 or type(steps[0]) not in (CountVectorizer, TfidfVectorizer):
        return None
    first = steps[0]
    own = first.tokenizer is None and first.preprocessor is None and first.stop_words is None and first.strip_accents is None
    plain = first.input == "content" and first.analyzer == "word" and tuple(first.ngram_range) == (1, 1)
    if not (own and plain and first.token_pattern == _PATTERN):
        return None
    return FastWords(first, tuple(steps[1:-1]), steps[-1])


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
