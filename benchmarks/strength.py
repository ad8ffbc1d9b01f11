"""How strong each search is beside a reference implementation, on a small network for 8x8 digits, at equal passes.

Two measures: the accuracy that is left at a budget, and the median size of the least move found. The ratio of ours to theirs is below 1
where ours is stronger. A search that asks for scores or decisions gets as many queries as the reference spent on an example; one that
follows gradients gets as many steps. Each side's passes (forwards and backwards) an example stand beside the result.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

import shiftproof as sp
from benchmarks import strength_peers as peers
from benchmarks.timing import Figure
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.oracle import Cost, Oracle
from shiftproof.randomness import Rng
from shiftproof.searches import searches
from shiftproof.shifts import shifts
from shiftproof.shifts.norms.ball import Ball

EPOCHS = 8
T = TypeVar("T")


@dataclass(frozen=True)
class Strength(Figure):
    """A ratio of strengths with both sides of it: means over the seeds; `seconds` is ours."""

    measure: str
    ours: float
    theirs: float
    our_passes: float
    their_passes: float
    their_seconds: float


@dataclass(frozen=True)
class Contest:
    """One search against one reference.

    `{effort}` in the search's spec is the reference's own count of steps; `{queries}` what the reference spent on an example.
    """

    search: str
    shift: str
    reference: str
    peer: peers.Peer
    effort: int
    examples: int = 200
    measure: str = "accuracy"


def _contests() -> list[Contest]:
    aa, ta = peers.autoattack, peers.torchattacks
    budgets = {"linf": "linf(eps=0.2)", "l2": "l2(eps=0.8)", "l1": "l1(eps=1.5)"}
    ascent = [
        Contest(f"auto_step(steps={{effort}}, loss={ours})", budgets[norm], f"autoattack APGD {theirs} {norm}", peer, 100)
        for norm in budgets
        for ours, theirs in (("cross_entropy", "ce"), ("dlr", "dlr"))
        for peer in [aa("autopgd_base", "APGDAttack", norm, loss=theirs, use_largereps=norm == "l1")]
    ]
    targeted = [
        Contest(
            "auto_step_targeted(steps={effort}, n_targets=9)",
            budgets[norm],
            f"autoattack APGD-T {norm}",
            aa("autopgd_base", "APGDAttack_targeted", norm, use_largereps=norm == "l1"),
            50,
        )
        for norm in budgets
    ]
    momentum = [
        Contest(
            f"{ours}(steps={{effort}})",
            budgets["linf"],
            f"torchattacks {made}",
            ta(made, eps="eps", alpha="eps/effort", steps="effort"),
            10,
        )
        for ours, made in (("momentum_ascent", "MIFGSM"), ("nesterov_ascent", "NIFGSM"), ("iterated_step", "BIM"))
    ]
    return [*ascent, *targeted, *momentum, *_least(), *_blind()]


def _least() -> list[Contest]:
    aa, lib = peers.autoattack, peers.adversarial_library

    def size(search: str, norm: str, reference: str, peer: peers.Peer, effort: int, examples: int = 200) -> Contest:
        return Contest(search, f"{norm}(eps={1 if norm == 'l0' else 0.01})", reference, peer, effort, examples, "median size")

    return [
        *[
            size("boundary_projection(steps={effort})", n, f"autoattack FAB {n}", aa("fab_pt", "FABAttack_PT", n), 50)
            for n in ("linf", "l2", "l1")
        ],
        *[size("fast_minimum_norm(steps={effort})", n, f"adv_lib fmn {n}", lib("fmn", n), 100) for n in ("linf", "l2", "l1", "l0")],
        size("decoupled_direction_norm(steps={effort})", "l2", "adv_lib ddn", lib("ddn", levels=None), 100),
        size(
            "carlini_wagner(steps={effort}, rounds=5, weight=0.1)",
            "l2",
            "adv_lib carlini_wagner_l2",
            lib("carlini_wagner_l2", steps="max_iterations", binary_search_steps=5, initial_const=0.1),
            200,
        ),
        size("deepfool(steps={effort})", "l2", "adv_lib df l2", lib("df", "l2"), 50),
        size("deepfool(steps={effort})", "linf", "adv_lib df linf", lib("df", "linf"), 50),
        size("sigma_zero(steps={effort})", "l0", "adv_lib sigma_zero", lib("sigma_zero", steps="num_steps"), 200),
        size(
            "elastic_net(steps={effort}, rounds=5, weight=0.1)",
            "l1",
            "foolbox EADAttack l1",
            peers.foolbox("EADAttack", binary_search_steps=5, initial_const=0.1, decision_rule="L1", abort_early=False),
            100,
        ),
        size(
            "saliency(steps={effort})",
            "l0",
            "art SaliencyMapMethod",
            peers.art("saliency_map", "SaliencyMapMethod", steps="batch_size", theta=1.0, gamma=1.0, towards=True),
            64,
            40,
        ),
    ]


def _blind() -> list[Contest]:
    aa, art = peers.autoattack, peers.art
    linf, l2, l0 = "linf(eps=0.2)", "l2(eps=0.8)", "l0(eps=3)"
    return [
        Contest("square(queries={effort})", linf, "autoattack Square linf", aa("square", "SquareAttack", "linf", steps="n_queries"), 1000),
        Contest("square(queries={effort})", l2, "autoattack Square l2", aa("square", "SquareAttack", "l2", steps="n_queries"), 1000),
        Contest("sparse_random(queries={effort})", l0, "Sparse-RS L0", peers.sparse_rs, 500),
        Contest(
            "simple(queries={effort})",
            l2,
            "art SimBA pixels",
            art("simba", "SimBA", steps="max_iter", per_step=2, scale={"epsilon": 0.25}, attack="px"),
            500,
            40,
        ),
        Contest(
            "gradient_estimate(steps=20, draws=25)",
            linf,
            "torchattacks SPSA",
            peers.torchattacks("SPSA", eps="eps", delta=0.01, lr=0.03, nb_iter=20, nb_sample=25),
            20,
            60,
        ),
        *[
            Contest("bandits(queries={effort})", shift, f"authors' bandits {norm}", peers.bandits(norm), 1000, measure="accuracy")
            for norm, shift in (("linf", linf), ("l2", l2))
        ],
        Contest("genetic(queries={effort})", linf, "foolbox GenAttack", peers.foolbox_gen_attack, 1000, 40),
        Contest(
            "hop_skip_jump(queries={queries})",
            l2,
            "art HopSkipJump",
            art("hop_skip_jump", "HopSkipJump", steps="max_iter", max_eval=300, init_eval=60, norm=2),
            4,
            30,
        ),
        Contest(
            "hop_skip_jump(queries={queries})",
            linf,
            "art HopSkipJump linf",
            art("hop_skip_jump", "HopSkipJump", steps="max_iter", max_eval=300, init_eval=60, norm=np.inf),
            4,
            30,
        ),
        Contest("boundary(queries={queries})", l2, "foolbox BoundaryAttack", peers.foolbox("BoundaryAttack", start=True), 1500, 40),
        Contest(
            "geometric(queries={queries})",
            l2,
            "art GeoDA",
            art("geometric_decision_based_attack", "GeoDA", steps="max_iter", norm=2, sub_dim=8, bin_search_tol=0.01),
            1000,
            30,
        ),
    ]


class Counted(nn.Module):
    """A network that counts rows forward and backward."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.passes = net, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += len(x)
        scores: Tensor = self.net(x.float())
        if scores.requires_grad:
            scores.register_hook(self._back)
        return scores

    def _back(self, gradient: Tensor) -> None:
        self.passes += len(gradient)


@cache
def trained() -> tuple[nn.Module, sp.Examples]:
    """A network trained on its worst cases inside linf(eps=0.2), and the test digits that it gets right."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    digits = sp.load_data("digits:?split=train").take(slice(None))
    model, shift = sp.as_model(net, name="digits"), sp.Linf(0.2).within(digits.space)
    search = sp.GradientAscent(steps=5, step_size=0.4, drop=False)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(EPOCHS):
        for number, rows in enumerate(torch.randperm(len(digits)).split(64)):
            batch = digits[rows.numpy()]
            oracle = Oracle(model, shift, batch.x, batch.y, Cost.of(len(batch)))
            moved = shift.apply(batch.x, search(shift, oracle, batch.x, Rng.for_ids(1000 * epoch + number, batch.ids)))
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(moved), batch.y).backward()
            optimiser.step()
    net.eval().requires_grad_(False)
    test = sp.load_data("digits:?split=test").take(slice(None))
    return net, test[(net(test.x).argmax(1) == test.y).numpy()]


def sizes(shift: Ball, net: nn.Module, examples: sp.Examples, moved: Tensor) -> Tensor:
    """The size of each move that breaks the model and stays in the box, else infinity."""
    moved = moved.detach()
    inside = (moved >= -1e-6).flatten(1).all(1) & (moved <= 1 + 1e-6).flatten(1).all(1)
    broken = net(moved.clamp(0, 1)).argmax(1) != examples.y
    return shift.norm(moved.clamp(0, 1) - examples.x).masked_fill(~(broken & inside), torch.inf)


def theirs(contest: Contest, net: nn.Module, examples: sp.Examples, shift: Ball, seed: int) -> tuple[float, float, float]:
    """The strength, the passes an example and the CPU seconds."""
    counted = Counted(net).eval()
    moved, seconds = _timed(lambda: contest.peer(counted, examples.x.clone(), examples.y.clone(), shift.eps, contest.effort, seed))
    size = sizes(shift, net, examples, moved)
    strength = float(np.median(size)) if contest.measure == "median size" else float((size > shift.eps * (1 + 1e-4)).double().mean())
    return strength, counted.passes / len(examples), seconds


def ours(contest: Contest, net: nn.Module, examples: sp.Examples, shift: Ball, seed: int, queries: int) -> tuple[float, float, float]:
    search = searches.build(contest.search.format(effort=contest.effort, queries=queries))
    model = sp.as_model(net, name="digits")
    if contest.measure == "median size":
        curve, seconds = _timed(lambda: security_curve(model, shift, search=search, examples=examples, seed=seed))
        return float(np.median(curve.size)), float((curve.forwards + curve.backwards).mean()), seconds
    finding, seconds = _timed(lambda: sp.confront(model, shift, search=search, examples=examples, seed=seed))
    return finding.accuracy, float((finding.forwards + finding.backwards).mean()), seconds


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and its CPU seconds."""
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def contend(contest: Contest, repeats: int) -> Strength:
    """Both sides on `repeats` seeds."""
    net, every = trained()
    examples = every[: contest.examples]
    shift = shifts.build(contest.shift).within(examples.space)
    assert isinstance(shift, Ball)
    rows = []
    for seed in range(repeats):
        them = theirs(contest, net, examples, shift, seed)
        rows.append((ours(contest, net, examples, shift, seed, max(int(them[1]), 3)), them))
    ratios = sorted(us[0] / max(them[0], 1e-9) for us, them in rows)
    means = [statistics.fmean(side[k] for side in sides) for sides in zip(*rows, strict=True) for k in range(3)]
    return Strength(
        f"{contest.search.format(effort=contest.effort, queries=int(means[4]))} {contest.shift}",
        contest.reference,
        statistics.median(ratios),
        ratios[0],
        ratios[-1],
        means[2],
        repeats,
        measure=contest.measure,
        ours=means[0],
        theirs=means[3],
        our_passes=means[1],
        their_passes=means[4],
        their_seconds=means[5],
    )


def measure(repeats: int) -> list[Figure]:
    """Every contest whose reference is installed; the others are named."""
    figures: list[Figure] = []
    for contest in _contests():
        try:
            found = contend(contest, repeats)
        except ModuleNotFoundError as missing:
            print(f"left out: {contest.search} against {contest.reference}: no module named {missing.name}")
            continue
        figures.append(found)
    return figures
