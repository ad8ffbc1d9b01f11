"""Moves made on one model and read on another: between linear models the outcome is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.evaluation.transfer.transfer_matrix import transfer_matrix
from shiftproof.models.abstract import Labels, WrappedModel
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.searches.square import Square
from shiftproof.searches.transfer import Transfer, _blurred, _look
from shiftproof.shifts.norms.linf import Linf

EPS = 0.05


def half(name: str, weight: Tensor) -> TorchModule:
    """Decides by the sign of weight . (x - 1/2)."""
    layer = nn.Linear(len(weight), 2)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([-weight, weight]))
        layer.bias.copy_(torch.stack([weight.sum(), -weight.sum()]) / 2)
    return TorchModule(nn.Sequential(nn.Flatten(), layer), name=name)


def linear_data() -> tuple[list[TorchModule], list[Tensor], Examples]:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(16, generator=generator)
    weights = [base, base + 0.5 * torch.randn(16, generator=generator), torch.randn(16, generator=generator)]
    x = 0.3 + 0.4 * torch.rand(60, 16, generator=generator)
    y = (((x - 0.5) @ base) > 0).long()
    models = [half(name, weight) for name, weight in zip("abc", weights, strict=True)]
    return models, weights, Examples(x, y, np.array([str(i) for i in range(60)]))


def after(weight: Tensor, maker: Tensor, examples: Examples) -> Tensor:
    """Who is still right on `weight` after the worst move for `maker`, and was before, shape (n,)."""
    sign = examples.y * 2 - 1
    clean = ((examples.x - 0.5) @ weight) * sign
    moved = clean - EPS * (maker.sign() @ weight)
    right: Tensor = (clean > 0) & (moved > 0)
    return right


def test_the_matrix_of_linear_models_is_the_closed_form() -> None:
    models, weights, examples = linear_data()
    matrix = transfer_matrix(models, Linf(EPS), examples=examples)
    exact = torch.tensor([[after(reader, maker, examples).double().mean() for reader in weights] for maker in weights])
    assert np.allclose(matrix.accuracy, exact.numpy(), atol=1e-9)
    assert matrix.names == ("a", "b", "c")
    low, high = clopper_pearson(np.rint(matrix.accuracy * 60), 60)
    assert np.allclose(matrix.low, low)
    assert np.allclose(matrix.high, high)
    assert matrix.accuracy[0, 1] < matrix.accuracy[2, 1]  # a near relative's moves do more harm than a stranger's
    assert (matrix.accuracy.argmin(0) == [0, 1, 2]).all()


def test_another_search_makes_the_moves() -> None:
    models, weights, examples = linear_data()
    matrix = transfer_matrix(models[:2], Linf(EPS), examples=examples, search=GradientAscent(steps=10, drop=False))
    own = confront(models[0], Linf(EPS), search=GradientAscent(steps=10, drop=False), examples=examples)
    assert matrix.accuracy[0, 0] == own.accuracy
    options = transfer_matrix(models[:2], Linf(EPS), examples=examples, search=Transfer(momentum=0.0))
    assert options.accuracy[0, 0] == pytest.approx(float(after(weights[0], weights[0], examples).double().mean()))


def test_the_model_is_asked_nothing() -> None:
    models, _, examples = linear_data()
    for search in (Transfer(surrogates=(models[1],)), Transfer(surrogates=(models[1],), search=Square(queries=30))):
        finding = confront(models[0], Linf(EPS), search=search, examples=examples)
        assert set(finding.forwards) <= {1, 2}
        assert finding.backwards.sum() == 0
        assert not finding.flags


def test_several_surrogates_climb_their_mean() -> None:
    models, weights, examples = linear_data()
    finding = confront(models[0], Linf(EPS), search=Transfer(surrogates=(models[1], models[2])), examples=examples)
    expected = after(weights[0], weights[1] + weights[2], examples)
    assert (finding.correct == expected.numpy()).all()


def test_batches_change_nothing_with_chance_views_either() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(20, 1, 8, 8, generator=generator)
    model, other = (half(name, torch.randn(64, generator=generator)) for name in ("one", "two"))
    examples = Examples(x, other.labels(x), np.array([str(i) for i in range(20)]), space=InputSpace(kind="image"))
    search = Transfer(surrogates=(model,), diversity=0.3, blur=0.7, steps=4)
    whole, pieces = (confront(other, Linf(0.1), search=search, examples=examples, batch_size=size) for size in (256, 3))
    assert np.allclose(np.nan_to_num(whole.params), np.nan_to_num(pieces.params), atol=1e-5)
    plain = confront(other, Linf(0.1), search=Transfer(surrogates=(model,), steps=4), examples=examples)
    assert not np.allclose(np.nan_to_num(whole.params), np.nan_to_num(plain.params), atol=1e-2)


def test_a_look_shrinks_and_keeps_the_brightness_of_what_it_shows() -> None:
    x = torch.ones(200, 1, 20, 20)
    look = _look(Rng.for_ids(0, [str(i) for i in range(200)]), 0.5)(x)
    area = look.flatten(1).mean(1)
    assert ((area - 1).abs() < 1e-6).double().mean() == pytest.approx(0.5, abs=0.12)  # one in two is left as it is
    assert float(area.min()) == pytest.approx(0.25, abs=0.05)  # at half the side, a quarter of the area
    assert float(look.max()) == pytest.approx(1.0, abs=1e-5)


def test_the_blur_is_a_gaussian() -> None:
    point = torch.zeros(1, 2, 15, 15)
    point[0, :, 7, 7] = 1.0
    blurred = _blurred(point, 1.5)
    assert torch.allclose(blurred.sum((2, 3)), torch.ones(1, 2), atol=1e-5)
    ratio = blurred[0, 0, 7, 9] / blurred[0, 0, 7, 7]
    assert float(ratio) == pytest.approx(np.exp(-4 / (2 * 1.5**2)), rel=1e-4)


class OnlyLabels(WrappedModel, Labels):
    def labels(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), dtype=torch.int64)


def test_what_cannot_be_done_is_refused() -> None:
    models, _, examples = linear_data()
    poor = OnlyLabels(name="poor", fingerprint="poor")
    with pytest.raises(UsageError, match="The surrogate 'poor' of transfer must provide gradients"):
        Transfer(surrogates=(poor,))
    with pytest.raises(UsageError, match="The surrogate 'poor' of transfer must provide scores"):
        Transfer(surrogates=(poor,), search=Square())
    with pytest.raises(UsageError, match="The 'surrogates' of transfer must be one model where a search is given, got 2"):
        Transfer(surrogates=(models[0], models[1]), search=Square())
    with pytest.raises(UsageError, match="diversity and blur are for images, and these inputs are of kind 'vector'"):
        confront(models[0], Linf(EPS), search=Transfer(surrogates=(models[1],), blur=1.0), examples=examples)
    with pytest.raises(UsageError, match=r"needs at least one model, and different names, got \['a', 'a'\]"):
        transfer_matrix([models[0], models[0]], Linf(EPS), examples=examples)
    assert Transfer(surrogates=(models[0],)) != Transfer(surrogates=(models[1],))
