"""The layout of images for a torch module: by a rule, never by a clock. The module stays as it is; rows do not depend on their batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof import GradientAscent, Linf, UsageError, as_model, confront, examples
from shiftproof.models.torch_module import MEMORY_FORMATS, MemoryFormat, TorchModule, channels_last

CHANNELS = (1, 3)
Make = Callable[[int], nn.Sequential]


class Spy(nn.Module):
    """Says how its inputs lie in memory."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.stride())
        out: Tensor = self.inner(x)
        return out


class Viewing(nn.Module):
    """Flattens with a view, which needs contiguous features."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = pooled(3)[:3], nn.Linear(6 * 64, 4)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x)
        scores: Tensor = self.head(features.view(len(features), -1))
        return scores


def pooled(channels: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 64, 4))


def deep(channels: int) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(12 * 64, 4))


def shallow(channels: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 4))


def images(n: int, channels: int) -> Tensor:
    return torch.rand(n, channels, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize(("make", "chosen"), [(pooled, "channels_last"), (deep, "channels_last"), (shallow, "contiguous")])
def test_auto_goes_by_the_structure(make: Make, chosen: str, channels: int) -> None:
    net = make(channels)
    assert TorchModule(net, name="net").memory_format == chosen
    assert TorchModule(net.double(), name="net").memory_format == "contiguous"
    assert TorchModule(nn.Linear(4, 2), name="net").memory_format == "contiguous"


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("memory_format", ["channels_last", "contiguous"])
def test_the_module_sees_that_layout(memory_format: MemoryFormat, channels: int) -> None:
    """Grey images too: their strides must say it, or convolutions take them for contiguous."""
    spy = Spy(deep(channels))
    as_model(spy, memory_format=memory_format).labels(images(8, channels))
    dense = (channels * 256, 1, 16 * channels, channels) if memory_format == "channels_last" else (channels * 256, 256, 16, 1)
    assert spy.seen == [dense]
    features = deep(channels)[0](channels_last(images(8, channels)))
    assert features.is_contiguous(memory_format=torch.channels_last)
    assert not features.is_contiguous()


@pytest.mark.parametrize("channels", CHANNELS)
def test_pixels_stay_where_they_were(channels: int) -> None:
    x = images(3, channels)
    assert torch.equal(channels_last(x), x)
    leaf = x.clone().requires_grad_()
    weights = torch.rand(x.shape)
    (channels_last(leaf) * weights).sum().backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    assert torch.equal(leaf.grad, weights)


@pytest.mark.parametrize(("make", "channels", "threads"), [(pooled, 1, 1), (deep, 3, 1), (shallow, 1, 1), (shallow, 3, 1), (deep, 3, 2)])
@pytest.mark.parametrize("memory_format", ["channels_last", "contiguous"])
def test_rows_and_their_gradients_are_the_same_bits_in_any_batch(
    make: Make, channels: int, memory_format: MemoryFormat, threads: int
) -> None:
    torch.set_num_threads(threads)
    model = TorchModule(make(channels), name="net", memory_format=memory_format)
    x = images(256, channels)

    def asked(part: Tensor) -> tuple[Tensor, Tensor]:
        leaf = part.detach().clone().requires_grad_()
        scores = model.scores(leaf)
        return scores.detach(), torch.autograd.grad(scores.logsumexp(1).sum(), leaf)[0]

    whole = asked(x)
    for size, most in ((1, 4), (7, 21), (8, 16), (64, 128)):
        for start in range(0, most, size):
            rows = slice(start, start + size)
            assert all(torch.equal(all_rows[rows], part) for all_rows, part in zip(whole, asked(x[rows]), strict=True))


@pytest.mark.parametrize("memory_format", MEMORY_FORMATS)
def test_verdicts_do_not_depend_on_the_batch_size(memory_format: MemoryFormat) -> None:
    model = as_model(deep(3), memory_format=memory_format)
    x = images(40, 3)
    data = examples(x, model.labels(x))
    whole, small = (confront(model, Linf(0.03), search=GradientAscent(steps=4), examples=data, batch_size=size) for size in (256, 7))
    assert 0 < whole.accuracy < 1
    assert np.array_equal(whole.params, small.params, equal_nan=True)
    assert np.array_equal(whole.loss, small.loss)


def test_the_module_keeps_its_own_layout_and_follows_its_weights() -> None:
    net = deep(3).train()
    model = TorchModule(net, name="net", memory_format="channels_last")
    strides = [tensor.stride() for tensor in (*net.parameters(), *net.buffers())]
    x = images(8, 3)
    before = model.scores(x)
    with torch.no_grad():
        list(net.parameters())[-1].add_(1.0)  # the last layer's bias
    assert torch.allclose(model.scores(x), before + 1.0, atol=1e-5)
    assert [tensor.stride() for tensor in (*net.parameters(), *net.buffers())] == strides
    assert all(part.training for part in net.modules())
    assert all(p.grad is None for p in net.parameters())


def test_code_that_needs_contiguous_features_gets_them_from_auto_and_an_error_from_channels_last() -> None:
    net, x = Viewing(), images(8, 3)
    model = TorchModule(net, name="net")
    expected = TorchModule(net, name="net", memory_format="contiguous").scores(x)
    chosen = [model.memory_format]
    assert torch.equal(model.scores(x), expected)
    assert [*chosen, model.memory_format] == ["channels_last", "contiguous"]
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        TorchModule(net, name="net", memory_format="channels_last").scores(x)


def test_other_errors_of_the_module_come_through() -> None:
    with pytest.raises(RuntimeError, match="channels"):
        TorchModule(deep(3), name="net").scores(images(8, 1))


def test_inputs_that_are_no_images_are_left_alone() -> None:
    assert TorchModule(nn.Linear(4, 2), name="net", memory_format="channels_last").scores(torch.rand(3, 4)).shape == (3, 2)


def test_the_fingerprint_says_what_was_asked_for() -> None:
    """A layout that people choose may change the last bits; `auto` follows from the module."""
    prints = {
        memory_format: TorchModule(deep(3), name="net", memory_format=memory_format).fingerprint() for memory_format in MEMORY_FORMATS
    }
    digest = prints["auto"].removeprefix("torch:")
    assert prints == {name: f"torch{'' if name == 'auto' else '+' + name}:{digest}" for name in MEMORY_FORMATS}


def test_an_unknown_layout_is_refused() -> None:
    message = r"The 'memory_format' of the model 'net' must be one of auto, channels_last, contiguous, got 'fast'"
    with pytest.raises(UsageError, match=message):
        TorchModule(deep(3), name="net", memory_format="fast")  # type: ignore[arg-type]
