"""Expectation over transformation: any search on a random model, with every query averaged over several passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.models.abstract import Gradients
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.searches.preset import Preset
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True)
class Expectation(Preset):
    """`search`, with every verdict that of the mean probabilities of `draws` passes, and every gradient the mean of theirs.

    Args:
        search: the spec of a search that uses gradients, such as auto_step(steps=50, loss=margin).
        draws: passes per query, at least 1.

    Guarantees:
        On a model that is not random it finds what `search` finds, at `draws` times the cost. The door's own scores, before and after, are
        the means of as many passes: accuracy is that of the averaged model.
    Cost: `draws` times that of `search`.

    Example:
        >>> Expectation(search="auto_step(steps=50)", draws=10).spec()
        'expectation(search=auto_step(steps=50), draws=10)'

    Reference: Athalye et al. 2018, "Synthesizing robust adversarial examples" (EOT).
    """

    name: ClassVar[str] = "expectation"
    aliases: ClassVar[tuple[str, ...]] = ("eot",)
    references: ClassVar[tuple[str, ...]] = ("athalye2018synthesizing",)

    search: str = "auto_step"
    draws: int = 20

    @property
    def verdict_draws(self) -> int:
        return self.draws

    def check(self) -> None:
        self.require("draws", least=1)
        base = self.base()
        if not issubclass(base.needs, Gradients):
            raise must("search", self.name, "be a search that uses gradients, such as auto_step or gradient_ascent", self.search)

    def base(self) -> Search:
        from shiftproof.searches import searches

        return searches.build(self.search)

    @classmethod
    def examples_for_check(cls) -> list[Expectation]:
        """A short one for the conformance suite."""
        return [cls(search="gradient_ascent(steps=3)", draws=2)]

    def most_passes(self, shift: Shift) -> int:
        return self.draws * super().most_passes(shift)

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        return self.base()(shift, oracle.averaged(self.draws), x, rng)
