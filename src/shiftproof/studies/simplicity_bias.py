"""Shah et al. 2020: of several features that each tell the label, a network uses the simplest alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shiftproof._arrays import Floats
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.nets import convolutional, dense, normalised
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, right

MARGIN = 0.1
"""Half the gap between two neighbouring slabs, where all lie in [-1, 1]."""
MIDDLE = 0.75
"""The share of label 0 in the middle slab of five, as in the paper's code."""
EXCHANGES = 10
"""Of the simple block: which examples get one of their own class is chance, and more of it than there is in the sample."""


def linear(y: npt.NDArray[np.int64], numbers: np.random.Generator) -> Floats:
    """A feature in [-1, -MARGIN] for label 0 and in [MARGIN, 1] for label 1, shape (n,) as the labels."""
    return (2 * y - 1) * (MARGIN + (1 - MARGIN) * numbers.random(len(y)))


def five_slabs(y: npt.NDArray[np.int64], numbers: np.random.Generator) -> Floats:
    """A feature of five slabs in [-1, 1] that belong to labels 0 and 1 in turn, shape (n,) as the labels.

    Of label 0, MIDDLE are in the middle slab and the others in the outer two, so a threshold is right on at most 11 of 16 examples.
    """
    width = (2 - 8 * MARGIN) / 5
    side = numbers.choice([-1, 1], len(y))
    place = np.where(y == 1, side, np.where(numbers.random(len(y)) < MIDDLE, 0, 2 * side))
    return place * (width + 2 * MARGIN) + width * (numbers.random(len(y)) - 0.5)


@dataclass(frozen=True)
class Blocks:
    """Examples whose features fall into a simple block and a complex one, and what is learned from them.

    Args:
        simple, complex: the blocks, shape (n, ...) each, told by the same labels.
        y: labels of 0 and 1, shape (n,).
    """

    simple: torch.Tensor
    complex: torch.Tensor
    y: npt.NDArray[np.int64]

    def shuffled(self, block: str, numbers: np.random.Generator) -> Blocks:
        """The same with one block, "simple" or "complex", exchanged among the examples at random, so that it tells nothing."""
        order = torch.from_numpy(numbers.permutation(len(self.y)))
        simple, complex_ = (self.simple[order], self.complex) if block == "simple" else (self.simple, self.complex[order])
        return Blocks(simple, complex_, self.y)

    def examples(self, rotation: Floats | None = None) -> Examples:
        """Blocks put together: images one above the other, features beside each other and rotated by an orthogonal matrix."""
        x = torch.cat([self.simple, self.complex], dim=2 if self.simple.dim() == 4 else 1)
        if rotation is not None:
            x = x @ torch.from_numpy(rotation).float()
        space = InputSpace(kind="image") if x.dim() == 4 else InputSpace(-math.inf, math.inf, units="half the width of a feature")
        return Examples(x, torch.from_numpy(self.y), np.array([f"made-{i}" for i in range(len(self.y))]), space=space)


NOTHING = 0.005
"""What the paper's AUC of 1.00 leaves room for: half of its last digit."""


@dataclass(frozen=True)
class SimplicityBias(Study):
    """A network learns from features that each tell the label; then one block is exchanged among the test examples.

    Where it relies on the simple block alone, it falls to chance without it and does not notice the loss of all others.

    Cost: four trainings a seed; minutes in the full form.

    Reference: Shah et al. 2020, "The pitfalls of simplicity bias in neural networks", sections 3 and 4.2.
    """

    name: ClassVar[str] = "simplicity_bias"
    references: ClassVar[tuple[str, ...]] = ("shah2020pitfalls",)
    claim: ClassVar[str] = (
        "A network relies on the simplest feature alone and is invariant to all others, though each of them tells the label."
    )
    paper: ClassVar[str] = "Shah et al. 2020"
    figure: ClassVar[str] = (
        "One linear feature and 49 of five slabs: AUC 0.50 with the linear feature exchanged, 1.00 with all others exchanged. MNIST "
        "digits above CIFAR-10 images: AUC of about 0.5 and 1 with the digits and the CIFAR images exchanged. Without the linear feature "
        "the others are learned to an accuracy of 1."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("slabs, linear exchanged", "without the linear feature the network guesses", low=0.45, high=0.55, paper=0.5),
        Prediction("slabs, lost without the complex", "without all the complex features it loses nothing", high=NOTHING, paper=0.0),
        Prediction("slabs alone", "the complex features alone can be learned", low=0.9, paper=1.0),
        Prediction("dominoes, simple exchanged", "without the simple image the network guesses", low=0.4, high=0.6, paper=0.5),
        Prediction("dominoes, lost without the complex", "without the complex image it loses nothing", high=NOTHING, paper=0.0),
        Prediction("dominoes, complex alone", "the complex image alone can be learned", low=0.8, paper=0.954),
    )
    protocol: ClassVar[str] = (
        "One linear feature and 49 of five slabs, rotated at random, 100,000 examples; a network of two hidden layers of 100, SGD. Then "
        "an MNIST 0 or 1 above a CIFAR-10 automobile or truck (10,000 pairs); a network of four convolutions, eight epochs. On 2,000 "
        "test examples one block is exchanged among the examples. The same kinds of networks are trained with the simple block "
        "exchanged, so that only the complex one tells."
    )
    scaled_down: ClassVar[str] = (
        "Accuracy stands for the paper's AUC, with the same values at chance and at no loss. The convolutional network is small and the "
        "CIFAR-10 images are JPEG copies, so the complex image alone is read less well than the paper's GoogLeNet read it (95.4 %)."
    )
    seeds: ClassVar[int] = 6
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "A network of two convolutions, taken first, read the complex image right on 77 %, short of what is predicted, while every "
            "other prediction held; so one of four took its place."
        ),
        EarlierLook(
            "A run of the six seeds was seen before the room for losing nothing was narrowed from 2 to 0.5 points.", tuple(range(6))
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test", "cifar10.train", "cifar10.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy with each block exchanged, and of networks trained on the complex block alone."""
        return {**_slabs(trial), **_dominoes(trial)}


def _slabs(trial: Trial) -> dict[str, Quantity]:
    features, n = trial.pick(quick=5, full=50), trial.pick(quick=8000, full=100_000)
    numbers = trial.numbers("slabs")
    rotation = np.linalg.qr(numbers.normal(size=(features, features)))[0]
    learned, judged = (_features(size, features, numbers) for size in (n, 2000))
    net = dense(features, classes=2, width=100, hidden=2)
    recipe: dict[str, int | str] = {"optimiser": "sgd(lr=0.1, weight_decay=5e-5, momentum=0.9)", "schedule": "cosine", "batch_size": 256}
    epochs = 6
    taught = trial.train("slabs", net, learned.examples(rotation), "plain", epochs=epochs, **recipe)
    found = _exchanged("slabs", taught, judged, numbers, rotation)
    found["slabs, linear exchanged"] = found.pop("slabs, simple exchanged")
    alone = trial.train(
        "slabs alone", net, learned.shuffled("simple", numbers).examples(rotation), "plain", epochs=trial.pick(quick=16, full=10), **recipe
    )
    found["slabs alone"] = share(right(alone, judged.shuffled("simple", numbers).examples(rotation)))
    return found


def _features(n: int, features: int, numbers: np.random.Generator) -> Blocks:
    y = numbers.integers(0, 2, n)
    simple, others = linear(y, numbers), [five_slabs(y, numbers) for _ in range(features - 1)]
    return Blocks(torch.from_numpy(simple[:, None]).float(), torch.from_numpy(np.column_stack(others)).float(), y)


def _dominoes(trial: Trial) -> dict[str, Quantity]:
    numbers = trial.numbers("dominoes")
    learned, judged = (_pairs(trial, part, size, numbers) for part, size in (("train", 10_000), ("test", 2000)))
    shape = tuple(learned.examples().x.shape[1:])
    net = trial.pick(quick=convolutional(shape, classes=2), full=normalised(shape, classes=2, width=8))
    epochs = trial.pick(quick=6, full=8)
    optimiser = "sgd(lr=0.05, momentum=0.9, weight_decay=5e-5)"
    taught = trial.train("dominoes", net, learned.examples(), epochs=epochs, optimiser=optimiser)
    found = _exchanged("dominoes", taught, judged, numbers)
    alone = trial.train("complex alone", net, learned.shuffled("simple", numbers).examples(), epochs=epochs, optimiser=optimiser)
    found["dominoes, complex alone"] = share(right(alone, judged.shuffled("simple", numbers).examples()))
    return found


def _pairs(trial: Trial, part: str, n: int, numbers: np.random.Generator) -> Blocks:
    """A digit 0 or 1 above an automobile or a truck; in the quick form above another digit, even and at least 2, or odd and at least 3."""
    if trial.quick:
        task = trial.task("digits")
        digits = images = task.train if part == "train" else task.test
        pairs: Sequence[tuple[int, ...]] = ((2, 4, 6, 8), (3, 5, 7, 9))
        n = 3000 if part == "train" else 1000
    else:
        digits, images, pairs = trial.sample(f"mnist.{part}"), trial.sample(f"cifar10.{part}"), ((1,), (9,))
    y = numbers.integers(0, 2, n)
    simple = _drawn(digits, ((0,), (1,)), y, numbers)
    complex_ = _drawn(images, pairs, y, numbers)
    if complex_.shape[1:] != simple.shape[1:]:
        channels, _, side = complex_.shape[1:]
        edge = (side - simple.shape[3]) // 2
        simple = nn.functional.pad(simple, (edge, edge, edge, edge)).expand(-1, channels, -1, -1)
    return Blocks(simple, complex_, y)


def _drawn(source: Examples, classes: Sequence[tuple[int, ...]], y: npt.NDArray[np.int64], numbers: np.random.Generator) -> torch.Tensor:
    """For each label an image of one of its classes."""
    found = source.y.numpy()
    rows = np.empty(len(y), dtype=np.intp)
    for label in (0, 1):
        rows[y == label] = numbers.choice(np.flatnonzero(np.isin(found, classes[label])), int((y == label).sum()))
    x: torch.Tensor = source.x
    return x[rows]


def _exchanged(
    name: str, net: nn.Module, judged: Blocks, numbers: np.random.Generator, rotation: Floats | None = None
) -> dict[str, Quantity]:
    clean, complex_ = (right(net, blocks.examples(rotation)) for blocks in (judged, judged.shuffled("complex", numbers)))
    simple = np.concatenate([right(net, judged.shuffled("simple", numbers).examples(rotation)) for _ in range(EXCHANGES)])
    return {
        f"{name}, clean": share(clean),
        f"{name}, simple exchanged": share(simple),
        f"{name}, complex exchanged": share(complex_),
        f"{name}, lost without the complex": difference(clean, complex_),
    }
