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

from shiftproof.losses import Loss, margin, margin_to
from shiftproof.oracle import Oracle
from shiftproof.outcomes import Stage
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.square import Square
from shiftproof.shifts.abstract import Differentiable, Params, Shift
from shiftproof.shifts.norms.linf import Linf

_FIRST_STEPS, _STEPS, _DEEP_STEPS = 20, 30, 25
_RIVALS, _NEAR_RIVALS = 9, 3
_DEEPER = ((0.3, 4), (0.15, 12), (0.07, 32))
"""Share of the clean margin left, and how many more runs an example below it gets."""
_PROBED, _QUERIES, _MORE_QUERIES = 0.5, 300, 1500
_AUDITED, _AUDIT_QUERIES = 0.05, 1000
AUDIT = "audited sample"
"""Name of the entry that says how many of a chance sample of unsuspected examples broke under score queries."""
_STARTS = ("chance", "stripes", "blocks", "corner")


@dataclass
class Run:
    """Where a cascade stands on n examples. `clean` is their margin before anything moved, shape (n,)."""

    shift: Shift
    oracle: Oracle
    x: Tensor
    rng: Rng
    best: Incumbent
    clean: Tensor
    rivals: Tensor

    @classmethod
    def of(cls, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Run:
        """Before the first stage. Cost: one forward each."""
        assert isinstance(shift, Differentiable)  # `objection` has said so
        start = shift.origin(x)
        best = Incumbent(start)
        if not len(x):
            return cls(shift, oracle, x, rng, best, best.margin, best.margin)
        answer = oracle(start)
        best.update(torch.arange(len(x), device=x.device), start, answer)
        return cls(shift, oracle, x, rng, best, answer.margin, answer.rivals)

    @property
    def left(self) -> Tensor:
        """The share of the clean margin that the best move leaves, in [0, 1], shape (n,)."""
        return (self.best.margin / self.clean).nan_to_num(0.0)

    def search(self, part: Search, rows: Tensor | None = None) -> None:
        """Runs another search on the examples at `rows`, or on all that stand."""
        rows = self.best.standing() if rows is None else rows
        if len(rows):
            here = self.oracle[rows]
            params = part(self.shift, here, self.x[rows], self.rng[rows.cpu()].child(part.name))
            self.best.update(rows, params, here(params))

    def climb(self, rows: Tensor, goal: Callable[[Tensor], Loss], steps: int, start: str, *path: str | int) -> None:
        """Ascent from a start of this kind with steps that shrink from the radius to nothing, for the examples at `rows`."""
        assert isinstance(self.shift, Differentiable)
        if not len(rows):
            return
        here, params = self.oracle[rows], start_of(start, self.shift, self.x[rows], self.rng[rows.cpu()].child(*path))
        for step in range(steps):
            answer, gradient = here.gradient(params, goal(rows))
            if bool(answer.broken.any()):
                hit, held = answer.broken, ~answer.broken
                self.best.update(rows[hit], params[hit], answer[hit])
                rows, params, gradient, here = rows[held], params[held], gradient[held], here[held]
                if not len(rows):
                    return
            size = (1 + math.cos(math.pi * step / steps)) / 2
            params = self.shift.project(here.x, self.shift.ascend(params, gradient, size))
        self.best.update(rows, params, here(params))


@dataclass(frozen=True)
class StageOf:
    """A stage with its name and the most passes it may spend on an example."""

    name: str
    passes: int
    work: Callable[[Run], None]

    def __call__(self, run: Run) -> None:
        self.work(run)


def _untargeted(run: Run) -> None:
    run.climb(run.best.standing(), lambda _: margin, _FIRST_STEPS, "chance", "untargeted")


def _targeted(run: Run) -> None:
    """Towards each rival, nearest first, from chance starts and stripes in turn."""
    if len(run.x):
        rows = run.best.standing()
        if len(rows):
            run.rivals[rows] = run.oracle[rows](run.best.params[rows]).rivals
        _towards(run, rows, run.rivals, _RIVALS, _STEPS, lambda rank: _STARTS[rank % 2], "targeted")


def _towards(run: Run, rows: Tensor, rivals: Tensor, most: int, steps: int, start: Callable[[int], str], *path: str | int) -> None:
    for rank in range(min(most, rivals.shape[1])):
        rows = rows[~run.best.broken[rows]]
        run.climb(rows, lambda at, rank=rank: margin_to(rivals[at, rank]), steps, start(rank), *path, rank)  # type: ignore[misc]


def _deeper(run: Run) -> None:
    """More runs from unlike starts for examples with little margin left."""
    for level, (share, runs) in enumerate(_DEEPER):
        for number in range(runs):
            rows = run.best.standing()
            rows = rows[run.left[rows] < share]
            if not len(rows):
                break
            rivals = run.rivals.clone()
            rivals[rows] = run.oracle[rows](run.best.params[rows]).rivals
            kind = _STARTS[(level + number) % len(_STARTS)]
            _towards(run, rows, rivals, _NEAR_RIVALS, _DEEP_STEPS, lambda _, kind=kind: kind, "deeper", level, number)  # type: ignore[misc]


def _probe(run: Run) -> None:
    """Score queries where less than half the margin is left; more of them where they do better than gradients did."""
    rows = run.best.standing()
    rows = rows[run.left[rows] < _PROBED]
    before = run.best.margin.clone()
    run.search(_blind(run.shift, _QUERIES), rows)
    masked = rows[(run.best.margin[rows] > before[rows]) & ~run.best.broken[rows]]
    run.search(_blind(run.shift, _MORE_QUERIES), masked)


def _audit(run: Run) -> None:
    """Score queries for a chance share of the examples that were not probed: how often do they find what gradients missed?"""
    chosen = run.rng.child("audit").uniform(1)[:, 0] < _AUDITED
    rows = run.best.standing()
    rows = rows[(run.left[rows] >= _PROBED) & chosen.to(rows.device)[rows]]
    if len(rows):
        run.search(_blind(run.shift, _AUDIT_QUERIES), rows)
        broken = int(run.best.broken[rows].sum())
        run.oracle.report(Stage(AUDIT, len(rows), broken, 0, 0, 0.0))


def _blind(shift: Shift, queries: int) -> Search:
    """The search without gradients that fits the shift."""
    square = Square(queries)
    return square if square.objection(shift) is None else BestOfN(queries // 10)


ECONOMY = (
    StageOf("climb the margin", 1 + 2 * _FIRST_STEPS + 1, _untargeted),
    StageOf("towards each rival", 1 + _RIVALS * (2 * _STEPS + 1), _targeted),
    StageOf("deeper where little is left", sum(runs for _, runs in _DEEPER) * (1 + _NEAR_RIVALS * (2 * _DEEP_STEPS + 1)), _deeper),
    StageOf("score queries where little is left", _QUERIES + _MORE_QUERIES + 2, _probe),
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
