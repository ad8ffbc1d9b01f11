"""Whether a number is near enough: regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.judges.abstract import Judge, ValueColumn
from shiftproof.models.abstract import Access, Answers, Graded, Gradients, Said


@dataclass(frozen=True)
class Within(Judge):
    """Right where |answer - truth| <= max(absolute, relative * |truth|), by the largest error where an answer has several numbers.

    Args:
        absolute: the error that is allowed, at least 0, in the units of the truth.
        relative: the error that is allowed as a share of the truth, at least 0. One of the two is above 0.

    The score is 1 within and 0 beyond; an answer that is not finite cannot be read: it is wrong, and counted
    apart. Searches climb the error over what is allowed, less 1:
    positive where wrong. Its gradient exists where the model has one.

    Example:
        >>> Within(relative=0.1).score(torch.tensor([108.0, 111.0]), torch.tensor([100.0, 100.0])).tolist()
        [1.0, 0.0]
    """

    name: ClassVar[str] = "within"
    said: ClassVar[Said] = "numbers"
    measure: ClassVar[str] = "within"
    word: ClassVar[str] = "share within the allowed error"
    climbs: ClassVar[bool] = True

    absolute: float = 0.0
    relative: float = 0.0

    @classmethod
    def examples_for_check(cls) -> list[Within]:
        """One of each allowance, and both."""
        return [cls(absolute=0.2), cls(relative=0.1), cls(absolute=0.1, relative=0.1)]

    def check(self) -> None:
        self.require("absolute", "relative", within="[0, inf)")
        if not self.absolute and not self.relative:
            raise UsageError("The judge within needs the error that is allowed: write within(absolute=0.5) or within(relative=0.1).")

    def gives(self, model: Answers) -> Access:
        return Gradients if isinstance(model, Gradients) else Graded

    def truth(self, examples: Examples) -> Tensor:
        if not isinstance(examples.y, Tensor) or (examples.class_names and not examples.y.is_floating_point()):
            hint = "Name the column of numbers with ?target=NAME in place of ?label=NAME (truth='numbers' of shiftproof.examples)."
            raise UsageError(f"The judge within compares numbers, and the truth of these data is words. {hint}")
        if not self.absolute and bool((examples.y == 0).any()):
            first = examples.ids[int((examples.y == 0).nonzero()[0, 0])]
            hint = "Allow an absolute error beside it: within(absolute=..., relative=...)."
            raise UsageError(f"The target of '{first}' is 0, where a relative error allows none. {hint}")
        return examples.y.double()

    def score(self, said: Any, y: Any) -> Tensor:
        return (self.margin(said, y) <= 0).double()  # NaN is not

    def margin(self, said: Any, y: Any) -> Tensor:
        error = (_numbers(said, len(y)) - y.reshape(len(y), -1)).abs().amax(1)
        allowed = (self.relative * y.reshape(len(y), -1).abs().amax(1)).clamp_min(self.absolute)
        over: Tensor = error / allowed - 1
        return over.nan_to_num(torch.inf, torch.inf, -torch.inf)

    def unreadable(self, said: Any) -> Tensor:
        return ~_numbers(said, len(said)).isfinite().all(1)

    def steady(self, first: Any, again: Any) -> bool:
        return torch.allclose(_numbers(first, len(first)), _numbers(again, len(again)), rtol=1e-4, atol=1e-5)

    def shown(self, said: Any) -> ValueColumn:
        return _numbers(said, len(said))[:, 0]


def _numbers(said: Any, n: int) -> Tensor:
    """Answers as numbers, shape (n, k), float64."""
    values = said if isinstance(said, Tensor) else torch.from_numpy(np.asarray([*said], dtype=np.float64))
    if len(values) != n or values.dim() > 2:
        raise must("answers", "the model under the judge within", f"be numbers of shape ({n},) or ({n}, k)", tuple(values.shape))
    numbers = values.double()
    return numbers if numbers.dim() == 2 else numbers.reshape(n, 1)
