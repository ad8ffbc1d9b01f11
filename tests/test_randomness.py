"""One stream an example: right distributions, no relation between neighbours, children or seeds. Tests alarm falsely at 1e-6."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from shiftproof.randomness import Rng

ALARM = 1e-6
N = 4000
IDS = [f"{i}" for i in range(N)]


def unrelated(a: np.ndarray[tuple[int], np.dtype[np.float32]], b: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bool:
    return bool(stats.pearsonr(a, b).pvalue > ALARM)


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_uniform_and_normal_over_examples(seed: int) -> None:
    """The first number of many examples: what one draw per example looks like."""
    rng = Rng.for_ids(seed, IDS)
    assert stats.kstest(rng.uniform(1)[:, 0].numpy(), "uniform").pvalue > ALARM
    assert stats.kstest(rng.normal(1)[:, 0].numpy(), "norm").pvalue > ALARM
    assert stats.kstest(rng.normal(2)[:, 1].numpy(), "norm").pvalue > ALARM
    assert stats.kstest(rng.seeds().numpy() / 2**53, "uniform").pvalue > ALARM


def test_uniform_and_normal_within_an_example() -> None:
    """Many numbers of one example: what one image's noise looks like."""
    rng = Rng.for_ids(0, ["one"])
    uniform, normal = rng.uniform(20_000)[0].numpy(), rng.normal(20_001)[0].numpy()
    assert stats.kstest(uniform, "uniform").pvalue > ALARM
    assert stats.kstest(normal, "norm").pvalue > ALARM
    assert unrelated(uniform[:-1], uniform[1:])
    assert unrelated(normal[:-1], normal[1:])
    assert stats.chisquare(np.bincount((uniform * 64).astype(int), minlength=64)).pvalue > ALARM


def test_normal_has_tails() -> None:
    draws = Rng.for_ids(0, IDS).normal(250).numpy().ravel()
    for level in (3.0, 4.0):
        chance = 2 * stats.norm.sf(level)
        assert stats.binomtest(int((np.abs(draws) > level).sum()), draws.size, chance).pvalue > ALARM
    assert np.isfinite(draws).all()


def test_neighbours_seeds_and_children_are_unrelated() -> None:
    rng = Rng.for_ids(0, IDS)
    first = rng.uniform(1)[:, 0].numpy()
    others = {
        "neighbour": np.roll(first, 1),
        "another seed": Rng.for_ids(1, IDS).uniform(1)[:, 0].numpy(),
        "second number": rng.uniform(2)[:, 1].numpy(),
        "child": rng.child("restart", 0).uniform(1)[:, 0].numpy(),
        "grandchild": rng.child("restart").child(0).uniform(1)[:, 0].numpy(),
        "as seeds": Rng.for_seeds(rng.seeds()).uniform(1)[:, 0].numpy(),
    }
    for name, other in others.items():
        assert unrelated(first, other), name
    a, b = (rng.child("restart", k).uniform(1)[:, 0].numpy() for k in (0, 1))
    assert unrelated(a, b)
    assert unrelated(rng.child("a").normal(1)[:, 0].numpy(), rng.child("b").normal(1)[:, 0].numpy())


def test_consecutive_integer_seeds_are_unrelated() -> None:
    draws = Rng.for_seeds(torch.arange(N, dtype=torch.float64)).uniform(1)[:, 0].numpy()
    assert stats.kstest(draws, "uniform").pvalue > ALARM
    assert unrelated(draws[:-1], draws[1:])


def test_streams_do_not_meet() -> None:
    """The numbers of all examples, children and places are all different."""
    rng = Rng.for_ids(0, IDS[:200])
    seeds = torch.cat([rng.seeds(), *(rng.child("x", k).seeds() for k in range(200))])
    assert len(set(seeds.tolist())) == len(seeds)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 49), min_size=1, max_size=60), st.integers(0, 3), st.integers(1, 40))
def test_rows_do_not_know_each_other(rows: list[int], seed: int, size: int) -> None:
    rng = Rng.for_ids(seed, IDS[:50])
    part = rng[rows]
    assert len(part) == len(rows)
    for whole, some in (
        (rng.uniform(size), part.uniform(size)),
        (rng.normal(size), part.normal(size)),
        (rng.seeds(), part.seeds()),
        (rng.child("a", 1).normal(size), part.child("a", 1).normal(size)),
        (Rng.for_seeds(rng.seeds()).uniform(size), Rng.for_seeds(part.seeds()).uniform(size)),
    ):
        assert torch.equal(whole[rows], some)
    assert torch.equal(Rng.for_ids(seed, [IDS[r] for r in rows]).uniform(size), part.uniform(size))


def test_ways_to_pick_rows() -> None:
    rng = Rng.for_ids(0, IDS[:6])
    every = rng.uniform(3)
    mask = torch.tensor([True, False, True, False, False, True])
    assert torch.equal(rng[2:4].uniform(3), every[2:4])
    assert torch.equal(rng[np.array([5, 1])].uniform(3), every[[5, 1]])
    assert torch.equal(rng[torch.tensor([5])].uniform(3), every[[5]])
    assert torch.equal(rng[mask].uniform(3), every[mask])
    assert rng[torch.zeros(0, dtype=torch.int64)].uniform(3).shape == (0, 3)


def test_drawing_changes_nothing() -> None:
    """Neither the value itself nor any global generator."""
    rng = Rng.for_ids(0, IDS[:3])
    states = random.getstate(), np.random.get_state(legacy=False)["state"]["key"].copy(), torch.get_rng_state()
    first = rng.uniform(2, 3)
    rng.normal(5), rng.seeds(), rng.child("x")
    assert torch.equal(rng.uniform(2, 3), first)
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])


def test_shapes_ranges_and_types() -> None:
    rng = Rng.for_ids(0, IDS[:4])
    assert rng.uniform(2, 3).shape == (4, 2, 3)
    assert rng.normal(3, 1, 5).shape == (4, 3, 1, 5)
    assert rng.uniform().shape == (4,)
    assert rng.seeds().shape == (4,)
    assert (rng.uniform(2).dtype, rng.normal(2).dtype, rng.seeds().dtype) == (torch.float32, torch.float32, torch.float64)
    wide = rng.uniform(500, low=-2.0, high=3.0)
    assert -2 <= float(wide.min()) < -1.9
    assert 2.9 < float(wide.max()) < 3
    assert ((rng.seeds() >= 0) & (rng.seeds() < 2**53) & (rng.seeds() == rng.seeds().round())).all()


def test_known_values() -> None:
    """What a run drew must never change between releases: stored findings are replayed from it."""
    rng = Rng.for_ids(0, ["a", "b"])
    assert rng.uniform(2).tolist() == KNOWN["uniform"]
    assert rng.seeds().tolist() == KNOWN["seeds"]
    assert rng.child("restart", 3).seeds().tolist() == KNOWN["child"]
    assert Rng.for_seeds(torch.tensor([0.0, 1.0])).seeds().tolist() == KNOWN["for_seeds"]


KNOWN: dict[str, list[object]] = {
    "uniform": [[0.748392641544342, 0.15921735763549805], [0.2238796353340149, 0.4752097725868225]],
    "seeds": [6378588714971324.0, 4553940453720402.0],
    "child": [5107159204448939.0, 3198250985788960.0],
    "for_seeds": [1932045086981743.0, 469527774716190.0],
}
"""Printed by the four expressions of the test, at the release that first had them."""


def test_splitmix_reference_values() -> None:
    """The stream of key 1234567 is that of the reference implementation (Steele, Lea & Flood 2014; values of Vigna's splitmix64.c)."""
    rng = Rng(np.array([1234567], dtype=np.uint64))
    ((_, bits),) = rng._bits(5)
    assert bits[0].tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
