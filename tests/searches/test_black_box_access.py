"""What searches without gradients ask for, what it costs, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.models.abstract import Labels, Scores, WrappedModel
from shiftproof.models.torch_module import TorchModule
from shiftproof.outcomes import SKIPPED
from shiftproof.preflight import inspect_model
from shiftproof.searches.abstract import Search
from shiftproof.searches.bandits import Bandits
from shiftproof.searches.boundary import Boundary
from shiftproof.searches.genetic import Genetic
from shiftproof.searches.geometric import Geometric
from shiftproof.searches.gradient_estimate import GradientEstimate
from shiftproof.searches.hop_skip_jump import HopSkipJump
from shiftproof.searches.leaf_tuples import LeafTuples
from shiftproof.searches.simple import Simple
from shiftproof.searches.sparse_random import SparseRandom
from shiftproof.searches.square import Square
from shiftproof.searches.transfer import Transfer
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.geometry.rotation import Rotation
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


class CountedScores(WrappedModel, Scores):
    """Counts the inputs that it is asked about."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(name="counted", fingerprint="counted")
        self._inner = TorchModule(module, name="inner")
        self.asked = 0

    def scores(self, x: Tensor) -> Tensor:
        self.asked += len(x)
        return self._inner.scores(x).detach()


class CountedLabels(WrappedModel, Labels):
    def __init__(self, module: nn.Module) -> None:
        super().__init__(name="counted", fingerprint="counted")
        self._inner = TorchModule(module, name="inner")
        self.asked = 0

    def labels(self, x: Tensor) -> Tensor:
        self.asked += len(x)
        return self._inner.labels(x)


def network(classes: int) -> nn.Module:
    generator = torch.Generator().manual_seed(classes)
    layers = nn.Sequential(nn.Flatten(), nn.Linear(48, 16), nn.Tanh(), nn.Linear(16, classes))
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return layers


def sample(module: nn.Module, n: int = 19, *, wrong: bool = False) -> Examples:
    x = torch.rand(n, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    y = TorchModule(module, name="inner").labels(x)
    y = (y + 1) % 2 if wrong else torch.where(torch.arange(n) % 4 == 0, (y + 1) % 2, y)
    return Examples(x, y, np.array([str(i) for i in range(n)]), space=InputSpace(kind="image"))


SCORES: list[tuple[Search, Shift]] = [
    (Square(queries=40), Linf(0.02)),
    (Square(queries=40), L2(0.05)),
    (Square(queries=1), L2(0.05)),
    (GradientEstimate(steps=5, draws=3), Linf(0.02)),
    (GradientEstimate(steps=5, draws=3, method="nes"), Rotation(5)),
    (Bandits(queries=40), Linf(0.02)),
    (Bandits(queries=40), L2(0.05)),
    (Simple(queries=41), Linf(0.02)),
    (Simple(queries=41, basis="dct"), L2(0.05)),
    (Genetic(queries=41), Linf(0.02)),
    (Genetic(queries=3), Rotation(5)),
    (SparseRandom(queries=40), L0(1)),
]
DECISIONS: list[tuple[Search, Shift]] = [
    (HopSkipJump(queries=200, draws=10), Linf(0.01)),
    (HopSkipJump(queries=200, draws=10), L2(0.05)),
    (Boundary(queries=100), L2(0.05)),
    (Geometric(queries=200, draws=10), Linf(0.01)),
    (Geometric(queries=200, draws=10), L2(0.05)),
]


def name(value: object) -> str:
    return value.spec() if isinstance(value, Search | Shift) else str(value)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize(("search", "shift"), [*SCORES, *DECISIONS], ids=name)
def test_every_query_is_counted_and_none_is_beyond_the_limit(search: Search, shift: Shift, classes: int) -> None:
    module = network(classes)
    model = CountedLabels(module) if issubclass(Labels, search.needs) else CountedScores(module)
    examples = sample(module)
    inspect_model(model, examples)
    before, model.asked = model.asked, 0
    finding = confront(model, shift, search=search, examples=examples)
    assert model.asked - before == finding.forwards.sum()
    assert finding.backwards.sum() == 0
    assert finding.forwards.max() <= search.most_passes(shift) + 2
    assert (finding.forwards[finding.outcome == SKIPPED] == 1).all()
    assert set(finding.outcome) <= {"held", "broken", "skipped"}
    assert not finding.flags


@pytest.mark.parametrize(("search", "shift"), [*SCORES, *DECISIONS], ids=name)
def test_a_batch_that_is_all_wrong_is_left_alone(search: Search, shift: Shift) -> None:
    module = network(2)
    finding = confront(TorchModule(module, name="net"), shift, search=search, examples=sample(module, 9, wrong=True))
    assert (finding.outcome == SKIPPED).all()
    assert (finding.forwards == 1).all()


@pytest.mark.parametrize(("search", "shift"), SCORES, ids=name)
def test_score_searches_are_refused_on_labels(search: Search, shift: Shift) -> None:
    module = network(2)
    with pytest.raises(UsageError, match=f"The search {search.name} needs scores, and the model 'counted' gives labels only"):
        confront(CountedLabels(module), shift, search=search, examples=sample(module))


@pytest.mark.parametrize(("search", "shift"), DECISIONS, ids=name)
def test_decision_searches_see_only_labels(search: Search, shift: Shift) -> None:
    """The same moves whether the model could give more or not."""
    module = network(3)
    examples = sample(module)
    poor = confront(CountedLabels(module), shift, search=search, examples=examples)
    rich = confront(TorchModule(module, name="net"), shift, search=search, examples=examples)
    assert np.array_equal(poor.params, rich.params, equal_nan=True)


def test_an_example_without_a_failure_in_the_box_is_held() -> None:
    """A model that always says the same: nothing to start from."""
    layer = nn.Linear(48, 2)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([1.0, 0.0]))
    module = nn.Sequential(nn.Flatten(), layer)
    examples = Examples(torch.rand(3, 3, 4, 4), torch.zeros(3, dtype=torch.int64), np.array(["a", "b", "c"]))
    for search in (HopSkipJump(tries=7), Boundary(tries=7), Geometric(tries=7)):
        finding = confront(CountedLabels(module), L2(0.5), search=search, examples=examples)
        assert (finding.outcome == "held").all()
        assert (finding.forwards == 7 + 2).all()


def test_a_space_without_ends_can_be_started_in() -> None:
    layer = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]))
    x = torch.tensor([[0.5, 0.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]])
    space = InputSpace(-np.inf, np.inf, units="any number")
    examples = Examples(x, torch.zeros(2, dtype=torch.int64), np.array(["near", "far"]), space=space)
    finding = confront(TorchModule(layer, name="half"), L2(1.0), search=HopSkipJump(queries=500), examples=examples)
    assert list(finding.outcome) == ["broken", "held"]


REFUSED: list[tuple[type[Search], dict[str, object], str]] = [
    (Square, {"queries": 0}, "The 'queries' of square must be at least 1, got 0"),
    (Square, {"share": 0.0}, r"The 'share' of square must be in \(0, 1\], got 0.0"),
    (HopSkipJump, {"draws": 1}, "The 'draws' of hop_skip_jump must be at least 2, got 1"),
    (HopSkipJump, {"most_draws": 50}, "The 'most_draws' of hop_skip_jump must be at least 100, got 50"),
    (GradientEstimate, {"steps": 0}, "The 'steps' of gradient_estimate must be at least 1, got 0"),
    (GradientEstimate, {"sigma": 0.0}, r"The 'sigma' of gradient_estimate must be in \(0, 1\], got 0.0. It is a share"),
    (GradientEstimate, {"step_size": -1.0}, "The 'step_size' of gradient_estimate must be at least 0, got -1.0"),
    (GradientEstimate, {"momentum": 1.0}, r"The 'momentum' of gradient_estimate must be in \[0, 1\), got 1.0"),
    (GradientEstimate, {"method": "adam"}, "The 'method' of gradient_estimate must be one of spsa, nes, got 'adam'"),
    (Bandits, {"queries": 2}, "The 'queries' of bandits must be at least 3, got 2"),
    (Bandits, {"probe": 0.0}, r"The 'probe' of bandits must be in \(0, inf\), got 0.0"),
    (Simple, {"queries": 0}, "The 'queries' of simple must be at least 1, got 0"),
    (Simple, {"step_size": -1.0}, "The 'step_size' of simple must be at least 0, got -1.0"),
    (Simple, {"basis": "wavelet"}, "The 'basis' of simple must be one of pixel, dct, got 'wavelet'"),
    (Simple, {"frequencies": 2.0}, r"The 'frequencies' of simple must be in \(0, 1\], got 2.0"),
    (Genetic, {"population": 1}, "The 'population' of genetic must be at least 2, got 1"),
    (Genetic, {"mutation": 0.0}, r"The 'mutation' of genetic must be in \(0, 1\], got 0.0"),
    (Genetic, {"temperature": 0.0}, r"The 'temperature' of genetic must be in \(0, inf\), got 0.0"),
    (SparseRandom, {"queries": 0}, "The 'queries' of sparse_random must be at least 1, got 0"),
    (SparseRandom, {"share": 2.0}, r"The 'share' of sparse_random must be in \(0, 1\], got 2.0"),
    (Boundary, {"tries": 0}, "The 'tries' of boundary must be at least 1, got 0"),
    (Boundary, {"sideways": 0.0}, r"The 'sideways' of boundary must be in \(0, inf\), got 0.0"),
    (Boundary, {"inward": 1.0}, r"The 'inward' of boundary must be in \(0, 1\), got 1.0"),
    (Geometric, {"growth": 0.5}, "The 'growth' of geometric must be at least 1, got 0.5"),
    (Geometric, {"reach": 0.0}, r"The 'reach' of geometric must be in \(0, inf\), got 0.0"),
    (Geometric, {"frequencies": 0.0}, r"The 'frequencies' of geometric must be in \(0, 1\], got 0.0"),
    (LeafTuples, {"restarts": 0}, "The 'restarts' of leaf_tuples must be at least 1, got 0"),
    (Transfer, {"steps": 0}, "The 'steps' of transfer must be at least 1, got 0"),
    (Transfer, {"diversity": 1.0}, r"The 'diversity' of transfer must be in \[0, 1\), got 1.0"),
]


@pytest.mark.parametrize(("search", "options", "message"), REFUSED, ids=name)
def test_options_out_of_range_are_refused(search: type[Search], options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        search(**options)


OBJECTIONS: list[tuple[Search, Shift, str]] = [
    (Square(), Rotation(5), "it supports linf and l2, not rotation"),
    (HopSkipJump(), Rotation(5), "it supports linf and l2, not rotation"),
    (Geometric(), L0(2), "it supports linf and l2, not l0"),
    (Boundary(), Linf(0.1), "it supports l2, not linf"),
    (Bandits(), L0(2), "it supports linf and l2, not l0"),
    (Simple(), L0(2), "it supports linf and l2, not l0"),
    (Simple(basis="dct"), Linf(0.1).within(InputSpace()), "inputs of kind 'vector' have no frequencies"),
    (SparseRandom(), Linf(0.1), "it supports l0, not linf"),
    (LeafTuples(), Linf(0.1), "it has no trees"),
    (Transfer(), Linf(0.1), "has no surrogate"),
]


@pytest.mark.parametrize(("search", "shift", "message"), OBJECTIONS, ids=name)
def test_shifts_that_cannot_be_searched_are_refused(search: Search, shift: Shift, message: str) -> None:
    assert message in str(search.objection(shift))
