"""The cascade's `economy` beside AutoAttack's standard version: passes, CPU time, and what either leaves standing.

The networks are trained here, from seeds, on the digits that scikit-learn carries, so whoever has AutoAttack's repository on the path
(`git+https://github.com/fra31/auto-attack`) can run it again. None of them had a part in choosing the economy's constants. Those were
chosen by its verdicts on images of seven networks, which are not part of this repository: two small convolutional ones for MNIST at 0.3
(one of them trained on attacked images), the provably trained one of Wong & Kolter and the smallest of Madry et al. at 0.1, two
convolutional ones for CIFAR-10 from the verification benchmarks (CNN-A, and ERAN's trained by PGD) at 2/255 and 8/255, and a ResNet-20 at
1/255. What each constant would have been without one of them was not measured.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import shiftproof as sp
from benchmarks.strength import Counted
from benchmarks.timing import Figure, not_measured
from shiftproof.oracle import Cost, Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.cascade import Cascade

SEEDS = (11, 12)
EPOCHS = 6
IMAGES = 50
EPS = {"plain": 0.06, "attacked": 0.2}
"""The budget of networks trained plainly, and of those trained on their worst cases inside it."""


@dataclass(frozen=True)
class Contested(Figure):
    """A sum over the networks, ours over theirs; `low` and `high` are the least and the largest ratio of one network."""

    ours: float
    theirs: float


@dataclass(frozen=True)
class Side:
    """What one of the two spent on a network, and which images it left standing."""

    forwards: int
    backwards: int
    seconds: float
    standing: Tensor


class CountedEachWay(Counted):
    """A network that counts its rows forward and backward apart."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self.backwards = 0

    def _back(self, gradient: Tensor) -> None:
        super()._back(gradient)
        self.backwards += len(gradient)


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 10))


def convolutional() -> nn.Module:
    body = (nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU())
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(384, 48), nn.ReLU(), nn.Linear(48, 10))


def trained(make: Callable[[], nn.Module], how: str, seed: int) -> nn.Module:
    """A network, trained plainly or on its worst cases inside its budget."""
    torch.manual_seed(seed)
    net, digits = make(), sp.load_data("digits:?split=train").take(slice(None))
    model, shift = sp.as_model(net, name="digits"), sp.Linf(EPS[how]).within(digits.space)
    search = sp.GradientAscent(steps=5, step_size=0.4, drop=False)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(EPOCHS):
        for number, rows in enumerate(torch.randperm(len(digits)).split(64)):
            batch, x = digits[rows.numpy()], digits.x[rows]
            if how == "attacked":
                oracle = Oracle(model, shift, batch.x, batch.y, Cost.of(len(batch)))
                x = shift.apply(batch.x, search(shift, oracle, batch.x, Rng.for_ids(1000 * epoch + number, batch.ids)))
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x), batch.y).backward()
            optimiser.step()
    return net.eval().requires_grad_(False)


def economy(net: nn.Module, examples: sp.Examples, eps: float) -> Side:
    began = time.process_time()
    found = sp.confront(sp.as_model(net, name="digits"), sp.Linf(eps), search=Cascade(), examples=examples)
    return Side(int(found.forwards.sum()), int(found.backwards.sum()), time.process_time() - began, torch.from_numpy(found.correct))


def autoattack(net: nn.Module, examples: sp.Examples, eps: float) -> Side:
    counted = CountedEachWay(net).eval()
    attack = importlib.import_module("autoattack").AutoAttack(counted, norm="Linf", eps=eps, seed=0, device="cpu", verbose=False)
    began = time.process_time()
    moved = attack.run_standard_evaluation(examples.x.clone(), examples.y.clone(), bs=IMAGES)
    seconds = time.process_time() - began
    return Side(counted.passes - counted.backwards, counted.backwards, seconds, net(moved).argmax(1) == examples.y)


def measure(repeats: int) -> list[Figure]:  # noqa: ARG001  # counts do not change from run to run
    name = "AutoAttack standard"
    if importlib.util.find_spec("autoattack") is None:
        return [not_measured(what, name) for what in ("forwards", "backwards", "CPU time")]
    sides: list[tuple[Side, Side]] = []
    for make in (perceptron, convolutional):
        for how, eps in EPS.items():
            for seed in SEEDS:
                net, test = trained(make, how, seed), sp.load_data("digits:?split=test").take(slice(None))
                examples = test[(net(test.x).argmax(1) == test.y).numpy()][:IMAGES]
                us, them = economy(net, examples, eps), autoattack(net, examples, eps)
                print(f"{make.__name__} {how} {seed}: {int(us.standing.sum())} stand, AutoAttack {int(them.standing.sum())}")
                sides.append((us, them))
    missed = sum(int((us.standing & ~them.standing).sum()) for us, them in sides)
    found = sum(int((~us.standing & them.standing).sum()) for us, them in sides)
    where = f"{len(sides)} networks, {sum(len(us.standing) for us, _ in sides)} images; {missed} missed, {found} found beyond"

    def figure(what: str, of: Callable[[Side], float]) -> Contested:
        ours, theirs = sum(of(us) for us, _ in sides), sum(of(them) for _, them in sides)
        ratios = [of(us) / of(them) for us, them in sides]
        return Contested(
            f"{what}; {where}",
            name,
            ours / theirs,
            min(ratios),
            max(ratios),
            sum(us.seconds for us, _ in sides),
            1,
            ours=ours,
            theirs=theirs,
        )

    return [
        figure("forwards", lambda side: side.forwards),
        figure("backwards", lambda side: side.backwards),
        figure("CPU time", lambda side: side.seconds),
    ]
