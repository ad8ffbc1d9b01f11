"""Any search with a target class: an example is broken only where the model predicts that class."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.models.abstract import Access, Labels, Scores
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift

CHOICES = ("nearest", "least_likely", "chance")


@dataclass(frozen=True)
class Targeted(Search):
    """`search`, for which only one wrong class counts: the example is broken where the model decides for its target.

    The search sees a model of two classes, the best of all others and the target, so that every loss leads towards the target. A move that
    misses it is given up: what the door then calls broken reached the target.

    Args:
        search: the spec of the search, such as cascade or square(queries=500).
        target: a class (0, 1, ...), or how to choose one for each example: "nearest" (the best wrong score of the clean input),
            "least_likely" (the worst) or "chance". The first two need scores.

    Guarantees:
        An example whose label is the target cannot be driven there and is held. Accuracy is over failures of this kind: it is at least that
        under the same search without a target, and at most 1 minus the share of examples driven to their targets.
    Cost: that of `search`, and one forward more where the target is chosen by scores.

    Example:
        >>> Targeted(search="gradient_ascent(steps=50)", target="least_likely").spec()
        'targeted(search=gradient_ascent(steps=50), target=least_likely)'

    Reference: Kurakin et al. 2017, "Adversarial machine learning at scale" (least likely class).
    """

    name: ClassVar[str] = "targeted"
    of_classes: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("kurakin2017scale",)

    search: str = "cascade"
    target: str = "nearest"

    inner: Search | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        given: object = self.target
        if type(given) is int:  # a spec may say target=3
            object.__setattr__(self, "target", str(given))
        super().__post_init__()

    def check(self) -> None:
        self.base()
        if self.target not in CHOICES and not self.target.isdecimal():
            raise must("target", self.name, f"be a class (0, 1, ...) or one of {', '.join(CHOICES)}", self.target)

    def base(self) -> Search:
        """The search that does the work."""
        from shiftproof.searches import searches

        return self.inner or searches.build(self.search)

    @property
    def needs(self) -> Access:  # type: ignore[override]  # the class cannot know
        """What the search needs, and scores where they choose the target."""
        needs = self.base().needs
        return needs if self.target.isdecimal() or issubclass(needs, Scores) else Scores

    @property
    def verdict_draws(self) -> int:
        return self.base().verdict_draws

    def matched(self, model: Labels) -> Targeted:
        return replace(self, inner=self.base().matched(model))

    def averaged(self) -> Targeted:
        return replace(self, inner=self.base().averaged())

    @classmethod
    def examples_for_check(cls) -> list[Targeted]:
        """Towards the class that is nearest, which random draws reach most often too."""
        return [cls("gradient_ascent(steps=5)")]

    def unsupported(self, shift: Shift) -> str | None:
        return self.base().objection(shift)

    def most_passes(self, shift: Shift) -> int:
        return 2 + self.base().most_passes(shift)

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        still = shift.project(x, shift.origin(x) if isinstance(shift, Differentiable) else shift.sample(x, rng.child("start")))
        if not len(x):
            return still
        goal, apart = self._goals(oracle, still, rng)
        rows = apart.nonzero()[:, 0]
        if not len(rows):
            return still
        here = oracle[rows].toward(goal[rows])
        params = self.base()(shift, here, x[rows], rng[rows.cpu()])
        reached = here.averaged(self.verdict_draws)(params).broken
        still[rows[reached]] = params[reached].to(still)
        return still

    def _goals(self, oracle: Oracle, still: Params, rng: Rng) -> tuple[Tensor, Tensor]:
        """The target of each example, and whether it is another class than the label, both of shape (n,)."""
        if self.target.isdecimal():
            goal = torch.full((len(oracle),), int(self.target), device=oracle.x.device)
            return goal, oracle.differs(goal)
        rivals = oracle(still).rivals
        if self.target == "chance":
            place = (rng.child("target").uniform(1)[:, 0] * rivals.shape[1]).long().to(rivals.device)
        else:
            place = torch.full((len(rivals),), 0 if self.target == "nearest" else rivals.shape[1] - 1, device=rivals.device)
        return rivals.gather(1, place[:, None])[:, 0], torch.ones(len(rivals), dtype=torch.bool, device=rivals.device)
