"""A linear classifier of word counts, read from a scikit-learn pipeline: what certificates over edits of words need to know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shiftproof._arrays import Floats
from shiftproof.models.abstract import Labels
from shiftproof.models.estimator import EstimatorLabels, EstimatorScores

_PATTERNS = (r"(?u)\b\w\w+\b", r"(?u)\b\w+\b")
"""Of these tokens each lies within one run of letters and digits, so that words that are replaced change their own tokens only."""


_ROUNDING = {"float64": 1e-9, "int64": 1e-9, "int32": 1e-9, "float32": 1e-4}
"""By what counts are kept in. Sums of 1,600 terms in float32 are within 1e-4 of their sizes. Smaller types do not hold all counts."""


@dataclass(frozen=True, eq=False)
class LinearText:
    """Scores W phi(counts) + b, phi the counts weighed and scaled.

    Args:
        tokens: of a text.
        vocabulary: the place of each token that counts.
        idf: the weight of each place, shape (d,).
        weight, bias: of the scores, shapes (classes, d) and (classes,).
        norm: "l2", "l1" or None.
        sublinear: whether a count c > 0 stands as 1 + log c.
        binary: whether it stands as 1.
        strips: whether accents are stripped from a text, and with them signs between its words.
        rounding: of the sizes that go into a score difference, what rounding may take of it, in proofs and in scikit-learn's, with room.
    """

    tokens: Callable[[str], list[str]]
    vocabulary: Mapping[str, int]
    idf: Floats
    weight: Floats
    bias: Floats
    norm: str | None
    sublinear: bool
    binary: bool
    strips: bool = False
    rounding: float = 1e-9

    @property
    def additive(self) -> bool:
        """Whether features are sums over tokens, before they are scaled."""
        return not (self.sublinear or self.binary)

    def counts(self, text: str) -> Counter[int]:
        """How often each place of the vocabulary stands in a text."""
        return Counter(self.vocabulary[token] for token in self.tokens(text) if token in self.vocabulary)

    def weighed(self, counts: Floats, places: Any) -> Floats:
        """Counts at these places as features that are not scaled yet, shape of `counts` (..., len(places))."""
        if self.binary:
            counts = (counts > 0).astype(np.float64)
        elif self.sublinear:
            counts = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0.0)
        found: Floats = counts * self.idf[places]
        return found

    def size(self, features: Floats) -> Floats:
        """What features are divided by, shape (...,); 1 where nothing is scaled, or nothing is there."""
        if self.norm is None:
            return np.ones(features.shape[:-1])
        size: Floats = np.abs(features).sum(-1) if self.norm == "l1" else np.sqrt((features**2).sum(-1))
        return np.where(size > 0, size, 1.0)


def read_linear_text(model: Labels) -> LinearText | str:
    """The model as a linear one over words, or as half a sentence why it is none."""
    if not isinstance(model, EstimatorScores | EstimatorLabels):
        return f"it needs a scikit-learn pipeline, and '{model.name}' is not one"
    from sklearn.pipeline import Pipeline

    pipeline = model.fitted.estimator
    if not isinstance(pipeline, Pipeline):
        return f"it needs a pipeline of a vectoriser and a linear classifier, and '{model.name}' is a {type(pipeline).__name__}"
    first, *middle, last = (step for _, step in pipeline.steps if step not in (None, "passthrough"))
    vectoriser = _vectoriser(first, middle)
    if isinstance(vectoriser, str):
        return vectoriser
    head = _head(last, len(vectoriser["idf"]))
    return head if isinstance(head, str) else LinearText(**vectoriser, weight=head[0], bias=head[1])


def _vectoriser(first: Any, middle: list[Any]) -> dict[str, Any] | str:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

    if type(first) not in (CountVectorizer, TfidfVectorizer):
        return f"it reads CountVectorizer and TfidfVectorizer, not {type(first).__name__}"
    own = first.tokenizer is None and first.preprocessor is None and first.token_pattern in _PATTERNS
    if first.analyzer != "word" or tuple(first.ngram_range) != (1, 1) or not own:
        return "it needs single words as tokens, by scikit-learn's own pattern, without a tokenizer or preprocessor of yours"
    kept = np.dtype(first.dtype).name
    if kept not in _ROUNDING:
        return f"it reads counts that are kept in {', '.join(_ROUNDING)}, not in {kept}"
    weigher = first if type(first) is TfidfVectorizer else None
    if middle:
        (weigher,) = middle if len(middle) == 1 and type(middle[0]) is TfidfTransformer and weigher is None else (None,)
        if weigher is None:
            return f"it reads no {type(middle[0]).__name__} between the vectoriser and the classifier"
    idf = np.ones(len(first.vocabulary_)) if weigher is None or not weigher.use_idf else np.asarray(weigher.idf_, dtype=np.float64)
    if not (np.isfinite(idf).all() and (idf >= 0).all()):
        return "it needs weights of words (idf) that are finite and at least 0"
    return {
        "tokens": first.build_analyzer(),
        "vocabulary": first.vocabulary_,
        "idf": idf,
        "norm": None if weigher is None else weigher.norm,
        "sublinear": weigher is not None and bool(weigher.sublinear_tf),
        "binary": bool(first.binary),
        "strips": first.strip_accents is not None,
        "rounding": _ROUNDING[kept],
    }


def _head(last: Any, features: int) -> tuple[Floats, Floats] | str:
    from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
    from sklearn.svm import LinearSVC

    if type(last) not in (LogisticRegression, LinearSVC, RidgeClassifier, SGDClassifier, Perceptron):
        return f"it reads linear classifiers of scikit-learn, not {type(last).__name__}"
    weight = np.atleast_2d(np.asarray(last.coef_, dtype=np.float64))
    bias = np.broadcast_to(np.asarray(last.intercept_, dtype=np.float64).ravel(), (len(weight),))
    if weight.shape[1] != features:
        return "the classifier was fitted on other features than the vectoriser gives"
    if len(weight) == 1:  # two classes by the sign
        weight, bias = np.concatenate([0 * weight, weight]), np.array([0.0, float(bias[0])])
    return weight, bias
