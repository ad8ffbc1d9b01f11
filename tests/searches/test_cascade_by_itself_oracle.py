"""The cascade without any option: masked and random nets, models without gradients, and going on after a kill."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import shiftproof as sp
from fewer_queries import fewer_queries
from masked import EPS, examples, honest, masked
from shiftproof._errors import StoredFileWarning, UsageError
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.torch_module import TorchModule
from shiftproof.runs.checkpoint import Checkpoint
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.searches.cascade import Cascade
from shiftproof.searches.query_cascade import QueryCascade


@pytest.mark.parametrize("name", ["quantised", "saturated", "random", "steps", "jpeg"])
def test_it_breaks_masked_nets_that_climbing_does_not(name: str) -> None:
    data = examples({"jpeg": 5, "random": 40}.get(name, 24))
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the random net draws from torch's own generator, as such nets do
        climbed = sp.confront(masked(name), sp.Linf(EPS), search=sp.GradientAscent(), examples=data)
        found = sp.confront(masked(name), sp.Linf(EPS), search=Cascade(), examples=data)
    assert climbed.accuracy >= found.accuracy + 0.2
    assert found.accuracy <= 0.15
    assert ("averaged" in [flag.name for flag in found.flags]) == (name == "random")


class Coin(nn.Module):
    """Right with probability `share` in each pass, whatever the input; the label is always class 0."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        right = torch.rand(len(x), 1, generator=self.generator) < self.share
        return torch.where(right, torch.tensor([4.0, -4.0]), torch.tensor([-4.0, 4.0])) + 0 * x.flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize(("share", "least", "most"), [(0.8, 0.9, 1.0), (0.2, 0.0, 0.05)])
def test_a_random_model_is_judged_by_the_mean_of_its_passes(share: float, least: float, most: float) -> None:
    data = sp.examples(torch.rand(40, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(40, dtype=torch.int64))
    found = sp.confront(TorchModule(Coin(share), name="coin"), sp.Linf(0.1), search=Cascade(version="rand", draws=30), examples=data)
    assert least <= found.accuracy <= most
    (flag,) = [flag for flag in found.flags if flag.name == "averaged"]
    assert "30 passes" in flag.detail


def test_draws_are_twenty_on_a_random_model_only() -> None:
    assert Cascade().verdict_draws == 1
    assert Cascade().averaged().verdict_draws == 20
    assert Cascade(version="rand").verdict_draws == 20
    assert Cascade(draws=7).averaged().verdict_draws == 7
    with pytest.raises(UsageError, match="'draws' of cascade must be at least 0"):
        Cascade(draws=-1)
    with pytest.raises(UsageError, match="'draws' of query_cascade must be at least 0"):
        QueryCascade(draws=-1)


class Hidden(Scores):
    """A net seen by its scores only."""

    name = "hidden"

    def __init__(self, model: TorchModule) -> None:
        self._model = model

    def fingerprint(self) -> str:
        return "hidden"

    def scores(self, x: Tensor) -> Tensor:
        return self._model.scores(x)


class Mute(Labels):
    """A net seen by its decisions only."""

    name = "mute"

    def __init__(self, model: TorchModule) -> None:
        self._model = model

    def fingerprint(self) -> str:
        return "mute"

    def labels(self, x: Tensor) -> Tensor:
        return self._model.labels(x)


@pytest.mark.parametrize("most", [100, pytest.param(10**6, marks=pytest.mark.slow, id="all")])
def test_models_without_gradients_get_queries(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    if most == 100:
        fewer_queries(monkeypatch, most)
    data = examples(4)
    white = sp.confront(honest("plain"), sp.Linf(0.1), search=Cascade(), examples=data).accuracy
    for model in (Hidden(honest("plain")), Mute(honest("plain"))):
        found = sp.confront(model, sp.Linf(0.1), search=Cascade(), examples=data)
        assert white <= found.accuracy <= white + 0.25
        names = {stage.name.partition("(")[0] for stage in found.stages}
        assert ("square" in names) == isinstance(model, Scores)
        assert "hop_skip_jump" in names
    with pytest.raises(UsageError, match=r"needs gradients, and the model 'hidden' gives scores only"):
        sp.confront(Hidden(honest("plain")), sp.Linf(0.1), search=Cascade(version="standard"), examples=data)


def forest() -> tuple[Labels, sp.Examples]:
    generator = np.random.default_rng(0)
    x = generator.random((300, 5)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0.8).astype(int)
    fitted = RandomForestClassifier(5, max_depth=4, random_state=0).fit(x[:200], y[:200])
    return sp.as_model(fitted, name="forest"), sp.examples(x[200:260], y[200:260])


def test_trees_are_read_from_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer_queries(monkeypatch)
    model, data = forest()
    by_leaves = sp.confront(model, sp.Linf(0.1), search=searches.build("leaf_tuples"), examples=data)
    assert by_leaves.accuracy < sp.confront(model, sp.Linf(0.1), search=sp.BestOfN(5), examples=data).accuracy
    cascade = sp.confront(model, sp.Linf(0.1), search=Cascade(), examples=data[:4])
    assert any(stage.name.startswith("leaf_tuples") for stage in cascade.stages)
    assert (cascade.correct <= by_leaves.correct[:4]).all()
    line = sp.as_model(LogisticRegression().fit(data.x.numpy(), data.y.numpy()), name="line")
    assert "leaf" not in str(sp.confront(line, sp.Linf(0.1), search=Cascade(), examples=data[:4]).stages)
    with pytest.raises(UsageError, match="'estimator' of read_trees must be a fitted DecisionTree"):
        sp.confront(line, sp.Linf(0.1), search=searches.build("leaf_tuples"), examples=data)


class Killed(Exception):
    """Stands for kill -9."""


class Dies(nn.Module):
    """A net that is killed at its call number `at`."""

    def __init__(self, module: nn.Module, at: int | None) -> None:
        super().__init__()
        self.module, self.at = module, at
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == self.at:
            raise Killed
        out: Tensor = self.module(x)
        return out


WHERE = {"economy": (5, 60, 150, 350), "standard": (400, 3000)}


@pytest.mark.parametrize("version", ["economy", pytest.param("standard", marks=pytest.mark.slow)])
def test_a_killed_search_goes_on_in_its_middle(version: str, tmp_path: Path) -> None:
    data, search = examples(6), Cascade(version=version)
    module = honest("adversarial").module

    def run(at: int | None, folder: Path | None) -> tuple[sp.Finding, int]:
        dying = Dies(module, at)
        checkpoint = None if folder is None else Checkpoint(folder, every=0.0)
        try:
            found = sp.confront(TorchModule(dying, name="dies"), sp.Linf(0.1), search=search, examples=data, checkpoint=checkpoint)
        finally:
            calls.append(dying.calls)
        return found, dying.calls

    calls: list[int] = []
    straight, whole = run(None, None)
    for number, at in enumerate(WHERE[version]):
        folder = tmp_path / str(number)
        with pytest.raises(Killed):
            run(at, folder)
        resumed, rest = run(None, folder)
        assert resumed.outcome.tolist() == straight.outcome.tolist()
        assert np.array_equal(resumed.params, straight.params, equal_nan=True)
        assert resumed.forwards.tolist() == straight.forwards.tolist()
        assert resumed.backwards.tolist() == straight.backwards.tolist()
        assert [(s.name, s.examples, s.broken, s.forwards, s.backwards) for s in resumed.stages] == [
            (s.name, s.examples, s.broken, s.forwards, s.backwards) for s in straight.stages
        ]
        if at > 100:
            assert rest < whole  # it did not begin again
    again, passes = run(None, folder)  # finished: only the door asks
    assert passes < 12
    assert again.outcome.tolist() == straight.outcome.tolist()


def test_any_other_search_is_not_repeated_once_it_has_found(tmp_path: Path) -> None:
    data, checkpoint = examples(8), Checkpoint(tmp_path / "partial", every=0.0)
    search: Search = sp.GradientAscent(steps=5)
    first = sp.confront(honest("plain"), sp.Linf(0.1), search=search, examples=data, checkpoint=checkpoint)
    counted = Dies(honest("plain").module, None)
    second = sp.confront(TorchModule(counted, name="plain"), sp.Linf(0.1), search=search, examples=data, checkpoint=checkpoint)
    assert counted.calls <= 5
    assert second.forwards.tolist() == first.forwards.tolist()
    assert np.array_equal(second.params, first.params, equal_nan=True)
    checkpoint.clear()
    assert not checkpoint.folder.exists()


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    data, checkpoint = examples(8), Checkpoint(tmp_path / "partial", every=0.0)
    first = sp.confront(honest("plain"), sp.Linf(0.1), search=sp.GradientAscent(steps=2), examples=data, checkpoint=checkpoint)
    (file,) = checkpoint.folder.iterdir()
    file.write_bytes(file.read_bytes()[:20])
    with pytest.warns(StoredFileWarning, match=f"{file.name}' is not used: it has no checksum.* Its batch starts again"):
        again = sp.confront(honest("plain"), sp.Linf(0.1), search=sp.GradientAscent(steps=2), examples=data, checkpoint=checkpoint)
    assert np.array_equal(again.params, first.params, equal_nan=True)


def test_it_writes_at_most_once_in_a_while(tmp_path: Path) -> None:
    data, checkpoint = examples(8), Checkpoint(tmp_path / "partial", every=1000.0)
    sp.confront(honest("plain"), sp.Linf(0.1), search=sp.GradientAscent(steps=2), examples=data, checkpoint=checkpoint)
    assert not checkpoint.folder.exists()
