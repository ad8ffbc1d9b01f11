"""Label-robust losses, explored styles, remembered weights and contrast against their formulas, written by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import boxed
from shiftproof.randomness import Rng
from shiftproof.training.methods import Batch, Contrastive, LabelRobust, Method, ReweightedTraining, StyleExploration
from shiftproof.training.methods.contrastive import ContrastMemory
from shiftproof.training.pieces import explore, label_kl_adaptive

SPACE = boxed((0, 1), "image")
IDS = np.array([str(i) for i in range(12)])


def net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def batch(rows: Tensor | None = None) -> Batch:
    torch.manual_seed(7)
    places = torch.arange(12) if rows is None else rows
    return Batch(torch.rand(12, 1, 8, 8), torch.randint(10, (12,)), Rng.for_ids(3, IDS), SPACE, 0.5, rows=places)


def gradients(method: Method, made: nn.Module, given: Batch, memory: nn.Module | None = None) -> list[Tensor]:
    held = method.init(made, Examples(given.x, given.y, IDS, {}, SPACE)) if memory is None else memory
    step = method.step(made, given, held)
    found = torch.autograd.grad(step.loss, list(made.parameters()))
    method.learned(step, given, held)
    return list(found)


def same(mine: list[Tensor], loss: Tensor, made: nn.Module) -> None:
    theirs = torch.autograd.grad(loss, list(made.parameters()))
    assert max(float(g.abs().max()) for g in theirs) > 1e-5
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_label_robust_at_one_without_margin_is_the_cross_entropy() -> None:
    made, given = net(), batch()
    method = LabelRobust(temperature=1.0, pull=0.0, margin=0.0, even=False)
    same(gradients(method, made, given), F.cross_entropy(made(given.x), given.y), made)


def test_label_robust_with_a_pull_is_the_adaptive_loss_at_the_authors_price() -> None:
    made, given = net(), batch()
    loss = label_kl_adaptive(made(given.x), given.y, temperature=0.5, pull=3 * math.log(10) / 0.5, margin=0.2).mean()
    same(gradients(LabelRobust(temperature=0.5, pull=3.0, margin=0.2), made, given), loss, made)


def test_the_loss_of_a_wrong_label_is_bounded_where_scores_are_even() -> None:
    scores, y = torch.tensor([[1e4, 0.0, 0.0]]), torch.tensor([1])
    assert float(LabelRobust().losses(scores, y)) < 4 < 100 < float(LabelRobust(even=False).losses(scores, y))


@pytest.mark.parametrize("factor", ["amplitude", "style"])
def test_style_exploration_trains_on_explored_images_of_the_batch(factor: str) -> None:
    made, given = net(), batch()
    method = StyleExploration(factor=factor, styles=3, steps=4)
    others = (given.rng.child("styles").uniform(2) * 12).long()
    partners = torch.cat([torch.arange(12)[:, None], others], 1).numpy()
    moved = explore(
        lambda x: F.cross_entropy(made(x), given.y, reduction="none"),
        given.x,
        seed=0,
        factor="style" if factor == "style" else "amplitude",
        styles=3,
        steps=4,
        partners=partners,
    ).clamp(0, 1)
    torch.testing.assert_close(method.move(made, given, nn.Module()), moved)
    same(gradients(method, made, given), F.cross_entropy(made(moved), given.y), made)


def test_remembered_weights_are_those_over_the_running_mean() -> None:
    made, given = net(), batch()
    method = ReweightedTraining("kl_penalised(penalty=0.5)", remember=0.8)
    memory = method.init(made, Examples(given.x, given.y, IDS, {}, SPACE))
    losses = F.cross_entropy(made(given.x), given.y, reduction="none")
    first = gradients(method, made, given, memory)
    same(first, 0.5 * ((losses / 0.5).exp().mean()).log(), made)  # the first batch is all there is
    again = Batch(given.x.flip(2), given.y, given.rng, SPACE, 0.5)
    there = F.cross_entropy(made(again.x), given.y, reduction="none")
    mean = 0.8 * (losses / 0.5).exp().mean() + 0.2 * (there / 0.5).exp().mean()
    same(gradients(method, made, again, memory), (((there / 0.5).exp() / mean).detach() * there).mean(), made)


def test_a_remembered_mean_has_less_bias_than_small_batches() -> None:
    """Batches of two from a fixed sample: the mean weight of each loss comes near to that of the whole sample."""
    losses = torch.tensor([0.0, 0.0, 0.0, 3.0])
    whole = (losses.exp() / losses.exp().mean())[3]
    method = ReweightedTraining("kl_penalised(penalty=1)", remember=0.99)
    forgets = ReweightedTraining("kl_penalised(penalty=1)")

    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([torch.zeros(len(x)), x[:, 0].expm1().log()], 1)  # its cross-entropy with label 0 is x

    found: dict[str, list[float]] = {}
    for name, used in (("remembers", method), ("forgets", forgets)):
        memory = used.init(nn.Module(), sp.examples(losses[:, None], [0] * 4, box=(0.0, 9.0)))
        numbers = np.random.default_rng(0)
        for step in range(600):
            rows = torch.tensor([3, int(numbers.integers(3))]) if numbers.random() < 0.5 else torch.tensor([0, 1])
            x = losses[rows, None].clamp_min(1e-6)
            given = Batch(x, torch.zeros(2, dtype=torch.long), Rng.for_ids(0, ["a", "b"]), boxed((0, 9), "vector"))
            made = used.step(Fixed(), given, memory)
            used.learned(made, given, memory)
            if step > 300 and 3 in rows:
                found.setdefault(name, []).append(float(made.weights[0]))
    assert abs(np.mean(found["remembers"]) - float(whole)) < 0.25
    assert abs(np.mean(found["forgets"]) - float(whole)) > 1


def test_contrast_is_simclrs_without_the_positive_below_and_labels_reach_the_last_layer_only() -> None:
    made, given = net(), batch()
    method = Contrastive(view="linf(eps=0.2)", individual=False, average=1.0, temperature=0.3)
    memory = method.init(made, Examples(given.x, given.y, IDS, {}, SPACE))
    assert isinstance(memory, ContrastMemory)
    moved = method.move(made, given, memory)
    below = made[:-1]
    one, two = (F.normalize(memory.head(below(views)), dim=1) for views in (moved[12:24], moved[24:]))
    alike = one @ two.T / 0.3
    off = alike.masked_fill(torch.eye(12, dtype=torch.bool), -math.inf)
    sides = [(off.logsumexp(side) - math.log(11) - alike.diagonal()).mean() * 0.3 for side in (1, 0)]
    loss = sides[0] + sides[1] + F.cross_entropy(made[-1](below(given.x).detach()), given.y)
    same(gradients(method, made, given, memory), loss, made)


def test_temperatures_are_learned_where_they_are_individual() -> None:
    made, given = net(), batch()
    memory = Contrastive().init(made, Examples(given.x, given.y, IDS, {}, SPACE))
    Contrastive().step(made, given, memory).loss.backward()  # type: ignore[no-untyped-call]
    assert isinstance(memory, ContrastMemory)
    slope = memory.first.temperature.grad
    assert slope is not None
    assert bool((slope != 0).all())
    fixed = Contrastive(individual=False).init(made, Examples(given.x, given.y, IDS, {}, SPACE))
    assert isinstance(fixed, ContrastMemory)
    assert not fixed.first.temperature.requires_grad


def test_a_network_learns_digits_from_contrast_through_the_usual_door(tmp_path: Path) -> None:
    data = sp.load_data("digits:?split=train", limit=300)
    done = sp.train(net(), data, "contrastive", out=tmp_path, epochs=25, batch_size=32, optimiser="adam(lr=0.003)")
    assert done.best.score > 0.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LabelRobust(pull=0.5), "'pull' of label_robust must be 0 .one temperature for all. or in .1, inf., got 0.5"),
        (lambda: LabelRobust(temperature=0), "temperature"),
        (lambda: StyleExploration(factor="colour"), "'factor' of style_exploration must be amplitude or style, got 'colour'"),
        (lambda: ReweightedTraining("cvar(alpha=0.3)", remember=0.9), "must be kl_penalised.*Others have no such mean"),
        (lambda: ReweightedTraining("kl_penalised(penalty=1)", remember=1.0), "'remember' of reweighted must be in .0, 1."),
    ],
)
def test_options_that_make_no_sense_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(UsageError, match=message):
        make()


def test_what_is_missing_is_said() -> None:
    given = batch()
    table = Examples(given.x.flatten(1), given.y, IDS)
    with pytest.raises(UsageError, match="style_exploration needs images, got inputs of kind"):
        StyleExploration().init(net(), table)
    memory = Contrastive().init(net(), Examples(given.x, given.y, IDS, {}, SPACE))
    bare = Batch(given.x, given.y, given.rng, SPACE)
    with pytest.raises(UsageError, match="contrastive remembers each example. Pass `rows`"):
        Contrastive().step(net(), bare, memory)
