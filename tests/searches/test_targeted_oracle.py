"""A search with a goal, against the exact answer: for linear models, which class is in reach is a linear program."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.searches import searches
from shiftproof.searches.targeted import Targeted

CLASSES, FEATURES, EPS = 4, 6, 0.15


def linear() -> TorchModule:
    generator = torch.Generator().manual_seed(3)
    module = nn.Linear(FEATURES, CLASSES)
    module.weight.data.copy_(torch.randn(CLASSES, FEATURES, generator=generator))
    module.bias.data.copy_(-module.weight.data.sum(1) / 2)  # all classes meet in the middle of the box
    return TorchModule(module, name="linear")


def right(model: TorchModule, n: int = 60) -> sp.Examples:
    """Inputs that the model gets right, so that all are searched."""
    x = torch.rand(n, FEATURES, generator=torch.Generator().manual_seed(4))
    return sp.examples(x, model.labels(x))


def in_reach(model: TorchModule, x: Tensor, goal: int) -> bool:
    """Whether some legal input scores `goal` above every other class, by a linear program."""
    assert isinstance(model.module, nn.Linear)
    weight, bias = model.module.weight.detach().double().numpy(), model.module.bias.detach().double().numpy()
    others = [j for j in range(CLASSES) if j != goal]
    # Largest t with (w_goal - w_j) z + b_goal - b_j >= t for every other j, z inside the ball and the box.
    rows = np.hstack([weight[others] - weight[goal], np.ones((len(others), 1))])
    at = x.double().numpy()
    bounds = [*zip(np.maximum(at - EPS, 0), np.minimum(at + EPS, 1), strict=True), (None, None)]
    best = linprog(np.append(np.zeros(FEATURES), -1.0), A_ub=rows, b_ub=bias[goal] - bias[others], bounds=bounds)
    return bool(-best.fun > 1e-4)


@pytest.mark.parametrize("inner", ["cascade", "gradient_ascent(steps=100, restarts=5, loss=margin)"])
def test_it_reaches_a_class_exactly_where_it_can(inner: str) -> None:
    model = linear()
    data = right(model)
    found = sp.confront(model, sp.Linf(EPS), search=Targeted(inner, "2"), examples=data)
    can = np.array([int(y) != 2 and in_reach(model, x, 2) for x, y in zip(data.x, data.y, strict=True)])
    assert 0.05 < can.mean() < 0.95
    assert (found.outcome == "broken").tolist() == can.tolist()
    assert set(found.prediction[can].tolist()) == {2}


def test_chance_never_reaches_a_class_that_is_out_of_reach() -> None:
    model = linear()
    data = right(model)
    found = sp.confront(model, sp.Linf(EPS), search=Targeted("square(queries=500)", "2"), examples=data)
    can = np.array([int(y) != 2 and in_reach(model, x, 2) for x, y in zip(data.x, data.y, strict=True)])
    broken = found.outcome == "broken"
    assert (broken <= can).all()
    assert broken.sum() >= 0.8 * can.sum()


def test_what_misses_the_target_is_held_and_an_untargeted_search_finds_more() -> None:
    model = linear()
    data = right(model)
    free = sp.confront(model, sp.Linf(EPS), search=searches.build("cascade"), examples=data)
    towards = {
        c: sp.confront(model, sp.Linf(EPS), search=Targeted("gradient_ascent(loss=margin)", str(c)), examples=data) for c in range(4)
    }
    every = np.any([f.outcome == "broken" for f in towards.values()], axis=0)
    assert (every <= (free.outcome == "broken")).all()
    for goal, found in towards.items():
        assert (found.outcome[data.y.numpy() == goal] == "held").all()
        assert (found.prediction[found.outcome == "broken"] == goal).all()


def test_nearest_breaks_at_least_as_many_as_least_likely() -> None:
    model = linear()
    data = right(model)
    share = {
        choice: (sp.confront(model, sp.Linf(EPS), search=Targeted("gradient_ascent(loss=margin)", choice), examples=data)).accuracy
        for choice in ("nearest", "chance", "least_likely")
    }
    assert share["nearest"] < share["chance"] < share["least_likely"]


def test_a_model_of_labels_only_takes_a_class() -> None:
    model = linear()

    class Bare(Labels):
        name = "bare"

        def fingerprint(self) -> str:
            return "bare"

        def labels(self, x: Tensor) -> Tensor:
            return model.labels(x)

    data = right(model)
    found = sp.confront(Bare(), sp.Linf(EPS), search=Targeted("hop_skip_jump(queries=500)", "1"), examples=data)
    broken = found.outcome == "broken"
    assert broken.any()
    assert set(found.prediction[broken].tolist()) == {1}
    with pytest.raises(UsageError, match="needs scores, and the model 'bare' gives labels only"):
        sp.confront(Bare(), sp.Linf(EPS), search=Targeted("hop_skip_jump(queries=500)", "nearest"), examples=data)


def test_its_spec_reads_back() -> None:
    assert searches.build("targeted(search=gradient_ascent(steps=3), target=2)") == Targeted("gradient_ascent(steps=3)", "2")
    with pytest.raises(UsageError, match="'target' of targeted must be a class"):
        Targeted("cascade", "worst")
