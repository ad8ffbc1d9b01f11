"""What each noise proves, held against every possible answer where inputs are so few that all can be listed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.stats import hypergeom, kstest, laplace, norm

from shiftproof import UsageError
from shiftproof.certificates.smoothing.noises import Ablation, Deletion, Gaussian, Laplace, Substitution, Uniform, noises
from shiftproof.data.space import Column, InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import L0, L1, L2, Linf

Table = dict[tuple[int, ...], float]


def streams(n: int) -> Rng:
    return Rng.for_ids(0, ["x"]).each(0, n)


def deleted(x: tuple[int, ...], rate: float) -> Table:
    """The distribution of what deletion leaves of a sequence."""
    found: Table = {}
    for kept in itertools.product((0, 1), repeat=len(x)):
        left = tuple(token for token, keep in zip(x, kept, strict=True) if keep)
        found[left] = found.get(left, 0.0) + rate ** (len(x) - sum(kept)) * (1 - rate) ** sum(kept)
    return found


def edits(x: tuple[int, ...], tokens: range) -> Iterator[tuple[int, ...]]:
    """All sequences one edit away."""
    for i in range(len(x) + 1):
        yield from ((*x[:i], t, *x[i:]) for t in tokens)
        if i < len(x):
            yield x[:i] + x[i + 1 :]
            yield from ((*x[:i], t, *x[i + 1 :]) for t in tokens)


def least_there(here: Table, there: Table, p: float) -> float:
    """The least probability at another input of an answer of probability p here: copies in the order of their likelihood ratio."""
    both = sorted(set(here) | set(there), key=lambda z: -(here.get(z, 0.0) / there[z] if there.get(z) else math.inf))
    total, found = 0.0, 0.0
    for z in both:
        mass = here.get(z, 0.0)
        if total + mass >= p:
            return found + (there.get(z, 0.0) * (p - total) / mass if mass else 0.0)
        total, found = total + mass, found + there.get(z, 0.0)
    return found


@pytest.mark.parametrize("rate", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("x", [(1,), (1, 1), (1, 2, 1), (2, 1, 1, 2)])
def test_deletion_holds_under_all_edits_and_all_models(x: tuple[int, ...], rate: float) -> None:
    near = set(edits(x, range(1, 3)))
    two = {z for y in near for z in edits(y, range(1, 3))}
    for r, others in ((1, near), (2, two)):
        needed = Deletion(rate).needed(r, len(x))
        for other in others - {x}:
            if needed < 1:
                assert least_there(deleted(x, rate), deleted(other, rate), needed + 1e-9) > 0.5 - 1e-9


def replaced(x: tuple[int, ...], rate: float, categories: int) -> Table:
    """The distribution of substitution's copies of x."""
    every = itertools.product(range(categories), repeat=len(x))
    other = rate / (categories - 1)
    return {z: math.prod(1 - rate if a == b else other for a, b in zip(x, z, strict=True)) for z in every}


@pytest.mark.parametrize("rate", [0.1, 0.4, 0.75])
@pytest.mark.parametrize("categories", [2, 3])
@pytest.mark.parametrize("changed", [1, 2, 3])
def test_substitution_is_exact(rate: float, categories: int, changed: int) -> None:
    x, other = (0, 0, 0), tuple(1 if i < changed else 0 for i in range(3))
    needed = Substitution(rate, categories).needed(changed, 3)
    here, there = replaced(x, rate, categories), replaced(other, rate, categories)
    if needed < 1:
        assert least_there(here, there, needed) == pytest.approx(0.5, abs=1e-9)
    if needed > 0.01:
        assert least_there(here, there, min(needed, 1.0) - 0.01) < 0.5


@pytest.mark.parametrize(("features", "keep", "changed"), [(6, 2, 1), (6, 2, 3), (5, 5, 1), (8, 1, 7), (784, 45, 8)])
def test_ablation_counts_the_seen(features: int, keep: int, changed: int) -> None:
    unseen = hypergeom(features, changed, keep).pmf(0)
    assert Ablation(keep).needed(changed, features) == pytest.approx(1.5 - unseen)


@pytest.mark.parametrize("noise", [Gaussian(0.7), Uniform(0.7), Laplace(0.7)], ids=lambda noise: str(noise.name))
@pytest.mark.parametrize("radius", [0.1, 0.5, 1.0])
def test_additive_noise_is_exact_on_a_threshold(noise: Gaussian | Uniform | Laplace, radius: float) -> None:
    """One feature, a model that asks whether it exceeds t: at distance `radius` from t the answer has just the probability needed."""
    spread = math.sqrt(3) * 0.7
    even = min(1.0, 0.5 + radius / (2 * spread))
    exact = {"gaussian": norm.cdf(radius / 0.7), "uniform": even, "laplace": laplace.cdf(radius / (0.7 / math.sqrt(2)))}
    assert noise.needed(radius, 1) == pytest.approx(exact[noise.name])


def test_the_noise_is_what_it_says() -> None:
    n = 20_000
    for noise, distribution in (
        (Gaussian(0.5), norm(scale=0.5)),
        (Laplace(0.5), laplace(scale=0.5 / math.sqrt(2))),
    ):
        values = noise.add(torch.zeros(n, 1), streams(n))[:, 0].numpy()
        assert kstest(values, distribution.cdf).pvalue > 1e-4
    even = Uniform(0.5).add(torch.zeros(n, 1), streams(n))[:, 0]
    assert float(even.abs().max()) <= math.sqrt(3) * 0.5
    assert float(even.std()) == pytest.approx(0.5, rel=0.02)


def test_ablation_shows_so_many_features_evenly() -> None:
    x = torch.full((6000, 3, 2, 3), 0.5)
    shown = Ablation(2).add(x, streams(6000), InputSpace(kind="image")) != 0
    assert bool((shown.all(1) == shown.any(1)).all())  # all channels of a pixel, or none
    assert set(shown[:, 0].flatten(1).sum(1).tolist()) == {2}
    assert np.allclose(shown[:, 0].float().mean(0).numpy(), 2 / 6, atol=0.03)


def test_deletion_closes_up_and_leaves_padding_alone() -> None:
    x = torch.tensor([[5, 6, 7, 0, 0]]).expand(4000, -1)
    left = Deletion(0.4).add(x, streams(4000))
    assert bool((left[:, 3:] == 0).all())
    seen = {tuple(t for t in row if t) for row in left.tolist()}
    assert seen == {(), (5,), (6,), (7,), (5, 6), (5, 7), (6, 7), (5, 6, 7)}
    assert float((left != 0).sum(1).double().mean()) == pytest.approx(1.8, abs=0.06)


def test_substitution_changes_so_often_and_evenly() -> None:
    copies = Substitution(0.3, 4).add(torch.full((20_000, 1), 2), streams(20_000))[:, 0]
    shares = torch.bincount(copies, minlength=4).double() / 20_000
    assert torch.allclose(shares, torch.tensor([0.1, 0.1, 0.7, 0.1], dtype=torch.float64), atol=0.015)


def test_tables_get_noise_in_shares_of_each_column() -> None:
    columns = (Column("a", "real", 0.0, 100.0), Column("b", "categorical", 0.0, 1.0, ("x", "y")))
    space = InputSpace(kind="table", columns=columns)
    moved = Gaussian(0.1).add(torch.tensor([[50.0, 1.0]]).expand(5000, -1), streams(5000), space)
    assert float(moved[:, 0].std()) == pytest.approx(10, rel=0.05)
    assert bool((moved[:, 1] == 1).all())


def test_how_far_a_move_of_strength_one_goes() -> None:
    assert [Gaussian(1.0).reach(shift, 100) for shift in (L2(1.0), L1(1.0), Linf(1.0))] == [1, 1, 10]
    assert [Laplace(1.0).reach(shift, 100) for shift in (L1(1.0), L2(1.0), Linf(1.0))] == [1, 10, 100]
    assert [Uniform(1.0).reach(shift, 100) for shift in (L1(1.0), L2(1.0), Linf(1.0))] == [1, 10, 100]
    assert Ablation(3).fits(L0(2))
    assert not Gaussian(1.0).fits(L0(2))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gaussian(sigma=0)", "The 'sigma' of gaussian must be in \\(0, inf\\), got 0"),
        ("laplace(sigma=-1)", "The 'sigma' of laplace must be in"),
        ("uniform(sigma=0)", "The 'sigma' of uniform must be in"),
        ("ablation(keep=0)", "The 'keep' of ablation must be at least 1, got 0"),
        ("deletion(rate=1.0)", "The 'rate' of deletion must be in \\(0, 1\\), got 1.0"),
        ("substitution(rate=0.0, categories=3)", "The 'rate' of substitution must be in \\(0, 1\\), got 0.0"),
        ("substitution(rate=0.5, categories=1)", "The 'categories' of substitution must be at least 2, got 1"),
    ],
)
def test_bad_noise(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        noises.build(spec)


def test_more_kept_than_there_is() -> None:
    with pytest.raises(UsageError, match="be at most the 4 features of an input, got 5"):
        Ablation(5).needed(1, 4)
