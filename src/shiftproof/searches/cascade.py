"""Several searches in turn, each on the examples that the ones before left standing: the parameter-free verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.models.abstract import Access, Gradients
from shiftproof.oracle import Oracle
from shiftproof.outcomes import Stage
from shiftproof.randomness import Rng
from shiftproof.searches._economy import ECONOMY, Run
from shiftproof.searches.abstract import Search, gradient_objection
from shiftproof.shifts.abstract import Params, Shift
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
_DRAWS = 20
"""Passes that `rand` averages at each point."""


@dataclass(frozen=True)
class Cascade(Search):
    """The verdict of several searches, each asked only about examples that still stand.

    Args:
        version: "economy", or AutoAttack's "standard", "plus" and "rand" (for models that answer at random: each question is the mean of
            20 passes).

    `economy` climbs the margin with shrinking steps, first untargeted, then towards each rival class from the nearest on. An example then
    gets more according to the share of its clean margin that is left: below 30 %, 15 % and 7 % it gets 4, 12 and 32 more runs
    towards its three nearest rivals, from unlike starts (chance, stripes, blocks, corners), so that effort goes where the margin still
    falls. Score queries (square) come last: where less than half is left, longer where they do better than gradients did, which is what
    masked gradients look like; and for a chance twentieth of the rest, whose outcome bounds what was missed there. No example's treatment
    depends on the others.

    Guarantees:
        Finds failures and proves nothing. The published versions run the published parts with the published settings.
    Cost: `economy` about 300 forwards and 290 backwards for an example far from the boundary, up to some 4,000 more of each close to it;
    `standard` about 7,850 and 1,900 for each that stands. An example that breaks is dropped at once.

    Reference: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks".
    """

    name: ClassVar[str] = "cascade"
    aliases: ClassVar[tuple[str, ...]] = ("autoattack",)
    needs: ClassVar[Access] = Gradients
    references: ClassVar[tuple[str, ...]] = (
        """@inproceedings{croce2020reliable,
  title = {Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-Free Attacks},
  author = {Croce, Francesco and Hein, Matthias},
  booktitle = {International Conference on Machine Learning},
  year = {2020}
}""",
    )

    version: str = "economy"

    def check(self) -> None:
        if self.version not in ("economy", *PUBLISHED):
            raise must("version", self.name, f"be one of economy, {', '.join(PUBLISHED)}", self.version)

    def objection(self, shift: Shift) -> str | None:
        refused = gradient_objection(shift) or super().objection(shift)
        return refused or next((reason for part in self._parts() if (reason := part.objection(shift))), None)

    @classmethod
    def examples_for_check(cls) -> list[Cascade]:
        """What the conformance suite runs: the published versions are long, and made of parts that it checks by themselves."""
        return [cls()]

    @classmethod
    def shifts_for_check(cls) -> list[Shift]:
        """One threat is enough there: its parts are checked on the others."""
        return [Linf(0.1)]

    def most_passes(self, shift: Shift) -> int:
        if self.version == "economy":
            return sum(stage.passes for stage in ECONOMY)
        return sum(part.most_passes(shift) for part in self._parts()) * (_DRAWS if self.version == "rand" else 1)

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        run = Run.of(shift, oracle.averaged(_DRAWS) if self.version == "rand" else oracle, x, rng)
        if self.version == "economy":
            for stage in ECONOMY:
                with _accounted(run, stage.name):
                    stage(run)
        for part in self._parts():
            with _accounted(run, part.spec()):
                run.search(part)
        return run.best.params

    def _parts(self) -> list[Search]:
        from shiftproof.searches import searches

        return [searches.build(spec) for spec in PUBLISHED.get(self.version, ())]


class _accounted:  # noqa: N801  # a context manager, used like a function
    """Books what is spent and broken meanwhile to a stage of this name."""

    def __init__(self, run: Run, name: str) -> None:
        self._run, self._name = run, name

    def __enter__(self) -> None:
        self._stood = len(self._run.best.standing())
        self._spent = self._run.oracle.spent()
        self._began = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        if error[0] is not None or not self._stood:
            return
        forwards, backwards = self._run.oracle.spent()
        self._run.oracle.report(
            Stage(
                name=self._name,
                examples=self._stood,
                broken=self._stood - len(self._run.best.standing()),
                forwards=forwards - self._spent[0],
                backwards=backwards - self._spent[1],
                seconds=time.perf_counter() - self._began,
            )
        )
