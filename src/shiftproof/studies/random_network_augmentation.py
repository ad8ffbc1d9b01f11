"""Hendrycks et al. 2021: images sent through random networks make training robust to corruptions that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch.nn import functional as F

from shiftproof._arrays import Floats
from shiftproof.data.examples import Examples
from shiftproof.shifts import shifts
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Task, Trial, right

CORRUPTIONS = (
    "gaussian_noise(severity=4)",
    "impulse_noise(severity=3)",
    "contrast(severity=4)",
    "brightness(severity=3)",
    "stripe(severity=3)",
    "mnist_c_translate(severity=3)",
)


@dataclass(frozen=True)
class RandomNetworkAugmentation(Study):
    """Networks trained plainly and with `noise2net`, on clean test images and on corruptions that neither has seen.

    Cost: two trainings of a small network a seed; half a minute.

    Reference: Hendrycks et al. 2021, "The many faces of robustness: a critical analysis of out-of-distribution generalization".
    """

    name: ClassVar[str] = "random_network_augmentation"
    references: ClassVar[tuple[str, ...]] = ("hendrycks2021many",)
    claim: ClassVar[str] = "Training on images that random networks have changed is more accurate under corruptions that were not seen."
    paper: ClassVar[str] = "Hendrycks et al. 2021"
    figure: ClassVar[str] = (
        "ResNet-50 with DeepAugment errs less on ImageNet-C and ImageNet-R than without; Noise2Net is its form without trained networks. "
        "No method of the paper helps on every shift."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("gain under corruptions", "accuracy under corruptions, mean of six, is higher", low=0.0),
        Prediction("clean accuracy lost", "at no more than two points of clean accuracy", high=0.02),
    )
    protocol: ClassVar[str] = (
        "1,500 MNIST images, others for each seed; a network of two convolutions, Adam, 6 epochs, plainly and with noise2net at the "
        "authors' strength and share. 2,000 test images, as they are and under Gaussian noise and contrast of severity 4, and impulse "
        "noise, brightness, stripe and translation of severity 3."
    )
    scaled_down: ClassVar[str] = "A small network on grey digits in place of a ResNet-50 on ImageNet. The quick form enlarges its digits."
    seeds: ClassVar[int] = 12
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "Three seeds were measured in full and left the claim open: gain under corruptions 6.1 points (-11.7 to 24.0), clean "
            "accuracy lost 0.9 points (-0.8 to 2.5). 12 other seeds take their place; nothing else was changed.",
            seeds=(0, 1, 2),
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracies of both, clean and under each corruption, and differences."""
        task = trial.task("mnist", train=trial.pick(quick=None, full=1500), test=trial.pick(quick=None, full=2000))
        if trial.quick:
            task = Task(*(_enlarged(part) for part in task))  # some corruptions are made for images of 28 pixels a side
        make = convolutional(tuple(task.train.x.shape[1:]), width=8)
        nets = {
            name: trial.train(
                name,
                make,
                task.train,
                method,
                epochs=trial.pick(quick=4, full=6),
                batch_size=50,
                optimiser="adam(lr=0.002)",
                unseen="none",
            )
            for name, method in (("plain", "plain"), ("noise2net", "noise2net"))
        }
        clean = {name: right(net, task.test) for name, net in nets.items()}
        found = {f"{name}, clean": share(each) for name, each in clean.items()}
        gains: list[Floats] = []
        for spec in CORRUPTIONS:
            moved = _under(task.test, spec, trial)
            flags = {name: right(net, moved) for name, net in nets.items()}
            for name, here in flags.items():
                found[f"{name}, {spec}"] = share(here)
            gains.append(flags["noise2net"].astype(np.float64) - flags["plain"])
            found[f"gain, {spec}"] = difference(flags["noise2net"], flags["plain"])
        each = np.mean(gains, axis=0)  # of every test image
        return {
            **found,
            "gain under corruptions": Quantity(float(each.mean()), float(each.std(ddof=1)) / len(each) ** 0.5, "points"),
            "clean accuracy lost": difference(clean["plain"], clean["noise2net"]),
        }


def _enlarged(examples: Examples) -> Examples:
    return Examples(F.interpolate(examples.x, scale_factor=4), examples.y, examples.ids, space=examples.space)


def _under(examples: Examples, spec: str, trial: Trial) -> Examples:
    shift = shifts.build(spec).within(examples.space)
    rng = trial.rng(spec).for_ids(trial.seed, np.asarray(examples.ids))
    return Examples(shift.apply(examples.x, shift.sample(examples.x, rng)), examples.y, examples.ids, space=examples.space)
