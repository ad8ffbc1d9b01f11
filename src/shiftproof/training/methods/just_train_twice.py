"""Just train twice: the second network sees the first one's errors more often. It needs no groups."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.randomness import Rng
from shiftproof.training.pieces.grouping import wanted
from shiftproof.training.pieces.moved_inputs import in_evaluation
from shiftproof.training.pieces.repeated_rows import jtt_rows
from shiftproof.training.pieces.wrapped_method import WrappedMethod, kept

_BATCH = 256


@dataclass(frozen=True)
class JustTrainTwice(WrappedMethod):
    """min_f of the sum of losses in which every example counts once, and those that a first network got wrong count `times` times.

    Args:
        first: a file of the first network's weights: those of plain, stopped early. One that fits everything marks nothing.
        times: lambda_up, at least 1; the paper's lie between 5 and 100.
        groups: where given, the columns whose worst group on held-out examples chooses the epoch; training itself knows no groups.
        method: the spec of the method that trains the second network.

    Guarantees:
        The second network begins anew. The marks follow from the file and the examples alone, so a resumed run has the same.
    Cost: the first training, one forward per example to mark, and the method's on as many more examples as the marks make.

    Reference: Liu et al. 2021, "Just train twice: improving group robustness without training group information".
    """

    name: ClassVar[str] = "just_train_twice"
    aliases: ClassVar[tuple[str, ...]] = ("jtt",)
    references: ClassVar[tuple[str, ...]] = ("liu2021just",)

    first: str
    times: int = 20
    groups: str = ""

    def check(self) -> None:
        super().check()
        if self.times < 1:
            raise must("times", self.name, "be at least 1", self.times)
        if self.groups:
            wanted(self.groups, self.name)

    @property
    def grouping(self) -> str:
        return self.groups or super().grouping

    def own(self, net: nn.Module, examples: Examples) -> nn.Module:
        from shiftproof.models.weights import load_weights

        device = next(net.parameters()).device
        first = copy.deepcopy(net).requires_grad_(False)
        load_weights(first, self.first, name="the first network")
        places = range(0, len(examples), _BATCH)
        wrong = [
            in_evaluation(first, examples.x[k : k + _BATCH].to(device)).argmax(1).cpu() != examples.y[k : k + _BATCH].cpu() for k in places
        ]
        marks = torch.cat(wrong)
        jtt_rows(marks.numpy(), times=self.times)  # says it now where there is nothing to show again
        return MarkedExamples(marks)

    def order(self, rng: Rng, memory: nn.Module) -> npt.NDArray[np.intp]:
        marks = kept(memory).own
        assert isinstance(marks, MarkedExamples)
        wrong = marks.wrong.cpu().numpy()
        rows = jtt_rows(wrong, times=self.times)
        shown = (np.arange(self.times) == 0) | wrong[:, None]  # the copies of each example, in the order of `rows`
        order: npt.NDArray[np.intp] = rows[np.argsort(rng.uniform(self.times).numpy()[shown], kind="stable")]
        return order

    @classmethod
    def examples_for_check(cls) -> list[JustTrainTwice]:
        """As people use it."""
        return [cls(first="first.safetensors", times=5)]


class MarkedExamples(nn.Module):
    """Which training examples the first network gets wrong, shape (n,)."""

    wrong: Tensor

    def __init__(self, wrong: Tensor) -> None:
        super().__init__()
        self.register_buffer("wrong", wrong)
