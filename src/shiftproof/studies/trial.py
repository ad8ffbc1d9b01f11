"""One run of a study: its seed, its size, its data, and training that goes on where a killed run stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shiftproof.data.examples import Examples, Index
from shiftproof.data.load import load_data
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.training.methods.abstract import Method

T = TypeVar("T")


class Task(NamedTuple):
    """What is learned, and what it is measured on."""

    train: Examples
    test: Examples


@dataclass(frozen=True, eq=False)
class Trial:
    """What a study's `measure` works with.

    Args:
        quick: the small form on embedded digits, in seconds; else the full one.
        seed: the whole source of chance.
        folder: where trainings are kept until the trial is finished.
        data: the URI of each sample that the study needs, such as {"mnist.train": "idx:..."}.
        say: takes a line on what is being done.
        looks: how often figures of the same samples were seen before.
        nets: the trained networks that the study needs, in the full form, in evaluation mode.
    """

    quick: bool
    seed: int
    folder: Path
    data: Mapping[str, str]
    say: Callable[[str], None]
    looks: int = 0
    nets: Mapping[str, nn.Module] = field(default_factory=dict[str, nn.Module])

    def pick(self, *, quick: T, full: T) -> T:
        """The value for the size of this trial."""
        return quick if self.quick else full

    def task(self, name: str, *, train: int | None = None, test: int | None = None) -> Task:
        """Data called `name`: its samples `name`.train and `name`.test, each cut to at most so many; embedded digits in the quick form.

        A cut training sample is drawn anew for each seed. A cut test sample is the same for all, spread evenly over the whole; after an
        earlier look it is one of examples that no look of that size has used, as long as so many are left.
        """
        uris = ("digits:?split=train", "digits:?split=test") if self.quick else (self.data[f"{name}.train"], self.data[f"{name}.test"])
        learned, judged = (_loaded(uri) for uri in uris)
        if train is not None and train < len(learned):
            learned = learned[np.sort(self.numbers("training sample").permutation(len(learned))[:train])]
        if test is not None and test < len(judged):
            judged = judged[unused(len(judged), test, self.looks)]
        return Task(learned, judged)

    def sample(self, name: str) -> Examples:
        """The whole sample called `name`, such as "mnist.test"; in the full form only."""
        return _loaded(self.data[name])

    def numbers(self, name: str) -> np.random.Generator:
        """A generator of this seed for what is called `name`."""
        return np.random.default_rng(int(self.rng(name).seeds()[0]))

    def rng(self, name: str) -> Rng:
        """As `numbers`, one stream of the library's own."""
        return Rng.for_ids(self.seed, [name])

    def train(
        self,
        name: str,
        make: nn.Module | Callable[[], nn.Module],
        examples: Examples,
        method: str | Method = "plain",
        **recipe: Any,
    ) -> nn.Module:
        """A copy of a network, or one that `make` makes, trained on the examples as `shiftproof.train` does, in evaluation mode.

        Args:
            name: of the training, once a trial; a killed trial goes on from it.
            make: makes the network, or is one that training goes on from.
            examples: what is learned.
            method: a method or its spec.
            recipe: options of `shiftproof.train`; the seed is the trial's.
        """
        from shiftproof.training.train import train

        self.say(f"training {name}")
        return train(make, examples, method, out=self.folder / name.replace(" ", "-"), **{"seed": self.seed, **recipe}).module


def relabelled(examples: Examples, y: npt.NDArray[np.int64], rows: Index = slice(None)) -> Examples:
    """The examples of `rows` with other labels, shape (n,), given for all."""
    kept = examples[rows]
    return Examples(kept.x, torch.from_numpy(np.ascontiguousarray(y[rows])), kept.ids, kept.groups, kept.space)


def mislabelled(y: npt.NDArray[np.int64], share: float, classes: int, numbers: np.random.Generator) -> npt.NDArray[np.int64]:
    """Labels, shape (n,), of which each is replaced with probability `share` by another class, all others equally likely."""
    wrong = numbers.random(len(y)) < share
    return np.where(wrong, (y + numbers.integers(1, classes, len(y))) % classes, y)


def answers(net: nn.Module, x: torch.Tensor, batch_size: int = 1000) -> npt.NDArray[np.int64]:
    """The class that a network names for each input, shape (n,)."""
    with torch.no_grad():
        found = [net(part).argmax(1) for part in torch.split(x, batch_size)]
    return torch.cat(found).numpy()


def right(net: nn.Module, examples: Examples) -> npt.NDArray[np.bool_]:
    """Whether a network is right, shape (n,)."""
    return np.asarray(answers(net, examples.x) == examples.y.numpy())


def right_under(net: nn.Module, examples: Examples, shift: Shift, search: str, seed: int) -> npt.NDArray[np.bool_]:
    """Whether a network stays right under what a search of the shift finds, shape (n,): an upper bound of what it survives."""
    from shiftproof.door import confront
    from shiftproof.models.torch_module import TorchModule
    from shiftproof.searches import searches

    return confront(TorchModule(net, name="network"), shift, search=searches.build(search), examples=examples, seed=seed).correct


def unused(n: int, count: int, looks: int) -> npt.NDArray[np.intp]:
    """Rows of `count` among n examples, spread evenly over those that no earlier look has taken; over the last ones where too few are left.

    >>> unused(6, 2, 0).tolist(), unused(6, 2, 1).tolist()
    ([0, 5], [1, 4])
    """
    rows = np.arange(n)
    for look in range(looks + 1):
        taken: npt.NDArray[np.intp] = rows[np.linspace(0, len(rows) - 1, count).round().astype(np.intp)]
        left = np.setdiff1d(rows, taken)
        if look == looks or len(left) < count:
            break
        rows = left
    return taken


@lru_cache(maxsize=8)
def _loaded(uri: str) -> Examples:
    return load_data(uri).take(slice(None))
