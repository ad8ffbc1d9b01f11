"""The model under examination, with the measurements that checks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof import outcomes
from shiftproof._batches import rows_of_a_call
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.limits import LIMITS, family_of
from shiftproof.door import confront, refuse
from shiftproof.judges.abstract import Reading
from shiftproof.losses import Loss
from shiftproof.models.abstract import Labels
from shiftproof.oracle import Cost, Oracle
from shiftproof.outcomes import Flag
from shiftproof.randomness import Rng
from shiftproof.searches import searches
from shiftproof.shifts.abstract import Differentiable, Params, Shift

LEAST_EXAMPLES = 3
"""Differences of accuracy by fewer examples are no finding: each single search's luck reaches that far."""


@dataclass(frozen=True, eq=False)
class ProbedModel:
    """A model, a shift put on the examples' space, and examples that the model gets right; its flags, and its answers to them unmoved."""

    model: Labels
    shift: Shift
    examples: Examples
    seed: int
    batch_size: int
    queries: int
    flags: Sequence[Flag]
    clean: Reading
    _found: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict[str, npt.NDArray[np.bool_]])

    def limit(self, check: str) -> float:
        """Above which figure a check fails under shifts of this family."""
        return LIMITS[family_of(self.shift)][check]

    def gap(self, check: str) -> float:
        """The same, of a check whose figure is a difference of accuracies."""
        return max(self.limit(check), LEAST_EXAMPLES / len(self.examples))

    @cached_property
    def x(self) -> Tensor:
        """The inputs, where the model wants them."""
        x: Tensor = self.examples.x
        return x.to(self.model.device)

    def rng(self, *path: str | int) -> Rng:
        """The examples' streams for one purpose."""
        return Rng.for_ids(self.seed, self.examples.ids).child("masking", *path)

    def broken(self, spec: str, shift: Shift | None = None) -> npt.NDArray[np.bool_]:
        """Which examples the search of this spec breaks, shape (n,)."""
        shift = shift or self.shift
        key = f"{spec} in {shift.full_spec()}"
        if key not in self._found:
            self._found[key] = self._searched(spec, shift, np.arange(len(self.examples)))
        return self._found[key]

    def broken_besides(self, spec: str, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which examples the search of this spec breaks of those that are not `known` to break; it is not asked about the others, (n,)."""
        found = np.zeros_like(known)
        rows = np.flatnonzero(~known)
        if len(rows):
            found[rows] = self._searched(spec, self.shift, rows)
        return found

    def _searched(self, spec: str, shift: Shift, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        finding = confront(
            self.model,
            shift,
            search=searches.build(spec),
            examples=self.examples[rows],
            seed=self.seed,
            batch_size=self.batch_size,
            flags=self.flags,
            clean=self.clean[torch.from_numpy(rows)],
        )
        broken: npt.NDArray[np.bool_] = finding.outcome == outcomes.BROKEN
        return broken

    def accuracy(self, spec: str, shift: Shift | None = None) -> float:
        """The share that holds against the search of this spec."""
        return float(1 - self.broken(spec, shift).mean())

    def usable(self, specs: Sequence[str]) -> str:
        """The first of these searches that can be used on this model and shift; "" where none can. An empty one stands for none."""
        for spec in filter(None, specs):
            search = searches.build(spec)
            try:
                refuse(self.model, self.shift, search)
            except UsageError:
                continue
            return spec
        return ""

    @property
    def black_box(self) -> str:
        """The strongest search that asks for no gradients."""
        return self.usable((f"square(queries={self.queries})", f"best_of_n(n={self.queries})", "grid"))

    def oracle(self, rows: slice) -> Oracle:
        """The model seen through the shift, for some examples."""
        y = self.examples.y.to(self.model.device)[rows]
        return Oracle(self.model, self.shift, self.x[rows], y, Cost.of(len(y)))

    def batches(self) -> list[slice]:
        """The examples in parts that fit."""
        size = rows_of_a_call(self.x, self.batch_size, self.model.device)
        return [slice(start, start + size) for start in range(0, len(self.examples), size)]

    def loss(self, params: Params, loss: Loss) -> Tensor:
        """The loss at a move of each example, shape (n,)."""
        return torch.cat([self.oracle(rows)(params[rows]).value(loss).detach() for rows in self.batches()])

    def gradient(self, params: Params, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
        """Whether each example is broken at its move, the loss there, shape (n,), and its gradient, shape of params."""
        parts = [self.oracle(rows).gradients(params[rows], (loss,)) for rows in self.batches()]
        return (
            torch.cat([answer.broken for answer, _, _ in parts]),
            torch.cat([values[0] for _, values, _ in parts]),
            torch.cat([gradients[0] for _, _, gradients in parts]),
        )


def differentiable(shift: Shift) -> Differentiable:
    """The shift as one that gradients move in; the caller has asked `gradient_objection`."""
    if not isinstance(shift, Differentiable):
        raise TypeError(f"{shift.name} has no gradient.")
    return shift


def lengths(values: Tensor) -> Tensor:
    """The Euclidean length of each row, shape (n,), float64: float32 squares vanish where gradients are below 1e-23."""
    size: Tensor = torch.linalg.vector_norm(values.flatten(1).double(), dim=1)
    return size
