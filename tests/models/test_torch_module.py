"""A torch module as a model: untouched, the same bits in any batch, and a fingerprint that follows what it computes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from shiftproof import GradientAscent, Linf, UsageError, as_model, confront
from shiftproof.data.examples import Examples
from shiftproof.models.abstract import Gradients, Labels
from shiftproof.models.torch_module import TorchModule

SHAPE = (1, 12, 12)


class Net(nn.Module):
    """Convolution, batch norm, dropout and a dense layer, with a plain setting and a constant buffer that is not saved."""

    mean: Tensor

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("mean", torch.full((1,), 0.5), persistent=False)
        self.body = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(8 * 144, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body((x - self.mean) * self.scale).flatten(1))
        return out


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(scale: float = 1.0) -> Net:
    torch.manual_seed(0)
    return Net(scale)


def batch(n: int = 40) -> Examples:
    x = torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1))
    y = as_model(make()).labels(x)
    import numpy as np

    return Examples(x, y, np.arange(n).astype(np.str_))


def test_a_module_gives_gradients_and_goes_through_the_door() -> None:
    model = as_model(make(), name="net")
    assert isinstance(model, Gradients)
    finding = confront(model, Linf(0.3), search=GradientAscent(steps=5), examples=batch())
    assert finding.accuracy < 0.5  # an untrained net falls at once
    assert model.name == "net"


@pytest.mark.parametrize("parts_in_training", ["all", "none", "batch norm only"])
def test_the_module_is_left_as_it_was_found(parts_in_training: str) -> None:
    net = make().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    net.train(parts_in_training == "all")
    if parts_in_training == "batch norm only":
        net.body[1].train()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    modes = [part.training for part in net.modules()]
    strides = [p.stride() for p in net.parameters()]
    confront(as_model(net), Linf(0.1), search=GradientAscent(steps=3), examples=batch(16))
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert [part.training for part in net.modules()] == modes
    assert [p.stride() for p in net.parameters()] == strides
    assert all(p.grad is None and p.requires_grad for p in net.parameters())


def test_it_is_in_evaluation_mode_while_it_is_asked() -> None:
    net = make().train()
    x = batch().x
    assert torch.equal(as_model(net).labels(x), as_model(make().eval()).labels(x))


def test_the_mode_comes_back_when_the_module_raises() -> None:
    net = make().train()
    model = TorchModule(net, name="net")
    with pytest.raises(RuntimeError):
        model.scores(torch.rand(2, 5))
    assert all(part.training for part in net.modules())


@pytest.mark.parametrize("size", [1, 7, 256])
def test_rows_are_the_same_bits_in_any_batch(size: int) -> None:
    model = TorchModule(make(), name="net")
    x = batch(300).x
    whole = model.scores(x)
    parts = torch.cat([model.scores(part) for part in x.split(size)])
    assert torch.equal(whole, parts)


def test_inputs_take_the_dtype_of_the_weights() -> None:
    assert TorchModule(make().double(), name="net").scores(torch.rand(3, *SHAPE)).dtype == torch.float64
    assert TorchModule(nn.Flatten(), name="flat").scores(torch.rand(3, 2)).shape == (3, 2)  # no weights at all


def test_a_mapping_with_logits_is_read() -> None:
    class Wrapped(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"loss": x.sum(), "logits": x[:, :2]}

    assert TorchModule(Wrapped(), name="w").scores(torch.rand(3, 4)).shape == (3, 2)


def test_an_answer_that_is_no_tensor_is_refused() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[int, int]:
            return 1, 2

    message = r"The 'answer' of the model 'two' must be a tensor of logits.*got 'tuple'. Wrap it in a module"
    with pytest.raises(UsageError, match=message):
        TorchModule(Two(), name="two").scores(torch.rand(3, 4))


def test_the_fingerprint_follows_what_is_computed_and_nothing_else() -> None:
    def fingerprint(net: nn.Module) -> str:
        return TorchModule(net, name="any").fingerprint()

    base = fingerprint(make())
    assert fingerprint(make().train()) == base
    assert fingerprint(pickle.loads(pickle.dumps(make()))) == base
    assert fingerprint(make(scale=2.0)) != base
    moved, buffered = make(), make()
    with torch.no_grad():
        moved.head.bias[0] += 1e-6
        buffered.mean += 0.1  # not in the state dict
    assert len({base, fingerprint(moved), fingerprint(buffered)}) == 3

    class Same(Net):
        def forward(self, x: Tensor) -> Tensor:
            return -super().forward(x)

    class Other(Net):
        pass

    Same.__qualname__ = Other.__qualname__ = "Net"
    Same.__name__ = Other.__name__ = "Net"
    torch.manual_seed(0)
    flipped = Same()
    torch.manual_seed(0)
    inherited = Other()
    assert fingerprint(flipped) != base
    assert fingerprint(inherited) == base


def test_a_model_can_be_pickled() -> None:
    model: Labels = as_model(make(), name="net")
    again = pickle.loads(pickle.dumps(model))
    x = batch(5).x
    assert torch.equal(again.labels(x), model.labels(x))
    assert again.fingerprint() == model.fingerprint()
