"""The contract suite of training methods finds what it says it finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from shiftproof.conformance import check_part
from shiftproof.randomness import Rng
from shiftproof.training.methods import Adversarial, Batch, Method, Plain, Step


@dataclass(frozen=True)
class Outside(Adversarial):
    """Moves twice as far as it may."""

    name: ClassVar[str] = "outside"

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return (2 * super().move(net, batch, memory) - batch.x).clamp(0, 1)


@dataclass(frozen=True)
class OffBox(Adversarial):
    """Forgets the box."""

    name: ClassVar[str] = "off_box"

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return batch.x - 0.05


@dataclass(frozen=True)
class Careless(Plain):
    """Draws from torch's own generator."""

    name: ClassVar[str] = "careless"

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        return torch.rand_like(batch.x)


@dataclass(frozen=True)
class Fickle(Plain):
    """Remembers in a place of its own."""

    name: ClassVar[str] = "fickle"
    seen: ClassVar[list[int]] = []

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        self.seen.append(1)
        return batch.x * len(self.seen)


@dataclass(frozen=True)
class Meddling(Plain):
    """Steps by itself, and leaves its gradients and evaluation mode behind."""

    name: ClassVar[str] = "meddling"
    what: str = "step"

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        if self.what == "step":
            with torch.no_grad():
                next(net.parameters()).add_(1.0)
        elif self.what == "gradient":
            step.loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        else:
            net.eval()
        return step


@dataclass(frozen=True)
class Odd(Plain):
    """Gives what cannot be trained on."""

    name: ClassVar[str] = "odd"
    what: str = "short"

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        step = super().judge(net, batch, x, memory)
        changed = {
            "short": {"weights": step.weights[1:]},
            "nan": {"losses": step.losses * float("nan")},
            "learned": {"weights": step.losses},
            "flat": {"losses": 0 * step.losses},
        }
        return replace(step, **changed[self.what])


@dataclass(frozen=True)
class Disorderly(Plain):
    """Shows what there is not, ever more of it, or by a chance of its own."""

    name: ClassVar[str] = "disorderly"
    what: str = "outside"
    shown: ClassVar[list[int]] = []

    def order(self, rng: Rng, memory: nn.Module) -> npt.NDArray[np.intp]:
        rows = super().order(rng, memory)
        self.shown.append(0)
        return {"outside": rows + 1, "longer": np.resize(rows, 8 + len(self.shown)), "fickle": np.roll(rows, len(self.shown))}[self.what]


BALL = "linf(eps=0.1)"


@pytest.mark.parametrize(
    ("method", "check", "said"),
    [
        (Outside(BALL), "moves_stay_in_the_threat", "moves that leave linf(eps=0.1) by 0.1"),
        (OffBox(BALL), "moves_stay_in_the_threat", "inputs outside the box [0, 1]"),
        (Careless(), "draws_come_from_the_batch", "drew from the global generator of torch"),
        (Fickle(), "draws_come_from_the_batch", "gave other moves the second time"),
        (Meddling(), "leaves_the_network_unchanged", "Its step changed the parameters 1.weight"),
        (Meddling(what="gradient"), "leaves_the_network_unchanged", "Its step left gradients on 1.weight"),
        (Meddling(what="mode"), "leaves_the_network_unchanged", "left the network in evaluation mode"),
        (Disorderly(), "order_names_valid_rows", "names rows outside 0..7"),
        (Disorderly(what="longer"), "order_names_valid_rows", "They must have the same length"),
        (Disorderly(what="fickle"), "order_names_valid_rows", "gave another order the second time"),
        (Odd(), "loss_is_usable", "have the sizes ((8,), (7,), 8, 8)"),
        (Odd(what="nan"), "loss_is_usable", "is NaN or infinite"),
        (Odd(what="learned"), "loss_is_usable", "Its weights have a gradient"),
        (Odd(what="flat"), "loss_is_usable", "is zero for every parameter"),
    ],
)
def test_a_planted_fault_is_found(method: Method, check: str, said: str) -> None:
    report = check_part(method)
    assert not report.passed
    assert said in next(result.message for result in report.results if result.check == check and result.status == "fail")


def test_sound_methods_pass() -> None:
    report = check_part(Adversarial(BALL))
    assert report.kind == "method"
    assert report.passed, report
