"""Monitoring of training: an attack on held-out examples, and flags for overfitting and collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.finding import Finding
from shiftproof.models.torch_module import TorchModule
from shiftproof.outcomes import SKIPPED, Bound, Flag
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift
from shiftproof.training.pieces.grouping import Grouping

LEAST = 30
"""Held-out examples below which an attacked accuracy says nothing: its standard error may be 0.09."""
LEAST_OF_GROUP = 5
"""Held-out examples of a group below which its accuracy chooses nothing."""
_ERRORS = 3.0
"""Standard errors by which an accuracy must fall to be called a fall."""
_COLLAPSE = 0.5
"""Below this share of the best it is a collapse."""


@dataclass(frozen=True)
class Epoch:
    """One point of the curves.

    Args:
        epoch: from 1 on.
        step: steps so far.
        loss: mean of the epoch.
        train: accuracy on what was trained on, as it was trained on: moved, by the method's own search.
        held_out: accuracy on clean held-out examples.
        robust: accuracy on them under the held-out attack: at most under a worst-case search, an estimate under a random draw; None where
            the method names no threat.
        seconds: of training so far, held-out attacks included.
        worst_group: the least of `robust` (of `held_out` without a threat) among the groups that the method trains for; None without.
        unseen: as `robust`, under a shift that is not trained on; None without one.
    """

    epoch: int
    step: int
    loss: float
    train: float
    held_out: float
    robust: float | None
    seconds: float
    worst_group: float | None = None
    unseen: float | None = None

    @property
    def score(self) -> float:
        """What checkpoints are chosen by: the worst group, else accuracy under attack, else accuracy."""
        if self.worst_group is not None:
            return self.worst_group
        return self.held_out if self.robust is None else self.robust


@dataclass(frozen=True)
class HeldOutAttack:
    """The held-out attack.

    Args:
        examples: never trained on.
        shift: attacked under, on their space; None for none.
        search: how.
        seed: of the search.
        groups: of the examples, where the worst of them chooses the checkpoint.
        unseen: another shift that they are attacked under, on their space; None for none. It chooses nothing.
    """

    examples: Examples
    shift: Shift | None
    search: Search
    seed: int
    groups: Grouping | None = None
    unseen: Shift | None = None

    @property
    def attack(self) -> dict[str, str | None]:
        """What the curves are measured under, and what they claim, as a record holds it."""
        threat, unseen = (None if shift is None else shift.spec() for shift in (self.shift, self.unseen))
        return {"threat": threat, "unseen": unseen, "search": self.search.spec(), "kind": self.search.bound.value}

    def check(self) -> None:
        """Raises `UsageError` where there is too little to attack, or to tell groups apart."""
        if len(self.examples) < LEAST:
            raise UsageError(
                f"The attack that selects the checkpoint needs at least {LEAST} held-out examples, got {len(self.examples)}. Give more "
                "data, or a larger held_out."
            )
        few = (
            []
            if self.groups is None
            else [f"'{n}' {k}" for n, k in zip(self.groups.names, self.groups.sizes, strict=True) if k < LEAST_OF_GROUP]
        )
        if few:
            raise UsageError(
                f"The worst group of the held-out examples selects the checkpoint, and each group needs at least {LEAST_OF_GROUP} of "
                f"them. Too few: {', '.join(few)}. Give more data, a larger held_out, or larger groups."
            )

    def look(self, net: nn.Module, batch_size: int) -> tuple[float, float | None, float | None]:
        """Held-out accuracy: clean, attacked, and of the worst group, attacked where there is an attack."""
        if self.shift is None:
            found = self._unmoved(net, batch_size)
            return found.accuracy, None, self._worst(torch.from_numpy(found.correct))
        found = self._confront(net, self.shift, self.search, batch_size)
        # Under a chance draw nothing is skipped: it says nothing of the examples as they are.
        worst_case = self.search.bound is Bound.AT_MOST
        clean = float((found.outcome != SKIPPED).mean()) if worst_case else self._unmoved(net, batch_size).accuracy
        return clean, found.accuracy, self._worst(torch.from_numpy(found.correct))

    def look_unseen(self, net: nn.Module, batch_size: int) -> float | None:
        """Held-out accuracy under the unseen shift; None without one."""
        return None if self.unseen is None else self._confront(net, self.unseen, self.search, batch_size).accuracy

    def _unmoved(self, net: nn.Module, batch_size: int) -> Finding:
        from shiftproof.searches.one_draw import OneDraw
        from shiftproof.shifts.identity import Identity

        return self._confront(net, Identity(), OneDraw(), batch_size)

    def _confront(self, net: nn.Module, shift: Shift, search: Search, batch_size: int) -> Finding:
        model = TorchModule(net, name="net", device=next(net.parameters()).device)
        return confront(model, shift, search=search, examples=self.examples, seed=self.seed, batch_size=batch_size)

    def _worst(self, right: Tensor) -> float | None:
        """The least accuracy of a group."""
        if self.groups is None:
            return None
        numbers, counts = self.groups.numbers, torch.tensor(self.groups.sizes)
        return float((torch.bincount(numbers, right.double(), len(counts)) / counts).min())


def nothing_learned(curve: Sequence[Epoch], y: Tensor) -> list[Flag]:
    """Whether no epoch is right on the held-out examples, of labels y, more often than one answer to all of them would be.

    Adversarial training from scratch against strong moves often ends so.
    """
    commonest = float(torch.bincount(y).max()) / len(y)
    best = max((epoch.held_out for epoch in curve), default=1.0)
    if best - commonest > _ERRORS * math.sqrt(commonest * (1 - commonest) / len(y)):
        return []
    detail = (
        f"The best held-out accuracy is {best:.1%}, and always predicting the commonest class reaches {commonest:.1%}: nothing was "
        "learned. Lower the learning rate, train longer, or increase the strength gradually with ramp=0.5."
    )
    return [Flag("nothing_learned", detail)]


def overfitting_flags(curve: Sequence[Epoch], held_out: int) -> list[Flag]:
    """What the curves say has gone wrong.

    Catastrophic overfitting (Wong et al. 2020 [wong2020fast]): held-out accuracy under attack falls below half of its best, while that on
    the method's own moves is at least that best. Robust overfitting (Rice et al. 2020 [rice2020overfitting]): it falls by more than three
    standard errors, while that in training has grown.

    >>> epochs = [Epoch(k, k, 0.1, train, 0.9, robust, 1.0) for k, (train, robust) in enumerate([(0.7, 0.7), (0.9, 0.1)])]
    >>> [flag.name for flag in overfitting_flags(epochs, 500)]
    ['catastrophic_overfitting']
    """
    attacked = [epoch for epoch in curve if epoch.robust is not None]
    if not attacked:
        return []
    best, last = max(attacked, key=lambda epoch: epoch.robust or 0.0), attacked[-1]
    top, end = best.robust or 0.0, last.robust or 0.0
    spread = math.sqrt((top * (1 - top) + end * (1 - end)) / held_out)
    if top - end <= _ERRORS * max(spread, 1 / held_out):
        return []
    figures = (
        f"Held-out accuracy under attack fell from {top:.1%} (epoch {best.epoch}) to {end:.1%} (epoch {last.epoch}), "
        f"while accuracy on the training inputs went from {best.train:.1%} to {last.train:.1%}."
    )
    if end < _COLLAPSE * top and last.train >= max(top, best.train - (top - end) / 2):
        return [
            Flag(
                "catastrophic_overfitting",
                f"{figures} The network resists only the search that it was trained with. Use a search with more steps.",
            )
        ]
    if last.train > best.train:
        return [Flag("robust_overfitting", f"{figures} The best epoch is kept. Train for fewer epochs, or average weights.")]
    return []
