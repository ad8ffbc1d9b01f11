"""The parameter-free cascade: several searches in turn, each on the examples that the earlier ones did not break."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.models.abstract import Access, Gradients, Labels
from shiftproof.models.copy_precisions import PRECISIONS
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches._economy_stages import ECONOMY, begin
from shiftproof.searches._stages import DRAWS, check_draws
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

PUBLISHED = {
    "standard": (
        "auto_step(steps=100)",
        "auto_step_targeted(steps=100, n_targets=9)",
        "boundary_projection_targeted(steps=100, n_targets=9)",
        "square(queries=5000)",
    ),
    "plus": (
        "auto_step(steps=100, restarts=5)",
        "auto_step(steps=100, restarts=5, loss=dlr)",
        "boundary_projection(steps=100, restarts=5)",
        "square(queries=5000)",
        "auto_step_targeted(steps=100, n_targets=9)",
        "boundary_projection_targeted(steps=100, n_targets=9)",
    ),
    "rand": ("auto_step(steps=100)", "auto_step(steps=100, loss=dlr)"),
}
"""The parts of AutoAttack's versions, in its order."""


@dataclass(frozen=True)
class Cascade(Search):
    """The verdict of several searches, each asked only about examples that still stand.

    Args:
        version: "economy", or AutoAttack's "standard", "plus" and "rand".
        draws: passes averaged for each query and for the final verdict; 0 for 20 on models that answer at random and under
            `rand`, and 1 elsewhere.
        copy: "float32" or "bfloat16" to search on a faster copy of the model (`FastCopy`): the model itself decides what the copy decides
            narrowly, and every verdict. For deep torch modules; "" to ask the model only.

    `economy` maximises the margin loss with shrinking steps, first untargeted; proves what cheap bounds can prove (`auto`), which needs no
    search; then ascends towards each rival class, nearest first, and gives up after four steps where the slopes seen so far lead nowhere
    near it (under linf and l2, of examples whose slopes are steady: `Prospects`). An example then gets more effort according to the share
    of its clean margin that is left: below 30 % two long runs with momentum (`auto_step`, `auto_step_targeted`), and below 30 %, 15 % and 7
    % up to 4, 12 and 32 runs towards its three nearest rivals, from unlike starts (chance, stripes, blocks, corners), until four in a row
    leave the margin as it is, so that effort goes where the margin still falls. Score queries (square) come last: where less than half is
    left, longer where they do better than gradients did, which is what masked gradients look like, and for a chance twentieth of the rest,
    whose outcome bounds what was missed there. An example whose gradient was zero at every step of the first run gets score queries at
    once, and decision queries where these do not move its margin. A model without gradients is handed to `query_cascade`. No example's
    treatment depends on the others.

    Guarantees:
        Finds failures and proves nothing. The published versions run the published parts with the published settings.
    Cost, times the draws: `economy` about 60 forwards and 60 backwards for an example far from the boundary, 300 and 290 where its slopes
    bend, up to some 4,000 more of each close to it; `standard` about 7,850 and 1,900 for each that stands. An example that breaks is
    dropped at once.

    Reference: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks".
    """

    name: ClassVar[str] = "cascade"
    aliases: ClassVar[tuple[str, ...]] = ("autoattack",)
    needs: ClassVar[Access] = Gradients
    supports: ClassVar[tuple[type[Shift], ...]] = (Differentiable,)
    of_classes: ClassVar[bool] = True
    pools: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("croce2020reliable",)

    version: str = "economy"
    draws: int = 0
    copy: str = ""

    @property
    def verdict_draws(self) -> int:
        return self.draws or (DRAWS if self.version == "rand" else 1)

    def averaged(self) -> Cascade:
        return self if self.draws else replace(self, draws=DRAWS)

    @property
    def copied_in(self) -> str:
        return self.copy

    def on_a_copy(self, precision: str) -> Cascade:
        return replace(self, copy=precision)

    def matched(self, model: Labels) -> Search:
        if isinstance(model, Gradients) or self.version != "economy" or self.copy:
            return self  # of a model without gradients there is no copy: it is refused, as the published versions are
        from shiftproof.searches.query_cascade import QueryCascade

        return QueryCascade(draws=self.draws).matched(model)

    def check(self) -> None:
        check_draws(self.draws, self.name)
        if self.version not in ("economy", *PUBLISHED):
            raise must("version", self.name, f"be one of economy, {', '.join(PUBLISHED)}", self.version)
        if self.copy and self.copy not in PRECISIONS:
            raise must("copy", self.name, f"be one of {', '.join(PRECISIONS)}", self.copy)

    def unsupported(self, shift: Shift) -> str | None:
        return next((reason for part in self._parts() if (reason := part.objection(shift))), None)

    @classmethod
    def examples_for_check(cls) -> list[Cascade]:
        """What the conformance suite runs: the published versions are long, and made of parts that it checks by themselves."""
        return [cls()]

    @classmethod
    def shifts_for_check(cls) -> list[Shift]:
        """Two threats are enough there: its parts are checked on the others."""
        return [Linf(0.1), L2(0.5)]

    def most_passes(self, shift: Shift) -> int:
        once = sum(stage.passes for stage in ECONOMY) if self.version == "economy" else sum(p.most_passes(shift) for p in self._parts())
        return once * self.verdict_draws

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        if self.copy in PRECISIONS and len(x):
            oracle = oracle.on_a_copy(self.copy)
        run = begin(shift, oracle.averaged(self.verdict_draws), x, rng)
        if self.version == "economy":
            for stage in ECONOMY:
                with run.stage(stage.name):
                    stage(run)
        run.in_turn(self._parts())
        return run.best.params

    def _parts(self) -> list[Search]:
        from shiftproof.searches import searches

        return [searches.build(spec) for spec in PUBLISHED.get(self.version, ())]
