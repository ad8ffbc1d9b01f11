"""Xu et al. 2021: adversarial training makes classes that are hard harder still, so that its accuracy is spread unevenly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shiftproof._arrays import Bools
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.shifts import Linf
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, less, mean, share
from shiftproof.studies.trial import Task, Trial, right, right_under

_SPACE = InputSpace(-math.inf, math.inf, units="standard deviations")


@dataclass(frozen=True)
class TwoClouds:
    """The paper's mixture: y is -1 or 1 by chance, x is N(y eta, sigma^2) in each of d features, and sigma is `ratio` times as large for 1.

    Args:
        features: d.
        eta: the mean's distance from 0 in each feature.
        ratio: K > 1, the spread of the hard class over that of the easy one, which is 1.
        eps: the Linf size of the adversary, below eta.
    """

    features: int = 100
    eta: float = 0.2
    ratio: float = 2.0
    eps: float = 0.1

    def draw(self, n: int, numbers: np.random.Generator) -> Examples:
        """Examples, x of shape (n, d), with labels 0 for -1 (easy) and 1 for 1 (hard)."""
        y = numbers.integers(0, 2, n)
        x = numbers.normal(size=(n, self.features)) * np.where(y, self.ratio, 1.0)[:, None] + self.eta * (2.0 * y - 1)[:, None]
        return Examples(torch.from_numpy(x).float(), torch.from_numpy(y), np.array([f"drawn-{i}" for i in range(n)]), space=_SPACE)

    def accuracies(self, w: npt.NDArray[np.float64], bias: float) -> tuple[float, float]:
        """Exact clean accuracy of sign(w x + bias) on the easy and on the hard class; w of shape (d,)."""
        from scipy.stats import norm

        pull, size = self.eta * float(w.sum()), float(np.linalg.norm(w))
        return float(norm.cdf((pull - bias) / size)), float(norm.cdf((pull + bias) / (self.ratio * size)))

    def best(self, eps: float) -> tuple[npt.NDArray[np.float64], float]:
        """The linear classifier of least error under the worst moves of size eps (Theorems 1 and 2 of the paper): all weights equal.

        Its threshold s on the mean direction, in units of the easy spread, is where the two moved clouds are equally dense:
        (s + a)^2 = 2 ln K + (s - a)^2 / K^2 with a = sqrt(d) (eta - eps).

        >>> clouds = TwoClouds()
        >>> easy, hard = clouds.accuracies(*clouds.best(0.0))
        >>> robust_easy, robust_hard = clouds.accuracies(*clouds.best(clouds.eps))
        >>> easy < robust_easy, robust_hard < hard
        (True, True)
        """
        root, k = math.sqrt(self.features), self.ratio
        a = root * (self.eta - eps)
        b = 2 * a / (k**2 - 1)  # the paper's A, and its B under attack
        threshold = k * math.sqrt(b**2 + 2 * math.log(k) / (k**2 - 1)) - b - a
        return np.full(self.features, 1 / root), -threshold


@dataclass(frozen=True)
class AccuracyDisparity(Study):
    """The spread between the class that a network reads best and the one it reads worst, after plain and after adversarial training.

    Best and worst are named on one half of the test images and measured on the other, in turn, as the extremes of ten noisy figures would
    lie too far apart. Beside it, the paper's mixture of two clouds, where the best classifiers are known.

    Cost: five trainings a seed; minutes in the full form.

    Reference: Xu et al. 2021, "To be robust or to be fair: Towards fairness in adversarial training", sections 2 and 3.
    """

    name: ClassVar[str] = "accuracy_disparity"
    references: ClassVar[tuple[str, ...]] = ("xu2021robust",)
    claim: ClassVar[str] = "Adversarial training costs hard classes more accuracy than easy ones, so the spread between classes grows."
    paper: ClassVar[str] = "Xu et al. 2021"
    figure: ClassVar[str] = (
        "CIFAR-10, PGD adversarial training of a ResNet-18: 93 % clean and 67 % robust accuracy on automobiles, 65 % and 17 % on cats. "
        "Mixture of two Gaussians: the robust classifier errs more on the wide class and less on the narrow one than the plain one."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("mixture, growth of the spread", "on the mixture, trained networks are further apart on the two classes", low=0.0),
        Prediction("images, growth of the spread", "on images, best and worst class are further apart in clean accuracy", low=0.0),
        Prediction("images, extra loss of the worst", "the worst class of the plain network loses more than its best", low=0.0),
    )
    protocol: ClassVar[str] = (
        "Linear networks on 20,000 examples of the mixture (100 features, means 0.2 apart from 0, spreads 1 and 2), trained plainly and "
        "under Linf moves of 0.1, judged in closed form. Networks of two convolutions on 15,000 images of CIFAR-10, five epochs each, "
        "plainly and under Linf moves that grow to 8/255, found in two steps; clean accuracy of each class on 10,000 test images. A "
        "plain network of one epoch beside them shows the spread that comes with low accuracy alone."
    )
    scaled_down: ClassVar[str] = (
        "The network is far smaller and trained more briefly than the paper's, on JPEG copies of CIFAR-10, so all accuracies are lower, "
        "and part of the growth may come with that: compare the network of one epoch. The claim is one of differences between two "
        "trainings alike."
    )
    seeds: ClassVar[int] = 6
    needs: ClassVar[tuple[str, ...]] = ("cifar10.train", "cifar10.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Class accuracies and their spread, on the mixture and on images."""
        return {**_mixture(trial), **_images(trial)}


def _mixture(trial: Trial) -> dict[str, Quantity]:
    clouds = TwoClouds()
    learned = clouds.draw(trial.pick(quick=6000, full=20_000), trial.numbers("drawn"))
    found: dict[str, Quantity] = {}
    for name, method, eps in (
        ("plain", "plain", 0.0),
        ("adversarial", f"adversarial(shift=linf(eps={clouds.eps}), search=single_step)", clouds.eps),
    ):
        net = trial.train(
            f"linear {name}",
            lambda: nn.Linear(clouds.features, 2),
            learned,
            method,
            epochs=12,
            batch_size=250,
            optimiser="sgd(lr=0.05, momentum=0.9)",
            schedule="constant",
            average="ema(decay=0.98)",
            search="single_step",
        )
        weight, bias = (value.detach().double().numpy() for value in net.parameters())
        reached = clouds.accuracies(weight[1] - weight[0], float(bias[1] - bias[0]))
        for which, w in (("", reached), (", best possible", clouds.accuracies(*clouds.best(eps)))):
            for k, kind in enumerate(("narrow", "wide")):
                found[f"mixture, {name}, {kind} class{which}"] = Quantity(w[k], unit="share")
    for which in ("", ", best possible"):
        plain, robust = (
            found[f"mixture, {name}, narrow class{which}"].value - found[f"mixture, {name}, wide class{which}"].value
            for name in ("plain", "adversarial")
        )
        found[f"mixture, growth of the spread{which}"] = Quantity(robust - plain, unit="points")
    return found


def _images(trial: Trial) -> dict[str, Quantity]:
    task = trial.task("cifar10", train=trial.pick(quick=None, full=15_000))
    shape = tuple(task.train.x.shape[1:])
    net = convolutional(shape)
    eps, epochs = trial.pick(quick=0.2, full=8 / 255), trial.pick(quick=10, full=5)
    recipe: dict[str, int | str] = {
        "batch_size": trial.pick(quick=32, full=128),
        "optimiser": "sgd(lr=0.05, momentum=0.9)",
        "search": "gradient_ascent(steps=5, loss=margin)",
    }
    method = f"adversarial(shift=linf(eps={eps!r}), search=gradient_ascent(steps=2), ramp=0.5)"
    standard = trial.train("plain", net, task.train, "plain", epochs=epochs, **recipe)
    robust = trial.train("adversarial", net, task.train, method, epochs=epochs, **recipe)
    early = trial.train("early", net, task.train, "plain", epochs=trial.pick(quick=3, full=1), **recipe)
    nets = {"plain": standard, "adversarial": robust, "plain, stopped early": early}
    flags = {name: right(each, task.test) for name, each in nets.items()}
    found = {f"images, {name}, clean": share(each) for name, each in flags.items()}
    found |= {f"images, {name}, spread": spread(task, each, each) for name, each in flags.items()}
    plain, moved = flags["plain"], flags["adversarial"]
    found["images, growth of the spread"] = less(found["images, adversarial, spread"], found["images, plain, spread"])
    found["images, extra loss of the worst"] = less(spread(task, plain, moved), found["images, plain, spread"])
    few = trial.task("cifar10", test=trial.pick(quick=200, full=2000))
    attacked = right_under(robust, few.test, Linf(eps), "gradient_ascent(steps=10)", trial.seed)
    found["images, adversarial, attacked"] = share(attacked)
    found["images, adversarial, attacked, spread"] = spread(few, attacked, attacked)
    return found


def spread(task: Task, named_by: Bools, measured: Bools) -> Quantity:
    """Accuracy of the best class less that of the worst, where `named_by` says which these are, on the other half of the test sample.

    Both flags say which test examples a network has right, shape (n,); every second example is in the one half.
    """
    y = task.test.y.numpy()
    half = np.arange(len(y)) % 2 == 0
    found: list[Quantity] = []
    for here, there in ((half, ~half), (~half, half)):
        rates = [named_by[here & (y == k)].mean() for k in range(int(y.max()) + 1)]
        best, worst = (share(measured[there & (y == k)]) for k in (int(np.argmax(rates)), int(np.argmin(rates))))
        found.append(less(best, worst))
    return mean(found)
