"""Nguyen et al. 2022: mixing two sources of data gives less robustness than the better source alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from shiftproof._arrays import Floats
from shiftproof.data.examples import Examples
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Task, Trial, right


@dataclass(frozen=True)
class DataMixtures(Study):
    """Networks trained on as many images of one source, of another, or half of each; and linear models whose mixtures are exact.

    Cost: six trainings of a small network a seed; half a minute.

    Reference: Nguyen et al. 2022, "Quality not quantity: on the interaction between dataset design and robustness of CLIP".
    """

    name: ClassVar[str] = "data_mixtures"
    references: ClassVar[tuple[str, ...]] = ("nguyen2022quality",)
    claim: ClassVar[str] = (
        "At one size, a mixture of two sources is less accurate under a shift than the better source and more than the worse one: mixing "
        "dilutes."
    )
    paper: ClassVar[str] = "Nguyen et al. 2022"
    figure: ClassVar[str] = (
        "CLIP from six sources of captioned images, and mixtures of them: the effective robustness of a mixture lies between those of its "
        "parts, in tests and in a linear model."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("linear, mixture between", "in most linear tasks the mixture's error lies between its parts'", low=0.5),
        Prediction("images, better source over mixture", "on images it is less accurate than the better source", low=0.0),
        Prediction("images, mixture over worse source", "and more than the worse one", low=0.0),
    )
    protocol: ClassVar[str] = (
        "Linear: 1,000 pairs of sources, 20 isotropic inputs, slopes that are off the target's by vectors of length 1 and 2 of random "
        "directions, and the exact error of the population's least squares on half of each. Images: 900 of MNIST, 900 of USPS, or 450 of "
        "each, a network of two convolutions, Adam, 15 epochs; judged on USPS images that were not learned, under Gaussian noise of "
        "severity 2."
    )
    scaled_down: ClassVar[str] = (
        "Two sources of digits in place of six of captioned photographs, and accuracy at one size in place of effective robustness over "
        "many. The quick form's other source is dark and blurred digits."
    )
    seeds: ClassVar[int] = 6
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test", "usps.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """How often the mixture lies between, exactly; accuracies by source, and differences."""
        numbers = trial.numbers("linear")
        pairs = [between(numbers) for _ in range(trial.pick(quick=200, full=1000))]
        parts, judged = _sources(trial)
        make = convolutional(tuple(judged.x.shape[1:]), width=8)
        flags = {
            name: right(
                trial.train(name, make, part, epochs=trial.pick(quick=10, full=15), batch_size=32, optimiser="adam(lr=0.002)"), judged
            )
            for name, part in parts.items()
        }
        best, worst = sorted(("near", "far"), key=lambda name: -flags[name].mean())
        return {
            "linear, mixture between": share(pairs),
            **{f"images, {name}": share(each) for name, each in flags.items()},
            "images, better source over mixture": difference(flags[best], flags["mixture"]),
            "images, mixture over worse source": difference(flags["mixture"], flags[worst]),
        }


def between(numbers: np.random.Generator, d: int = 20) -> bool:
    """Whether the error of a mixture of two linear tasks lies between those of its parts, exactly.

    Inputs have unit covariance everywhere. The sources' slopes are off the target's by a vector of length 1 and one of length 2, of random
    directions; the population's least squares on half of each is off by their mean, and its error is the squared length.
    """
    near, far = numbers.normal(size=(2, d))
    near, far = near / np.linalg.norm(near), 2 * far / np.linalg.norm(far)
    mixed = float((((near + far) / 2) ** 2).sum())
    return 1.0 <= mixed <= 4.0


def _sources(trial: Trial) -> tuple[dict[str, Examples], Examples]:
    """What is learned: images of the source that is judged, of another, and half of each; and what is judged."""
    task = trial.task("mnist", train=trial.pick(quick=300, full=900))
    near_all = _apart(task) if trial.quick else trial.sample("usps.test")
    order = trial.numbers("near").permutation(len(near_all))
    n = len(task.train)
    near, judged = near_all[np.sort(order[:n])], near_all[np.sort(order[n:])]
    half = n // 2
    x = torch.cat([near.x[:half], task.train.x[: n - half]])
    y = torch.cat([near.y[:half], task.train.y[: n - half]])
    mixed = Examples(x, y, np.array([f"mixed-{i}" for i in range(n)]), space=near.space)
    noise = torch.from_numpy(trial.numbers("noise").normal(0, 0.12, judged.x.shape)).to(judged.x)
    noisy = Examples((judged.x + noise).clamp(0, 1), judged.y, judged.ids, space=judged.space)
    return {"near": near, "far": task.train, "mixture": mixed}, noisy


def _apart(task: Task) -> Examples:
    """Another source for the quick form: the test digits, dark and blurred."""
    x: Floats = torch.nn.functional.avg_pool2d(task.test.x, 3, stride=1, padding=1).numpy() * 0.6
    return Examples(torch.from_numpy(x), task.test.y, task.test.ids, space=task.test.space)
