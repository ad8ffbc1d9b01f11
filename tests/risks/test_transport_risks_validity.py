"""Intervals of the risks that move inputs hold as often as they say, with the truth planted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import quad

from shiftproof.risks import MMD, Sinkhorn
from shiftproof.risks.wasserstein import wasserstein_linear
from validity import assert_covers

RUNS = 100
Floats = npt.NDArray[np.float64]

ROUND: dict[str, tuple[list[float], list[list[float]], list[list[float]]]] = {
    "one flat": ([1.0], [[0.5]], [[1.0]]),
    "never wrong": ([1.0], [[0.0]], [[1.0]]),
    "always wrong": ([1.0], [[1.0]], [[1.0]]),
    "rarely wrong around all": ([1.0], [[0.0, 1.0]], [[0.95, 0.05]]),
    "two kinds": ([0.8, 0.2], [[0.0, 0.3], [0.2, 1.0]], [[0.9, 0.1], [0.5, 0.5]]),
}
"""Kinds of examples: the share of each, the values around one, and how often they occur."""


def exact(radius: float, case: str) -> float:
    """The population's risk, from the dual on a fine grid of temperatures at epsilon 1."""
    shares, values, chances = ROUND[case]
    grid = np.geomspace(1e-3, 1e4, 20_001)
    kinds = list(zip(shares, values, chances, strict=True))
    soft = sum(s * (max(v) + grid * np.log(sum(p * np.exp((x - max(v)) / grid) for x, p in zip(v, c, strict=True)))) for s, v, c in kinds)
    return min(float(np.min(grid * radius + soft)), sum(s * max(v) for s, v, _ in kinds))


@pytest.mark.parametrize(("n", "draws", "radius"), [(1, 1, 0.8), (40, 2, 0.05), (40, 2, 0.8), (40, 10, 0.0), (40, 10, 0.8)])
@pytest.mark.parametrize("case", ROUND)
def test_the_sinkhorn_risk_lies_in_its_interval(case: str, n: int, draws: int, radius: float) -> None:
    shares, values, chances = ROUND[case]
    truth, risk = exact(radius, case) if radius else _mean(case), Sinkhorn(radius, 1.0)
    rng = np.random.default_rng(n + draws)
    low, high = [], []
    for _ in range(40):
        kinds = rng.choice(len(shares), n, p=shares)
        around = np.concatenate([rng.choice(values[k], draws, p=chances[k]) for k in kinds])
        m = risk.measure(around, np.repeat(np.arange(n), draws).astype(str), confidence=0.9)
        low.append(m.interval.low > truth + 1e-6)
        high.append(m.interval.high < truth - 1e-6)
    assert_covers(low, 0.05)
    assert_covers(high, 0.05)


def _mean(case: str) -> float:
    return float(sum(s * np.dot(v, c) for s, v, c in zip(*ROUND[case], strict=True)))


def test_the_plug_in_of_few_draws_is_too_low_and_would_be_caught() -> None:
    rng, risk = np.random.default_rng(0), Sinkhorn(0.8, 1.0)
    truth = exact(0.8, "rarely wrong around all")
    below = []
    for _ in range(RUNS // 2):
        around = (rng.random(80) < 0.05).astype(float)
        below.append(risk.measure(around, np.repeat(np.arange(40), 2).astype(str)).value < truth)
    with pytest.raises(AssertionError, match="missed"):
        assert_covers(below, 0.05)


CELLS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "one": ((1.0,), (0.3,)),
    "equal": ((0.25,) * 4, (0.2,) * 4),
    "rare and bad": ((0.97, 0.03), (0.1, 0.9)),
    "three": ((0.5, 0.3, 0.2), (0.0, 0.4, 1.0)),
    "known but for their shares": ((0.5, 0.5), (0.0, 1.0)),
}


@pytest.mark.parametrize(("n", "radius", "bandwidth"), [(3, 0.1, 0.0), (2000, 0.1, 0.0), (400, 0.1, 0.0), (400, 0.5, 0.0), (400, 0.3, 0.7)])
@pytest.mark.parametrize("case", CELLS)
def test_the_kernel_risk_lies_in_its_interval(case: str, n: int, radius: float, bandwidth: float) -> None:
    shares, errors = CELLS[case]
    names, risk = np.arange(len(shares)).astype(str), MMD(radius, bandwidth)
    whole = np.repeat(names, np.rint(np.array(shares) * 100).astype(int))
    truth = risk.weigh(np.array(errors)[whole.astype(int)], whole).value
    rng = np.random.default_rng(n)
    low, high = [], []
    for _ in range(10 if bandwidth else 40):
        cell = rng.choice(len(shares), n, p=shares)
        wrong = (rng.random(n) < np.array(errors)[cell]).astype(float)
        state = risk.declare(risk.update(risk.init(), wrong, cell.astype(str)), names.tolist())
        m = risk.compute(state, confidence=0.9)
        low.append(m.interval.low > truth + 1e-6)
        high.append(m.interval.high < truth - 1e-6)
    assert_covers(low, 0.05)
    assert_covers(high, 0.05)


@pytest.mark.parametrize(("loss", "most"), [("logistic", 2.2), ("squared", 6.25)])
def test_the_linear_risk_lies_in_its_interval(loss: str, most: float) -> None:
    """Inputs uniform on [-1, 1], coefficient 1.5, label 1."""

    def one(x: float) -> float:
        return float(np.logaddexp(0, -1.5 * x)) if loss == "logistic" else (1.5 * x - 1) ** 2

    mean = quad(one, -1, 1)[0] / 2
    truth = mean + 0.2 * 1.5 if loss == "logistic" else (np.sqrt(mean) + 0.2 * 1.5) ** 2
    rng = np.random.default_rng(0)
    ends = []
    for _ in range(RUNS):
        x: Floats = rng.uniform(-1, 1, (30, 1))
        worst = wasserstein_linear([1.5], x, y=np.ones(30), radius=0.2, loss=loss)  # type: ignore[arg-type]
        ends.append(worst.interval(most=most, confidence=0.9))
    assert_covers([end.low > truth for end in ends], 0.05)
    assert_covers([end.high < truth for end in ends], 0.05)
