"""The flag on a model that is no better than a constant answer: planted models, and samples that are too skewed or small to say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from shiftproof.diagnostics.constant_answer import NAME, constant_answer

Codes = NDArray[np.int64]
Planted = Callable[[np.random.Generator], tuple[Codes, Codes]]


def balanced(classes: int, n: int, answer: Callable[[np.random.Generator, Codes], Codes]) -> Planted:
    def make(rng: np.random.Generator) -> tuple[Codes, Codes]:
        y = rng.permutation(np.arange(n) % classes)
        return y, answer(rng, y).astype(np.int64)

    return make


def right(share: float, classes: int) -> Callable[[np.random.Generator, Codes], Codes]:
    return lambda rng, y: np.where(rng.random(len(y)) < share, y, (y + rng.integers(1, classes, len(y))) % classes)


def skewed(n: int, share: float, accuracy: float) -> Planted:
    def make(rng: np.random.Generator) -> tuple[Codes, Codes]:
        y = (rng.random(n) < share).astype(np.int64)
        return y, np.where(rng.random(n) < accuracy, y, 1 - y)

    return make


BAD: dict[str, tuple[Planted, str]] = {
    "always one class": (balanced(10, 500, lambda rng, y: np.full(len(y), 3)), r"weights that were not trained.*it predicts 3 for 100.0%"),
    "nearly one class": (
        balanced(10, 500, lambda rng, y: np.where(rng.random(len(y)) < 0.95, 3, rng.integers(0, 10, len(y)))),
        "it predicts 3 for 9",
    ),
    "guesses": (balanced(10, 2000, lambda rng, y: rng.integers(0, 10, len(y))), "on another scale"),
    "reversed codes": (balanced(2, 200, lambda rng, y: np.where(rng.random(len(y)) < 0.95, 1 - y, y)), r"its 0 is 1, its 1 is 0"),
    "shifted codes": (balanced(3, 300, lambda rng, y: (y + 1) % 3), r"With the classes numbered differently, accuracy is 100.0%"),
    "codes from 1 on": (balanced(10, 500, lambda rng, y: y + 1), r"accuracy is 100.0% \(its 1 is 0, its 2 is 1"),
    "two labels on a head of ten": (balanced(2, 300, lambda rng, y: rng.integers(0, 10, len(y))), "a head for other classes .*they have 2"),
    "worse than the most frequent class": (skewed(2000, 0.95, 0.85), "The model does separate the classes"),
    "the most frequent class of a skewed sample": (
        lambda rng: ((rng.random(400) < 0.9).astype(np.int64), np.ones(400, np.int64)),
        "always answering 1",
    ),
}


@pytest.mark.parametrize(("planted", "said"), BAD.values(), ids=list(BAD))
def test_it_is_flagged_with_what_speaks_for_each_reason(planted: Planted, said: str) -> None:
    import re

    flags = [constant_answer(*planted(np.random.default_rng(seed))) for seed in range(10)]
    raised = [flag for flag in flags if flag is not None]
    assert len(raised) >= 8  # the test has its level: a guess looks like skill once in twenty samples
    assert all(flag.name == NAME for flag in raised)
    assert re.search(said, raised[0].detail), raised[0].detail


GOOD: dict[str, Planted] = {
    "a good model": balanced(10, 500, right(0.95, 10)),
    "a weak model": balanced(10, 500, right(0.3, 10)),
    "a good model on a skewed sample": skewed(400, 0.95, 0.97),
    "a good model on a very skewed sample": skewed(100, 0.99, 0.99),
    "a perfect model on few examples": balanced(2, 6, right(1.0, 2)),
    "one class alone": lambda rng: (np.zeros(50, np.int64), np.zeros(50, np.int64)),
    "one example": lambda rng: (np.array([1]), np.array([0])),
    "none": lambda rng: (np.zeros(0, np.int64), np.zeros(0, np.int64)),
}


@pytest.mark.parametrize("planted", GOOD.values(), ids=list(GOOD))
def test_it_is_not_flagged(planted: Planted) -> None:
    assert all(constant_answer(*planted(np.random.default_rng(seed))) is None for seed in range(50))


def test_scores_that_say_nothing_speak_for_untrained_weights() -> None:
    y = np.arange(500) % 10
    flag = constant_answer(
        y, (y * 7 + y // 3) % 10 * 0 + 4, sure=np.full(500, 0.11), class_names=[f"c{i}" for i in range(10)], units="[0, 1]"
    )
    assert flag is not None
    assert "always answering 'c0' (10.0%)" in flag.detail
    assert "its largest probability is 0.11 on average" in flag.detail
    assert "(here [0, 1])" in flag.detail


def test_agreement_is_that_of_all_orders() -> None:
    """Mean and variance of the number of matches, by brute force over every order of the labels."""
    from itertools import permutations

    from shiftproof.diagnostics.constant_answer import _matches

    label, prediction = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    counts = [int((np.array(order) == prediction).sum()) for order in permutations(label.tolist())]
    mean, variance = _matches(label, prediction)
    assert mean == pytest.approx(np.mean(counts))
    assert variance == pytest.approx(np.var(counts))
