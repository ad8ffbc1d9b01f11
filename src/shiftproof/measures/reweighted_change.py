"""How much of a change in accuracy the columns of a table explain: Shapley values of a reweighting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must

MOST_PLAYERS = 10
"""Columns that get a share of their own; the others are one together."""
BINS = 10
"""Bins of a column of numbers, of equal share in both samples together."""
FEWEST = 20
"""Examples that a reweighted sample must be worth, else it says nothing."""
_CUT = 10.0
"""Log weights are cut at this."""


@dataclass(frozen=True, eq=False)
class ReweightedChange:
    """The change in accuracy from the first sample to the second, split.

    Args:
        names: of the columns, and "other columns" where some are taken together.
        share: of each, in accuracy; their sum is what the mix of columns explains.
        interval: of each share, shape (k, 2).
        rest: the change that no reweighting of these columns explains: other features, labels that depend on them in another way, or
            weights that are off.
        rest_interval: of the rest.
        change: accuracy on the second sample minus that on the first.
        worth: how many examples the first sample is worth once reweighted (Kish's effective size).
    """

    names: tuple[str, ...]
    share: Floats
    interval: Floats
    rest: float
    rest_interval: tuple[float, float]
    change: float
    worth: float


def one_hot(first: Floats, second: Floats, categories: Sequence[Sequence[str]]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Both samples, one under the other, as one-hot bins; and the column of each bin. Numbers in 10 bins of equal share, NaN in another."""
    parts: list[Floats] = []
    owner: list[int] = []
    both = np.concatenate([first, second])
    for place, names in enumerate(categories):
        values = both[:, place]
        if names:
            codes = np.rint(values).astype(np.int64)
        else:
            present = values[~np.isnan(values)]
            ends: Floats = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1])) if len(present) else present
            codes = np.where(np.isnan(values), len(ends) + 1, np.searchsorted(ends, values, side="right"))
        there, codes = np.unique(codes, return_inverse=True)
        parts.append(np.eye(len(there))[codes][:, 1:])  # the first bin is what the others are compared with
        owner += [place] * (len(there) - 1)
    return np.concatenate(parts, axis=1), np.array(owner, dtype=np.int64)


def shapley(values: Floats) -> Floats:
    """Shapley values of k players from the value of each coalition, 2**k numbers; bit i of a coalition's place says whether i is in it.

    >>> shapley(np.array([0.0, 1.0, 2.0, 3.0])).tolist()  # values that add up
    [1.0, 2.0]
    """
    players = int(np.log2(len(values)))
    sizes = np.array([bin(place).count("1") for place in range(len(values))])
    weight = np.array([factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)])
    found = np.zeros(players)
    for player in range(players):
        without = np.flatnonzero((np.arange(len(values)) >> player) & 1 == 0)
        found[player] = (weight[sizes[without]] * (values[without | (1 << player)] - values[without])).sum()
    return found


def reweighted_change(
    samples: tuple[Floats, Floats],
    right: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    names: Sequence[str],
    categories: Sequence[Sequence[str]],
    apart: Sequence[int],
    confidence: float = 0.95,
    draws: int = 100,
    seed: int = 0,
) -> ReweightedChange:
    """Splits the change in accuracy between two samples over their columns.

    A logistic regression on one-hot bins of all columns, which tells the samples apart, gives the log of the density ratio as a sum of one
    function per column, sum_j g_j(x_j). The first sample reweighted by the columns S has weights exp(sum_{j in S} g_j), normalised; its
    accuracy minus that of the sample as it is, is the value v(S). Shapley values of v are the shares.

    Args:
        samples: rows (n, columns) and (m, columns), as `column_differences` takes them.
        right: whether the model is right on them, (n,) and (m,).
        names: of the columns.
        categories: of each column the names of its codes; empty for numbers.
        apart: the columns that get a share each, at most 10; the others are one together.
        confidence: of the intervals.
        draws: of the bootstrap, in which both samples are drawn anew and the regression is fitted again.
        seed: of the bootstrap.

    Guarantees:
        The shares and the rest sum to the change. Intervals are percentiles of a bootstrap: approximate, and one by one. Shares say how far
        the mix of a column goes along with the change; they are no causes, and interactions of columns are in no weight.

    Raises:
        UsageError: too many columns apart.

    Cost: draws + 1 fits of scikit-learn's logistic regression and 2**k weighted means each, k at most 11.

    Reference: Zhang, Singh, Ghassemi & Joshi 2023 [zhang2023why], who take Shapley values over distributions; here over columns, with one
    additive ratio for all coalitions.
    """
    if len(apart) > MOST_PLAYERS:
        raise must("apart", "reweighted_change", f"be at most {MOST_PLAYERS} columns", len(apart))
    x, owner = one_hot(*samples, categories)
    player = np.full(len(names), len(apart))
    player[list(apart)] = np.arange(len(apart))
    rest = [place for place in range(len(names)) if place not in set(apart)]
    players = len(apart) + bool(rest)
    hits = np.concatenate([np.asarray(each, dtype=np.float64) for each in right])
    n, m = len(samples[0]), len(samples[1])
    rng = np.random.default_rng(seed)

    def split(own: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> tuple[Floats, float]:
        return _split(x[own], x[other], hits[own], hits[other], player[owner], players)

    whole, worth = split(np.arange(n), n + np.arange(m))
    drawn = np.array([split(rng.integers(0, n, n), n + rng.integers(0, m, m))[0] for _ in range(draws)])
    tail = (1 - confidence) / 2
    ends = np.quantile(drawn, [tail, 1 - tail], axis=0).T
    change = float(hits[n:].mean() - hits[:n].mean())
    called = (*(names[place] for place in apart), *(("other columns",) if rest else ()))
    return ReweightedChange(called, whole[:-1], ends[:-1], float(whole[-1]), (float(ends[-1, 0]), float(ends[-1, 1])), change, worth)


def _split(
    x: Floats, other: Floats, right: Floats, right_other: Floats, player: npt.NDArray[np.int64], players: int
) -> tuple[Floats, float]:
    """The players' shares and the rest, and what the reweighted sample is worth."""
    from sklearn.linear_model import LogisticRegression

    told = np.repeat([0, 1], [len(x), len(other)])
    slopes = LogisticRegression(C=1.0, max_iter=200).fit(np.concatenate([x, other]), told).coef_[0]
    each = np.stack([x[:, player == who] @ slopes[player == who] for who in range(players)], axis=1)
    coalitions = (np.arange(2**players)[:, None] >> np.arange(players)) & 1
    values = np.empty(len(coalitions))
    worth = float(len(x))
    for place, inside in enumerate(coalitions):
        log = each @ inside
        weights = np.exp(np.clip(log - log.max(), -_CUT, 0))
        values[place] = weights @ right / weights.sum()
        worth = float(weights.sum() ** 2 / (weights**2).sum())  # of the last one, which has every column
    change = right_other.mean() - right.mean()
    shares = shapley(values - right.mean())
    return np.append(shares, change - shares.sum()), worth
