"""Training on images in the worst mix of other images' styles, for domains that were not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.training.inner_search import evaluating
from shiftproof.training.methods.abstract import Batch, Method, Step, plain_step
from shiftproof.training.pieces.style_exploration import explore


@dataclass(frozen=True)
class StyleExploration(Method):
    """min_f E max over mixes of styles in the batch of cross_entropy(f(x'), y): x' has the meaning of x and the worst mix of styles.

    Args:
        factor: what a style is: "amplitude", of the Fourier transform (MODE-F), or "style", mean and deviation of each channel (MODE-A).
        styles: how many are mixed, the image's own included, at least 2.
        steps: of the search for the mix, at least 0; 0 is the even mix.
        step_size: of the weights of the mix, which lie in [0, 1].
        strength: how much of the new style is taken, in [0, 1].

    The partners of an image are drawn from its batch with replacement.

    Guarantees:
        Inputs stay in the box. The search is the authors' sign steps on the network in evaluation mode, and no step is checked to be worse.
    Cost: steps + 1 forwards and backwards per example.

    Reference: Dai et al. 2023, "Moderately distributional exploration for domain generalization".
    """

    name: ClassVar[str] = "style_exploration"
    aliases: ClassVar[tuple[str, ...]] = ("mode",)
    references: ClassVar[tuple[str, ...]] = ("dai2023moderately",)

    factor: str = "amplitude"
    styles: int = 4
    steps: int = 5
    step_size: float = 0.05
    strength: float = 1.0

    def check(self) -> None:
        if self.factor not in ("amplitude", "style"):
            raise must("factor", self.name, "be amplitude or style", self.factor)
        self.require("styles", least=2)
        self.require("steps", least=0)
        self.require("step_size", within="(0, inf)")
        self.require("strength", within="[0, 1]")

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        if examples.space.kind != "image":
            raise UsageError(f"{self.name} needs images, got inputs of kind '{examples.space.kind}'.")
        return nn.Module()

    def move(self, net: nn.Module, batch: Batch, memory: nn.Module) -> Tensor:
        n = len(batch.x)
        others = (batch.rng.child("styles").uniform(self.styles - 1).double() * n).long().clamp(max=n - 1)
        partners = torch.cat([torch.arange(n)[:, None], others], dim=1).numpy()

        def loss(x: Tensor) -> Tensor:
            return F.cross_entropy(net(x), batch.y, reduction="none")

        with evaluating(net):
            moved = explore(
                loss,
                batch.x,
                seed=0,
                factor="style" if self.factor == "style" else "amplitude",
                styles=self.styles,
                steps=self.steps,
                step_size=self.step_size,
                strength=self.strength,
                partners=partners,
            )
        found: Tensor = batch.space.clip(moved)
        return found

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        return plain_step(net, x, batch.y)

    @classmethod
    def examples_for_check(cls) -> list[StyleExploration]:
        """Either factor."""
        return [cls(), cls(factor="style", steps=2)]
