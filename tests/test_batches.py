"""Where memory runs out the batch is halved and the run goes on, with the same verdicts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.certificates.linear import Linear
from shiftproof.certify import certify
from shiftproof.data.examples import Examples
from shiftproof.models.torch_module import TorchModule


class Greedy(nn.Module):
    """A linear net that dies of batches above `most`, as `error` says it."""

    def __init__(self, most: int, error: Exception) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.most, self.error = most, error
        self.refused = 0

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            self.refused += 1
            raise self.error
        out: Tensor = self.linear(x)
        return out


def data(n: int = 40) -> Examples:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, 6, generator=generator)
    return sp.examples(x, torch.randint(3, (n,), generator=generator))


def greedy(most: int, error: Exception) -> Greedy:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Greedy(most, error)


ERRORS = (
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_the_run_goes_on_with_smaller_batches(error: Exception) -> None:
    module = greedy(16, error)
    found = sp.confront(TorchModule(module, name="greedy"), sp.Linf(0.1), search=sp.GradientAscent(steps=5), examples=data())
    assert module.refused == 2  # 40, 20; then 10
    plain = sp.confront(
        TorchModule(greedy(64, error), name="greedy"), sp.Linf(0.1), search=sp.GradientAscent(steps=5), examples=data(), batch_size=10
    )
    assert found.outcome.tolist() == plain.outcome.tolist()
    assert found.forwards.tolist() == plain.forwards.tolist()
    assert (found.loss == plain.loss).all()
    (flag,) = [flag for flag in found.flags if flag.name == "batch_halved"]
    assert "batches of 256" in flag.detail
    assert "went on with 10" in flag.detail
    assert not [flag for flag in plain.flags if flag.name == "batch_halved"]


def test_certificates_go_on_too() -> None:
    module = nn.Sequential(nn.Linear(6, 3))
    calls: list[int] = []

    def dies(_: nn.Module, inputs: tuple[Tensor]) -> None:
        calls.append(len(inputs[0]))
        if len(inputs[0]) > 16:
            raise MemoryError

    model = TorchModule(module, name="linear")
    whole = certify(model, sp.Linf(0.01), certificate=Linear(), examples=data())

    class Dying(Linear):
        def certify(self, *arguments: object) -> object:  # type: ignore[override]
            dies(module, (arguments[2],))  # type: ignore[arg-type]
            return super().certify(*arguments)  # type: ignore[arg-type]

    halved = certify(model, sp.Linf(0.01), certificate=Dying(), examples=data())
    assert calls == [40, 20, 10, 10, 10, 10]
    assert halved.outcome.tolist() == whole.outcome.tolist()
    assert "batch_halved" in [flag.name for flag in halved.flags]


def test_a_single_example_too_many_is_said() -> None:
    model = TorchModule(greedy(64, MemoryError()), name="greedy")

    class Hungry(sp.GradientAscent):
        def __call__(self, *arguments: object) -> Tensor:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB\nsecond line")

    with pytest.raises(UsageError, match=r"single example \(CUDA out of memory\. Tried to allocate 2\.00 GiB\)\. Use a smaller"):
        sp.confront(model, sp.Linf(0.1), search=Hungry(), examples=data(3))


def test_other_errors_are_not_taken_for_it() -> None:
    class Wrong(sp.GradientAscent):
        def __call__(self, *arguments: object) -> Tensor:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        sp.confront(TorchModule(greedy(64, MemoryError()), name="greedy"), sp.Linf(0.1), search=Wrong(), examples=data(3))
