"""Faster input gradients of strided convolutions against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.models._input_slopes import input_gradient, quicken
from shiftproof.models.fast_copy import FastCopy, fast_copy
from shiftproof.models.torch_module import TorchModule

X = torch.rand(6, 3, 20, 20, generator=torch.Generator().manual_seed(0))


@pytest.mark.oracle
@pytest.mark.parametrize("size", [(16, 16), (17, 22)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 0), (3, 3)])
@pytest.mark.parametrize("stride", [2, 3, 16])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (4, 4), (5, 3), (16, 16)])
def test_it_is_the_gradient_of_torch(kernel: tuple[int, int], stride: int, padding: tuple[int, int], size: tuple[int, int]) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(3, 2, *size, dtype=torch.float64, generator=draw).requires_grad_()
    weight = torch.randn(5, 2, *kernel, dtype=torch.float64, generator=draw)
    out = F.conv2d(x, weight, stride=stride, padding=padding)
    gradient = torch.randn(out.shape, dtype=torch.float64, generator=draw)
    (true,) = torch.autograd.grad(out, x, gradient)
    assert torch.allclose(input_gradient(gradient, weight, stride, padding, size), true, atol=1e-12)


def strided() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 4, 2, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, 2), nn.Flatten(), nn.Linear(96, 4)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


def test_only_strided_convolutions_of_few_channels_are_changed() -> None:
    others = [
        nn.Conv2d(3, 6, 3),
        nn.Conv2d(3, 6, 3, stride=(2, 1)),
        nn.Conv2d(3, 6, 3, 2, dilation=2),
        nn.Conv2d(3, 6, 3, 2, groups=3),
        nn.Conv2d(3, 6, 3, 2, 1, padding_mode="reflect"),
        nn.Conv2d(16, 6, 3, 2),
        nn.Conv2d(3, 6, 3, 2).double(),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 6, 3, 2)),
        nn.ConvTranspose2d(3, 6, 3, 2),
    ]
    assert quicken(nn.Sequential(*others)) == 0
    assert quicken(strided()) == 1


def test_a_copy_in_float32_of_a_net_without_batch_norm_has_the_same_scores_and_slopes_up_to_rounding() -> None:
    model = TorchModule(strided(), name="net")
    copied = FastCopy(model, "float32")
    mine, true = (leaf.clone().requires_grad_() for leaf in (X, X))
    scores, exact = copied.scores(mine), model.scores(true)
    assert torch.equal(scores, exact)
    (slopes,), (expected,) = (torch.autograd.grad(said.logsumexp(1).sum(), leaf) for said, leaf in ((scores, mine), (exact, true)))
    assert torch.allclose(slopes, expected, rtol=1e-4, atol=1e-7)
    assert not torch.equal(slopes, expected), "it is computed in the same way"
    assert model.module[0].forward.__func__ is nn.Conv2d.forward, "the model itself is changed"  # type: ignore[index]


def test_a_copy_in_bfloat16_has_them_too() -> None:
    model = TorchModule(strided(), name="net")
    leaf = X.clone().requires_grad_()
    (mine,) = torch.autograd.grad(FastCopy(model, "bfloat16").scores(leaf)[:, 1].sum(), leaf)
    (true,) = torch.autograd.grad(model.scores(other := X.clone().requires_grad_())[:, 1].sum(), other)
    assert float(F.cosine_similarity(mine.flatten(1), true.flatten(1)).min()) > 0.95


def test_a_net_that_gains_nothing_is_refused_by_both_reasons() -> None:
    with pytest.raises(UsageError, match="no batch norm to fold into a convolution, and no strided convolution of few channels"):
        fast_copy(TorchModule(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(1296, 3)), name="net"), "float32")
