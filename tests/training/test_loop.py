"""The loop: killed and resumed to the bit, its choice of a checkpoint, what it notices, and what it refuses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.training.loop import Loop
from shiftproof.training.methods import Batch, Method, Step
from shiftproof.training.methods.plain import Plain
from shiftproof.training.optimise import WeightAverage, rate
from shiftproof.training.overfitting_monitor import Epoch, nothing_learned, overfitting_flags
from shiftproof.training.recipe import Recipe
from shiftproof.training.state import read
from shiftproof.training.train import train

DATA = sp.load_data("digits:?split=train", limit=300)
METHOD = "adversarial(shift=linf(eps=0.1), search=gradient_ascent(steps=2))"
QUICK: dict[str, Any] = {"epochs": 3, "batch_size": 64, "held_out": 0.15, "search": "gradient_ascent(steps=3)"}


def net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 10))


class Killed(Exception):
    """What a kill looks like from inside."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The loop dies before this step."""
    whole = Loop._step

    def dying(self: Loop) -> float:
        if self.done == step:
            raise Killed
        return whole(self)

    monkeypatch.setattr(Loop, "_step", dying)
    return lambda: monkeypatch.setattr(Loop, "_step", whole)


def same_weights(a: Path, b: Path) -> bool:
    mine, theirs = read(a)[0], read(b)[0]
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (METHOD, {"optimiser": "adamw(lr=0.01)", "average": "ema(decay=0.9)", "clip": 1.0}),
        ("free_adversarial(shift=linf(eps=0.1), times=2)", {"average": "swa(start=0.3)"}),
        ("rotation_head(shift=linf(eps=0.1), search=gradient_ascent(steps=1))", {"optimiser": "adam(lr=0.01)"}),
        ("mixup", {"precision": "bfloat16", "schedule": "cosine"}),
    ],
)
@pytest.mark.parametrize("step", [2, 4, 7])
def test_a_killed_run_ends_with_the_same_weights(
    method: str, options: dict[str, Any], step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {**QUICK, **options}
    straight = train(net, DATA, method, out=tmp_path / "straight", **recipe)
    alive = killed_at(step, monkeypatch)
    with pytest.raises(Killed):
        train(net, DATA, method, out=tmp_path / "killed", save_every=0.0, **recipe)
    alive()
    torch.manual_seed(step)  # another process has another state of torch's generator
    resumed = train(net, DATA, method, out=tmp_path / "killed", **recipe)
    for name in ("last.safetensors", "best.safetensors"):
        assert same_weights(tmp_path / "straight" / name, tmp_path / "killed" / name)
    assert [replace(e, seconds=0.0) for e in straight.curve] == [replace(e, seconds=0.0) for e in resumed.curve]
    assert not (tmp_path / "killed" / "resume.safetensors").exists()


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    train(net, DATA, METHOD, out=tmp_path / "a", **QUICK)
    train(net, DATA, METHOD, out=tmp_path / "b", seed=1, **QUICK)
    assert not same_weights(tmp_path / "a" / "last.safetensors", tmp_path / "b" / "last.safetensors")


def test_the_caller_is_left_as_found(tmp_path: Path) -> None:
    mine = net()
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    done = train(mine, DATA, METHOD, out=tmp_path, **QUICK)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(before[name], value) for name, value in mine.state_dict().items())
    assert done.module is not mine
    assert not done.module.training
    assert "held-out accuracy" in str(done)


def test_a_finished_run_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train(net, DATA, METHOD, out=tmp_path, **QUICK)
    killed_at(0, monkeypatch)
    again = train(net, DATA, METHOD, out=tmp_path, **QUICK)
    assert again.curve == first.curve
    with pytest.raises(sp.UsageError, match="holds another training: its 'seed' was 0, and now it is 1"):
        train(net, DATA, METHOD, out=tmp_path, seed=1, **QUICK)


def test_the_best_epoch_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shiftproof.training.overfitting_monitor import HeldOutAttack

    scores = iter([(0.9, 0.5, None), (0.9, 0.6, None), (0.9, 0.58, None)])
    monkeypatch.setattr(HeldOutAttack, "look", lambda *_: next(scores))
    done = train(net, DATA, METHOD, out=tmp_path, **QUICK)
    assert done.best.epoch == 2
    assert not same_weights(tmp_path / "best.safetensors", tmp_path / "last.safetensors")
    record = json.loads((tmp_path / "training.json").read_text())
    assert [epoch["robust"] for epoch in record["curve"]] == [0.5, 0.6, 0.58]
    assert record["asked"]["method"].startswith("adversarial(shift='linf(eps=0.1)'") or "linf(eps=0.1)" in record["asked"]["method"]


def test_a_collapse_stops_training_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shiftproof.training.overfitting_monitor import HeldOutAttack

    right_on_what_it_trains_on(monkeypatch)
    scores = iter([(0.9, 0.7, None), (0.9, 0.02, None), (0.9, 0.9, None)])
    monkeypatch.setattr(HeldOutAttack, "look", lambda *_: next(scores))
    done = train(net, DATA, "fast_adversarial(shift=linf(eps=0.1))", out=tmp_path, **QUICK)
    assert [flag.name for flag in done.flags] == ["catastrophic_overfitting"]
    assert (len(done.curve), done.best.epoch) == (2, 1)
    assert "fell from 70.0% (epoch 1) to 2.0% (epoch 2)" in str(done)


def test_a_run_that_was_killed_as_it_collapsed_goes_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shiftproof.training.overfitting_monitor import HeldOutAttack

    right_on_what_it_trains_on(monkeypatch)
    scores = iter([(0.9, 0.7, None), (0.9, 0.02, None), (0.9, 0.9, None)])
    monkeypatch.setattr(HeldOutAttack, "look", lambda *_: next(scores))
    save = Loop.save

    def dying(self: Loop) -> None:
        save(self)
        if len(self.curve) == 2:
            raise Killed

    monkeypatch.setattr(Loop, "save", dying)
    with pytest.raises(Killed):
        train(net, DATA, METHOD, out=tmp_path, **QUICK)
    monkeypatch.setattr(Loop, "save", save)
    done = train(net, DATA, METHOD, out=tmp_path, **QUICK)
    assert ([flag.name for flag in done.flags], len(done.curve)) == (["catastrophic_overfitting"], 2)


def right_on_what_it_trains_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Step, "right", property(lambda self: torch.ones(len(self.losses), dtype=torch.bool)))


def epochs(*points: tuple[float, float]) -> list[Epoch]:
    return [Epoch(k + 1, k, 0.1, train, 0.9, robust, 0.0) for k, (train, robust) in enumerate(points)]


def test_overfitting_is_told_from_noise() -> None:
    assert [flag.name for flag in overfitting_flags(epochs((0.5, 0.5), (0.8, 0.4)), 1000)] == ["robust_overfitting"]
    assert overfitting_flags(epochs((0.5, 0.5), (0.8, 0.4)), 50) == []  # two standard errors there
    assert overfitting_flags(epochs((0.5, 0.5), (0.4, 0.4)), 1000) == []  # it has got worse in training too
    assert overfitting_flags(epochs((0.5, 0.5), (0.8, 0.5)), 1000) == []
    assert [flag.name for flag in overfitting_flags(epochs((0.7, 0.5), (0.95, 0.0)), 100)] == ["catastrophic_overfitting"]
    assert overfitting_flags(epochs((0.05, 0.3), (0.04, 0.0)), 100) == []  # what it trains on is lost too: no search is fooled
    assert overfitting_flags([replace(e, robust=None) for e in epochs((0.5, 0.5), (0.9, 0.0))], 1000) == []
    assert overfitting_flags([], 10) == []


def test_a_training_that_learns_nothing_is_told_from_one_that_does() -> None:
    y = torch.arange(10).repeat(20)
    lost = [replace(epoch, held_out=0.12) for epoch in epochs((0.1, 0.1), (0.1, 0.1))]
    assert [flag.name for flag in nothing_learned(lost, y)] == ["nothing_learned"]
    assert "always predicting the commonest class reaches 10.0%" in nothing_learned(lost, y)[0].detail
    assert nothing_learned([*lost, replace(lost[0], held_out=0.3)], y) == []
    assert nothing_learned([], y) == []


def test_a_training_at_a_rate_of_nothing_says_so(tmp_path: Path) -> None:
    torch.manual_seed(1)
    done = train(net(), DATA, "plain", out=tmp_path, **{**QUICK, "optimiser": "sgd(lr=1e-9)"})
    assert [flag.name for flag in done.flags] == ["nothing_learned"]


class Exploding(Plain):
    """A loss that is not a number from the step on that the temperature counts."""

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        return replace(step, losses=step.losses * math.nan) if batch.progress >= 0.5 else step


class Hopeless(Plain):
    """Never a number."""

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        return replace(step, losses=step.losses * math.nan)


def test_a_loss_that_is_no_number_stops_training(tmp_path: Path) -> None:
    done = train(net, DATA, Exploding(), out=tmp_path / "late", **QUICK)
    assert [flag.name for flag in done.flags] == ["nan_loss"]
    assert len(done.curve) == 1
    assert all(bool(value.isfinite().all()) for value in done.module.state_dict().values())
    with pytest.raises(sp.UsageError, match="at step 1 of .* before an epoch was finished, so no checkpoint is kept"):
        train(net, DATA, Hopeless(), out=tmp_path / "early", **QUICK)
    assert train(net, DATA, Plain(), out=tmp_path / "early", **QUICK).flags == ()  # the same folder is free for another try


class Mapped(nn.Linear):
    """Answers as Hugging Face models do."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return {"logits": super().forward(x.flatten(1))}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Mapped(64, 10), "The 'answer' of a network that is trained must be a tensor of scores (n, classes), got 'dict'"),
        (nn.Linear(32, 10), "The model 'net' rejects inputs of shape (16, 1, 8, 8)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), "The labels go up to 9, and the model 'net' has 4 classes"),
    ],
)
def test_a_network_that_does_not_fit_the_data_is_said(made: nn.Module, said: str, tmp_path: Path) -> None:
    with pytest.raises(sp.UsageError) as error:
        train(made, DATA, METHOD, out=tmp_path / "run", **QUICK)
    assert said in str(error.value)
    assert not (tmp_path / "run").exists()


def test_inputs_are_given_in_the_networks_own_precision(tmp_path: Path) -> None:
    few = DATA.take(slice(None))
    doubled = sp.examples(few.x.double(), few.y, kind="image")
    train(net, doubled, METHOD, out=tmp_path / "single", **QUICK)
    train(net().double(), DATA, METHOD, out=tmp_path / "double", **QUICK)
    assert read(tmp_path / "double" / "last.safetensors")[0]["1.weight"].dtype is torch.float64


def test_scores_that_look_like_probabilities_are_flagged(tmp_path: Path) -> None:
    soft = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1))
    for _ in range(2):  # the second time the finished run is read back
        assert [flag.name for flag in train(soft, DATA, "plain", out=tmp_path, **QUICK).flags][:1] == ["probabilities"]


def test_factories_that_give_one_network_are_refused(tmp_path: Path) -> None:
    one = net()
    with pytest.raises(sp.UsageError, match="returned the same network twice"):
        train(lambda: one, DATA, METHOD, out=tmp_path, **QUICK)
    with pytest.raises(sp.UsageError, match="returned the same network twice"):
        train(lambda: nn.Sequential(one), DATA, METHOD, out=tmp_path, **QUICK)
    assert not (tmp_path / "training.json").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "adversarial(shift=linf(eps=8))"}, "The 'eps' of linf must be at most 1, which already reaches every input, got 8.0"),
        ({"threat": "linf(eps=8)"}, "The 'eps' of linf must be at most 1"),
        ({"held_out": 0.05}, "The attack that selects the checkpoint needs at least 30 held-out examples, got 15"),
        ({"held_out": 0.0}, "The 'held_out' of train must be in (0, 0.5]"),
        ({"epochs": 0}, "The 'epochs' of train must be at least 1"),
        ({"batch_size": 0}, "The 'batch_size' of train must be at least 1"),
        ({"clip": -1.0}, "The 'clip' of train must be in [0, inf)"),
        ({"precision": "float64"}, "The 'precision' of train must be one of float32, bfloat16"),
        ({"schedule": "cosin"}, "Unknown schedule 'cosin'. Did you mean: cosine"),
        ({"optimiser": "sdg(lr=1)"}, "Unknown optimiser 'sdg'. Did you mean: sgd"),
        ({"optimiser": "sgd(rate=1)"}, "Unknown option of the optimiser 'sgd' 'rate'"),
        ({"optimiser": "sgd(lr=-1)"}, "is rejected by torch: Invalid learning rate"),
        ({"optimiser": "sgd(0.1)"}, "need their names, as in sgd(lr=0.1)"),
        ({"average": "emma"}, "Unknown average of weights 'emma'"),
        ({"average": "ema(rate=1)"}, "Unknown option of the average 'ema' 'rate'"),
        ({"average": "ema(decay=1)"}, "The 'decay' of the average 'ema' must be in [0, 1)"),
        ({"epoch": 3}, "Unknown option of train 'epoch'. Did you mean: epochs"),
        ({"model": 3}, "The 'model' of train must be a torch module, or a function that makes one, got 'int'"),
        ({"model": lambda: 3}, "The 'model' of train must make a torch module, got 'int'"),
    ],
)
def test_bad_input_is_said_before_any_work(options: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at(0, monkeypatch)
    given = {**QUICK, "model": net, "method": METHOD, **options}
    with pytest.raises(sp.UsageError) as error:
        train(given.pop("model"), DATA, given.pop("method"), out=tmp_path / "run", **given)
    assert said in str(error.value)
    assert not (tmp_path / "run").exists()


def test_damaged_files_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = killed_at(2, monkeypatch)
    with pytest.raises(Killed):
        train(net, DATA, METHOD, out=tmp_path, save_every=0.0, **QUICK)
    alive()
    (tmp_path / "resume.safetensors").write_bytes(b"nothing")
    with pytest.raises(sp.UsageError, match=r"The checkpoint '.*resume.safetensors' is damaged"):
        train(net, DATA, METHOD, out=tmp_path, **QUICK)
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(sp.UsageError, match=r"The record '.*training.json' is damaged"):
        train(net, DATA, METHOD, out=tmp_path, **QUICK)


def test_schedules_and_averages() -> None:
    assert [rate("cyclic", p) for p in (0.0, 0.2, 0.4, 1.0)] == pytest.approx([0, 0.5, 1, 0])
    assert [rate("steps", p) for p in (0.4, 0.5, 0.75)] == pytest.approx([1, 0.1, 0.01])
    assert [rate("cosine", p) for p in (0.0, 0.5, 1.0)] == pytest.approx([1, 0.5, 0])
    assert rate("constant", 0.9) == 1
    moving = nn.Linear(1, 1, bias=False)
    swa, ema = WeightAverage("swa(start=0.5)", moving), WeightAverage("ema(decay=0.5)", moving)
    for k in range(4):
        with torch.no_grad():
            moving.weight.fill_(float(k))
        swa.update(moving, k / 4)
        ema.update(moving, k / 4)
    assert float(swa.weights(moving)["weight"]) == 2.5  # the mean of 2 and 3
    assert 1.5 < float(ema.weights(moving)["weight"]) < 3
    assert float(WeightAverage("none", moving).weights(moving)["weight"]) == 3


def test_a_recipe_is_all_of_a_run() -> None:
    assert set(Recipe().options()) == set(Recipe.__dataclass_fields__)
    assert issubclass(Exploding, Method)


def test_the_curves_have_the_unseen_threat_too(tmp_path: Path) -> None:
    done = train(net, DATA, METHOD, out=tmp_path, **QUICK)
    assert done.attack == {
        "threat": "linf(eps=0.1)", "unseen": "l2(eps=0.2)", "search": QUICK.get("search", "gradient_ascent(steps=20, loss=margin)"),
        "kind": "at_most",
    }  # fmt: skip
    assert all(epoch.robust is not None and epoch.unseen is not None for epoch in done.curve)
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["attack"] == done.attack
    assert [epoch["unseen"] for epoch in record["curve"]] == [epoch.unseen for epoch in done.curve]
    said = str(done).splitlines()
    assert f"{done.best.unseen:.1%} under" in said[0]
    assert said[1].split()[-2:] == ["linf(eps=0.1)", "l2(eps=0.2)"]
    assert len(said) >= 2 + len(done.curve)


def test_under_a_chance_search_clean_accuracy_is_its_own_and_the_kind_an_estimate(tmp_path: Path) -> None:
    """An untrained network is right on a tenth of the digits, not on all that a draw leaves unskipped."""
    options = {**QUICK, "epochs": 1, "optimiser": "sgd(lr=1e-9)", "search": "one_draw"}
    done = train(net, DATA, METHOD, out=tmp_path, unseen="l2(eps=0.4)", **options)
    plain = train(net, DATA, "plain", out=tmp_path / "plain", unseen="none", **{**options, "search": "gradient_ascent(steps=2)"})
    assert done.curve[0].held_out == plain.curve[0].held_out < 0.5
    assert plain.curve[0].unseen is None
    assert (done.attack["kind"], done.attack["unseen"]) == ("estimate", "l2(eps=0.4)")
    assert "on average in linf(eps=0.1)" in str(done)
    assert "at most" not in str(done)
    with pytest.raises(sp.UsageError, match="The 'unseen' of train must be another shift than the threat"):
        train(net, DATA, METHOD, out=tmp_path / "same", unseen="linf(eps=0.1)", **QUICK)


@pytest.mark.parametrize(
    ("known", "unseen"), [("linf(eps=0.1)", "l2(eps=0.2)"), ("l2(eps=0.4)", "linf(eps=0.2)"), ("l2(eps=8)", "linf(eps=0.5)")]
)
def test_the_unseen_threat_of_a_ball_is_one_of_the_other_norm(known: str, unseen: str) -> None:
    from shiftproof.shifts import shifts
    from shiftproof.training.unseen_threat import unseen_threat

    examples = sp.examples(torch.zeros(2, 64), torch.zeros(2, dtype=torch.int64))
    found = unseen_threat("auto", shifts.build(known, space=examples.space), examples)
    assert found is not None
    assert found.spec() == unseen
    assert unseen_threat("auto", None, examples) is None
