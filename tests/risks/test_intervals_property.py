"""What holds of every interval."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.risks.betting_intervals import betting_interval, betting_sequence
from shiftproof.risks.intervals import clopper_pearson, proportion_difference, wilson
from shiftproof.risks.paired import matched_interval

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CONFIDENCES = st.floats(0.05, 0.999)
SAMPLES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@settings(deadline=None, max_examples=40)
@given(COUNTS, CONFIDENCES)
def test_proportions_hold_their_estimate_mirror_and_widen(counts: tuple[int, int], confidence: float) -> None:
    k, n = counts
    for interval in (clopper_pearson, wilson):
        low, high = interval(k, n, confidence=confidence).one()
        assert 0 <= low <= k / n <= high <= 1
        mirrored = interval(n - k, n, confidence=confidence).one()
        assert abs(mirrored.low - (1 - high)) < 1e-9
        wider = interval(k, n, confidence=(1 + confidence) / 2).one()
        assert wider.low <= low
        assert high <= wider.high


@settings(deadline=None, max_examples=40)
@given(SAMPLES, CONFIDENCES)
def test_bounded_means_hold_their_estimate_and_widen(sample: list[float], confidence: float) -> None:
    mean = float(np.mean(sample))
    low, high = betting_interval(sample, confidence=confidence).one()
    assert 0 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1
    wider = betting_interval(sample, confidence=(1 + confidence) / 2).one()
    assert wider.low <= low + 1e-9
    assert high <= wider.high + 1e-9
    sequence = betting_sequence(sample, confidence=confidence, points=50)
    assert (sequence.low <= sequence.high).all() or confidence < 0.5


@settings(deadline=None, max_examples=30)
@given(SAMPLES, st.randoms(use_true_random=False))
def test_betting_does_not_depend_on_order(sample: list[float], random: np.random.RandomState) -> None:
    shuffled = list(sample)
    random.shuffle(shuffled)
    assert np.allclose(betting_interval(sample).one(), betting_interval(shuffled).one(), rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(COUNTS, COUNTS, CONFIDENCES)
def test_differences_hold_their_estimate(one: tuple[int, int], two: tuple[int, int], confidence: float) -> None:
    low, high = proportion_difference(one, two, confidence=confidence).one()
    assert -1 <= low <= two[0] / two[1] - one[0] / one[1] <= high <= 1


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 200), st.floats(0, 1), st.floats(0, 1), CONFIDENCES)
def test_paired_differences_hold_their_estimate_and_swap(n: int, share: float, first: float, confidence: float) -> None:
    discordant = int(n * share)
    b = int(discordant * first)
    c = discordant - b
    low, high = matched_interval(b, c, n, confidence=confidence).one()
    assert -1 <= low <= (c - b) / n <= high <= 1
    swapped = matched_interval(c, b, n, confidence=confidence).one()
    assert (swapped.low, swapped.high) == (-high, -low)
