"""The stages of the cascade's `economy`: cheap and telling first, then effort where the margin still falls.

No stage compares examples: what one gets depends on its own margins and draws only, so verdicts do not depend on the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof.certificates.auto import Auto
from shiftproof.losses import Loss, margin, margin_to
from shiftproof.oracle import Oracle
from shiftproof.outcomes import AUDITED_SAMPLE, Stage
from shiftproof.randomness import Rng
from shiftproof.searches._norms import Uphill
from shiftproof.searches._stages import Run
from shiftproof.searches.abstract import Search
from shiftproof.searches.auto_step import AutoStep
from shiftproof.searches.auto_step_targeted import AutoStepTargeted
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.evolution import Evolution
from shiftproof.searches.hop_skip_jump import HopSkipJump
from shiftproof.searches.square import Square
from shiftproof.shifts.abstract import Boxed, Differentiable, Params, Shift
from shiftproof.shifts.norms.linf import Linf

_FIRST_STEPS, _STEPS, _DEEP_STEPS = 20, 30, 25
_RIVALS, _NEAR_RIVALS = 9, 3
_EFFORT = 2e6
"""Numbers that a proof may touch an example: about what the climbs that it saves would cost."""
_LONG: tuple[Search, ...] = (AutoStep(steps=100), AutoStepTargeted(steps=100, n_targets=3))
_LONG_PASSES = 2 * 4 * 100 + 6
_DEEPER = ((0.3, 4), (0.15, 12), (0.07, 32))
"""Share of the clean margin left, and how many more runs an example below it gets."""
_PATIENCE, _FELL = 4, 0.01
"""Runs in a row that may leave the margin where it was, and by what share of itself it must fall for one that does not."""
_PROBED, _QUERIES, _MORE_QUERIES = 0.5, 300, 1500
_FLAT, _DECISIONS = 0.98, 1000
_AUDITED, _AUDIT_QUERIES = 0.05, 1000
_STARTS = ("chance", "stripes", "blocks", "corner")


@dataclass
class Climb(Run):
    """A run that climbs; `extra` holds the clean margins, shape (n,), and the rival classes from the nearest on, shape (n, classes - 1)."""

    @classmethod
    def begin(cls, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Climb:
        """Before the first stage. Cost: one forward each."""
        assert isinstance(shift, Differentiable)  # `objection` has said so
        run = cls.of(shift, oracle, x, rng, start=shift.origin(x))
        assert isinstance(run, Climb)
        run.step("clean", run.look_unmoved)
        return run

    def look_unmoved(self) -> None:
        if not len(self.x):
            self.extra = {"clean": self.best.margin, "rivals": torch.zeros(0, 0, dtype=torch.int64, device=self.x.device)}
            return
        answer = self.oracle(self.best.params)
        self.best.update(torch.arange(len(self.x), device=self.x.device), self.best.params, answer)
        self.extra = {"clean": answer.margin, "rivals": answer.rivals}

    @property
    def left(self) -> Tensor:
        """The share of the clean margin that the best move leaves, in [0, 1], shape (n,)."""
        return (self.best.margin / self.extra["clean"]).nan_to_num(0.0)

    @property
    def blind(self) -> Tensor:
        """Examples that stand and whose gradient was zero at every step: climbing tells nothing there."""
        rows = self._unproven()
        return rows[~self.oracle.sighted.to(rows.device)[rows]]

    @property
    def open(self) -> Tensor:
        """Examples that stand and have shown a gradient."""
        rows = self._unproven()
        return rows[self.oracle.sighted.to(rows.device)[rows]]

    def _unproven(self) -> Tensor:
        rows = self.best.standing()
        return rows[~self.extra["proven"][rows]] if "proven" in self.extra else rows

    def ask_rivals(self, rows: Tensor) -> None:
        """Orders the rival classes by their scores at the best move. Cost: one forward each."""
        if len(rows):
            self.extra["rivals"][rows] = self.oracle[rows](self.best.params[rows]).rivals

    def climb(self, rows: Tensor, goal: Callable[[Tensor], Loss], steps: int, start: str, *path: str | int) -> None:
        """Ascent from a start of this kind with steps that shrink from the radius to nothing, for the examples at `rows`."""
        assert isinstance(self.shift, Differentiable)
        if not len(rows):
            return
        here, params = self.oracle[rows], start_of(start, self.shift, self.x[rows], self.rng[rows.cpu()].child(*path))
        ahead = Uphill(self.shift, here.x)
        for step in range(steps):
            answer, gradient = here.gradient(params, goal(rows))
            if bool(answer.broken.any()):
                hit, held = answer.broken, ~answer.broken
                self.best.update(rows[hit], params[hit], answer[hit])
                rows, params, gradient, here, ahead = rows[held], params[held], gradient[held], here[held], ahead[held]
                if not len(rows):
                    return
            size = (1 + math.cos(math.pi * step / steps)) / 2
            params = ahead(params, gradient, size)
        self.best.update(rows, params, here(params))


@dataclass(frozen=True)
class StageOf:
    """A stage with its name and the most passes it may spend on an example."""

    name: str
    passes: int
    work: Callable[[Climb], None]

    def __call__(self, run: Climb) -> None:
        self.work(run)


def _untargeted(run: Climb) -> None:
    run.step("untargeted", lambda: run.climb(run.best.standing(), lambda _: margin, _FIRST_STEPS, "chance", "untargeted"))


def _prove(run: Climb) -> None:
    """Cheap proofs: what no move can break needs no search."""
    run.step("prove", lambda: _close(run))


def _close(run: Climb) -> None:
    rows = run.best.standing()
    run.extra["proven"] = torch.zeros(len(run.x), dtype=torch.bool, device=run.x.device)
    run.extra["proven"][rows] = run.oracle[rows].proven(Auto(effort=_EFFORT), run.rng[rows.cpu()])


def _targeted(run: Climb) -> None:
    """Towards each rival, nearest first, from chance starts and stripes in turn."""
    run.step("targeted rivals", lambda: run.ask_rivals(run.open))
    for rank in range(_RIVALS):
        run.step(f"targeted {rank}", lambda rank=rank: _towards(run, run.open, rank, _STEPS, _STARTS[rank % 2], "targeted"))  # type: ignore[misc]


def _towards(run: Climb, rows: Tensor, rank: int, steps: int, start: str, *path: str | int) -> None:
    """A climb towards the rival of this rank, nearest first."""
    rivals = run.extra["rivals"]
    if rank < rivals.shape[1]:
        rows = rows[~run.best.broken[rows]]
        run.climb(rows, lambda at: margin_to(rivals[at, rank]), steps, start, *path, rank)


def _long(run: Climb) -> None:
    """Long climbs with momentum and halving steps where little is left: what many short ones miss on deep nets."""
    for part in _LONG:
        run.step(part.spec(), lambda part=part: run.search(part, _near(run, _DEEPER[0][0])))  # type: ignore[misc]


def _deeper(run: Climb) -> None:
    """More runs from unlike starts for examples with little margin left, while some run still lowers it."""
    run.extra.setdefault("idle", torch.zeros(len(run.x), dtype=torch.int64, device=run.x.device))
    for level, (share, runs) in enumerate(_DEEPER):
        for number in range(runs):
            run.step(f"deeper {level} {number}", lambda level=level, share=share, number=number: _dig(run, share, level, number))  # type: ignore[misc]


def _dig(run: Climb, share: float, level: int, number: int) -> None:
    idle = run.extra["idle"]
    rows = _near(run, share)
    rows = rows[idle[rows] < _PATIENCE]
    before = run.best.margin[rows]
    run.ask_rivals(rows)
    for rank in range(_NEAR_RIVALS):
        _towards(run, rows, rank, _DEEP_STEPS, _STARTS[(level + number) % len(_STARTS)], "deeper", level, number)
    fell = run.best.margin[rows] - before > _FELL * before.abs()
    idle[rows] = torch.where(fell, 0, idle[rows] + 1)


def _near(run: Climb, share: float) -> Tensor:
    rows = run.open
    return rows[run.left[rows] < share]


def _probe(run: Climb) -> None:
    """Score queries where less than half the margin is left; more of them where they do better than gradients did, or these were zero."""
    run.step("probe", lambda: _ask(run))


def _ask(run: Climb) -> None:
    rows = run.open
    if not isinstance(run.shift, Boxed):  # over a few numbers one climb ends on the nearest slope
        rows = rows[run.left[rows] < _PROBED]
    before = run.best.margin.clone()
    run.search(_blind(run.shift, _QUERIES), rows)
    masked = rows[(run.best.margin[rows] > before[rows]) & ~run.best.broken[rows]]
    run.search(_blind(run.shift, _MORE_QUERIES), torch.cat([masked, run.blind]).sort().values)


def _decide(run: Climb) -> None:
    """Decision queries where gradients were zero and score queries did not move the margin: scores that say nothing until they flip."""
    rows = run.blind
    rows = rows[run.left[rows] >= _FLAT]
    run.step("decide", lambda: run.search(_deaf(run.shift), rows))


def _audit(run: Climb) -> None:
    """Score queries for a chance share of the examples that were not probed: how often do they find what gradients missed?"""
    run.step("audit", lambda: _sample(run))


def _sample(run: Climb) -> None:
    chosen = run.rng.child("audit").uniform(1)[:, 0] < _AUDITED
    rows = run.open
    rows = rows[(run.left[rows] >= _PROBED) & chosen.to(rows.device)[rows]]
    if len(rows):
        run.search(_blind(run.shift, _AUDIT_QUERIES), rows)
        broken = int(run.best.broken[rows].sum())
        run.oracle.report(Stage(AUDITED_SAMPLE, len(rows), broken, 0, 0, 0.0))


def _blind(shift: Shift, queries: int) -> Search:
    """The search without gradients that fits the shift."""
    return next(part for part in (Square(queries), Evolution(queries), BestOfN(queries)) if part.objection(shift) is None)


def _deaf(shift: Shift) -> Search:
    """The search without gradients and scores that fits the shift."""
    jump = HopSkipJump(_DECISIONS)
    return jump if jump.objection(shift) is None else BestOfN(_DECISIONS // 10)


ECONOMY = (
    StageOf("climb the margin", 1 + 2 * _FIRST_STEPS + 1, _untargeted),
    StageOf("cheap proofs", 2, _prove),
    StageOf("towards each rival", 1 + _RIVALS * (2 * _STEPS + 1), _targeted),
    StageOf("long climbs where little is left", _LONG_PASSES, _long),
    StageOf("deeper where little is left", sum(runs for _, runs in _DEEPER) * (1 + _NEAR_RIVALS * (2 * _DEEP_STEPS + 1)), _deeper),
    StageOf("score queries where little is left", _QUERIES + _MORE_QUERIES + 2, _probe),
    StageOf("decision queries where scores are flat", _DECISIONS + 1, _decide),
    StageOf("score queries for a sample of the rest", 0, _audit),
)


def start_of(kind: str, shift: Differentiable, x: Tensor, rng: Rng) -> Params:
    """A legal start for each of x (n, ...): a chance draw, or for linf on images a pattern of moves of full size."""
    if kind == "chance" or not isinstance(shift, Linf) or x.dim() != 4:  # images
        return shift.sample(x, rng)
    n, channels, height, width = x.shape
    coarse = (channels, min(7, height), min(7, width))
    shape = {"stripes": (channels, 1, width), "corner": (channels, height, width), "blocks": coarse}[kind]
    sign = (rng.uniform(*shape) < 0.5).to(x) * 2 - 1  # a fair coin
    full = F.interpolate(sign, size=(height, width)) if kind == "blocks" else sign.expand(n, channels, height, width)
    return shift.project(x, shift.eps * full)
