"""The stages of the cascade's `economy` version: cheap stages first, then more effort where the margin still falls.

No stage compares examples: what one gets depends on its own margins and draws only, so verdicts do not depend on the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof.certificates.auto import cheap
from shiftproof.losses import Loss, cross_entropy, dlr_to, margin, margin_to
from shiftproof.oracle import Answer, Oracle
from shiftproof.outcomes import AUDITED_SAMPLE, Stage
from shiftproof.randomness import Rng
from shiftproof.searches._auto_step_loop import Goal, run_auto_step
from shiftproof.searches._norms import AscentStep
from shiftproof.searches._prospects import Prospects
from shiftproof.searches._stages import StagedRun
from shiftproof.searches._standing import keep, turns
from shiftproof.searches.abstract import CopiedIncumbent, Search
from shiftproof.searches.best_of_n import BestOfN
from shiftproof.searches.evolution import Evolution
from shiftproof.searches.hop_skip_jump import HopSkipJump
from shiftproof.searches.square import Square
from shiftproof.shifts.abstract import Boxed, Differentiable, Params, Shift
from shiftproof.shifts.norms.linf import Linf

_FIRST_STEPS, _STEPS, _DEEP_STEPS = 20, 30, 25
_RIVALS, _NEAR_RIVALS = 9, 3
_RANKS = (range(1), range(1, 5), range(5, _RIVALS))
"""Rivals that are climbed to at the same time: the nearest, which breaks most, alone."""
_LONG_STEPS, _LONG_TARGETS = 100, 3
_LONG_PASSES = (1 + _LONG_TARGETS) * 2 * _LONG_STEPS + 6
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
    answers: list[Answer] = []
    for rows in run.calls(torch.arange(len(run.x), device=run.x.device)):
        answers.append(run.oracle[rows](run.best.params[rows]))
        run.best.update(rows, run.best.params[rows], answers[-1])
    run.extra = {"clean": torch.cat([a.margin for a in answers]), "rivals": torch.cat([a.rivals for a in answers])}


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
    for part in run.calls(rows):
        run.extra["rivals"][part] = run.oracle[part](run.best.params[part]).rivals


def ascend(run: StagedRun, rows: Tensor, params: Params, steps: int, rivals: Tensor | None = None) -> None:
    """Ascent with steps that shrink from the radius to nothing: of the margin, or towards these `rivals`, shape (m,).

    An example may be there several times, at `params` and with rivals of its own each time. It is done with as soon as one of them breaks
    it; the first of those that do so in the same step counts. A climb towards a rival that is too far is given up (`Prospects`).
    """
    assert isinstance(run.shift, Differentiable)
    here, goals = run.oracle[rows], rows if rivals is None else rivals
    ahead, prospects = AscentStep(run.shift, here.x), Prospects.of(run.shift, params)
    for step in range(steps):
        answer, (value,), (gradient,) = here.gradients(params, (margin if rivals is None else margin_to(goals),))
        leaves = answer.broken
        if rivals is not None and prospects.look(step, value, gradient, params):
            leaves = leaves | _hopeless(run, rows, prospects, value)
        if bool(leaves.any()):
            _offer(run, rows, params, answer, leaves)
            held = ~(run.best.broken[rows] | leaves)
            rows, goals, params, gradient, here, ahead, prospects = keep(held, rows, goals, params, gradient, here, ahead, prospects)
            if not len(rows):
                return
        size = (1 + math.cos(math.pi * step / steps)) / 2
        params = ahead(params, gradient, size)
    _offer(run, rows, params, here(params), torch.ones_like(rows, dtype=torch.bool))


def _hopeless(run: StagedRun, rows: Tensor, prospects: Prospects, value: Tensor) -> Tensor:
    """Which of these climbs are too far from their rivals, and their examples no stranger to straight slopes, shape (m,)."""
    bent = run.extra.setdefault("bent", torch.zeros(len(run.x), dtype=torch.bool, device=run.x.device))
    bent[rows[prospects.bent(value)]] = True
    return prospects.too_far(value) & ~bent[rows]


def _offer(run: StagedRun, rows: Tensor, params: Params, answer: Answer, wanted: Tensor) -> None:
    """Hands over the wanted moves, those of the same example one after the other."""
    some = wanted.nonzero()[:, 0]
    for part in turns(rows[some]):
        at = some[part]
        run.best.update(rows[at], params[at], answer[at])


@dataclass(frozen=True)
class EconomyStage:
    """A stage with its name and the most passes it may spend on an example."""

    name: str
    passes: int
    work: Callable[[StagedRun], None]

    def __call__(self, run: StagedRun) -> None:
        self.work(run)


def _untargeted(run: StagedRun) -> None:
    run.step("untargeted", lambda: _first_climb(run))


def _first_climb(run: StagedRun) -> None:
    for rows in run.calls(run.best.standing()):
        ascend(run, rows, _starts(run, rows, "chance", "untargeted"), _FIRST_STEPS)


def _starts(run: StagedRun, rows: Tensor, kind: str, *path: str | int) -> Params:
    assert isinstance(run.shift, Differentiable)
    return start_of(kind, run.shift, run.x[rows], run.rng[rows.cpu()].child(*path))


def _prove(run: StagedRun) -> None:
    """Cheap proofs: what no move can break needs no search."""
    run.step("prove", lambda: _close(run))


def _close(run: StagedRun) -> None:
    rows = run.best.standing()
    run.extra["proven"] = torch.zeros(len(run.x), dtype=torch.bool, device=run.x.device)
    proofs = cheap(run.shift)
    for part in run.calls(rows):
        run.extra["proven"][part] = run.oracle[part].proven(proofs, run.rng[part.cpu()])


def _targeted(run: StagedRun) -> None:
    """Towards each rival, nearest first, from random starts and stripes in turn."""
    run.step("targeted rivals", lambda: _order_rivals(run, _gradient_rows(run)))
    for ranks in _RANKS:
        run.step(f"targeted {ranks}", lambda ranks=ranks: _towards(run, _gradient_rows(run), ranks, _STEPS, _STARTS[:2], "targeted"))  # type: ignore[misc]


def _towards(run: StagedRun, rows: Tensor, ranks: range, steps: int, starts: Sequence[str], *path: str | int) -> None:
    """Ascents towards the rivals of these ranks, nearest first, side by side: few examples then fill a call; `starts` in turn."""
    rivals = run.extra["rivals"]
    ranks = ranks[: max(0, rivals.shape[1] - ranks.start)]
    for part in run.calls(rows, len(ranks)) if ranks else ():
        params = torch.cat([_starts(run, part, starts[rank % len(starts)], *path, rank) for rank in ranks])
        ascend(run, part.repeat(len(ranks)), params, steps, rivals[part][:, ranks].T.flatten())


def _long(run: StagedRun) -> None:
    """Long runs with momentum and halving steps where little margin is left; short ones miss these failures on deep nets."""
    run.step("long", lambda: _climb_long(run))


def _climb_long(run: StagedRun) -> None:
    """What `auto_step` and `auto_step_targeted` do, all at the same time: the few examples left then fill a call."""
    assert isinstance(run.shift, Differentiable)
    for part in run.calls(_near(run, _DEEPER[0][0]), 1 + _LONG_TARGETS):
        here, rng = run.oracle[part], run.rng[part.cpu()]
        rivals = here(run.shift.origin(here.x)).rivals[:, :_LONG_TARGETS]
        draws = [rng.child("auto_step").child("restart", 0)]
        draws += [rng.child("auto_step_targeted").child("target", rank, "restart", 0) for rank in range(rivals.shape[1])]
        every = part.repeat(len(draws))
        goal = _plain_and_aimed(len(part), rivals.T.flatten())
        best = CopiedIncumbent(run.best, every)
        run_auto_step(run.shift, run.oracle[every], torch.arange(len(every), device=every.device), Rng.join(draws), goal, _LONG_STEPS, best)


def _plain_and_aimed(n: int, targets: Tensor) -> Goal:
    """For n examples the cross-entropy, and for copies of them behind the DLR towards each copy's target."""

    def goal(copies: Tensor) -> Loss:
        first = int((copies < n).sum())
        aimed = dlr_to(targets[copies[first:] - n])

        def loss(scores: Tensor, y: Tensor) -> Tensor:
            return torch.cat([cross_entropy(scores[:first], y[:first]), aimed(scores[first:], y[first:])])

        return loss

    return goal


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
    start = _STARTS[(level + number) % len(_STARTS)]
    _towards(run, rows, range(_NEAR_RIVALS), _DEEP_STEPS, (start,), "deeper", level, number)
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
