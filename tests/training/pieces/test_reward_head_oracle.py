"""Steady rewards: the loss by hand, its minimum against a general solver, and a planted liking that goes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError
from shiftproof.evaluation.reward_shifts import PreferencePair, reward_shifts
from shiftproof.training.pieces.reward_head import RewardHead, fit_reward_head, steady_preference_loss

RNG = np.random.default_rng(0)
CHOSEN, REJECTED = RNG.normal(size=(30, 4)) + 0.3, RNG.normal(size=(30, 4))
MOVED = np.stack([[CHOSEN, REJECTED], [CHOSEN, REJECTED]]) + RNG.normal(size=(2, 2, 30, 4))


def test_the_loss_is_bradley_and_terry_with_the_mean_square_of_moves() -> None:
    chosen, rejected, one, other = (torch.from_numpy(RNG.normal(size=9)) for _ in range(4))
    plain = torch.log1p(torch.exp(rejected - chosen)).mean()
    moves = torch.cat([chosen - one, rejected - other]).square().mean()
    found = steady_preference_loss(chosen, rejected, chosen_moved=one, rejected_moved=other, weight=3.0)
    assert found.item() == pytest.approx((plain + 3 * moves).item())
    assert steady_preference_loss(chosen, rejected, chosen_moved=chosen, rejected_moved=rejected, weight=3.0).item() == pytest.approx(
        plain.item()
    )


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_the_head_is_where_a_general_solver_ends(weight: float) -> None:
    rows = [torch.from_numpy(values) for values in (CHOSEN, REJECTED)]

    def loss(w: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        head = torch.from_numpy(w)
        parts = [
            steady_preference_loss(
                rows[0] @ head,
                rows[1] @ head,
                chosen_moved=torch.from_numpy(way[0]) @ head,
                rejected_moved=torch.from_numpy(way[1]) @ head,
                weight=weight,
            ).item()
            for way in MOVED
        ]
        return float(np.mean(parts) + 0.01 * w @ w)

    found = fit_reward_head(CHOSEN, REJECTED, moved=MOVED, weight=weight, decay=0.01)
    assert loss(found.weights) <= minimize(loss, np.zeros(4), method="BFGS").fun + 1e-9
    assert np.allclose(found(CHOSEN), CHOSEN @ found.weights)


def test_pairs_that_can_be_told_apart_exactly_have_a_finite_head() -> None:
    head = fit_reward_head(np.ones((5, 2)), -np.ones((5, 2)), decay=1e-6)
    assert np.isfinite(head.weights).all()
    assert (head(np.ones((5, 2))) > 0).all()


def embedded(prompts: list[str], responses: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """What a response is worth, and how it is written: capitals and marks, which the preferred ones have more of in training."""
    return np.array(
        [["good" in one.lower(), sum(not each.islower() and each != " " for each in one) / 3] for one in responses], dtype=float
    )


def reward(head: RewardHead, prompts: Sequence[str], responses: Sequence[str]) -> Floats:
    return head(embedded([*prompts], [*responses]))


def test_a_planted_liking_for_how_it_is_written_goes_on_shifts_that_were_not_trained_on() -> None:
    learned = [PreferencePair("Q?", f"A GOOD ONE, NUMBER {i}!" if i % 2 else f"A FINE ONE, NUMBER {i}!", "a bad one") for i in range(40)]
    texts = [[one.chosen for one in learned], [one.rejected for one in learned]]
    chosen, rejected = (embedded(["Q?"] * 40, some) for some in texts)
    moved = np.stack([embedded(["Q?"] * 40, [text.upper() + "!!" for text in some]) for some in texts])
    asked = [PreferencePair("Q?", f"a good one, number {i}", f"a bad one, number {i}") for i in range(40)]
    after = {}
    for weight in (0.0, 10.0):
        head = fit_reward_head(chosen, rejected, moved=moved, weight=weight, decay=0.01)
        (found,) = reward_shifts(partial(reward, head), asked, ["footers(edits=1)"], which="rejected")
        assert found.ranking.both_right + found.ranking.only_first == 40  # as they are, both heads rank every pair rightly
        after[weight] = found.accuracy
    assert after[0.0] < 0.2
    assert after[10.0] == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_reward_head(CHOSEN, REJECTED[:3]), r"'rejected' of fit_reward_head must have the shape"),
        (lambda: fit_reward_head(CHOSEN[0], REJECTED), r"'chosen' of fit_reward_head must be finite, of shape \(n, d\)"),
        (lambda: fit_reward_head(CHOSEN, REJECTED, weight=1.0), "'moved' of fit_reward_head must be given where weight is above 0"),
        (lambda: fit_reward_head(CHOSEN, REJECTED, weight=1.0, moved=MOVED[0, 0]), r"'moved' of fit_reward_head must be finite, of shape"),
        (lambda: fit_reward_head(CHOSEN, REJECTED, decay=0.0), r"'decay' of fit_reward_head must be in \(0, inf\)"),
        (lambda: fit_reward_head(CHOSEN, REJECTED, weight=-1.0), r"'weight' of fit_reward_head must be in \[0, inf\)"),
        (
            lambda: steady_preference_loss(torch.ones(3), torch.ones(3), chosen_moved=torch.ones(2), rejected_moved=torch.ones(3)),
            r"'chosen_moved' of steady_preference_loss must have shape \(n,\)",
        ),
    ],
)
def test_what_is_refused(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]
