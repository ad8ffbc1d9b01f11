"""What small calls are filled up with changes no bit of a row's scores and gradients, and costs no row that it need not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from shiftproof.models.answers import filled, rows_of
from shiftproof.models.torch_module import TorchModule

IMAGES = torch.rand(48, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Spy(nn.Module):
    """Notes how many rows each call holds; its scores depend on that from `from_rows` down, as those of some kernels do."""

    def __init__(self, net: nn.Module, differs_below: int = 0) -> None:
        super().__init__()
        self.net, self.differs_below = net, differs_below
        self.asked: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.asked.append(len(x))
        scores: Tensor = self.net(x)
        return scores * (1 + 2**-20) if len(x) < self.differs_below else scores


def pooled() -> nn.Module:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8)
    layers = nn.Conv2d(3, 8, 3), norm, nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    return nn.Sequential(*layers).eval()


def dense() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 64), nn.ReLU(), nn.Linear(64, 10))


def slopes(model: TorchModule, x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.clone().requires_grad_()
    scores = model.scores(leaf)
    return scores.detach(), torch.autograd.grad(scores.logsumexp(1).sum(), leaf)[0]


@pytest.mark.parametrize("net", [pooled, dense])
def test_a_row_gets_the_same_bits_in_a_batch_of_any_size(net: type[nn.Module]) -> None:
    model = TorchModule(net(), name="net")
    whole = slopes(model, IMAGES)
    for n in (*range(1, 21), 33, 47):
        for _ in range(1 if n > 8 else 4):  # after some small calls fewer rows are tried
            for part, full in zip(slopes(model, IMAGES[:n]), whole, strict=True):
                assert torch.equal(part, full[:n]), n


@pytest.mark.parametrize(("below", "rows"), [(0, 4), (8, 8), (16, 16)])
def test_small_calls_hold_the_fewest_rows_that_change_no_bit(below: int, rows: int) -> None:
    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :4] * 3

    spy = Spy(Mean(), differs_below=below)
    model = TorchModule(spy, name="net")
    for _ in range(15):
        model.scores(IMAGES[:2])
    assert spy.asked[:13] == [16] * 13
    assert spy.asked[-1] == rows
    spy.asked.clear()
    model.scores(IMAGES[:17])
    assert spy.asked == [20]


def test_a_module_that_cannot_be_asked_for_gradients_keeps_its_calls() -> None:
    class Detached(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.from_numpy(x.flatten(1)[:, :4].numpy())

    model = TorchModule(spy := Spy(Detached()), name="net")
    for _ in range(16):
        with torch.no_grad():
            model.scores(IMAGES[:2])
    assert spy.asked[-1] == 16


def test_the_trial_leaves_the_random_numbers_of_a_random_module_alone() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :4] + torch.rand(len(x), 4)

    model, drawn = TorchModule(spy := Spy(Noisy()), name="net"), []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(16):
            drawn.append(model.scores(IMAGES[:2]))
        torch.manual_seed(0)
        again = [IMAGES[:2].flatten(1)[:, :4] + torch.rand(16, 4)[:2] for _ in range(16)]
    assert all(torch.equal(a, b) for a, b in zip(drawn, again, strict=True))
    assert spy.asked[-1] == 16


def test_zeros_and_doubles_prove_nothing() -> None:
    class Flat(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :4] * 0

    model = TorchModule(spy := Spy(Flat()), name="net")
    for _ in range(16):
        model.scores(IMAGES[:2])
    assert spy.asked[-1] == 16
    in_double = TorchModule(spy := Spy(nn.Sequential(nn.Flatten(), nn.Linear(768, 4)).double()), name="net")
    in_double.scores(IMAGES[:17].double())
    assert spy.asked == [24]


def test_rows_are_repeated_up_to_a_length() -> None:
    assert [rows_of(n) for n in (1, 16, 17, 20, 21, 255)] == [16, 16, 20, 20, 24, 256]
    assert filled(torch.tensor([1, 2]), 4).tolist() == [1, 2, 2, 2]
    assert filled(["a text"]) == ["a text"]
