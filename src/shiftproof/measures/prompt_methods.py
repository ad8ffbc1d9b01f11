"""Methods against the influence of a prompt's layout, all of them on log-probabilities of options that are stored once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError, must

CONTENT_FREE = ("N/A", "", "[MASK]")
"""The inputs without content of contextual calibration."""


def contextually_calibrated(log_probabilities: npt.ArrayLike, free: npt.ArrayLike) -> Floats:
    """The probabilities of options over their mean probabilities for inputs that say nothing, in logs.

    With `CONTENT_FREE` as those inputs it is contextual calibration, with random words of the sample (`random_texts`) domain-context
    calibration. Each layout has its own: the inputs are written into the same prompt.

    Args:
        log_probabilities: in nats, finite, shape (n, options).
        free: of the same options for the inputs that say nothing, finite, shape (k, options), k >= 1.

    Returns:
        Log-probabilities that add up to 1 over the options, shape (n, options).

    Guarantees: no answer depends on another example, and no label is used.

    Example:
        >>> contextually_calibrated([[-0.5, -1.0]], [[-0.2, -2.0]]).argmax(-1).tolist()
        [1]

    Reference: Zhao et al. 2021 [zhao2021calibrate], "Calibrate before use: improving few-shot performance of language models"; Fei et al.
    2023 [fei2023mitigating], "Mitigating label biases for in-context learning".
    """
    given, nothing = _checked(log_probabilities, 2, "log_probabilities"), _checked(free, 2, "free")
    if given.shape[1] != nothing.shape[1] or not len(nothing):
        raise must("free", "contextually_calibrated", f"have shape (k, {given.shape[1]}), k >= 1", nothing.shape)
    prior = logsumexp(log_softmax(nothing, axis=-1), axis=0) - np.log(len(nothing))
    found: Floats = log_softmax(log_softmax(given, axis=-1) - prior, axis=-1)
    return found


def ensembled(log_probabilities: npt.ArrayLike) -> Floats:
    """The log of the mean probability of each option over layouts: a template ensemble.

    Args:
        log_probabilities: in nats, finite, shape (layouts, n, options).

    Returns:
        Shape (n, options).

    Example:
        >>> ensembled([[[-0.1, -3.0]], [[-1.0, -0.9]]]).argmax(-1).tolist()
        [0]

    Reference: Voronov et al. 2024 [voronov2024mind], "Mind your format: towards consistent evaluation of in-context learning improvements".
    """
    given = _checked(log_probabilities, 3, "log_probabilities")
    found: Floats = logsumexp(log_softmax(given, axis=-1), axis=0) - np.log(len(given))
    return found


def sensitivity_aware(log_probabilities: npt.ArrayLike, perturbed: npt.ArrayLike, *, alpha: float = 0.6) -> Floats:
    """What sensitivity-aware decoding compares: alpha * log p - (1 - alpha) * variance of log p over perturbed inputs, for each option.

    Args:
        log_probabilities: in nats, finite, shape (n, options).
        perturbed: of the same options for perturbed inputs (see `replaced_words`), finite, shape (k, n, options), k >= 2.
        alpha: weight of the model's own belief, in (0, 1].

    Returns:
        Shape (n, options); the variance is that of a sample, over k - 1.

    Example:
        >>> sensitivity_aware([[-0.5, -0.9]], [[[-0.1, -0.9]], [[-3.0, -0.8]]]).argmax(-1).tolist()
        [1]

    Reference: Lu et al. 2024 [lu2024how], "How are prompts different in terms of sensitivity?", with log-probabilities of options in place
    of scores of all tokens.
    """
    given, moved = _checked(log_probabilities, 2, "log_probabilities"), _checked(perturbed, 3, "perturbed")
    if moved.shape[1:] != given.shape or len(moved) < 2:
        raise must("perturbed", "sensitivity_aware", f"have shape (k, {given.shape[0]}, {given.shape[1]}), k >= 2", moved.shape)
    if not 0 < alpha <= 1:
        raise must("alpha", "sensitivity_aware", "be in (0, 1]", alpha)
    found: Floats = alpha * given - (1 - alpha) * moved.var(axis=0, ddof=1)
    return found


def random_texts(texts: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """Texts of random words of a sample, of its mean length: what domain-context calibration asks about, 20 of them in its paper.

    >>> random_texts(["a b", "a b"], 1, np.random.default_rng(0)) in (["a a"], ["a b"], ["b a"], ["b b"])
    True
    """
    words = _words(texts)
    length = max(1, round(len(words) / len(texts)))
    return [" ".join(words[at] for at in rng.integers(0, len(words), length)) for _ in range(count)]


def replaced_words(text: str, words: Sequence[str], rng: np.random.Generator, *, share: float = 0.2) -> str:
    """A text with a share of its words, at least one, replaced by words drawn from a list.

    Args:
        text: with words apart.
        words: to draw from.
        rng: of the draws.
        share: in (0, 1].
    """
    if not 0 < share <= 1:
        raise must("share", "replaced_words", "be in (0, 1]", share)
    own = _words([text])
    for place in rng.choice(len(own), max(1, int(share * len(own))), replace=False):
        own[place] = words[int(rng.integers(len(words)))]
    return " ".join(own)


def _words(texts: Sequence[str]) -> list[str]:
    words = [word for text in texts for word in text.split()]
    if not words:
        raise UsageError("The texts have no words: at least one must have some.")
    return words


def _checked(values: npt.ArrayLike, dimensions: int, name: str) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != dimensions or found.size == 0 or found.shape[-1] < 2 or not bool(np.isfinite(found).all()):
        shape = ", ".join(("layouts", "n", "options")[-dimensions:])
        raise must(name, "a method against a layout's influence", f"be finite, of shape ({shape}), options >= 2", found.shape)
    return found
