"""What is looked at while a network is trained: an attack on held-out examples, and whether training has gone wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from torch import nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.models.torch_module import TorchModule
from shiftproof.outcomes import Flag
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift

LEAST = 30
"""Held-out examples below which an attacked accuracy says nothing: its standard error may be 0.09."""
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
        held_out: accuracy on held-out examples as they are.
        robust: accuracy on them under the held-out attack, at most; None where the method names no threat.
        seconds: of training so far, held-out attacks included.
    """

    epoch: int
    step: int
    loss: float
    train: float
    held_out: float
    robust: float | None
    seconds: float

    @property
    def score(self) -> float:
        """What checkpoints are chosen by."""
        return self.held_out if self.robust is None else self.robust


@dataclass(frozen=True)
class Watch:
    """The held-out attack.

    Args:
        examples: never trained on.
        shift: attacked under, on their space; None for none.
        search: how.
        seed: of the search.
    """

    examples: Examples
    shift: Shift | None
    search: Search
    seed: int

    def check(self) -> None:
        """Raises `UsageError` where there is too little to attack."""
        if len(self.examples) < LEAST:
            raise UsageError(
                f"There are {len(self.examples)} held-out examples for the attack that chooses the checkpoint, and fewer than {LEAST} say "
                "nothing. Give more data, or a larger held_out."
            )

    def look(self, net: nn.Module, batch_size: int) -> tuple[float, float | None]:
        """Held-out accuracy, clean and attacked."""
        from shiftproof.searches.one_draw import OneDraw
        from shiftproof.shifts.identity import Identity

        model = TorchModule(net, name="net", device=next(net.parameters()).device)
        if self.shift is None:
            found = confront(model, Identity(), search=OneDraw(), examples=self.examples, seed=self.seed, batch_size=batch_size)
            return found.accuracy, None
        found = confront(model, self.shift, search=self.search, examples=self.examples, seed=self.seed, batch_size=batch_size)
        return float((found.outcome != "skipped").mean()), found.accuracy


def notice(curve: Sequence[Epoch], held_out: int) -> list[Flag]:
    """What the curves say has gone wrong.

    Catastrophic overfitting (Wong et al. 2020): held-out accuracy under attack falls below half of its best, while that on the method's own
    moves holds. Robust overfitting (Rice et al. 2020): it falls by more than three standard errors, while that in training has grown.

    >>> epochs = [Epoch(k, k, 0.1, train, 0.9, robust, 1.0) for k, (train, robust) in enumerate([(0.7, 0.7), (0.9, 0.1)])]
    >>> [flag.name for flag in notice(epochs, 500)]
    ['catastrophic_overfitting']
    """
    attacked = [epoch for epoch in curve if epoch.robust is not None]
    if not attacked:
        return []
    best, last = max(attacked, key=lambda epoch: epoch.score), attacked[-1]
    spread = math.sqrt((best.score * (1 - best.score) + last.score * (1 - last.score)) / held_out)
    if best.score - last.score <= _ERRORS * max(spread, 1 / held_out):
        return []
    figures = (
        f"Held-out accuracy under attack fell from {best.score:.1%} (epoch {best.epoch}) to {last.score:.1%} (epoch {last.epoch}), "
        f"while that on what is trained on went from {best.train:.1%} to {last.train:.1%}."
    )
    if last.score < _COLLAPSE * best.score and last.train >= best.train - (best.score - last.score) / 2:
        return [Flag("catastrophic_overfitting", f"{figures} The network fools the training search only: take one with more steps.")]
    if last.train > best.train:
        return [Flag("robust_overfitting", f"{figures} The best epoch is kept: train shorter, or average weights.")]
    return []


def as_record(epoch: Epoch) -> dict[str, float | None]:
    """A point of the curves as JSON holds it."""
    return asdict(epoch)
