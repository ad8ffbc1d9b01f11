"""Optimisers, learning-rate schedules and weight averages, each named by a spec."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must, unknown
from shiftproof._part import Value
from shiftproof.registry import parse_spec

OPTIMISERS: dict[str, type[torch.optim.Optimizer]] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "cosine", "cyclic", "steps")
_RISE, _DROPS = 0.4, (0.5, 0.75)


def make_optimiser(spec: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser that a spec names: torch's own SGD, Adam or AdamW with torch's own options.

    >>> make_optimiser("sgd(lr=0.1, momentum=0.9)", [nn.Parameter(torch.zeros(1))]).defaults["momentum"]
    0.9
    """
    name, options = _named(spec, "optimiser")
    named: dict[str, Any] = dict(options)
    if name not in OPTIMISERS:
        raise unknown("optimiser", name, OPTIMISERS)
    allowed = [key for key in inspect.signature(OPTIMISERS[name]).parameters if key not in ("self", "params")]
    for key in options:
        if key not in allowed:
            raise unknown(f"option of the optimiser '{name}'", key, allowed)
    try:
        return OPTIMISERS[name](parameters, **named)
    except (ValueError, TypeError) as error:
        raise UsageError(f"The optimiser {spec!r} is rejected by torch: {error}.") from error


def rate(schedule: str, progress: float) -> float:
    """The share of the learning rate at a point of training in [0, 1].

    "constant"; "cosine", to 0; "cyclic", up to 40 % of training and down to 0 (Wong et al. 2020 [wong2020fast]); "steps", a tenth from the
    half on and a hundredth from three quarters on.

    >>> [round(rate("cyclic", p), 2) for p in (0.0, 0.2, 0.4, 0.7, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    match schedule:
        case "constant":
            return 1.0
        case "cosine":
            return (1 + math.cos(math.pi * progress)) / 2
        case "cyclic":
            return min(progress / _RISE, (1 - progress) / (1 - _RISE))
        case "steps":
            return 0.1 ** sum(progress >= drop for drop in _DROPS)
        case _:
            raise unknown("schedule", schedule, SCHEDULES)


class WeightAverage:
    """A running mean of a network's weights beside it: "none", "ema(decay=0.999)" or "swa(start=0.75)".

    Floating buffers (batch statistics) are averaged too, and others copied. `ema` forgets with `decay` a step, less in the first steps;
    `swa` is the plain mean of all steps from the share `start` of training on.
    """

    def __init__(self, spec: str, net: nn.Module) -> None:
        self.kind, options = _named(spec, "average")
        if self.kind not in _AVERAGES:
            raise unknown("average of weights", self.kind, _AVERAGES)
        for key in options:
            if key not in _AVERAGES[self.kind]:
                raise unknown(f"option of the average '{self.kind}'", key, _AVERAGES[self.kind])
        given: dict[str, Value] = {**_AVERAGES[self.kind], **options}
        self.share = float(next(iter(given.values()), 0.0))
        if not 0 <= self.share < 1:
            raise must(next(iter(given)), f"the average '{self.kind}'", "be in [0, 1)", self.share)
        self.count = 0
        self.state: dict[str, Tensor] = {} if self.kind == "none" else copied(net.state_dict())

    def update(self, net: nn.Module, progress: float) -> None:
        """Takes the weights after a step in."""
        if self.kind == "none" or (self.kind == "swa" and progress < self.share):
            return
        self.count += 1
        keep = 1 - 1 / self.count if self.kind == "swa" else min(self.share, self.count / (self.count + 9))
        for name, value in net.state_dict().items():
            mine = self.state[name]
            if mine.is_floating_point():
                mine.mul_(keep).add_(value.detach(), alpha=1 - keep)
            else:
                mine.copy_(value)

    def weights(self, net: nn.Module) -> Mapping[str, Tensor]:
        """The weights to judge and to keep: the mean once there is one, else the network's own."""
        return self.state if self.count else net.state_dict()


_AVERAGES: dict[str, dict[str, float]] = {"none": {}, "ema": {"decay": 0.999}, "swa": {"start": 0.75}}


def copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state, each in memory of its own."""
    return {name: value.detach().clone() for name, value in state.items()}


def _named(spec: str, what: str) -> tuple[str, dict[str, Value]]:
    name, positional, options = parse_spec(spec)
    if positional:
        raise UsageError(f"The options of the {what} {spec!r} need their names, as in sgd(lr=0.1).")
    return name, options
