"""Upsampling of what a first network is least certain about, at the same number of steps."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.randomness import Rng
from shiftproof.training.pieces.exchanged_rows import most_uncertain
from shiftproof.training.pieces.moved_inputs import in_evaluation
from shiftproof.training.pieces.wrapped_method import WrappedMethod, kept

_BATCH = 256


@dataclass(frozen=True)
class UncertainUpsampling(WrappedMethod):
    """Each pass shows the `share` of examples of the greatest entropy once more, in place of as many of all others, drawn anew each pass.

    Args:
        first: a file of the first network's weights, those of plain. Entropies of examples that it was trained on are low: one that was
            stopped early, or trained on others, tells more.
        share: of the examples that are shown twice, in (0, 0.5].
        method: the spec of the method that trains the second network.

    Guarantees:
        A pass has as many examples as without it, and so as many steps. The second network begins anew. Which examples are uncertain
        follows from the file and the examples alone, so a resumed run has the same.
    Cost: the first training, and one forward per example; then the method's.

    Reference: after the abstract of Stacey et al. 2025, "How to Improve the Robustness of Closed-Source Models on NLI"; the paper itself
    was not read. What is shown more often there comes from a pool of unused examples (`training.pieces.most_uncertain`).
    """

    name: ClassVar[str] = "uncertain_upsampling"
    references: ClassVar[tuple[str, ...]] = ("stacey2025closed",)

    first: str
    share: float = 0.25

    def check(self) -> None:
        super().check()
        if not 0 < self.share <= 0.5:
            raise must("share", self.name, "be in (0, 0.5]", self.share)

    def own(self, net: nn.Module, examples: Examples) -> nn.Module:
        from shiftproof.models.weights import load_weights

        device = next(net.parameters()).device
        first = copy.deepcopy(net).requires_grad_(False)
        load_weights(first, self.first, name="the first network")
        places = range(0, len(examples), _BATCH)
        said = [in_evaluation(first, examples.x[k : k + _BATCH].to(device)).softmax(1).double().cpu() for k in places]
        marks = torch.zeros(len(examples), dtype=torch.bool)
        marks[torch.from_numpy(most_uncertain(torch.cat(said).clamp(0, 1).numpy(), count=math.ceil(self.share * len(examples))))] = True
        return UncertainExamples(marks)

    def order(self, rng: Rng, memory: nn.Module) -> npt.NDArray[np.intp]:
        own = kept(memory).own
        assert isinstance(own, UncertainExamples)
        marks = own.marks.cpu().numpy()
        leave, once, again = rng.uniform(3).numpy().T
        uncertain, others = np.flatnonzero(marks), np.flatnonzero(~marks)
        stay = others[np.argsort(leave[others], kind="stable")][len(uncertain) :]
        shown = np.concatenate([uncertain, stay, uncertain])
        places = np.concatenate([once[uncertain], once[stay], again[uncertain]])
        order: npt.NDArray[np.intp] = shown[np.argsort(places, kind="stable")]
        return order

    @classmethod
    def examples_for_check(cls) -> list[UncertainUpsampling]:
        """As people use it."""
        return [cls(first="first.safetensors", share=0.2)]


class UncertainExamples(nn.Module):
    """Which training examples the first network is least certain about, shape (n,)."""

    marks: Tensor

    def __init__(self, marks: Tensor) -> None:
        super().__init__()
        self.register_buffer("marks", marks)
