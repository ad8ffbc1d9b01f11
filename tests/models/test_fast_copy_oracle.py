"""The faster copy of a module is the module up to rounding; what it decides narrowly is the module's own, which stays as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.models.answers import ROWS
from shiftproof.models.copy_precisions import PRECISIONS, CopyPrecision
from shiftproof.models.fast_copy import FastCopy, fast_copy
from shiftproof.models.query_count import counting_queries
from shiftproof.models.torch_module import TorchModule


class Block(nn.Module):
    """A residual block, with a convolution that is called twice and must not be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.shared, self.other = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.conv(x)))
        return torch.relu(x + self.other(self.shared(y)) + self.shared(y))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), Block(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)]
    module = nn.Sequential(*layers)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.3, 2.0)
            nn.init.uniform_(part.weight, 0.5, 2.0)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    return module.eval()


X = torch.rand(64, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def _tie(module: nn.Sequential, x: Tensor) -> None:
    """Makes the two best classes of an input equally good, all but a little."""
    layer = module[-1]
    assert isinstance(layer, nn.Linear)
    with torch.no_grad():
        (first, second), (_, place) = (part[0] for part in module(x).topk(2, dim=1))
        layer.bias[place] += first - second - 1e-6


def wide(scores: Tensor, share: float) -> Tensor:
    best = scores.topk(2, dim=1).values
    return best[:, 0] - best[:, 1] > share * (best[:, 0] - scores.amin(1))


@pytest.mark.oracle
@pytest.mark.parametrize(("precision", "off", "share"), [("float32", 1e-5, 1e-4), ("bfloat16", 0.03, 0.04)])
def test_it_is_the_module_up_to_rounding_and_the_module_itself_where_it_is_narrow(
    precision: CopyPrecision, off: float, share: float
) -> None:
    module = net()
    _tie(module, X[:1])
    said = FastCopy(TorchModule(module, name="net"), precision).scores(X)
    with torch.no_grad():
        exact = module(X)
    spread = exact.amax(1, keepdim=True) - exact.amin(1, keepdim=True)
    assert float(((said - exact) / spread).abs().max()) < off
    narrow = ~wide(exact, share / 2)  # by either's scores
    assert int(narrow.sum()) >= 1
    assert float((said[narrow] - exact[narrow]).abs().max()) < 1e-6  # other batches round otherwise
    assert bool((said != exact).any()), "it computes nothing of its own"


@pytest.mark.oracle
@pytest.mark.parametrize("precision", PRECISIONS)
def test_its_gradients_point_where_those_of_the_module_do(precision: CopyPrecision) -> None:
    module = net()
    leaf, other = X.clone().requires_grad_(), X.clone().requires_grad_()
    (mine,) = torch.autograd.grad(FastCopy(TorchModule(module, name="net"), precision).scores(leaf)[:, 1].sum(), leaf)
    (true,) = torch.autograd.grad(module(other)[:, 1].sum(), other)
    cosine = nn.functional.cosine_similarity(mine.flatten(1), true.flatten(1))
    assert float(cosine.min()) > (0.999999 if precision == "float32" else 0.95)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_module_stays_as_it_was(precision: CopyPrecision) -> None:
    module = net().train()
    before = copy.deepcopy(module.state_dict())
    FastCopy(TorchModule(module, name="net"), precision).scores(X)
    assert module.training
    assert all(weight.requires_grad for weight in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_what_has_no_faster_copy_is_refused() -> None:
    plain = TorchModule(nn.Sequential(nn.Flatten(), nn.Linear(432, 3)), name="plain")
    with pytest.raises(UsageError, match="it has no batch norm to fold"):
        fast_copy(plain, "float32")
    with pytest.raises(UsageError, match="weights in float32"):
        fast_copy(TorchModule(net().double(), name="double"), "bfloat16")
    with pytest.raises(UsageError, match="it is no torch module"):
        fast_copy(sp.as_model(lambda x: x[:, 0, 0, :5], name="call", gives="scores"), "bfloat16")


def test_a_module_that_torch_cannot_trace_has_a_copy_in_bfloat16_only() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = net()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.body(x) if float(x.detach().mean()) < 2 else x
            return out

    model = TorchModule(Branches(), name="branches")
    with pytest.raises(UsageError, match="torch cannot trace it"):
        fast_copy(model, "float32")
    fast_copy(model, "bfloat16").check(X)


def test_a_copy_that_decides_otherwise_is_refused() -> None:
    class KnowsItself(nn.Module):
        """Answers differently where it is a copy."""

        def __init__(self) -> None:
            super().__init__()
            self.body, self.me = net(), id(self)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.body(x) * (1.0 if id(self) == self.me else -1.0)
            return out

    with pytest.raises(UsageError, match=r"decides otherwise on \d+ of 64 inputs"):
        fast_copy(TorchModule(KnowsItself(), name="self"), "bfloat16").check(X)


class ReadsItsWeights(nn.Module):
    """Its code asks a layer for its weight, as that of Hugging Face's image models does."""

    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, x: Tensor) -> Tensor:
        first = self.body[0]
        assert isinstance(first, nn.Conv2d)
        out: Tensor = self.body(x.to(first.weight.dtype))
        return out


def tied() -> nn.Module:
    layers = nn.Linear(432, 432), nn.Linear(432, 432)
    layers[1].weight = layers[0].weight
    return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.Linear(432, 5))


def transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)
    return nn.Sequential(nn.Flatten(1, 2), layer, nn.Flatten(), nn.Linear(432, 5))


def hooked() -> nn.Module:
    module = net()
    module[0].register_forward_hook(lambda layer, given, said: said * said)
    return module


def normalised() -> nn.Module:
    module = net()
    nn.utils.parametrizations.weight_norm(module[0])
    return module


@pytest.mark.oracle
@pytest.mark.parametrize("make", [ReadsItsWeights, tied, transformer, hooked, normalised])
def test_modules_of_every_make_have_a_copy_that_says_what_they_say(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    module = make().eval()
    copied = FastCopy(TorchModule(module, name="net"), "bfloat16")
    copied.check(X)
    with torch.no_grad():
        exact, said = module(X), copied.scores(X)
    spread = exact.amax(1, keepdim=True) - exact.amin(1, keepdim=True)
    assert float(((said - exact) / spread).abs().max()) < 0.03


@pytest.mark.parametrize("make", [hooked, normalised])
def test_nothing_is_folded_where_a_fold_would_lose_a_hook_or_a_computed_weight(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(UsageError, match="it has hooks, or weights that are computed"):
        fast_copy(TorchModule(make(), name="net"), "float32")


def test_two_classes_have_no_copy_in_bfloat16_as_nothing_would_be_narrow() -> None:
    model = TorchModule(nn.Sequential(nn.Flatten(), nn.Linear(432, 8), nn.ReLU(), nn.Linear(8, 2)), name="two")
    with pytest.raises(UsageError, match="it has 2 classes, and which of their decisions are narrow cannot be told"):
        fast_copy(model, "bfloat16").check(X)


def test_a_script_has_no_copy() -> None:
    script = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(432, 5)))
    with pytest.raises(UsageError, match="it cannot be copied"):
        fast_copy(TorchModule(script, name="script"), "bfloat16")


def test_what_the_copy_answers_is_not_sent_to_the_model() -> None:
    module = net()
    said = FastCopy(TorchModule(module, name="net"), "bfloat16")
    with torch.no_grad():
        narrow = int((~wide(said._copy.scores(X), 0.04)).sum())
    assert narrow < len(X)
    with counting_queries() as count:
        said.scores(X)
    assert count.sent == -(-narrow // ROWS) * ROWS
