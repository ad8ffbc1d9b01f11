"""The base classes of shifts: the changes that one input may undergo.

A shift knows its budget and no model. Which moves are legal (`Shift`) is separate from how a move is chosen (`Search`), so the same fog has
an average case and a worst case. Every finding can be replayed from the example and its params.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof._part import Part
from shiftproof.data.space import UNIT_BOX, InputSpace, Kind, Space
from shiftproof.randomness import Rng

S = TypeVar("S", bound="Shift")
Params = Tensor
"""Moves of n examples, shape (n, ...), floating: one row per example."""

SEED_RANGE = 2.0**40
"""A number of a move whose range is wider than this is a seed: it has no size, midpoint or gradient."""


@dataclass(frozen=True)
class Shift(Part):
    """A set of legal moves for each input, and how to apply them."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "table", "vector"})
    """The kinds of data that it applies to."""
    strength: ClassVar[str | None] = None
    """The option that sets how far it moves, for curves. A larger value enlarges the set of moves, or the average damage."""
    unmoved: ClassVar[float] = 0.0
    """The value of that option at which nothing would move: 0, or 1 for factors."""

    demands: ClassVar[str] = ""
    """What a model must take beside legal inputs: "missing values" or "words". A run tries it on a few examples first."""

    space: InputSpace = field(default=UNIT_BOX, kw_only=True, repr=False)
    """The legal inputs, where they are numbers. Set by `within`, not by users."""

    def within(self: S, space: Any) -> S:
        """This shift on inputs of `space`; raises `UsageError` where its budget is not valid there."""
        self.check_kind(space)
        return replace(self, space=space) if isinstance(space, InputSpace) else self

    def landing(self, space: Any) -> Any:
        """The space that moved inputs lie in, for inputs of `space`: the same, unless values may become missing or unknown words."""
        return space

    def check_kind(self, space: Space) -> None:
        """Raises `UsageError` where it moves data of another kind."""
        if space.kind not in self.kinds:
            raise UsageError(f"{self.name} moves {' or '.join(sorted(self.kinds))} data, and these inputs are of kind '{space.kind}'.")

    @property
    def full_strength(self) -> float:
        """The value of the option that `strength` names."""
        return float(self.options()[str(self.strength)])

    def check_inputs(self, x: Any) -> None:  # a hook: most shifts move inputs of any shape
        """Raises `UsageError` where inputs of the shape of x (n, ...) cannot be moved, such as images that are too small."""

    @property
    def fixed(self) -> bool:
        """Whether there is only one move, so that a search has nothing to choose."""
        return False

    @property
    def varied(self) -> bool:
        """Whether random draws differ from one another, so that more draws may find more failures."""
        return not self.fixed

    @property
    def random(self) -> bool:
        """Whether some numbers of its params are seeds. Grid and gradient searches cannot choose among seeds."""
        return False

    @property
    def gene(self) -> int:
        """How many numbers of a move belong together, side by side: a search that mixes two moves takes them from one of the two."""
        return 1

    @abstractmethod
    def sample(self, x: Any, rng: Rng) -> Params:
        """One random move for each of n inputs x: the average case."""

    @abstractmethod
    def project(self, x: Any, params: Params) -> Params:
        """The nearest legal params; legal params are unchanged (idempotent)."""

    @abstractmethod
    def apply(self, x: Any, params: Params) -> Any:
        """The moved inputs, of the form of x, legal. Pure: the same x and params give the same pixels."""

    @abstractmethod
    def excess(self, x: Any, params: Params) -> Tensor:
        """How far the params exceed the budget, shape (n,): at most `tolerance` iff legal."""

    def carry(self, x: Any, y: Any, params: Params) -> Any:
        """The truth of the moved inputs: `y` itself, unless the move changes that too. It changes no class labels' shape or type."""
        return y

    @property
    def tolerance(self) -> float:
        """The excess that rounding alone may cause."""
        return 1e-5


@dataclass(frozen=True)
class Differentiable(Shift):
    """A shift whose moved inputs are differentiable with respect to the params, with a geometry for gradient ascent."""

    path: ClassVar[float] = 2.5
    """The default length of an ascent: the sum of its steps, in radii (Madry et al. 2018 [madry2018towards])."""

    @abstractmethod
    def origin(self, x: Tensor) -> Params:
        """The params that move nothing, or as little as possible."""

    @abstractmethod
    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        """The params after one step of steepest ascent in the shift's own norm; `step` 1 is the budget's radius. Not projected."""


@dataclass(frozen=True)
class Boxed(Differentiable):
    """A shift of a few numbers per example, each between a least and a greatest value: an angle, an offset, a severity.

    A subclass defines `limits` and `apply`; params have shape (n, k), float64.
    """

    @abstractmethod
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Least and greatest value of each of the k numbers."""

    @cached_property
    def _ends(self) -> tuple[Tensor, Tensor]:
        low, high = self.limits()
        return torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64)

    def ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`limits` as tensors of shape (k,) on the device of x."""
        low, high = self._ends
        return low.to(x.device), high.to(x.device)

    @property
    def fixed(self) -> bool:
        low, high = self.limits()
        return low == high

    @property
    def smooth(self) -> bool:
        """Whether `apply` is differentiable with respect to the params; gradient searches refuse a shift that is not."""
        return True

    @property
    def seeds(self) -> Tensor:
        """Which of the k numbers are seeds, shape (k,), bool."""
        low, high = self._ends
        return high - low >= SEED_RANGE

    def sample(self, x: Tensor, rng: Rng) -> Params:
        low, high = self.ends(x)
        return low + (high - low) * rng.uniform(len(low)).to(low)

    def project(self, x: Tensor, params: Params) -> Params:
        low, high = self.ends(x)
        return params.clamp(low, high)

    def excess(self, x: Tensor, params: Params) -> Tensor:
        low, high = self.ends(x)
        return torch.maximum(low - params, params - high).flatten(1).amax(1) if len(low) else params.new_zeros(len(x))

    def origin(self, x: Tensor) -> Params:
        low, high = self.ends(x)
        return torch.zeros_like(low).clamp(low, high).expand(len(x), -1).clone()

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        low, high = self.ends(params)
        return params + step * (high - low) / 2 * gradient.sign()

    def grid_size(self, points: int) -> int:
        """The number of points of `grid`, without building it."""
        return math.prod(points for low, high in zip(*self.limits(), strict=True) if low < high)

    def grid(self, points: int) -> Tensor:
        """All combinations of `points` evenly spaced values of each number, shape (points**k, k), float64; fixed numbers take one value."""
        low, high = self._ends
        if not len(low):
            return low.reshape(1, 0)
        axes = [torch.linspace(float(a), float(b), points if a < b else 1, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
        return torch.cartesian_prod(*axes).reshape(-1, len(axes))


def gradient_objection(shift: Shift) -> str | None:
    """Why a gradient search does not support this shift, as half a sentence; None where it does."""
    if not isinstance(shift, Differentiable):
        return f"{shift.name} has no gradient: use best_of_n"
    if shift.random:
        return f"{shift.name} is random, and its seed has no gradient: use best_of_n"
    if isinstance(shift, Boxed) and not shift.smooth:
        return f"{shift.name} has no gradient: use grid or best_of_n"
    return None
