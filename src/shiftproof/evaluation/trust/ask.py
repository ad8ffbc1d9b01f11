"""What a model says of a sample, as it is and after one chance draw of a shift per example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shiftproof._batches import in_batches, rows_of_a_call
from shiftproof.confidence.checked import Bools, Floats, Ints
from shiftproof.confidence.recalibrate import top_probability
from shiftproof.data.examples import Examples
from shiftproof.data.groups import Names
from shiftproof.door import confront
from shiftproof.models.abstract import Scores
from shiftproof.models.penultimate import penultimate
from shiftproof.models.query_count import count_asked
from shiftproof.outcomes import Flag
from shiftproof.searches.one_draw import OneDraw
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True, eq=False)
class ModelOutputs:
    """What a model says of n examples.

    Args:
        scores: shape (n, classes), logits.
        y: labels, shape (n,).
        groups: per column, shape (n,).
        hidden: what goes into the last linear layer, shape (n, features); None where it was not asked for or there is none.
        flags: reasons to distrust it.
    """

    scores: Floats
    y: Ints
    groups: dict[str, Names]
    flags: tuple[Flag, ...] = ()
    hidden: Floats | None = None

    def __getitem__(self, rows: slice) -> ModelOutputs:
        """The answers to some of the examples."""
        groups = {column: values[rows] for column, values in self.groups.items()}
        return ModelOutputs(self.scores[rows], self.y[rows], groups, self.flags, None if self.hidden is None else self.hidden[rows])

    @property
    def features(self) -> Floats:
        """What distances between inputs are measured on, shape (n, features): of a model without a linear layer its scores."""
        return self.scores if self.hidden is None else self.hidden

    @property
    def said(self) -> Ints:
        """The class of the largest score, shape (n,)."""
        found: Ints = self.scores.argmax(1)
        return found

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def right(self) -> Bools:
        """Whether the largest score is that of the label, shape (n,)."""
        return np.asarray(self.scores.argmax(1) == self.y)

    @property
    def confidence(self) -> Floats:
        """The largest probability, shape (n,)."""
        return top_probability(self.scores, "trust")


def answers(model: Scores, examples: Examples, batch_size: int) -> ModelOutputs:
    """The model's answers to examples as they are. Cost: one forward each."""
    return _answers(model, examples, examples.x, batch_size, ())


def moved_answers(model: Scores, shift: Shift, examples: Examples, *, seed: int, batch_size: int, flags: Sequence[Flag]) -> ModelOutputs:
    """The model's answers to examples moved by one chance draw, through the door. Cost: two forwards each."""
    found = confront(model, shift, search=OneDraw(), examples=examples, seed=seed, batch_size=batch_size, flags=flags)
    placed = shift.within(examples.space)
    params = torch.from_numpy(found.params)
    moved = [placed.apply(examples.x[rows], params[rows]) for rows in _slices(len(examples), batch_size)]
    return _answers(model, examples, torch.cat(moved), batch_size, found.flags)


def _answers(model: Scores, examples: Examples, x: torch.Tensor, batch_size: int, flags: tuple[Flag, ...]) -> ModelOutputs:
    hidden: list[torch.Tensor] = []

    def one(rows: slice) -> torch.Tensor:
        count_asked(rows.stop - rows.start)
        said: list[torch.Tensor] = []
        with torch.no_grad():
            seen = penultimate(model, lambda: said.append(model.scores(x[rows].to(model.device)).cpu()), rows.stop - rows.start)
        if seen is not None:
            hidden.append(seen.cpu())
        return said[0]

    scores = torch.cat([part for part, _ in in_batches(len(x), rows_of_a_call(x, batch_size, model.device), one)]).double().numpy()
    groups = {column: np.asarray(values) for column, values in examples.groups.items()}
    features = torch.cat(hidden).double().numpy() if hidden else None
    return ModelOutputs(scores, examples.y.numpy().astype(np.int64), groups, flags, features)


def _slices(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
