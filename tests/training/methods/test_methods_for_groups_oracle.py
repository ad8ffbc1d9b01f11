"""Methods that weigh, show or mix examples: each against its paper's loss written by hand, and through the loop on data that mislead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from shiftproof.data.examples import Examples
from shiftproof.randomness import Rng
from shiftproof.training.loop import Loop
from shiftproof.training.methods import Batch, Method, methods
from shiftproof.training.pieces.grouping import balanced, group
from shiftproof.training.pieces.lisa_mixing import lisa_mix
from shiftproof.training.state import read, write
from shiftproof.training.train import train

QUICK: dict[str, Any] = {"epochs": 3, "batch_size": 32, "held_out": 0.2, "optimiser": "sgd(lr=0.5)", "schedule": "constant"}
ADVERSARIAL = "adversarial(shift=linf(eps=0.1), search=gradient_ascent(steps=2))"


def misleading(n: int = 600, agree: float = 0.9, seed: int = 0) -> Examples:
    """Two classes; `place` agrees with the label in most examples, and is far easier to see than the label itself."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    place = np.where(rng.random(n) < agree, y, 1 - y)
    core, easy = (y - 0.5) * 0.5 + rng.normal(0, 0.15, n), (place - 0.5) * 0.9 + rng.normal(0, 0.05, n)
    x = torch.from_numpy(np.clip(np.stack([core, easy], 1) + 0.5, 0, 1)).float()
    return sp.examples(x, torch.from_numpy(y), groups={"place": np.array(["land", "water"])[place].tolist()})


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2))


def a_batch(data: Examples, columns: str = "place") -> Batch:
    return Batch(data.x, data.y, Rng.for_ids(0, data.ids), data.space, 0.5, group(data, columns, owner="a test").numbers)


def gradient(method: Method, made: nn.Module, given: Batch, memory: nn.Module) -> Tensor:
    made.zero_grad()
    method.step(made, given, memory).loss.backward()  # type: ignore[no-untyped-call]
    return torch.cat([p.grad.flatten() for p in made.parameters() if p.grad is not None])


def by_hand(loss: Tensor, made: nn.Module) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(made.parameters()))])


def test_group_dro_is_algorithm_1() -> None:
    data, made = misleading(200), net()
    given, method = a_batch(data), methods.build("group_dro(groups=place, step_size=0.5, adjustment=0.3)")
    memory, q = method.init(made, data), np.array([0.5, 0.5])
    sizes = np.bincount(group(data, "place", owner="a test").numbers)
    for _ in range(3):
        losses = F.cross_entropy(made(data.x), data.y, reduction="none")
        assert given.groups is not None
        means = [losses[given.groups == g].mean() for g in range(2)]
        q = q * np.exp(0.5 * (np.array([float(m.detach()) for m in means]) + 0.3 / np.sqrt(sizes)))
        q /= q.sum()
        expected = by_hand(q[0] * means[0] + q[1] * means[1], made)
        step = method.step(made, given, memory)
        assert torch.allclose(gradient(method, made, given, memory), expected, atol=1e-6)
        method.learned(step, given, memory)  # only what is learned from is remembered
    assert memory.get_buffer("own.dro.q").tolist() == pytest.approx(q.tolist(), abs=1e-6)


def test_methods_nest_and_weigh_what_the_inner_one_moved() -> None:
    data, made = misleading(64), net()
    given = a_batch(data)
    inner = methods.build(ADVERSARIAL)
    method = methods.build(f"reweighted(risk=cvar(alpha=0.25), method={ADVERSARIAL})")
    losses = F.cross_entropy(made(inner.move(made, given, nn.Module())), data.y, reduction="none")
    mine = gradient(method, made, given, method.init(made, data))
    assert torch.allclose(mine, by_hand(losses.topk(16).values.mean(), made), atol=1e-6)
    assert method.threat(data.space) == inner.threat(data.space)
    assert methods.build(f"weight_perturbation(method=group_dro(groups=place, method={ADVERSARIAL}))").grouping == "place"


def test_a_risk_of_groups_is_the_worst_of_them() -> None:
    data, made = misleading(80), net()
    given, method = a_batch(data, "label & place"), methods.build("reweighted(risk=worst_group, groups='label & place')")
    losses = F.cross_entropy(made(data.x), data.y, reduction="none")
    assert given.groups is not None
    means = [losses[given.groups == g].mean() for g in range(4)]
    worst = max(means, key=lambda mean: float(mean.detach()))
    assert torch.allclose(gradient(method, made, given, method.init(made, data)), by_hand(worst, made), atol=1e-6)


def test_importance_weighting_is_the_mean_of_the_groups() -> None:
    data, made = misleading(300), net()
    given, method = a_batch(data, "label & place"), methods.build("importance_weighting(groups='label & place')")
    losses = F.cross_entropy(made(data.x), data.y, reduction="none")
    assert given.groups is not None
    means = torch.stack([losses[given.groups == g].mean() for g in range(4)])
    assert torch.allclose(gradient(method, made, given, method.init(made, data)), by_hand(means.mean(), made), atol=1e-6)


def test_lisa_trains_on_its_mix() -> None:
    data, made = misleading(50), net()
    given, method = a_batch(data), methods.build("lisa(groups=place, same_label=1)")
    memory = method.init(made, data)
    seed = int(given.rng.child("lisa").keys[0] >> np.uint64(1))
    mixed = lisa_mix(data.x, data.y, domains=given.groups, classes=2, seed=seed, same_label=1.0, shape=2.0)
    moved = method.move(made, given, memory)
    assert torch.equal(moved, mixed.x)
    assert not torch.equal(moved, data.x)
    assert torch.allclose(gradient(method, made, given, memory), by_hand(F.cross_entropy(made(moved), mixed.y), made), atol=1e-6)
    wide = nn.Linear(2, 5)  # more classes than the data have
    assert method.step(wide, given, memory).targets.shape == (50, 5)


def test_just_train_twice_shows_again_what_was_wrong(tmp_path: Path) -> None:
    data, first = misleading(100), net()
    write(tmp_path / "first.safetensors", first.state_dict())
    wrong = first(data.x).argmax(1) != data.y
    assert 0 < int(wrong.sum()) < 100
    method = methods.build(f"just_train_twice(first='{tmp_path / 'first.safetensors'}', times=4)")
    memory = method.init(net(), data)
    order = method.order(Rng.for_ids(0, data.ids), memory)
    counts = np.bincount(order, minlength=100)
    assert counts.tolist() == np.where(wrong.numpy(), 4, 1).tolist()
    assert order.tolist() != sorted(order.tolist())
    with pytest.raises(sp.UsageError, match="Stop its training earlier"):
        method.init(net(), sp.examples(data.x, first(data.x).argmax(1)))


def test_rows_drawn_in_balance() -> None:
    numbers = torch.tensor([0] * 950 + [1] * 50)
    rows = balanced(numbers, Rng.for_ids(0, [str(i) for i in range(1000)]).uniform(1)[:, 0].numpy())
    assert np.mean(numbers.numpy()[rows]) == pytest.approx(0.5, abs=0.06)
    assert len(np.unique(rows[rows < 950])) > 300  # all of a group, not some of it
    assert rows.max() < 1000


def worst_group(made: nn.Module) -> float:
    data = misleading(2000, agree=0.5, seed=1)  # here the place says nothing
    right = (made(data.x).argmax(1) == data.y).numpy()
    numbers = group(data, "label & place", owner="a test").numbers.numpy()
    return min(float(right[numbers == g].mean()) for g in range(4))


def test_training_for_groups_helps_the_worst_one(tmp_path: Path) -> None:
    data = misleading(1600, agree=0.95)
    recipe = {**QUICK, "epochs": 6}
    base = worst_group(train(net, data, "plain", out=tmp_path / "plain", **recipe).module)
    for method in ("group_dro(groups='label & place', step_size=0.1)", "importance_weighting(groups='label & place')"):
        done = train(net, data, method, out=tmp_path / method[:9], **recipe)
        assert worst_group(done.module) > base + 0.1
        assert all(e.worst_group is not None and e.worst_group <= e.held_out for e in done.curve)
        assert done.best.worst_group == max(e.worst_group or 0 for e in done.curve)  # what the checkpoint is chosen by
        assert "in the worst group" in str(done)


@pytest.mark.parametrize(
    "method",
    [
        "group_dro(groups='label & place', step_size=0.3)",
        f"group_dro(groups=place, balance=False, method={ADVERSARIAL})",
        "lisa(groups=place)",
        "reweighted(risk=chi_square(radius=1))",
        "just_train_twice(first='{}', times=3, groups=place)",
        "uncertain_upsampling(first='{}', share=0.2)",
    ],
)
def test_a_killed_run_ends_with_the_same_weights(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = misleading(400, agree=0.8)
    write(tmp_path / "first.safetensors", net().state_dict())
    method = method.format(tmp_path / "first.safetensors")
    straight = train(net, data, method, out=tmp_path / "straight", **QUICK)
    whole = Loop._step

    def dying(self: Loop) -> float:
        if self.done == 14:
            raise KeyboardInterrupt
        return whole(self)

    monkeypatch.setattr(Loop, "_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train(net, data, method, out=tmp_path / "killed", save_every=0.0, **QUICK)
    monkeypatch.setattr(Loop, "_step", whole)
    resumed = train(net, data, method, out=tmp_path / "killed", **QUICK)
    mine, theirs = (read(tmp_path / run / "last.safetensors")[0] for run in ("straight", "killed"))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert [replace(e, seconds=0.0) for e in straight.curve] == [replace(e, seconds=0.0) for e in resumed.curve]


def test_an_example_shown_twice_in_a_batch_is_moved_by_another_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    whole = Loop._batch

    def watched(self: Loop) -> Batch:
        given = whole(self)
        seen.append((len(np.unique(given.rng.keys)), len(torch.unique(given.x, dim=0))))
        return given

    monkeypatch.setattr(Loop, "_batch", watched)
    train(net, misleading(400, agree=0.8), "group_dro(groups='label & place')", out=tmp_path, **QUICK)
    assert all(streams == 32 for streams, _ in seen)
    assert min(inputs for _, inputs in seen) < 32


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("group_dro(groups=plac)", "Unknown group column 'plac'. Did you mean: place"),
        ("group_dro(groups=constant)", "belong to one group ('constant=x'), so there is nothing to weigh"),
        ("group_dro(groups=odd)", "each group needs at least 5 of them. Too few: 'odd=no' 0"),
        ("group_dro(groups='place &')", "The 'groups' of group_dro must name a column, or several with & between"),
        ("group_dro(groups=place, step_size=0)", "The 'step_size' of group_dro must be in (0, inf)"),
        ("importance_weighting(groups=place, most=-1)", "The 'most' of importance_weighting must be in [0, inf)"),
        ("importance_weighting(groups='place & place')", "The 'groups' of importance_weighting must name a column"),
        ("lisa(groups=place, same_label=2)", "The 'same_label' of lisa must be in [0, 1]"),
        ("lisa(groups=place, shape=0)", "The 'shape' of lisa must be in (0, inf)"),
        ("just_train_twice(first=a, times=0)", "The 'times' of just_train_twice must be at least 1"),
        ("just_train_twice(first='nowhere.safetensors')", "nowhere.safetensors"),
        ("reweighted(risk=worst_group)", "The risk worst_group needs groups. Name their column"),
        ("reweighted(risk=wasserstein(radius=0.1))", "so it cannot be a training loss"),
        ("reweighted(risk=cvr(alpha=0.1))", "Unknown risk 'cvr'. Did you mean: cvar"),
        ("reweighted(risk=cvar(alpha=0.1), method=plian)", "Unknown method 'plian'. Did you mean: plain"),
    ],
)
def test_what_is_said_before_any_work(method: str, said: str, tmp_path: Path) -> None:
    whole = misleading(200)
    odd = np.array(["yes"] * 200)
    odd[:1] = "no"
    data = sp.examples(whole.x, whole.y, groups={**whole.groups, "constant": ["x"] * 200, "odd": odd.tolist()})
    with pytest.raises(sp.UsageError) as error:
        train(net, data, method, out=tmp_path / "run", **QUICK)
    assert said in str(error.value)
    assert not (tmp_path / "run").exists()


def test_data_without_groups_are_said(tmp_path: Path) -> None:
    with pytest.raises(sp.UsageError, match="group_dro needs the groups 'place', and these data have no groups"):
        train(nn.Linear(64, 10), sp.load_data("digits:?split=train", limit=200), "group_dro(groups=place)", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    data = misleading(40)
    bare = Batch(data.x, data.y, Rng.for_ids(0, data.ids), data.space)
    for spec in ("group_dro(groups=place)", "lisa(groups=place)"):
        method = methods.build(spec)
        with pytest.raises(sp.UsageError, match="Pass `groups`"):
            method.step(net(), bare, method.init(net(), data))
    method = methods.build("group_dro(groups=place)")
    given = a_batch(data)
    step = method.step(net(), given, method.init(net(), data))
    with pytest.raises(sp.UsageError, match="got 39 losses of 40 examples"):
        method.learned(replace(step, losses=step.losses[1:]), given, method.init(net(), data))


def test_a_group_that_is_held_out_whole_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shiftproof.training import overfitting_monitor as watch

    monkeypatch.setattr(watch, "LEAST_OF_GROUP", 0)
    whole = misleading(200)
    out = Rng.for_ids(0, whole.ids).child("held out").uniform(1)[:, 0].argsort()[:40]
    odd = np.array(["yes"] * 200)
    odd[out.numpy()[:1]] = "no"
    data = sp.examples(whole.x, whole.y, ids=whole.ids, groups={"odd": odd.tolist()})
    with pytest.raises(sp.UsageError, match="All examples of the group 'odd=no' are held out"):
        train(net, data, "group_dro(groups=odd)", out=tmp_path / "run", **QUICK)
