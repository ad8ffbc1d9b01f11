"""What a defence at inference time is: a model made of a model, which says what it does to gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof._part import Part
from shiftproof.data.examples import Examples
from shiftproof.data.space import UNIT_BOX, InputSpace, Kind
from shiftproof.models.abstract import Labels, Scores, access_name
from shiftproof.models.straight_through import straight_through
from shiftproof.randomness import Rng

if TYPE_CHECKING:
    from shiftproof.defences.defended import Defended

Fitted = Mapping[str, Tensor]
"""What a defence has learned from held-out examples, by name."""


class Gradient(str, Enum):
    """What a defence leaves of a model's gradient."""

    EXACT = "exact"
    """Torch differentiates it, and the gradient is that of the answers."""
    ZERO = "zero"
    """It rounds: the derivative is zero almost everywhere, and useless."""
    NONE = "none"
    """It runs code that torch cannot differentiate."""


@dataclass(frozen=True)
class Behind:
    """What a defence stands in front of.

    Args:
        models: the defended model, and those beside it in an ensemble.
        space: the legal inputs.
        fitted: what `fit` gave.
        through: whether a step without a gradient gets a stand-in's on the way back (the adaptive form), or zero, as it stands.
    """

    models: tuple[Scores, ...]
    space: InputSpace
    fitted: Fitted
    through: bool

    def scores(self, x: Tensor) -> Tensor:
        """The defended model's scores, shape (n, classes)."""
        return self.models[0].scores(x)

    def carried(self, seen: Tensor, stand_in: Tensor) -> Tensor:
        """The values of `seen`, with the stand-in's gradient where the adaptive form is asked for, and else one of zero."""
        if not (torch.is_grad_enabled() and stand_in.requires_grad):
            return seen.detach()
        return straight_through(seen.detach(), stand_in if self.through else stand_in * 0)


@dataclass(frozen=True)
class Defence(Part):
    """A defence at inference time. Called with a model it gives another, which is measured like any other.

    What it declares decides how it is attacked: behind a step without a useful gradient a search sees a stand-in's (BPDA), and a random one
    is searched by the mean of several passes (EOT).
    """

    family: ClassVar[str]
    """The row of the literature that it belongs to: transformation, squeezing, ensemble, detection, smoothing or masking."""
    gradient: ClassVar[Gradient] = Gradient.EXACT
    random: ClassVar[bool] = False
    """Whether the same input may get another answer the next time."""
    needs_held_out: ClassVar[bool] = False
    """Whether it must be fitted on clean examples that nothing is measured on."""
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "table", "vector"})

    @property
    def passes(self) -> int:
        """Forwards of models for one answer: its cost over the model alone, but for its own step."""
        return 1

    @property
    def others(self) -> int:
        """How many more models it is made of."""
        return 0

    @property
    def adaptive(self) -> str:
        """In words, how a search that knows this defence goes about it."""
        ways = []
        if self.gradient is not Gradient.EXACT:
            ways.append("straight through: exact answers, and on the way back a stand-in's gradient")
        if self.random:
            ways.append(f"expectation: each answer and gradient the mean of {self.mean_of} passes")
        return "; ".join(ways) or "its own gradient, which is exact"

    @property
    def mean_of(self) -> int:
        """Passes of which an adaptive search takes the mean."""
        return 1

    def __call__(
        self, model: Labels, *, space: InputSpace = UNIT_BOX, held_out: Examples | None = None, others: Sequence[Labels] = ()
    ) -> Defended:
        """The defended model.

        Args:
            model: gives scores at least; it stays as it is.
            space: the legal inputs.
            held_out: clean examples for defences that are fitted or calibrated, which nothing is measured on.
            others: the further models of an ensemble, `others` of them.

        Raises:
            UsageError: the model, the space or what was given beside does not fit.
        """
        from shiftproof.defences.defended import defended

        models = tuple(_scoring(self, each) for each in (model, *others))
        if space.kind not in self.kinds:
            raise UsageError(f"The defence {self.name} is for {' or '.join(sorted(self.kinds))} inputs, these are of kind '{space.kind}'.")
        if len(others) != self.others:
            hint = (
                "Give them in Python, as in Ensemble(members=2)(model, others=(second,)); 'shiftproof defend' trains them from a factory."
            )
            raise must("others", f"the defence {self.name}", f"be {self.others} more model(s)", len(others), hint)
        if self.needs_held_out and held_out is None:
            raise UsageError(
                f"The defence {self.name} is calibrated on held-out clean examples, and none were given. Give held_out=..., or use "
                "'shiftproof defend', which keeps some apart."
            )
        behind = Behind(models, space, {}, through=True)
        return defended(self, replace(behind, fitted=self.fit(behind, held_out) if held_out is not None else {}))

    def fit(self, behind: Behind, held_out: Examples) -> Fitted:
        """What it learns from held-out clean examples; most learn nothing."""
        del behind, held_out
        return {}

    @abstractmethod
    def answer(self, behind: Behind, x: Tensor, rng: Rng) -> Tensor:
        """Scores for x of shape (n, ...), shape (n, classes); `rng` is fresh at each call, and only for defences that say `random`."""


@dataclass(frozen=True)
class Random(Defence):
    """A defence that draws by chance at each answer.

    Args:
        draws: passes of which an adaptive search takes the mean (EOT), at least 1.
        seed: of its draws. They also hang on how many calls came before, so a single verdict depends on batches and order.
    """

    random: ClassVar[bool] = True

    draws: int = field(default=20, kw_only=True)
    seed: int = field(default=0, kw_only=True)

    def check(self) -> None:
        if self.draws < 1:
            raise must("draws", self.name, "be at least 1", self.draws, "It is the passes that an adaptive search takes the mean of.")

    @property
    def mean_of(self) -> int:
        return self.draws


@dataclass(frozen=True)
class Front(Defence):
    """A defence that changes the input and asks the model about what comes out."""

    @abstractmethod
    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        """What the model is shown for x of shape (n, ...): of the same shape."""

    def stand_in(self, x: Tensor, space: InputSpace) -> Tensor:
        """A differentiable step near `step`, for the way back where that has no useful gradient: the identity, unless said otherwise."""
        del space
        return x

    def shown(self, behind: Behind, x: Tensor, rng: Rng) -> Tensor:
        """What the model is shown, with the gradient that goes with it."""
        if self.gradient is Gradient.EXACT:
            return self.step(x, behind.space, rng)
        with torch.no_grad():
            seen = self.step(x.detach(), behind.space, rng)
        return behind.carried(seen, self.stand_in(x, behind.space))

    def answer(self, behind: Behind, x: Tensor, rng: Rng) -> Tensor:
        return behind.scores(self.shown(behind, x, rng))


def mean_log_probability(scores: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean probabilities of several answers, each of shape (n, classes)."""
    return torch.stack([one.log_softmax(1) for one in scores]).logsumexp(0) - torch.tensor(float(len(scores))).log()


def _scoring(defence: Defence, model: Labels) -> Scores:
    if isinstance(model, Scores):
        return model
    raise UsageError(f"The defence {defence.name} needs scores, and the model '{model.name}' gives {access_name(type(model))} only.")
