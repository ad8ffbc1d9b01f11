"""The contract of training methods: a finite loss, randomness from the batch only, and an unchanged network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from shiftproof._errors import UsageError
from shiftproof.conformance.probes import no_global_randomness
from shiftproof.conformance.report import NotApplicable, expect
from shiftproof.data.examples import Examples
from shiftproof.data.space import boxed
from shiftproof.randomness import Rng
from shiftproof.shifts.norms.ball import Ball
from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.pieces.grouping import LABEL, group, wanted

_CLASSES, _N = 3, 8


@dataclass(frozen=True)
class MethodCase:
    """A method, a small network and a batch of images in the middle of training."""

    method: Method
    net: nn.Module
    batch: Batch
    examples: Examples

    def memory(self) -> nn.Module:
        """The method's memory; not applicable if the method needs something that is missing here, such as a file."""
        try:
            return self.method.init(self.net, self.examples)
        except UsageError as refusal:
            raise NotApplicable(f"It cannot start here: {refusal}") from None

    def step(self) -> Step:
        """The first step."""
        return self.method.step(self.net, self.batch, self.memory())


def method_case(method: Method) -> MethodCase:
    """The method on images of 28 x 28 pixels, many of them at the edges of the box."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, _CLASSES))
        x, y = torch.rand(_N, 1, 28, 28) * 1.5 - 0.25, torch.randint(_CLASSES, (_N,))
    columns = wanted(method.grouping, method.name) if method.grouping else []
    halves = np.array(["a", "b"])[np.arange(_N) % 2]
    ids = np.array([str(i) for i in range(_N)])
    examples = Examples(x.clamp(0, 1), y, ids, {column: halves for column in columns if column != LABEL}, boxed((0, 1), "image"))
    groups = group(examples, method.grouping, owner=method.name).numbers if columns else None
    batch = Batch(examples.x, y, Rng.for_ids(0, ids), examples.space, 0.5, groups, torch.arange(_N))
    return MethodCase(method, net, batch, examples)


def loss_is_usable(case: MethodCase) -> None:
    """A step has one finite loss per example, weights without a gradient, and a loss whose gradient is not zero."""
    step = case.step()
    m = len(step.x)
    shapes = tuple(step.losses.shape), tuple(step.weights.shape), len(step.targets), len(step.scores)
    expect(shapes == ((m,), (m,), m, m), f"Of its {m} inputs, losses, weights, targets and scores have the sizes {shapes}.")
    expect(bool(step.losses.isfinite().all()), "A loss of its step is NaN or infinite.")
    expect(not step.weights.requires_grad, "Its weights have a gradient: detach them, so that the loss does not train them.")
    moved = torch.autograd.grad(step.loss, list(case.net.parameters()), allow_unused=True)
    expect(any(g is not None and bool((g != 0).any()) for g in moved), "The gradient of its loss is zero for every parameter.")


def leaves_the_network_unchanged(case: MethodCase) -> None:
    """A step changes no parameter, leaves no gradients and restores the mode of the network."""
    before = {name: value.clone() for name, value in case.net.named_parameters()}
    case.net.train()
    case.step()
    changed = [name for name, value in case.net.named_parameters() if not torch.equal(value, before[name])]
    expect(not changed, f"Its step changed the parameters {', '.join(changed)}. Only the optimiser may change them.")
    left = [name for name, value in case.net.named_parameters() if value.grad is not None]
    expect(not left, f"Its step left gradients on {', '.join(left)}. Use torch.autograd.grad for the inner ones.")
    expect(case.net.training, "Its step left the network in evaluation mode.")


def draws_come_from_the_batch(case: MethodCase) -> None:
    """The same batch gives the same moves, and no global generator is used."""
    memory = case.memory()
    with no_global_randomness("Its move"):
        first, second = (case.method.move(case.net, case.batch, memory) for _ in range(2))
    expect(torch.equal(first, second), "The same batch gave other moves the second time. Draw from batch.rng only.")


def order_names_valid_rows(case: MethodCase) -> None:
    """The order of an epoch names existing rows, equally many each time, and depends only on the given streams."""
    memory, n = case.memory(), len(case.examples)
    first, again, other = (case.method.order(case.batch.rng.child("epoch", epoch), memory) for epoch in (0, 0, 1))
    expect(bool(len(first)) and 0 <= int(first.min()) <= int(first.max()) < n, f"Its order names rows outside 0..{n - 1}, or none.")
    expect(len(first) == len(other), f"Its epochs have {len(first)} and {len(other)} rows. They must have the same length.")
    expect(bool((first == again).all()), "The same streams gave another order the second time. Draw from rng only.")


def moves_stay_in_the_threat(case: MethodCase) -> None:
    """If its threat is a norm ball and it returns one input per example, moves lie in the ball and the box."""
    shift = case.method.threat(case.batch.space)
    moved = case.method.move(case.net, case.batch, case.memory()).detach()
    if not isinstance(shift, Ball) or moved.shape != case.batch.x.shape:
        raise NotApplicable("Its threat is not a norm ball, or it trains on several copies of an input.")
    worst = float(shift.excess(case.batch.x, moved - case.batch.x).max())
    expect(worst <= shift.tolerance + 1e-6, f"It trains on moves that leave {shift.spec()} by {worst:.3g}.")
    low, high = shift.space.bounds(moved)
    expect(bool(((moved >= low) & (moved <= high)).all()), f"It trains on inputs outside the box {shift.space.units}.")


METHOD_CHECKS = (loss_is_usable, leaves_the_network_unchanged, draws_come_from_the_batch, order_names_valid_rows, moves_stay_in_the_threat)
