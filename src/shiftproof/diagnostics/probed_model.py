"""The model under examination, with the measurements that checks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

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
from shiftproof.preflight import BATCH_DEPENDENT, RANDOM
from shiftproof.randomness import Rng
from shiftproof.searches import searches
from shiftproof.shifts.abstract import Differentiable, Params, Shift

LEAST_EXAMPLES = 3
"""Differences of accuracy by fewer examples are no finding: each single search's luck reaches that far."""


Mask = npt.NDArray[np.bool_]


class Known(NamedTuple):
    """Which of n examples a search breaks, as far as it was asked, and about which it was, each of shape (n,)."""

    broken: Mask
    asked: Mask


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
    exact: bool = True
    """Whether every figure is wanted as it is, and not only on which side of its limit it lies."""
    _found: dict[str, Known] = field(default_factory=dict[str, Known])

    def limit(self, check: str) -> float:
        """Above which figure a check fails under shifts of this family."""
        return LIMITS[family_of(self.shift)][check]

    def gap(self, check: str) -> float:
        """The same, of a check whose figure is a difference of accuracies."""
        return max(self.limit(check), LEAST_EXAMPLES / len(self.examples))

    def settled(self, check: str, most: float) -> bool:
        """Whether this check, whose figure is a difference of accuracies of at most `most`, passes whatever else is measured."""
        return not self.exact and self.repeats and most <= self.gap(check)

    @cached_property
    def x(self) -> Tensor:
        """The inputs, where the model wants them."""
        x: Tensor = self.examples.x
        return x.to(self.model.device)

    def rng(self, *path: str | int) -> Rng:
        """The examples' streams for one purpose."""
        return Rng.for_ids(self.seed, self.examples.ids).child("masking", *path)

    def broken(self, spec: str, shift: Shift | None = None, among: Mask | None = None) -> Mask:
        """Which examples the search of this spec breaks, shape (n,); False for those that are not `among` the ones asked about.

        An example is asked about once. What is proven to hold under the subject's own shift is not asked about.
        """
        shift = shift or self.shift
        none = np.zeros(len(self.examples), dtype=bool)
        start = Known(none.copy(), self.proven.copy() if shift == self.shift else none.copy())
        known = self._found.setdefault(f"{spec} in {shift.full_spec()}", start)
        wanted = ~none if among is None else among
        rows = np.flatnonzero(wanted & ~known.asked)
        if len(rows):
            known.broken[rows], known.asked[rows] = self._searched(spec, shift, rows), True
        return known.broken & wanted

    def asked(self, spec: str) -> Mask:
        """About which examples it is known whether the search of this spec breaks them, shape (n,)."""
        known = self._found.get(f"{spec} in {self.shift.full_spec()}")
        return self.proven if known is None else known.asked

    @cached_property
    def proven(self) -> Mask:
        """Which examples no move can break, by a proof that costs about what it saves, shape (n,)."""
        if not self.repeats:
            return np.zeros(len(self.examples), dtype=bool)
        from shiftproof.certificates.auto import cheap  # late, as few audits diagnose

        rng = self.rng("proof")
        return torch.cat([self.oracle(rows).proven(cheap(self.shift), rng[rows]) for rows in self.batches()]).cpu().numpy()

    @property
    def repeats(self) -> bool:
        """Whether the model gives the same answer to the same input again, whatever it was asked before and beside it."""
        return not {RANDOM, BATCH_DEPENDENT} & set(self.flags)

    def _searched(self, spec: str, shift: Shift, rows: npt.NDArray[np.intp]) -> Mask:
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
        broken: Mask = finding.outcome == outcomes.BROKEN
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
