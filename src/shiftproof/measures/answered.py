"""What is stored of a model's answers to a sample of classes: all that a measure may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from shiftproof._errors import unknown

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Answered:
    """Answers to n examples of k classes.

    Args:
        y: the labels, 0 to k - 1, shape (n,).
        right: whether each answer is right, shape (n,); under a search, whether none of its moves broke it.
        class_names: what the k classes are called, in label order.
        said: the class that each answer names, shape (n,); None for several searches together, which found different moves.
        scores: the model's scores of all classes, shape (n, k); None where they are not stored.
        rank: how many classes stand before the label by score, ties in class order, shape (n,); None where it is not known. Of more than
            100 classes only the first ten are stored: a label beyond them has rank 10.
        groups: per column, the group of each example, shape (n,).
        calibration: the answers to calibration examples; None where there are none.
        uncalibrated: why nothing can be promised from them; "" where it can.
    """

    y: Ints
    right: Bools
    class_names: tuple[str, ...]
    said: Ints | None = None
    scores: Floats | None = None
    rank: Ints | None = None
    groups: Mapping[str, Names] = field(default_factory=dict[str, Names])
    calibration: Answered | None = None
    uncalibrated: str = ""

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: Bools | Ints) -> Answered:
        """The answers to the examples at `rows`, a mask or positions."""
        return replace(
            self,
            y=self.y[rows],
            right=self.right[rows],
            said=None if self.said is None else self.said[rows],
            scores=None if self.scores is None else self.scores[rows],
            rank=None if self.rank is None else self.rank[rows],
            groups={column: values[rows] for column, values in self.groups.items()},
        )

    @property
    def classes(self) -> int:
        """Their number, k."""
        return len(self.class_names)

    def place(self, name: str) -> int:
        """The label of the class with this name."""
        return class_place(name, self.class_names)


def class_place(name: str, class_names: tuple[str, ...]) -> int:
    """The label of a class by its name.

    >>> class_place("fraud", ("fine", "fraud"))
    1

    Raises:
        UsageError: no class has it; the message lists the nearest.
    """
    if name not in class_names:
        raise unknown("class", name, class_names)
    return class_names.index(name)
