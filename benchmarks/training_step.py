"""A step of adversarial training (PGD-10, batches of 128), ours and a peer trainer's, over the same recipe in plain torch, in one run.

Everyone trains by the same recipe: a batch is moved by 10 steps along the gradient's sign from a chance start in the L-infinity ball, the
network in evaluation mode, and one step of SGD is made on what comes out. They take turns within each round, so that a drift of the machine
cancels in the ratios. Images are noise and weights come from a seed: speed does not depend on either. Ours is measured twice, as
`Method.step` in a loop of one's own, and as the loop of `shiftproof.train` without its held-out attack, which the others do not make.

The peer lives in the environment of `peers_gradient_ascent`; where it is not installed it is listed as missing.
"""

from __future__ import annotations

import contextlib
import copy
import io
import statistics
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from benchmarks.peers_gradient_ascent import networks
from benchmarks.timing import Figure, cpu, not_measured
from shiftproof.randomness import Rng
from shiftproof.searches import GradientAscent
from shiftproof.training.loop import Loop
from shiftproof.training.methods import Adversarial, Batch
from shiftproof.training.optimise import WeightAverage
from shiftproof.training.overfitting_monitor import HeldOutAttack
from shiftproof.training.recipe import Recipe
from shiftproof.training.state import Learner

STEPS, IMAGES, BATCH, EPS, LR = 10, 1024, 128, 0.3, 0.01
STEP = 2.5 * EPS / STEPS
FLOOR = "the same recipe in plain torch"
PEER = "adversarial-robustness-toolbox"
Epoch = Callable[[], object]
"""Trains on all images once."""


def sgd(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9, weight_decay=5e-4)


def plain(net: nn.Module, x: Tensor, y: Tensor) -> Epoch:
    """What people write by hand."""
    optimiser = sgd(net)

    def epoch() -> None:
        order = torch.randperm(len(x))
        for rows in torch.split(order, BATCH):
            images, labels = x[rows], y[rows]
            net.eval()
            moved = (images + torch.empty_like(images).uniform_(-EPS, EPS)).clamp(0, 1)
            for _ in range(STEPS):
                moved.requires_grad_()
                gradient = torch.autograd.grad(F.cross_entropy(net(moved), labels, reduction="sum"), moved)[0]
                moved = moved.detach() + STEP * gradient.sign()
                moved = (images + (moved - images).clamp(-EPS, EPS)).clamp(0, 1)
            net.train()
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(net(moved), labels).backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    return epoch


METHOD = Adversarial(shift=f"linf(eps={EPS})", search=f"gradient_ascent(steps={STEPS})")


def own_loop(net: nn.Module, x: Tensor, y: Tensor) -> Epoch:
    """Our step, in a loop of one's own."""
    optimiser, data = sgd(net), sp.examples(x, y, kind="image")
    memory, streams = METHOD.init(net, data), Rng.for_ids(0, data.ids)

    def epoch() -> None:
        net.train()
        for number, rows in enumerate(torch.split(torch.randperm(len(x)), BATCH)):
            batch = Batch(x[rows], y[rows], streams[rows.numpy()].child("step", number), data.space)
            optimiser.zero_grad(set_to_none=True)
            step = METHOD.step(net, batch, memory)
            step.loss.backward()  # type: ignore[no-untyped-call]
            METHOD.learned(step, batch, memory)
            optimiser.step()

    return epoch


def our_loop(net: nn.Module, x: Tensor, y: Tensor) -> Epoch:
    """Our step in our loop, which shuffles, sets the learning rate, seeds and adds up beside."""
    data = sp.examples(x, y, kind="image")
    recipe = Recipe(epochs=10**6, batch_size=BATCH, optimiser=f"sgd(lr={LR}, momentum=0.9, weight_decay=5e-4)", schedule="constant")
    learner = Learner(net, METHOD.init(net, data), sgd(net), WeightAverage("none", net))
    watch = HeldOutAttack(data, None, GradientAscent(), 0)
    loop = Loop(METHOD, recipe, data, None, watch, learner, Path(tempfile.gettempdir()), {}, 1e9, lambda *_: None)

    def epoch() -> None:
        for _ in range(loop.per_epoch):
            loop._step()  # all that a step costs; what comes after the last of an epoch is the held-out attack

    return epoch


def peer(net: nn.Module, x: Tensor, y: Tensor) -> Epoch:
    """The peer's trainer, with its own PGD."""
    wrapper = import_module("art.estimators.classification").PyTorchClassifier(
        net, nn.CrossEntropyLoss(), tuple(x.shape[1:]), 10, optimizer=sgd(net), clip_values=(0.0, 1.0), device_type="cpu"
    )
    kind = import_module("art.defences.trainer").AdversarialTrainerMadryPGD
    trainer = kind(wrapper, nb_epochs=1, batch_size=BATCH, eps=EPS, eps_step=STEP, max_iter=STEPS, num_random_init=1)
    images, labels = x.numpy(), y.numpy().astype(np.int64)

    def epoch() -> None:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
            trainer.fit(images, labels)

    return epoch


def race(label: str, net: nn.Module, x: Tensor, repeats: int) -> list[Figure]:
    """Everyone's ratio to the plain recipe of the same round."""
    y = torch.randint(10, (len(x),), generator=torch.Generator().manual_seed(0))
    makers = {"plain": plain, "shiftproof's step in a loop of one's own": own_loop, "shiftproof.train's loop": our_loop}
    if find_spec("art"):
        makers[f"{PEER}'s AdversarialTrainerMadryPGD"] = peer
    field = {name: make(copy.deepcopy(net), x, y) for name, make in makers.items()}
    for epoch in field.values():  # unmeasured: what happens the first time only
        epoch()
    seconds: dict[str, list[float]] = {name: [] for name in field}
    for _ in range(repeats):
        for name, epoch in field.items():
            seconds[name].append(cpu(epoch))
    figures: list[Figure] = []
    for name in list(field)[1:]:
        ratios = sorted(mine / floor for mine, floor in zip(seconds[name], seconds["plain"], strict=True))
        figures.append(
            Figure(f"{label}: {name}", FLOOR, statistics.median(ratios), ratios[0], ratios[-1], statistics.median(seconds[name]), repeats)
        )
    return figures


def measure(repeats: int) -> list[Figure]:
    noise = torch.Generator().manual_seed(1)
    found: list[Figure] = []
    for label, (net, few) in networks().items():
        x = torch.rand(IMAGES, *few.shape[1:], generator=noise)
        found += race(label, net, x, repeats)
    return found if find_spec("art") else [*found, not_measured(f"{PEER} (missing: it is not installed)", FLOOR)]
