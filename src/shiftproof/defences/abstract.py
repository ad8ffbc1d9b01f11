"""The base classes of defences at inference time, which declare what they do to gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof._part import Part
from shiftproof.data.examples import Examples
from shiftproof.data.space import UNIT_BOX, InputSpace, Kind, Space
from shiftproof.defences.context import DefenceContext, FittedTensors
from shiftproof.defences.defended_model import DefendedModel, defended
from shiftproof.models.abstract import Labels, Scores, access_name
from shiftproof.randomness import Rng

_NO_DRAWS = Rng(np.zeros(0, dtype=np.uint64))


class Gradient(str, Enum):
    """The gradient of a model under a defence."""

    EXACT = "exact"
    """Torch differentiates it, and the gradient is that of the answers."""
    ZERO = "zero"
    """It rounds: the derivative is zero almost everywhere, and useless."""
    NONE = "none"
    """It runs code that torch cannot differentiate."""


@dataclass(frozen=True)
class Defence(Part):
    """A defence at inference time. Called with a model it returns a defended model, which is measured like any other.

    Its declarations decide how it is attacked: a step without a useful gradient gets a substitute gradient (BPDA), and a random defence is
        searched by the mean of several passes (EOT).
    """

    family: ClassVar[str]
    """The row of the literature that it belongs to: transformation, squeezing, ensemble, detection, smoothing or masking."""
    gradient: ClassVar[Gradient] = Gradient.EXACT
    random: ClassVar[bool] = False
    """Whether repeated calls on the same input may differ."""
    needs_held_out: ClassVar[bool] = False
    """Whether it must be fitted on clean examples that nothing is measured on."""
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "table", "vector"})

    @property
    def passes(self) -> int:
        """Forward passes per output: its cost relative to the model, apart from its own step."""
        return 1

    @property
    def others(self) -> int:
        """The number of further models."""
        return 0

    @property
    def adaptive(self) -> str:
        """The adaptive attack on this defence, in words."""
        ways = []
        if self.gradient is not Gradient.EXACT:
            ways.append("straight through: exact forward pass, substitute gradient in the backward pass")
        if self.random:
            ways.append(f"expectation: outputs and gradients averaged over {self.mean_of} passes")
        return "; ".join(ways) or "its exact gradient"

    @property
    def mean_of(self) -> int:
        """Passes of which an adaptive search takes the mean."""
        return 1

    @property
    def slope(self) -> str:
        """What its substitute gradient is called where it is not the first that it had, so that no run goes on with another attack."""
        return ""

    def __call__(
        self, model: Labels, *, space: Space = UNIT_BOX, held_out: Examples | None = None, others: Sequence[Labels] = ()
    ) -> DefendedModel:
        """The defended model.

        Args:
            model: gives scores at least; it stays as it is.
            space: the legal inputs.
            held_out: clean examples for defences that are fitted or calibrated, which nothing is measured on.
            others: the further models of an ensemble, `others` of them.

        Raises:
            UsageError: the model, the space or what was given beside does not fit.
        """
        models = tuple(_scoring(self, each) for each in (model, *others))
        if space.kind not in self.kinds:
            raise UsageError(
                f"The defence {self.name} supports {' or '.join(sorted(self.kinds))} inputs, got inputs of kind '{space.kind}'."
            )
        if len(others) != self.others:
            hint = (
                "Give them in Python, as in Ensemble(members=2)(model, others=(second,)); 'shiftproof defend' trains them from a factory."
            )
            raise must("others", f"the defence {self.name}", f"be {self.others} more model(s)", len(others), hint)
        if self.needs_held_out and held_out is None:
            raise UsageError(
                f"The defence {self.name} is calibrated on held-out clean examples, and none were given. Give held_out=..., or use "
                "'shiftproof defend', which holds some out."
            )
        box = space if isinstance(space, InputSpace) else UNIT_BOX  # of texts nothing reads it
        behind = DefenceContext(models, box, {}, through=True)
        return defended(self, replace(behind, fitted=self.fit(behind, held_out) if held_out is not None else {}))

    def fit(self, behind: DefenceContext, held_out: Examples) -> FittedTensors:
        """What it learns from held-out clean examples; most learn nothing."""
        del behind, held_out
        return {}

    def draws_of_call(self, call: int, n: int) -> Rng:
        """Random streams for n inputs in the call of this number; only random defences draw from them."""
        del call, n
        return _NO_DRAWS

    @abstractmethod
    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        """Scores for x of shape (n, ...), shape (n, classes); `rng` is fresh at each call, and only for defences that say `random`."""


@dataclass(frozen=True)
class RandomDefence(Defence):
    """A defence that is random at each call.

    Args:
        draws: passes of which an adaptive search takes the mean (EOT), at least 1.
        seed: of its draws. They also depend on the number of earlier calls, so a single verdict depends on batches and order.
    """

    random: ClassVar[bool] = True

    draws: int = field(default=20, kw_only=True)
    seed: int = field(default=0, kw_only=True)

    def check(self) -> None:
        if self.draws < 1:
            raise must("draws", self.name, "be at least 1", self.draws, "It is the number of passes that an adaptive search averages.")

    @property
    def mean_of(self) -> int:
        return self.draws

    def draws_of_call(self, call: int, n: int) -> Rng:
        return Rng.for_ids(self.seed, [self.full_spec()]).child("call", call).each(0, n)


@dataclass(frozen=True)
class InputTransformation(Defence):
    """A defence that transforms the input before the model."""

    @abstractmethod
    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        """The transformed inputs for x of shape (n, ...), of the same shape."""

    def stand_in(self, x: Tensor, space: InputSpace) -> Tensor:
        """A differentiable substitute for `step` in the backward pass, where that has no useful gradient: the identity by default."""
        del space
        return x

    def transformed(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        """The transformed inputs, with their (substitute) gradient."""
        if self.gradient is Gradient.EXACT:
            return self.step(x, behind.space, rng)
        with torch.no_grad():
            seen = self.step(x.detach(), behind.space, rng)
        return behind.carried(seen, self.stand_in(x, behind.space))

    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        return behind.scores(self.transformed(behind, x, rng))


def mean_log_probability(scores: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean probabilities of several answers, each of shape (n, classes)."""
    return torch.stack([one.log_softmax(1) for one in scores]).logsumexp(0) - torch.tensor(float(len(scores))).log()


def _scoring(defence: Defence, model: Labels) -> Scores:
    if isinstance(model, Scores):
        return model
    raise UsageError(f"The defence {defence.name} needs scores, and the model '{model.name}' provides {access_name(type(model))} only.")
