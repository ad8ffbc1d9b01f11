"""Strangeness by distances: fitted on one half of the calibration answers, so that alarms on the other half are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.confidence.alarm import alarm_threshold
from shiftproof.confidence.checked import Refused
from shiftproof.evaluation.trust.ask import ModelOutputs
from shiftproof.evaluation.trust.promises import Promises, Wanted
from shiftproof.evaluation.trust.stranger import KINDS, OF_FEATURES, strangeness_by
from validity import assert_covers


def outputs(rng: np.random.Generator, n: int, *, far: float = 0.0) -> ModelOutputs:
    """Three classes around three corners of four features, and the scores of a network that reads them; `far` off along the fourth."""
    y = rng.integers(0, 3, n)
    features = rng.normal(size=(n, 4)) + 3 * np.eye(4)[y]
    features[:, 3] += far
    return ModelOutputs(features[:, :3] * 2.0, y, {}, hidden=features)


@pytest.mark.parametrize("kind", OF_FEATURES)
def test_alarms_on_familiar_inputs_are_as_rare_as_they_say(kind: str) -> None:
    rng, loud = np.random.default_rng(0), []
    for _ in range(40):
        stranger, rest = strangeness_by(kind, outputs(rng, 80))
        assert rest is not None
        threshold = alarm_threshold(stranger(rest), rate=0.1)
        loud.append(bool(stranger(outputs(rng, 1))[0] > threshold))
    assert_covers(loud, 0.1)


@pytest.mark.parametrize("kind", ["mahalanobis", "neighbours"])
def test_far_inputs_are_stranger_though_the_scores_do_not_show_it(kind: str) -> None:
    rng = np.random.default_rng(1)
    stranger, _ = strangeness_by(kind, outputs(rng, 200))
    near, far = stranger(outputs(rng, 100)), stranger(outputs(rng, 100, far=12.0))
    assert np.median(far) > np.quantile(near, 0.95)


def test_the_halves_are_apart() -> None:
    sample = outputs(np.random.default_rng(2), 61)
    _, rest = strangeness_by("mahalanobis", sample)
    assert rest is not None
    assert np.array_equal(rest.scores, sample.scores[1::2])
    assert strangeness_by("msp", sample)[1] is sample


def test_without_a_layer_distances_are_of_scores() -> None:
    bare = ModelOutputs(np.eye(3), np.arange(3), {})
    assert np.array_equal(bare.features, bare.scores)


@pytest.mark.parametrize("kind", OF_FEATURES)
def test_too_few_calibration_answers_are_refused(kind: str) -> None:
    few = outputs(np.random.default_rng(3), 39)
    with pytest.raises(Refused, match=f"{kind} is a distance from calibration inputs, and there are 39, not 40"):
        strangeness_by(kind, few)
    promises = Promises.make(Wanted(level=0.95, seed=0, score=kind), few, outputs(np.random.default_rng(4), 60))
    assert isinstance(promises.stranger, str)
    assert promises.alarm == promises.stranger


def test_every_kind_is_known() -> None:
    assert set(OF_FEATURES) < set(KINDS)
    for kind in KINDS:
        stranger, _ = strangeness_by(kind, outputs(np.random.default_rng(5), 60))
        assert stranger(outputs(np.random.default_rng(6), 7)).shape == (7,)
