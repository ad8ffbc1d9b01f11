"""Nothing breaks what was certified; away from the box an attack breaks the rest, so the bracket closes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from shiftproof.certificates import Linear
from shiftproof.certify import certify
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

WIDE = InputSpace(-100.0, 100.0, "vector", "[-100, 100]")
UNIT = InputSpace(0.0, 1.0, "vector", "[0, 1]")
KINDS = pytest.mark.parametrize("kind", [Linf, L2])
Kind = type[Linf] | type[L2]


def problem(seed: int, classes: int, features: int, n: int, deep: bool, space: InputSpace) -> tuple[TorchModule, Examples]:
    """A random linear model, and inputs labelled with its own decisions."""
    source = torch.Generator().manual_seed(seed)

    def layer(rows: int, columns: int) -> nn.Linear:
        made = nn.Linear(columns, rows)
        with torch.no_grad():
            made.weight.copy_(torch.randn(rows, columns, generator=source))
            made.bias.copy_(torch.randn(rows, generator=source) * 0.1)
        return made

    layers = [layer(5, features), layer(classes, 5)] if deep else [layer(classes, features)]
    model = TorchModule(nn.Sequential(*layers), name="random")
    x = torch.rand(n, features, generator=source) if space is UNIT else torch.randn(n, features, generator=source)
    return model, Examples(x, model.labels(x).detach(), np.array([f"{i}" for i in range(n)]), space=space)


@KINDS
@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 12), st.booleans(), st.sampled_from([WIDE, UNIT]), st.floats(0.02, 0.6))
def test_gradient_ascent_never_breaks_a_certified_example(
    kind: Kind, seed: int, classes: int, features: int, deep: bool, space: InputSpace, eps: float
) -> None:
    model, examples = problem(seed, classes, features, 20, deep, space)
    proven = certify(model, kind(eps), certificate=Linear(), examples=examples)
    attacked = confront(model, kind(eps), search=GradientAscent(steps=15, restarts=2, loss="margin"), examples=examples)
    assert not ((proven.outcome == "certified") & (attacked.outcome == "broken")).any()
    assert proven.accuracy <= attacked.accuracy


@KINDS
@pytest.mark.parametrize(("classes", "restarts"), [(2, 1), (5, 6)])
@pytest.mark.parametrize("eps", [0.1, 0.3])
def test_away_from_the_box_the_bracket_closes(kind: Kind, classes: int, restarts: int, eps: float) -> None:
    model, examples = problem(11, classes, 10, 200, True, WIDE)
    proven = certify(model, kind(eps), certificate=Linear(), examples=examples)
    search = GradientAscent(steps=30, restarts=restarts, step_size=1.0, loss="margin")
    attacked = confront(model, kind(eps), search=search, examples=examples)
    clear = ~(np.abs(proven.radius / eps - 1) < 1e-3)
    np.testing.assert_array_equal((proven.outcome == "certified")[clear], (attacked.outcome == "held")[clear])
    assert 0 < proven.correct.sum() < 200


def steepest(kind: Kind, model: TorchModule, x: Tensor, label: int) -> list[Tensor]:
    """The unit moves that hurt most, one for each other class."""
    leaf = x[None].clone().requires_grad_()
    (scores,) = model.scores(leaf)
    moves = []
    for other in range(len(scores)):
        if other != label:
            (uphill,) = torch.autograd.grad(scores[other] - scores[label], leaf, retain_graph=True)
            moves.append(uphill[0].sign() if kind is Linf else uphill[0] / torch.linalg.vector_norm(uphill[0]))
    return moves


@KINDS
@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.integers(2, 4), st.sampled_from([3, 50, 800]), st.booleans())
def test_the_worst_move_at_the_radius_itself_does_not_break_it_and_one_just_beyond_does(
    kind: Kind, seed: int, classes: int, features: int, deep: bool
) -> None:
    model, examples = problem(seed, classes, features, 6, deep, WIDE)
    proof = Linear().certify(model, kind(0.1, space=WIDE), examples.x, Rng.for_ids(0, examples.ids))
    for x, label, radius in zip(examples.x, examples.y.tolist(), proof.radius.tolist(), strict=True):
        moves = steepest(kind, model, x, label)
        for share in (1.0, 0.999999, 0.5):
            assert all(int(model.labels((x + share * radius * move)[None])) == label for move in moves)
        beyond = 1.002 * radius + (1e-6 if kind is Linf else 1e-5) * features  # more than rounding took off
        assert any(int(model.labels((x + beyond * move)[None])) != label for move in moves)
