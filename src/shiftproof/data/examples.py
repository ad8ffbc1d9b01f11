"""Labelled examples: the sample of every measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.data.space import UNIT_BOX

Ids = npt.NDArray[np.str_]
Index = slice | Sequence[int] | npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Examples:
    """A batch of n labelled examples.

    Args:
        x: n inputs: a tensor of shape (n, ...), floating, in the units of `space`; `Items` such as texts; or `Fields`.
        y: n truths: class labels 0..classes-1, shape (n,), int64; numbers, shape (n,), floating; or `Items` of tuples of accepted texts.
        ids: one name per example, unique in its data set; randomness depends on it, and shifted data are paired by it.
        groups: per column of group names, one value per example.
        space: the legal inputs, a `Space`.
        class_names: what the classes are called, in label order; empty where unknown.
    """

    x: Any
    y: Any
    ids: Ids
    groups: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict[str, npt.NDArray[np.str_]])
    space: Any = UNIT_BOX
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.x)
        parts: dict[str, Sized] = {"y": self.y, "ids": self.ids, **{f"groups[{k}]": v for k, v in self.groups.items()}}
        for name, part in parts.items():
            if len(part) != n:
                raise must(name, "the examples", f"have one entry per input ({n})", len(part))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Index) -> Examples:
        groups = {name: values[index] for name, values in self.groups.items()}
        return Examples(self.x[index], self.y[index], self.ids[index], groups, self.space, self.class_names)
