"""A text as one vector: its tokens' vectors without their first principal component, pooled by self-attention without weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.validation import check_is_fitted

from shiftproof._arrays import Floats
from shiftproof._errors import must, unknown

Self = TypeVar("Self", bound="PurifiedPooling")
POOLINGS = ("self_attention", "mean")
_MATRIX = 2
_WORD = r"(?u)\b\w+\b"
"""Words of one letter too."""


def without_components(tokens: Floats, count: int = 1) -> Floats:
    """H - H V V' with V the first `count` right singular vectors of the token matrix H (T, d): what is left has no part along them.

    The sign of a singular vector does not matter. Where the last removed singular value equals the next, which of the two directions goes
    is the decomposition's choice.

    >>> without_components(np.array([[2.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    if not count:
        return tokens
    if len(tokens) <= count:
        return np.zeros_like(tokens)
    _, _, right = np.linalg.svd(tokens, full_matrices=False)
    gone: Floats = right[:count]
    return np.asarray(tokens - tokens @ gone.T @ gone)


def self_attention(tokens: Floats) -> Floats:
    """The mean over tokens of softmax(H H' / sqrt(d)) H, H of shape (T, d), T at least 1: shape (d,).

    >>> self_attention(np.array([[1.0, 0.0], [1.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    scores = tokens @ tokens.T / np.sqrt(tokens.shape[1])
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    pooled: Floats = (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0) @ tokens
    return pooled


class PurifiedPooling(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Texts as vectors for a classifier: the first principal component of each text's token vectors is removed, the rest pooled.

    Removed from the matrix H (tokens, d) of one text: H - H v v', v its first right singular vector. Then self-attention without weights,
    mean of softmax(H H' / sqrt(d)) H, or the mean alone. The classifier is trained behind it, on texts as they are.

    Args:
        encode: a function of a list of texts that gives for each its token vectors, shape (tokens, d), such as the last layer of a language
            model. None learns word vectors from the training texts: latent semantic analysis of their TF-IDF matrix.
        remove: components to remove, at least 0; 0 is the control.
        pooling: "self_attention" or "mean".
        size: of the learned word vectors, at least 1; not more than the training texts have.
        random_state: of the learned word vectors.

    Attributes:
        vectors_, words_: the learned word vectors, shape (words, size), and the place of each word in them; not with `encode`.
        width_: d.

    Guarantees:
        A text without known words is the zero vector, and so is a text of no more tokens than are removed. No robustness is proven.
    Cost: one singular value decomposition a text.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> texts = ["a good film", "good fun and a great film", "a bad film", "dull and bad and long"]
        >>> model = make_pipeline(PurifiedPooling(size=3), LogisticRegression()).fit(texts, [1, 1, 0, 0])
        >>> model.predict(["good film", "bad film"]).tolist()
        [1, 0]

    Reference: Wang et al. 2025 [wang2025adversarial], "Adversarial defense without adversarial defense: enhancing language model robustness
    via instance-level principal component removal".
    """

    def __init__(
        self,
        encode: Callable[[list[str]], Sequence[npt.ArrayLike]] | None = None,
        *,
        remove: int = 1,
        pooling: str = "self_attention",
        size: int = 50,
        random_state: int = 0,
    ) -> None:
        self.encode = encode
        self.remove = remove
        self.pooling = pooling
        self.size = size
        self.random_state = random_state

    def fit(self: Self, X: Iterable[str], y: Any = None) -> Self:  # noqa: N803  # scikit-learn's name
        """Learns word vectors where there is no `encode`."""
        del y
        self._check()
        texts = _texts(X)
        if not texts:
            raise must("X", "PurifiedPooling", "have at least one text", 0)
        if self.encode is not None:
            self.width_ = self._tokens(texts[:1])[0].shape[1]
            return self
        table = TfidfVectorizer(token_pattern=_WORD)
        try:
            counts = table.fit_transform(texts)
        except ValueError as error:
            raise must("X", "PurifiedPooling", "have words", "none", "Its word vectors are learned from them.") from error
        if self.size > min(counts.shape):
            raise must("size", "PurifiedPooling", f"be at most the texts and the words ({min(counts.shape)})", self.size)
        svd = TruncatedSVD(self.size, algorithm="randomized", random_state=self.random_state).fit(counts)
        self.vectors_ = np.asarray(svd.components_.T * svd.singular_values_)
        self.words_, self._split = table.vocabulary_, table.build_analyzer()
        self.width_ = self.size
        return self

    def transform(self, X: Iterable[str]) -> Floats:  # noqa: N803  # scikit-learn's name
        """The vectors of n texts, shape (n, width_)."""
        check_is_fitted(self, "width_")
        texts = _texts(X)
        found = np.zeros((len(texts), self.width_))
        for row, tokens in enumerate(self._tokens(texts)):
            if len(tokens):
                left = without_components(tokens, self.remove)
                found[row] = self_attention(left) if self.pooling == "self_attention" else left.mean(axis=0)
        return found

    def _check(self) -> None:
        if isinstance(self.remove, bool) or not isinstance(self.remove, int) or self.remove < 0:
            raise must("remove", type(self).__name__, "be a whole number of at least 0", self.remove)
        if self.pooling not in POOLINGS:
            raise unknown("pooling", str(self.pooling), POOLINGS)
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise must("size", type(self).__name__, "be a whole number of at least 1", self.size)

    def _tokens(self, texts: list[str]) -> list[Floats]:
        """The token vectors of each text, shape (tokens, d)."""
        if self.encode is None:
            rows = [[self.words_[word] for word in self._split(text) if word in self.words_] for text in texts]
            return [self.vectors_[row] for row in rows]
        given = [np.asarray(one, dtype=np.float64) for one in self.encode(texts)] if texts else []
        if len(given) != len(texts):
            raise must("answers", "the function 'encode'", f"be one matrix a text ({len(texts)})", len(given))
        wrong = [one.shape for one in given if one.ndim != _MATRIX or one.shape[1] != given[0].shape[1] or not np.isfinite(one).all()]
        if wrong:
            raise must("answers", "the function 'encode'", "be finite matrices (tokens, d) with one d", wrong[0])
        return given


def _texts(given: Iterable[str]) -> list[str]:
    texts = list(given) if not isinstance(given, str) else [given]
    wrong = [text for text in texts if not isinstance(text, str)]
    if isinstance(given, str) or wrong:
        raise must("X", "PurifiedPooling", "be a list of texts", type(wrong[0] if wrong else given).__name__)
    return texts
