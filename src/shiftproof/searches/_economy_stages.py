"""The stages of the cascade's `economy` version: cheap stages first, then more effort where the margin still falls.

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
from shiftproof.searches._norms import AscentStep
from shiftproof.searches._stages import StagedRun
from shiftproof.searches._standing import keep
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
"""Operations that a proof may cost per example: about the cost of the ascents that it saves."""
_LONG: tuple[Search, ...] = (AutoStep(steps=100), AutoStepTargeted(steps=100, n_targets=3))
_LONG_PASSES = 2 * 4 * 100 + 6
_DEEPER = ((0.3, 4), (0.15, 12), (0.07, 32))
"""Share of the clean margin left, and how many more runs an example below it gets."""
_PATIENCE, _FELL = 4, 0.01
"""Runs in a row that may leave the margin where it was, and by what share of itself it must fall for one that does not."""
_PROBED, _QUERIES, _MORE_QUERIES = 0.5, 300, 1500
_FLAT, _DECISIONS = 0.98, 1000
_AUDITED, _AUDIT_QUERIES = 0.05, 1000
AUDIT = "audited sample"
"""Name of the entry that says how many of a random sample of unsuspected examples broke under score queries."""
_STARTS = ("chance", "stripes", "blocks", "corner")


def begin(shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> StagedRun:
    """The run before its first stage; `extra` holds clean margins (n,) and rival classes (n, classes - 1). Cost: one forward each."""
    assert isinstance(shift, Differentiable)  # `objection` has said so
    run = StagedRun.of(shift, oracle, x, rng, start=shift.origin(x))
    run.step("clean", lambda: _ask_clean(run))
    return run


def _ask_clean(run: StagedRun) -> None:
    if not len(run.x):
        run.extra = {"clean": run.best.margin, "rivals": torch.zeros(0, 0, dtype=torch.int64, device=run.x.device)}
        return
    answer = run.oracle(run.best.params)
    run.best.update(torch.arange(len(run.x), device=run.x.device), run.best.params, answer)
    run.extra = {"clean": answer.margin, "rivals": answer.rivals}


def _margin_left(run: StagedRun) -> Tensor:
    """The share of the clean margin that the best move leaves, in [0, 1], shape (n,)."""
    return (run.best.margin / run.extra["clean"]).nan_to_num(0.0)


def _zero_gradient_rows(run: StagedRun) -> Tensor:
    """Standing examples whose gradient was zero at every step: ascent cannot help there."""
    rows = _unproven(run)
    return rows[~run.oracle.sighted.to(rows.device)[rows]]


def _gradient_rows(run: StagedRun) -> Tensor:
    """Standing examples with a gradient that was not zero at some step."""
    rows = _unproven(run)
    return rows[run.oracle.sighted.to(rows.device)[rows]]


def _unproven(run: StagedRun) -> Tensor:
    rows = run.best.standing()
    return rows[~run.extra["proven"][rows]] if "proven" in run.extra else rows


def _order_rivals(run: StagedRun, rows: Tensor) -> None:
    """Orders the rival classes by their scores at the best move. Cost: one forward each."""
    if len(rows):
        run.extra["rivals"][rows] = run.oracle[rows](run.best.params[rows]).rivals


def ascend(run: StagedRun, rows: Tensor, goal: Callable[[Tensor], Loss], steps: int, start: str, *path: str | int) -> None:
    """Ascent from a start of this kind, with steps that shrink from the radius to nothing, for the examples at `rows`."""
    assert isinstance(run.shift, Differentiable)
    if not len(rows):
        return
    here, params = run.oracle[rows], start_of(start, run.shift, run.x[rows], run.rng[rows.cpu()].child(*path))
    ahead = AscentStep(run.shift, here.x)
    for step in range(steps):
        answer, gradient = here.gradient(params, goal(rows))
        if bool(answer.broken.any()):
            hit, held = answer.broken, ~answer.broken
            run.best.update(rows[hit], params[hit], answer[hit])
            rows, params, gradient, here, ahead = keep(held, rows, params, gradient, here, ahead)
            if not len(rows):
                return
        size = (1 + math.cos(math.pi * step / steps)) / 2
        params = ahead(params, gradient, size)
    run.best.update(rows, params, here(params))


@dataclass(frozen=True)
class EconomyStage:
    """A stage with its name and the most passes it may spend on an example."""

    name: str
    passes: int
    work: Callable[[StagedRun], None]

    def __call__(self, run: StagedRun) -> None:
        self.work(run)


def _untargeted(run: StagedRun) -> None:
    run.step("untargeted", lambda: ascend(run, run.best.standing(), lambda _: margin, _FIRST_STEPS, "chance", "untargeted"))


def _prove(run: StagedRun) -> None:
    """Cheap proofs: what no move can break needs no search."""
    run.step("prove", lambda: _close(run))


def _close(run: StagedRun) -> None:
    rows = run.best.standing()
    run.extra["proven"] = torch.zeros(len(run.x), dtype=torch.bool, device=run.x.device)
    run.extra["proven"][rows] = run.oracle[rows].proven(Auto(effort=_EFFORT), run.rng[rows.cpu()])


def _targeted(run: StagedRun) -> None:
    """Towards each rival, nearest first, from random starts and stripes in turn."""
    run.step("targeted rivals", lambda: _order_rivals(run, _gradient_rows(run)))
    for rank in range(_RIVALS):
        run.step(f"targeted {rank}", lambda rank=rank: _towards(run, _gradient_rows(run), rank, _STEPS, _STARTS[rank % 2], "targeted"))  # type: ignore[misc]


def _towards(run: StagedRun, rows: Tensor, rank: int, steps: int, start: str, *path: str | int) -> None:
    """An ascent towards the rival of this rank, nearest first."""
    rivals = run.extra["rivals"]
    if rank < rivals.shape[1]:
        rows = rows[~run.best.broken[rows]]
        ascend(run, rows, lambda at: margin_to(rivals[at, rank]), steps, start, *path, rank)


def _long(run: StagedRun) -> None:
    """Long runs with momentum and halving steps where little margin is left; short ones miss these failures on deep nets."""
    for part in _LONG:
        run.step(part.spec(), lambda part=part: run.search(part, _near(run, _DEEPER[0][0])))  # type: ignore[misc]


def _deeper(run: StagedRun) -> None:
    """More runs from unlike starts for examples with little margin left, while some run still lowers it."""
    run.extra.setdefault("idle", torch.zeros(len(run.x), dtype=torch.int64, device=run.x.device))
    for level, (share, runs) in enumerate(_DEEPER):
        for number in range(runs):
            run.step(f"deeper {level} {number}", lambda level=level, share=share, number=number: _dig(run, share, level, number))  # type: ignore[misc]


def _dig(run: StagedRun, share: float, level: int, number: int) -> None:
    idle = run.extra["idle"]
    rows = _near(run, share)
    rows = rows[idle[rows] < _PATIENCE]
    before = run.best.margin[rows]
    _order_rivals(run, rows)
    for rank in range(_NEAR_RIVALS):
        _towards(run, rows, rank, _DEEP_STEPS, _STARTS[(level + number) % len(_STARTS)], "deeper", level, number)
    fell = run.best.margin[rows] - before > _FELL * before.abs()
    idle[rows] = torch.where(fell, 0, idle[rows] + 1)


def _near(run: StagedRun, share: float) -> Tensor:
    rows = _gradient_rows(run)
    return rows[_margin_left(run)[rows] < share]


def _probe(run: StagedRun) -> None:
    """Score queries where less than half the margin is left; more of them where they do better than gradients did, or these were zero."""
    run.step("probe", lambda: _ask(run))


def _ask(run: StagedRun) -> None:
    rows = _gradient_rows(run)
    if not isinstance(run.shift, Boxed):  # over few parameters one ascent ends in the nearest local maximum
        rows = rows[_margin_left(run)[rows] < _PROBED]
    before = run.best.margin.clone()
    run.search(_blind(run.shift, _QUERIES), rows)
    masked = rows[(run.best.margin[rows] > before[rows]) & ~run.best.broken[rows]]
    run.search(_blind(run.shift, _MORE_QUERIES), torch.cat([masked, _zero_gradient_rows(run)]).sort().values)


def _decide(run: StagedRun) -> None:
    """Decision queries where gradients were zero and score queries did not move the margin: scores that say nothing until they flip."""
    rows = _zero_gradient_rows(run)
    rows = rows[_margin_left(run)[rows] >= _FLAT]
    run.step("decide", lambda: run.search(_deaf(run.shift), rows))


def _audit(run: StagedRun) -> None:
    """Score queries for a random share of the examples that were not probed: how often do they find what gradients missed?"""
    run.step("audit", lambda: _sample(run))


def _sample(run: StagedRun) -> None:
    chosen = run.rng.child("audit").uniform(1)[:, 0] < _AUDITED
    rows = _gradient_rows(run)
    rows = rows[(_margin_left(run)[rows] >= _PROBED) & chosen.to(rows.device)[rows]]
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
    EconomyStage("climb the margin", 1 + 2 * _FIRST_STEPS + 1, _untargeted),
    EconomyStage("cheap proofs", 2, _prove),
    EconomyStage("towards each rival", 1 + _RIVALS * (2 * _STEPS + 1), _targeted),
    EconomyStage("long climbs where little is left", _LONG_PASSES, _long),
    EconomyStage("deeper where little is left", sum(runs for _, runs in _DEEPER) * (1 + _NEAR_RIVALS * (2 * _DEEP_STEPS + 1)), _deeper),
    EconomyStage("score queries where little is left", _QUERIES + _MORE_QUERIES + 2, _probe),
    EconomyStage("decision queries where scores are flat", _DECISIONS + 1, _decide),
    EconomyStage("score queries for a sample of the rest", 0, _audit),
)


def start_of(kind: str, shift: Differentiable, x: Tensor, rng: Rng) -> Params:
    """A legal start for each of x (n, ...): a random draw, or for linf on images a pattern of moves of full size."""
    if kind == "chance" or not isinstance(shift, Linf) or x.dim() != 4:  # images
        return shift.sample(x, rng)
    n, channels, height, width = x.shape
    coarse = (channels, min(7, height), min(7, width))
    shape = {"stripes": (channels, 1, width), "corner": (channels, height, width), "blocks": coarse}[kind]
    sign = (rng.uniform(*shape) < 0.5).to(x) * 2 - 1  # a fair coin
    full = F.interpolate(sign, size=(height, width)) if kind == "blocks" else sign.expand(n, channels, height, width)
    return shift.project(x, shift.eps * full)
