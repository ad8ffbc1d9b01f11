"""Sequential tests of a proportion: the chance of a false claim is counted exactly, by a second way, and tried under stopping at will."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom, binomtest

from shiftproof._errors import UsageError
from shiftproof.risks.intervals import holm
from shiftproof.risks.sequential import SequentialTests, look_times, plan_tests

CORNERS = (0.0, 0.001, 0.3, 0.5, 0.9, 0.99, 0.9999)


def chance_of_claim(tests: SequentialTests, row: int, p: float) -> float:
    """P(p0 is ever ruled out) under p, by walking over all counts of successes with nothing cut off."""
    alive = np.zeros(int(tests.looks[-1]) + 1)
    alive[0], claimed, before = 1.0, 0.0, 0
    for look, n in enumerate(tests.looks.tolist()):
        alive = np.convolve(alive, binom.pmf(np.arange(n - before + 1), n - before, p))[: len(alive)]
        claimed += alive[tests.reject[row, look] :].sum()
        alive[tests.reject[row, look] :] = 0.0
        before = n
    return claimed


@pytest.mark.parametrize("alpha", [0.5, 0.05, 0.001, 1e-6])
@pytest.mark.parametrize("most", [1, 2, 17, 300])
def test_a_false_claim_has_probability_alpha_at_most(alpha: float, most: int) -> None:
    tests = plan_tests(CORNERS, alpha=alpha, most=most)
    for row, p0 in enumerate(CORNERS):
        for p in (p0, p0 * 0.99, p0 / 2):
            assert chance_of_claim(tests, row, p) <= alpha * (1 + 1e-9) + 1e-15


@pytest.mark.parametrize("p0", [0.3, 0.5, 0.8])
def test_no_alpha_is_left_over(p0: float) -> None:
    tests = plan_tests([p0], alpha=0.05, most=2000)
    assert chance_of_claim(tests, 0, p0) > 0.045


def test_every_path_counted_one_by_one() -> None:
    tests = plan_tests([0.6], alpha=0.3, most=10, first=3)
    assert tests.looks.tolist() == [3, 10]
    chance = 0.0
    for path in itertools.product((0, 1), repeat=10):
        ends = np.cumsum(path)[tests.looks - 1]
        if (ends >= tests.reject[0]).any():
            chance += 0.6 ** sum(path) * 0.4 ** (10 - sum(path))
    assert chance == pytest.approx(chance_of_claim(tests, 0, 0.6), abs=1e-12)
    assert 0 < chance <= 0.3


def counts(p: float, looks: npt.NDArray[np.int64], runs: int, seed: int) -> npt.NDArray[np.int64]:
    """Successes at each look, shape (runs, looks)."""
    steps = np.diff(looks, prepend=0)
    return np.random.default_rng(seed).binomial(steps, p, size=(runs, len(looks))).cumsum(1)


@pytest.mark.parametrize("p", [0.5, 0.69, 0.9, 0.999, 1.0])
def test_several_questions_at_once_and_stopping_at_the_worst_moment(p: float) -> None:
    """An adversary stops as soon as some claim is false; p0 just at the truth, and a grid on either side of it."""
    alpha, runs = 0.05, 4000
    asked = np.unique(np.clip([p - 0.2, p - 0.02, p, p + 0.001, p + 0.02], 0, 1))
    tests = plan_tests(asked, alpha=alpha, most=1500)
    seen, verdicts = counts(p, tests.looks, runs, seed=1), tests.start(runs)
    false = np.zeros(runs, dtype=np.bool_)
    for look in range(len(tests.looks)):
        verdicts = tests.see(verdicts, seen[:, look], look)
        false |= verdicts.claims > (asked < p).sum()
    assert binomtest(int(false.sum()), runs, alpha, alternative="greater").pvalue > 1e-4


def test_a_test_planned_for_one_look_fails_that_way() -> None:
    """The same adversary breaks the fixed-n test, so the check above can fail."""
    tests = plan_tests([0.5], alpha=0.05, most=1500)
    seen = counts(0.5, tests.looks, 2000, seed=2)
    false = (binom.sf(seen - 1, tests.looks, 0.5) <= 0.05).any(1)
    assert binomtest(int(false.sum()), 2000, 0.05, alternative="greater").pvalue < 1e-4


def test_giving_up_costs_power_only() -> None:
    patient = plan_tests([0.7], alpha=0.01, most=3000)
    seen, verdicts = counts(0.72, patient.looks, 3000, seed=3), patient.start(3000)
    claimed = (seen >= patient.reject[0]).any(1)
    stopped = np.zeros(3000, dtype=np.bool_)
    with_stops = np.zeros(3000, dtype=np.bool_)
    for look in range(len(patient.looks)):
        verdicts = patient.see(verdicts, seen[:, look], look)
        with_stops |= (verdicts.claims == 1) & ~stopped
        stopped |= verdicts.undecided == 0
    assert not (with_stops & ~claimed).any()
    assert claimed.mean() - 0.05 < with_stops.mean() <= claimed.mean()
    assert with_stops.mean() > 0.2


def test_far_from_the_question_little_is_asked() -> None:
    tests = plan_tests([0.8], alpha=0.001, most=100_000)
    for p, most in ((1.0, 100), (0.3, 200)):
        seen, verdicts, asked = counts(p, tests.looks, 200, seed=4), tests.start(200), np.zeros(200)
        for look, n in enumerate(tests.looks.tolist()):
            asked = np.where((verdicts.undecided > 0), n, asked)
            verdicts = tests.see(verdicts, seen[:, look], look)
        assert asked.mean() < most


def test_looks_end_at_the_last_draw() -> None:
    assert look_times(1).tolist() == [1]
    assert look_times(100)[-1] == 100
    assert (np.diff(look_times(10_000)) > 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "The 'alpha' of a test must be in \\(0, 1\\), got 0.0"),
        ({"alpha": 1.0}, "The 'alpha' of a test must be in \\(0, 1\\), got 1.0"),
        ({"most": 0}, "The 'most' of a test must be at least 1 draw, got 0"),
    ],
)
def test_bad_options(options: dict[str, float], message: str) -> None:
    given = {"alpha": 0.1, "most": 10, **options}
    with pytest.raises(UsageError, match=message):
        plan_tests([0.5], alpha=given["alpha"], most=int(given["most"]))


@pytest.mark.parametrize("proportions", [[0.5, 0.4], [1.2], [float("nan")]])
def test_bad_proportions(proportions: list[float]) -> None:
    with pytest.raises(UsageError, match="The 'proportions' of a test must be numbers in \\[0, 1\\], ascending"):
        plan_tests(proportions, alpha=0.1, most=10)


def test_holm_keeps_its_level_and_beats_bonferroni() -> None:
    rng = np.random.default_rng(5)
    runs, alpha = 8000, 0.05
    p = rng.uniform(size=(runs, 4))
    p[:, 2:] = p[:, 2:] * 1e-3  # two of the four are false
    p[:, 1] = p[:, 0]  # the true ones depend on one another
    adjusted = holm(p)
    false = int((adjusted[:, :2] <= alpha).any(1).sum())
    assert binomtest(false, runs, alpha, alternative="greater").pvalue > 1e-4
    assert (adjusted <= np.minimum(1, 4 * p) + 1e-15).all()
    assert (adjusted < 4 * p - 1e-12).any()
    assert holm([[0.5, 0.2]]).tolist() == [[0.5, 0.4]]
