"""Methods against a layout's influence, against their definitions written out by hand, and no answer depends on another example."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from shiftproof._errors import UsageError
from shiftproof.measures.prompt_methods import contextually_calibrated, ensembled, random_texts, replaced_words, sensitivity_aware

RNG = np.random.default_rng(0)
LOGS = np.log(RNG.dirichlet([1.0, 1.0, 1.0], size=20))


def test_contextual_calibration_undoes_a_bias_of_the_layout_exactly() -> None:
    fair, bias = RNG.dirichlet([2.0, 2.0, 2.0], size=50), np.array([0.6, 0.3, 0.1])
    biased = fair * bias / (fair * bias).sum(1, keepdims=True)
    found = contextually_calibrated(np.log(biased), np.log([bias]))  # an input that says nothing shows the bias alone
    assert np.allclose(np.exp(found), fair)


def test_contextual_calibration_is_probability_over_the_mean_of_free_inputs() -> None:
    free = np.log(RNG.dirichlet([1.0, 1.0, 1.0], size=3))
    by_hand = np.exp(LOGS) / np.exp(free).mean(0)
    found = np.exp(contextually_calibrated(LOGS - 3.0, free - 1.0))  # of the options alone: other tokens take their share
    assert np.allclose(found, by_hand / by_hand.sum(1, keepdims=True))
    assert np.allclose(contextually_calibrated(LOGS[::-1], free)[::-1], contextually_calibrated(LOGS, free))
    assert np.allclose(contextually_calibrated(LOGS[:1], free), contextually_calibrated(LOGS, free)[:1])


def test_an_ensemble_is_the_mean_of_probabilities() -> None:
    table = np.stack([LOGS, LOGS[::-1] - 2.0])
    assert np.allclose(np.exp(ensembled(table)), softmax(table, axis=-1).mean(0))
    assert np.allclose(ensembled(table[:1]), LOGS)


def test_sensitivity_is_the_variance_of_a_sample() -> None:
    moved = np.stack([LOGS + RNG.normal(size=LOGS.shape) for _ in range(4)])
    by_hand = 0.6 * LOGS - 0.4 * ((moved - moved.mean(0)) ** 2).sum(0) / 3
    assert np.allclose(sensitivity_aware(LOGS, moved), by_hand)
    assert np.allclose(sensitivity_aware(LOGS, moved, alpha=1.0), LOGS)
    assert np.allclose(sensitivity_aware(LOGS, moved[::-1]), by_hand)


def test_words_are_of_the_sample_and_the_rest_stays() -> None:
    rng = np.random.default_rng(1)
    texts = ["one two three", "four five six seven eight"]
    made = random_texts(texts, 20, rng)
    assert len(made) == 20
    assert all(len(text.split()) == 4 and set(text.split()) <= set(" ".join(texts).split()) for text in made)
    text = "a b c d e f g h i j"
    for share, changed in ((0.2, 2), (0.05, 1), (1.0, 10)):
        moved = replaced_words(text, ["X"], rng, share=share).split()
        assert sum(one != other for one, other in zip(moved, text.split(), strict=True)) == changed == moved.count("X")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contextually_calibrated(LOGS, LOGS[:, :2]), r"The 'free' of contextually_calibrated must have shape \(k, 3\)"),
        (lambda: contextually_calibrated([[0.0, -np.inf]], [[0.0, 0.0]]), "be finite"),
        (lambda: ensembled(LOGS), r"must be finite, of shape \(layouts, n, options\)"),
        (lambda: sensitivity_aware(LOGS, LOGS[None]), r"have shape \(k, 20, 3\), k >= 2"),
        (lambda: sensitivity_aware(LOGS, np.stack([LOGS, LOGS]), alpha=0.0), r"'alpha' of sensitivity_aware must be in \(0, 1\]"),
        (lambda: replaced_words("a", ["b"], RNG, share=0.0), r"'share' of replaced_words must be in \(0, 1\]"),
        (lambda: random_texts([" "], 1, RNG), "The texts have no words"),
    ],
)
def test_what_is_refused(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]
