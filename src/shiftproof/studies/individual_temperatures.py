"""Qiu et al. 2023: contrastive learning with a temperature for each image, where some classes are rare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, right
from shiftproof.training.methods.contrastive import Contrastive

WAYS = {
    "one temperature": "contrastive(individual=False)",
    "individual": "contrastive",
    "no memory": "contrastive(individual=False, average=1)",
}
LEAST = 0.1
"""How often the rarest class is kept, where the commonest is always."""


@dataclass(frozen=True)
class IndividualTemperatures(Study):
    """Contrastive learning of images whose classes are unevenly frequent, with one temperature or one each; a linear layer reads them.

    Cost: three contrastive trainings a seed; ten seconds each.

    Reference: Qiu et al. 2023 [qiu2023not], "Not all semantics are created equal: contrastive self-supervised learning with automatic
    temperature individualization".
    """

    name: ClassVar[str] = "individual_temperatures"
    references: ClassVar[tuple[str, ...]] = Contrastive.references
    claim: ClassVar[str] = "Where classes are unevenly frequent, contrastive features with individual temperatures are read better."
    paper: ClassVar[str] = "Qiu et al. 2023"
    figure: ClassVar[str] = (
        "Linear evaluation on long-tailed CIFAR, ImageNet-LT and iNaturalist: above SogCLR and SimCLR, which have one temperature."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("gain of individual over one", "it is read better than one temperature with memory", low=0.0),
        Prediction("gain of individual over no memory", "and than one temperature without memory", low=0.0),
    )
    protocol: ClassVar[str] = (
        "2,500 MNIST images, others for each seed, of which class k keeps a share of 0.1 to the power k / 9; views are random crops; a "
        "network of two convolutions, Adam, twelve epochs, batches of 64, radius 0.3, first temperature 0.5, memory 0.9. The last layer "
        "alone learns labels. Accuracy on the whole test set, which is even."
    )
    scaled_down: ClassVar[str] = (
        "The linear layer is trained along and not afterwards, on digits and by a small network; the negatives of a batch are those of the "
        "other view only."
    )
    seeds: ClassVar[int] = 12
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "Three seeds were measured in full and left the claim open: gain of individual over one -1.6 points (-8.1 to 5.0), gain of "
            "individual over no memory -1.0 points (-4.8 to 2.9). 12 other seeds take their place; nothing else was changed.",
            seeds=(0, 1, 2),
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy of each way, and gains of individual temperatures."""
        task = trial.task("mnist", train=trial.pick(quick=1000, full=2500))
        y = task.train.y.numpy()
        learned = task.train[np.flatnonzero(trial.numbers("rare").random(len(y)) < LEAST ** (y / 9))]
        make = convolutional(tuple(learned.x.shape[1:]), width=8)
        flags = {
            way: right(
                trial.train(
                    way, make, learned, method, epochs=trial.pick(quick=5, full=12), batch_size=trial.pick(quick=64, full=64),
                    optimiser="adam(lr=0.005)",
                ),
                task.test,
            )
            for way, method in WAYS.items()
        }  # fmt: skip
        return {
            **{way: share(each) for way, each in flags.items()},
            "gain of individual over one": difference(flags["individual"], flags["one temperature"]),
            "gain of individual over no memory": difference(flags["individual"], flags["no memory"]),
        }
