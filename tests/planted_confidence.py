"""Planted truths for the tests of confidence: samples whose law is known, at the hard corners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TIES = ("none", "rounded", "one_hot")


def probabilities(rng: np.random.Generator, n: int, classes: int, ties: str) -> tuple[Floats, Ints]:
    """What an imperfect model says of n examples, with coarse answers where asked for, and their labels."""
    y = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), y] += 1.5
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    if ties == "rounded":
        p = np.maximum(np.round(p, 1), 0)
        p = np.where(p.sum(1, keepdims=True) > 0, p, 1) / np.where(p.sum(1) > 0, p.sum(1), classes)[:, None]
    if ties == "one_hot":
        p = np.eye(classes)[p.argmax(1)]
    return p, y


def confidences(rng: np.random.Generator, shape: tuple[int, ...], ties: str) -> Floats:
    """Stated probabilities of being right: spread, at eleven levels, or sure of everything but for one in fifty."""
    c = rng.beta(4, 1, shape)
    if ties == "rounded":
        return np.round(c, 1)
    return np.where(rng.random(shape) < 0.02, 0.5, 0.999) if ties == "one_hot" else c
