"""Studies of where data come from, how many there are and what they are worth, against closed forms and brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from shiftproof.data.arrays import examples
from shiftproof.measures.invariance import invariance
from shiftproof.studies.controlled_shift import LATENTS, WIDTH, ClassDecoder, part
from shiftproof.studies.coreset_weights import broadcast, learned_weights, median_coreset
from shiftproof.studies.data_mixtures import above, between
from shiftproof.studies.ensembles_of_return_distributions import (
    ACTIONS,
    ATOMS,
    DISCOUNT,
    SLIP,
    STATES,
    VALUES,
    learned,
    optimal_values,
    project,
    step,
)
from shiftproof.studies.fit import fit, made
from shiftproof.studies.invariant_predictors import CAUSES, drawn
from shiftproof.studies.low_shot_shift import above_line, halfway, turned
from shiftproof.studies.singular_distributions import Generator, circle, wasserstein
from shiftproof.studies.unlabelled_shifted_data import Halves, robust_loss, robust_self_supervised


def test_how_often_a_linear_mixture_lies_between_is_the_chance_of_an_angle() -> None:
    numbers = np.random.default_rng(0)
    share = np.mean([between(numbers) for _ in range(20_000)])
    # |a + b|^2 / 4 >= 1 with |a| = 1, |b| = 2 is cos >= -1/4, and (1 + cos) / 2 is Beta((d - 1) / 2, (d - 1) / 2)
    assert share == pytest.approx(stats.beta(9.5, 9.5).sf((1 - 0.25) / 2), abs=0.01)


def test_a_trend_is_compared_where_the_other_lies() -> None:
    x = np.array([0.0, 1.0, 3.0])
    assert above((x, 2 * x + 1), (x + 2, x)) == pytest.approx(2 * (4 / 3 + 2) + 1 - 4 / 3)


def test_effective_robustness_is_the_distance_from_the_base_models_line() -> None:
    def flags(share: float) -> np.ndarray:
        return np.arange(1000) < 1000 * share

    home = {("base", 1): flags(0.5), ("base", 2): flags(0.8), ("other", 1): flags(0.8)}
    there = {("base", 1): flags(0.3), ("base", 2): flags(0.6), ("other", 1): flags(0.7)}
    found = above_line(home, there, base="base")
    assert found["base", 1] == pytest.approx(0, abs=1e-3)
    assert found["other", 1] == pytest.approx(0.1, abs=1e-3)


def test_turned_images_are_turned_by_their_label() -> None:
    given = examples(torch.rand(40, 1, 3, 3), torch.zeros(40, dtype=torch.int64))
    found = turned(given, np.random.default_rng(0))
    assert set(found.y.tolist()) == {0, 1, 2, 3}
    for image, here, turns in zip(given.x, found.x, found.y, strict=True):
        assert torch.equal(torch.rot90(here, -int(turns), (1, 2)), image)


def test_half_the_weights_is_their_mean() -> None:
    one, other = made(lambda: nn.Linear(3, 2), 0), made(lambda: nn.Linear(3, 2), 1)
    x = torch.rand(5, 3)
    assert torch.allclose(halfway(one, other)(x), (one(x) + other(x)) / 2, atol=1e-6)


def test_a_fit_leaves_out_examples_of_no_weight_and_repeats_itself() -> None:
    x = torch.tensor([[1.0], [-1.0]] * 20)
    y, wrong = torch.tensor([0, 1] * 20), torch.zeros(40, dtype=torch.int64)
    nets = [
        fit(made(lambda: nn.Linear(1, 2), 0), torch.cat([x, x]), torch.cat([y, wrong]), steps=200, seed=3, rate=0.1, weights=weights)
        for weights in (torch.cat([torch.ones(40), torch.zeros(40)]), None, None)
    ]
    assert (nets[0](x).argmax(1) == y).all()
    assert torch.equal(nets[1](x), nets[2](x))
    assert not torch.allclose(nets[0](x), nets[1](x))


def test_the_coreset_is_at_the_median_distance_and_all_of_it_keeps_its_own_weights() -> None:
    features = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [5.0], [6.0]])
    y = np.array([0, 0, 0, 0, 0, 1, 1])
    far = np.abs(features[:5, 0] - features[:5, 0].mean())
    rows = median_coreset(features, y, 0.2)
    assert rows[0] == np.argsort(far)[2]
    assert len(rows) == 2
    weights = np.random.default_rng(0).random(7)
    everything = median_coreset(features, y, 1.0)
    assert (everything == np.arange(7)).all()
    assert broadcast(weights, everything, features, y) == pytest.approx(weights)


def test_a_weight_comes_from_the_nearest_of_its_label() -> None:
    features, y = np.array([[0.0], [1.0], [0.9], [0.1]]), np.array([0, 1, 0, 1])
    assert broadcast(np.array([0.3, 0.7]), np.array([0, 1]), features, y).tolist() == [0.3, 0.7, 0.3, 0.7]


def test_wrong_labels_are_weighed_down() -> None:
    numbers = np.random.default_rng(0)
    centres, y = 1.5 * numbers.normal(size=(3, 10)), numbers.integers(0, 3, 700)
    x = torch.from_numpy(centres[y] + numbers.normal(size=(700, 10))).float()
    wrong = np.arange(700) < 240
    given = torch.from_numpy(np.where(wrong, (y + numbers.integers(1, 3, 700)) % 3, y))
    net = made(lambda: nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 3)), 0)
    weights = learned_weights(net, x[:600], given[:600], (x[600:], torch.from_numpy(y[600:])), steps=60, seed=0)
    assert weights[~wrong[:600]].mean() > 3 * weights[wrong[:600]].mean()


def test_projection_keeps_masses_and_means() -> None:
    numbers = np.random.default_rng(1)
    atoms, weights = numbers.random((4, 3, ATOMS)), numbers.dirichlet(np.ones(ATOMS), (4, 3))
    found = project(atoms, weights)
    assert found.sum(-1) == pytest.approx(1)
    assert found @ VALUES == pytest.approx((atoms * weights).sum(-1))
    assert project(np.tile(VALUES, (1, 1)), weights[0, :1]) == pytest.approx(weights[0, :1])


def test_the_optimum_solves_its_equations_and_always_goes_right() -> None:
    q = optimal_values()
    assert (q.argmax(1) == 1).all()
    going_right = np.zeros((STATES, STATES))
    reward = np.zeros(STATES)
    for state, (way, chance) in product(range(STATES), ((1, 1 - SLIP), (-1, SLIP))):
        after = max(state + way, 0)
        if after >= STATES:
            reward[state] += chance
        else:
            going_right[state, after] += chance
    assert q[:, 1] == pytest.approx(np.linalg.solve(np.eye(STATES) - DISCOUNT * going_right, reward))


def test_one_member_is_c51_and_several_share_the_mean_of_their_targets() -> None:
    for members in (1, 3):
        steps = 60
        early, late = learned(members, 2, steps, np.random.default_rng(5))
        numbers = np.random.default_rng(5)
        table = numbers.dirichlet(np.ones(ATOMS), (2, members, STATES, ACTIONS))
        state = np.zeros((2, members), dtype=np.int64)
        for number in range(steps):
            q = (table @ VALUES).mean(1)
            explore, at_random = numbers.random(2 * members) < 0.2, numbers.integers(ACTIONS, size=2 * members)
            best = np.array([q[run, state[run, k]].argmax() for run in range(2) for k in range(members)])
            action = np.where(explore, at_random, best).reshape(2, members)
            after, reward, end = (each.reshape(2, members) for each in step(state.ravel(), action.ravel(), numbers))
            moved = table.copy()
            for run, k in product(range(2), range(members)):
                ahead = q[run, after[run, k]].argmax()
                atoms = reward[run, k] + DISCOUNT * VALUES * (not end[run, k])
                targets = [project(atoms[None], table[run, other, after[run, k], ahead][None])[0] for other in range(members)]
                moved[run, k, state[run, k], action[run, k]] = 0.9 * table[run, k, state[run, k], action[run, k]] + 0.1 * np.mean(
                    targets, 0
                )
            table, state = moved, np.where(end, 0, after)
            if number + 1 == steps // 10:
                assert early == pytest.approx((table @ VALUES).mean(1))
        assert late == pytest.approx((table @ VALUES).mean(1))


def test_causes_are_invariant_and_effects_are_not_as_population_covariances_say() -> None:
    numbers = np.random.default_rng(2)
    slopes = np.array([1.0, -0.5, 0.3]), np.array([0.8, -1.2, 0.5])
    spreads = [np.array([1.0, 2.0, 0.5, 0.4, 1.0, 2.0]), np.array([0.5, 1.0, 2.0, 2.0, 0.4, 1.0])]
    parts = [drawn(slopes, spread, 20_000, numbers) for spread in spreads]
    x, y = np.concatenate([each for each, _ in parts]), np.concatenate([each for _, each in parts])
    groups = np.repeat(["a", "b"], 20_000)
    assert invariance(x[:, :CAUSES], y, groups).gap < 0.005
    exact = []
    for spread in spreads:
        mix = np.eye(7)  # of the causes, the target and the effects, from independent noises
        mix[3, :3] = slopes[0]
        mix[4:, :4] = np.outer(slopes[1], mix[3, :4])
        cov = mix @ np.diag(np.concatenate([spread[:3], [1.0], spread[3:]]) ** 2) @ mix.T
        exact.append((np.delete(np.delete(cov, 3, 0), 3, 1), np.delete(cov[3], 3), cov[3, 3]))
    pooled = np.linalg.solve(sum(each[0] for each in exact), sum(each[1] for each in exact))
    gaps = [pooled @ s @ pooled - 2 * pooled @ c + c @ np.linalg.solve(s, c) for s, c, _ in exact]
    assert invariance(x, y, groups).gap == pytest.approx(max(gaps), abs=0.02)
    assert max(gaps) > 0.1


def test_distances_of_equal_samples_are_those_of_sorted_points_on_a_line() -> None:
    one, two = np.random.default_rng(3).normal(size=(2, 50))
    flat = [np.column_stack([each, np.zeros(50)]) for each in (one, two)]
    assert wasserstein(*flat) == pytest.approx(stats.wasserstein_distance(one, two))
    assert np.linalg.norm(circle(20, np.random.default_rng(0)), axis=1) == pytest.approx(1)


def test_the_bound_of_a_generator_that_ignores_its_input_is_the_likelihood() -> None:
    net = Generator(width=4)
    with torch.no_grad():
        for part in (*net.encoder, *net.decoder):
            if isinstance(part, nn.Linear):
                part.weight.zero_()
                part.bias.zero_()
    x = torch.randn(7, 2)
    exact = -torch.from_numpy(stats.norm(0, float(net.spread.detach())).logpdf(x.numpy()).sum(1)).float() - np.log(2 * np.pi)
    assert torch.allclose(net.bound(x, torch.randn(7, 2)), exact, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.05, 0.5, 4.0])
def test_the_robust_loss_is_the_best_of_a_fine_grid_and_its_gradient_is_torchs(gamma: float) -> None:
    margin, length = torch.linspace(-4, 8, 25, dtype=torch.float64), torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    found = robust_loss(margin, length, gamma)
    grid = torch.linspace(0, 1.7 / (2 * gamma), 200_001, dtype=torch.float64)
    exact = (nn.functional.softplus(1.7 * grid - margin[:, None]) - gamma * grid**2).amax(1)
    assert torch.allclose(found, exact, atol=1e-7)
    (slope,) = torch.autograd.grad(found.sum(), length)
    near = [robust_loss(margin, length.detach() + each, gamma).sum() for each in (-1e-5, 1e-5)]
    assert float(slope) == pytest.approx(float((near[1] - near[0]) / 2e-5), rel=1e-3)


def test_errors_of_halves_are_those_of_draws() -> None:
    halves, theta = Halves(np.array([1.0, 0.5]), 0.8), np.array([1.0, -0.2])
    x, y = halves.draw(200_000, np.random.default_rng(4))
    margins = (y * (x @ torch.from_numpy(theta))).numpy() / np.linalg.norm(theta)
    assert halves.error(theta) == pytest.approx((margins < 0).mean(), abs=0.004)
    assert halves.error(theta, 0.3) == pytest.approx((margins < 0.3).mean(), abs=0.004)


def test_unlabelled_points_turn_a_poor_rule_to_the_gap_between_the_clouds() -> None:
    numbers = np.random.default_rng(6)
    halves = Halves(np.array([2.0, 0.0]), 0.5)
    x, y = torch.tensor([[1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64), torch.tensor([1.0, -1.0], dtype=torch.float64)
    others, _ = halves.draw(400, numbers)
    alone = robust_self_supervised(x, y, others, gamma=2.0, weight=0.0)
    helped = robust_self_supervised(x, y, others, gamma=2.0, weight=1.0)
    assert halves.error(helped, 0.5) < 0.5 * halves.error(alone, 0.5)


def test_the_share_of_new_latents_is_the_intensity() -> None:
    numbers = np.random.default_rng(7)
    for intensity in (0.0, 0.25, 1.0):
        z = part(20_000, intensity, 2, numbers).numpy()
        inside = (np.abs(np.delete(z, 2, 1)) <= 1).all(1) & (z[:, 2] >= -WIDTH) & (z[:, 2] <= 0)
        assert 1 - inside.mean() == pytest.approx(intensity, abs=0.02)


def test_the_bound_of_a_class_decoder_of_no_weights_is_one_bit_a_pixel() -> None:
    net = ClassDecoder(16, classes=3, width=8)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
    x, y = torch.rand(5, 16), torch.tensor([0, 1, 2, 0, 1])
    assert torch.allclose(net.bound(x, y, torch.randn(5, LATENTS)), torch.full((5,), 16 * float(np.log(2))), atol=1e-4)
