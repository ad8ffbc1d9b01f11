"""Losses: right values, and gradients that keep their direction where probabilities round to 1."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.losses import LOSSES, cross_entropy, loss_named, margin

scores = st.lists(st.lists(st.floats(-30, 30, width=32), min_size=4, max_size=4), min_size=1, max_size=5)


@given(scores, st.integers(0, 3))
def test_values(rows: list[list[float]], label: int) -> None:
    x = torch.tensor(rows)
    y = torch.full((len(rows),), label)
    assert torch.allclose(cross_entropy(x, y), F.cross_entropy(x, y, reduction="none"), atol=1e-5, rtol=1e-4)
    expected = [max(v for k, v in enumerate(row) if k != label) - row[label] for row in rows]
    assert torch.allclose(margin(x, y), torch.tensor(expected))


@given(scores, st.integers(0, 3))
def test_margin_is_positive_exactly_where_it_is_wrong(rows: list[list[float]], label: int) -> None:
    x = torch.tensor(rows)
    y = torch.full((len(rows),), label)
    wrong = x.argmax(1) != y
    assert (margin(x, y)[wrong] >= 0).all()
    assert (margin(x, y)[~wrong] <= 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_types_are_kept(dtype: torch.dtype) -> None:
    x, y = torch.tensor([[3.0, 1.0, -2.0]], dtype=dtype), torch.tensor([0])
    for loss in LOSSES.values():
        assert loss(x, y).dtype == dtype
        assert loss(x, y).shape == (1,)
        assert bool(loss(x, y).isfinite().all())
    assert margin(x, y).item() == -2.0


def slopes(loss: object, x: Tensor, y: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    assert callable(loss)
    (gradient,) = torch.autograd.grad(loss(leaf, y).sum(), leaf)
    return gradient


@pytest.mark.parametrize("lead", [5.0, 16.0, 20.0, 40.0, 80.0])
def test_a_confident_model_does_not_hide_the_way(lead: float) -> None:
    """The gradient lowers the label's score by what it raises the others', however sure the model is."""
    x, y = torch.tensor([[lead, 0.0, -1.0]]), torch.tensor([0])
    gradient = slopes(cross_entropy, x, y)[0]
    assert gradient[0] < 0 < gradient[1]
    assert float(gradient[0] + gradient[1:].sum()) == pytest.approx(0, abs=1e-6 * abs(float(gradient[0])))
    assert float(gradient[1] / gradient[2]) == pytest.approx(2.71828, rel=1e-4)


def test_what_the_library_loss_does_there() -> None:
    """Why it is not used: the label's part is lost, so the direction is wrong. Fails once torch keeps it."""
    x, y = torch.tensor([[20.0, 0.0, -1.0]]), torch.tensor([0])
    gradient = slopes(lambda s, t: F.cross_entropy(s, t, reduction="none"), x, y)[0]
    assert gradient[0] == 0
    assert gradient[1] > 0


def test_gradients_agree_where_both_are_exact() -> None:
    x, y = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4).sin(), torch.tensor([0, 2, 3])
    ours = slopes(cross_entropy, x, y)
    assert torch.allclose(ours, slopes(lambda s, t: F.cross_entropy(s, t, reduction="none"), x, y), atol=1e-12)


def test_names() -> None:
    assert loss_named("margin") is margin
    assert loss_named("cross_entropy") is cross_entropy
    with pytest.raises(UsageError) as error:
        loss_named("cross-entropy")
    assert str(error.value) == "Unknown loss 'cross-entropy'. Did you mean: cross_entropy?"
