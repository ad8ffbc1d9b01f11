"""Intervals of a judge's mean score, and of the tail of its errors, hold where scores are few, tied, and hardly ever below 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import beta as beta_law

from shiftproof.risks import CVaR, Mean
from shiftproof.risks.tally import Tally
from validity import RARE, SIZES, assert_interval

Floats = npt.NDArray[np.float64]
Law = tuple[Sequence[float] | Floats, Sequence[float] | Floats]
"""Scores in [0, 1] and how likely each is."""
RUNS = 150
CONFIDENCE = 0.9
ALPHAS = (0.05, 0.5)
LAWS: dict[str, Law] = {
    "never wrong": ((1.0,), (1.0,)),
    "hardly ever wrong": ((1.0, 0.0), (0.999, 0.001)),
    "rarely wrong": ((1.0, 0.0), (1 - RARE, RARE)),
    "rarely right in part": ((1.0, 2 / 3, 0.0), (1 - RARE, RARE / 2, RARE / 2)),
    "hardly ever right": ((0.0, 1.0), (0.999, 0.001)),
    "F1 of short answers": ((0.0, 0.4, 0.5, 2 / 3, 0.8, 1.0), (0.2, 0.1, 0.2, 0.15, 0.1, 0.25)),
    "all tied": ((2 / 3,), (1.0,)),
    "one rare tie below": ((0.8, 0.1), (0.97, 0.03)),
}


def drawn(law: str, n: int) -> Floats:
    """Scores of `RUNS` samples, shape (RUNS, n)."""
    scores, chances = LAWS[law]
    return np.random.default_rng(n).choice(scores, size=(RUNS, n), p=chances)


def tail_mean(law: Law, alpha: float) -> float:
    """The mean error of the worst share `alpha`, by the law itself."""
    scores, chances = (np.array(part) for part in law)
    worst = np.argsort(scores)
    before = np.concatenate([[0.0], np.cumsum(chances[worst])[:-1]])
    weight = np.clip(alpha - before, 0, chances[worst])
    return float((weight * (1 - scores[worst])).sum() / alpha)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("law", LAWS)
def test_the_mean_score_lies_in_its_interval(law: str, n: int) -> None:
    truth = float(np.dot(*LAWS[law]))
    found = [Mean().measure(sample, confidence=CONFIDENCE).interval for sample in drawn(law, n)]
    assert_interval([(one.low, one.high) for one in found], truth, CONFIDENCE)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("law", LAWS)
def test_the_tail_of_the_errors_lies_in_its_interval(law: str, n: int) -> None:
    tallies = [Tally.of(1 - sample) for sample in drawn(law, n)]
    for alpha in ALPHAS:
        found = [CVaR(alpha).compute(tally, confidence=CONFIDENCE).interval for tally in tallies]
        assert_interval([(one.low, one.high) for one in found], tail_mean(LAWS[law], alpha), CONFIDENCE)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(0.2, 3.0), (3.0, 0.2), (0.05, 0.05), (30.0, 1.0)])
@pytest.mark.parametrize("n", SIZES)
def test_scores_of_any_degree(shape: tuple[float, float], n: int) -> None:
    """Beta scores, rounded to two digits so that many are tied; truths by the law that was rounded."""
    levels = np.linspace(0, 1, 101)
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
    chances = np.diff(beta_law.cdf(edges, *shape))
    chances /= chances.sum()
    samples = np.random.default_rng(n).choice(levels, size=(4 * RUNS, n), p=chances)
    means = [Mean().measure(sample, confidence=CONFIDENCE).interval for sample in samples]
    assert_interval([(one.low, one.high) for one in means], float(levels @ chances), CONFIDENCE)
    for alpha in ALPHAS:
        tails = [CVaR(alpha).compute(Tally.of(1 - sample), confidence=CONFIDENCE).interval for sample in samples]
        assert_interval([(one.low, one.high) for one in tails], tail_mean((levels, chances), alpha), CONFIDENCE)


def test_an_interval_by_the_normal_law_is_caught() -> None:
    samples = drawn("rarely wrong", 20)
    half = 1.645 * samples.std(1) / np.sqrt(20)
    with pytest.raises(AssertionError, match="missed"):
        assert_interval(zip(samples.mean(1) - half, samples.mean(1) + half, strict=True), 1 - RARE, CONFIDENCE)
