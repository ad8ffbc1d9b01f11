"""What methods train on stays in the budget and the box, whatever the data, the seed and the point of training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from shiftproof.data.examples import Examples
from shiftproof.data.space import boxed
from shiftproof.randomness import Rng
from shiftproof.shifts import shifts
from shiftproof.training.methods import Batch, methods

NET = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3))
SEARCH = "gradient_ascent(steps=2)"
MOVING = (
    "adversarial(shift={shift}, search={search})",
    "trades(shift={shift}, search={search})",
    "mart(shift={shift}, search={search})",
    "fast_adversarial(shift={shift})",
    "free_adversarial(shift={shift}, times=1)",
    "weight_perturbation(method=adversarial(shift={shift}, search={search}))",
    "rotation_head(shift={shift}, search={search})",
)


def made_batch(seed: int, box: tuple[float, float], progress: float) -> Batch:
    low, high = box
    torch.manual_seed(seed)
    x = (torch.rand(5, 1, 6, 6) * 1.5 - 0.25).clamp(0, 1) * (high - low) + low  # many at the walls of the box
    return Batch(x, torch.randint(3, (5,)), Rng.for_ids(seed, list("abcde")), boxed(box, "image"), progress)


def every(batch: Batch) -> Examples:
    return Examples(batch.x, batch.y, np.array(list("abcde")), {}, batch.space)


@pytest.mark.parametrize("form", MOVING)
@given(
    seed=st.integers(0, 10**6),
    shift=st.sampled_from(["linf(eps=0.2)", "l2(eps=0.7)", "l1(eps=2)"]),
    box=st.sampled_from([(0.0, 1.0), (-1.0, 1.0)]),
    progress=st.sampled_from([0.0, 0.5, 0.99]),
)
@settings(deadline=None, max_examples=6)
def test_moves_stay_in_the_budget(form: str, seed: int, shift: str, box: tuple[float, float], progress: float) -> None:
    batch = made_batch(seed, box, progress)
    method = methods.build(form.format(shift=shift, search=SEARCH))
    memory = method.init(NET, every(batch))
    ball = shifts.build(shift).within(batch.space)
    for _ in range(2):  # the second time a carried move is not zero any more
        step = method.step(NET, batch, memory)
        step.loss.backward()  # type: ignore[no-untyped-call]
        method.learned(step, batch, memory)
        moved = method.move(NET, batch, memory).detach()
        assert bool((moved >= box[0]).all() and (moved <= box[1]).all())
        assert float(ball.excess(batch.x, moved - batch.x).max()) <= ball.tolerance + 1e-6


@given(seed=st.integers(0, 10**6), spec=st.sampled_from(["mixup(alpha=1)", "augmix(severity=10)"]))
@settings(deadline=None, max_examples=20)
def test_mixes_stay_in_the_box(seed: int, spec: str) -> None:
    batch = made_batch(seed, (-1.0, 1.0), 0.5)
    moved = methods.build(spec).move(NET, batch, nn.Module())
    assert bool((moved >= -1 - 1e-6).all() and (moved <= 1 + 1e-6).all())


@given(seed=st.integers(0, 10**6), spec=st.sampled_from([f.format(shift="linf(eps=0.2)", search=SEARCH) for f in MOVING]))
@settings(deadline=None, max_examples=10)
def test_moves_hang_on_the_stream_alone(seed: int, spec: str) -> None:
    batch, method = made_batch(seed, (0.0, 1.0), 0.5), methods.build(spec)
    moved = []
    for state in (seed, seed + 1):
        torch.manual_seed(seed)  # a method may begin with weights of its own
        memory = method.init(NET, every(batch))
        torch.manual_seed(state)
        moved.append(method.move(NET, batch, memory))
    assert torch.equal(*moved)
