"""Effects of perturbations against counts, tests and corrections by hand, and the stated confidence against planted truths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from shiftproof._errors import UsageError
from shiftproof.measures.perturbation_effects import perturbation_effects, worst_perturbation


def verdicts(both: int, lost: int, gained: int, neither: int) -> tuple[list[int], list[int]]:
    return [1] * (both + lost) + [0] * (gained + neither), [1] * both + [0] * lost + [1] * gained + [0] * neither


def test_counts_and_mcnemar_by_hand() -> None:
    """The published counts of recorded answers to denied sentences: 15 lost and 2 gained of 96."""
    before, after = verdicts(71, 15, 2, 8)
    (found,) = perturbation_effects(before, {"negation": after})
    by_hand = 2 * sum(math.comb(17, k) for k in range(3)) / 2**17
    assert (found.n, found.lost, found.gained) == (96, 15, 2)
    assert found.p_value == pytest.approx(by_hand, rel=1e-12)
    assert found.p_value == pytest.approx(0.0023, abs=5e-5)
    assert found.drop == pytest.approx(13 / 96)
    assert found.interval.low < found.drop < found.interval.high
    assert found.adjusted == found.p_value


def test_benjamini_and_hochberg_by_hand() -> None:
    pairs = {"a": verdicts(50, 10, 0, 5), "b": verdicts(53, 7, 0, 5), "c": verdicts(58, 2, 1, 4), "d": verdicts(60, 0, 0, 5)}
    before = [1] * 60 + [0] * 5
    rows = {}
    for name, (_, after) in pairs.items():
        lost = after[:60].count(0)
        rows[name] = [0] * lost + [1] * (60 - lost) + after[60:]
    found = perturbation_effects(before, rows)
    p = sorted((one.p_value, one.name) for one in found)
    running, by_hand = 1.0, {}
    for rank in range(len(p), 0, -1):
        running = min(running, p[rank - 1][0] * len(p) / rank)
        by_hand[p[rank - 1][1]] = running
    assert {one.name: one.adjusted for one in found} == pytest.approx(by_hand)


def test_the_smallest_effect_is_the_edge_of_significance() -> None:
    before, after = verdicts(60, 10, 3, 27)
    (found,) = perturbation_effects(before, {"x": after})
    lost = round(found.smallest * 100) + 3

    def p(count: int) -> float:
        right, moved = verdicts(97 - count, count, 3, 0)
        (one,) = perturbation_effects(right, {"x": moved})
        return one.p_value

    assert p(lost) <= 0.05 < p(lost - 1)
    (tiny,) = perturbation_effects([1, 1, 0], {"x": [1, 0, 1]})
    assert math.isnan(tiny.smallest)


def test_the_interval_covers_the_planted_drop() -> None:
    rng, n, runs, missed = np.random.default_rng(0), 120, 400, 0
    for _ in range(runs):
        draw = rng.choice(4, size=n, p=[0.6, 0.15, 0.05, 0.2])
        before, after = np.isin(draw, [0, 1]).astype(int), np.isin(draw, [0, 2]).astype(int)
        (found,) = perturbation_effects(before, {"x": after})
        missed += not found.interval.low <= 0.10 <= found.interval.high
    assert binomtest(missed, runs, 0.05, alternative="greater").pvalue > 1e-3


def test_clusters_widen_the_interval_and_cover() -> None:
    """Sentences of one source fail together: the interval over clusters covers the truth, that over items does not."""
    rng, runs, missed, alone = np.random.default_rng(1), 150, 0, 0
    for run in range(runs):
        names = np.repeat([f"c{k}" for k in range(40)], 8)
        failing = np.repeat(rng.random(40) < 0.2, 8)
        before, after = np.ones(320, dtype=int), 1 - failing.astype(int)
        (by_cluster,) = perturbation_effects(before, {"x": after}, clusters=names.tolist(), seed=run)
        (by_item,) = perturbation_effects(before, {"x": after})
        missed += not by_cluster.interval.low <= 0.2 <= by_cluster.interval.high
        alone += not by_item.interval.low <= 0.2 <= by_item.interval.high
    assert binom.sf(missed - 1, runs, 0.08) > 1e-3, "a percentile interval over 40 clusters misses a little more than 5 %"
    assert alone > 2 * missed


def test_the_worst_of_several_is_an_and() -> None:
    found = worst_perturbation([1, 1, 1, 0], {"a": [1, 0, 1, 1], "b": [1, 1, 0, 0]})
    assert (found.of, found.n, found.accuracy) == (2, 4, 0.25)
    assert found.interval.low < 0.25 < found.interval.high


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: perturbation_effects([1, 0], {}), "must name at least one perturbation"),
        (lambda: perturbation_effects([1, 0], {"a": [1]}), "The 'a' of perturbation_effects must be one verdict an item"),
        (lambda: perturbation_effects([1, 2], {"a": [1, 0]}), "The 'before' of perturbation_effects must be 1 for right and 0 for wrong"),
        (
            lambda: perturbation_effects([1, 0], {"a": [1, 0]}, confidence=1),
            r"The 'confidence' of perturbation_effects must be in \(0, 1\)",
        ),
        (
            lambda: perturbation_effects([1, 0], {"a": [1, 0]}, clusters=["x"]),
            "The 'clusters' of perturbation_effects must be one name an item",
        ),
    ],
)
def test_bad_input_is_one_line(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
