"""Tsipras et al. 2019: what makes a classifier accurate can be what makes it fragile, so that robustness costs accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.shifts import Linf
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, right, right_under

P = 0.95
"""How often the one robust feature agrees with the label: the paper's own example."""
_SPACE = InputSpace(-math.inf, math.inf, units="standard deviations")


@dataclass(frozen=True)
class TwoKinds:
    """The paper's distribution: y is -1 or 1 by chance, x_1 = y with chance p and else -y, and x_2 .. x_{d+1} are N(eta y, 1) each.

    Args:
        weak: d, how many features are weak.
        p: how often the strong one is right.
    """

    weak: int
    p: float = P

    @property
    def eta(self) -> float:
        """The mean of a weak feature, 4 / sqrt(d): the least of the paper's Theorem 2.2."""
        return 4 / math.sqrt(self.weak)

    @property
    def eps(self) -> float:
        """The adversary's reach, 2 eta: what turns a weak feature into one of the other class."""
        return 2 * self.eta

    def draw(self, n: int, numbers: np.random.Generator) -> Examples:
        """Examples, x of shape (n, d + 1), with labels 0 for -1 and 1 for 1."""
        y = numbers.integers(0, 2, n)
        sign = 2.0 * y - 1
        strong = np.where(numbers.random(n) < self.p, sign, -sign)
        weak = numbers.normal(size=(n, self.weak)) + self.eta * sign[:, None]
        x = torch.from_numpy(np.column_stack([strong, weak])).float()
        return Examples(x, torch.from_numpy(y), np.array([f"drawn-{i}" for i in range(n)]), space=_SPACE)

    def accuracy(self, w: npt.NDArray[np.float64], bias: float = 0.0, *, eps: float = 0.0) -> float:
        """Exact accuracy of sign(w x + bias) under the worst move of Linf size eps; w of shape (d + 1,).

        The mean over y and over whether x_1 is right of Phi((+-w_1 + eta sum w_weak + y bias - eps |w|_1) / |w_weak|_2).

        >>> model = TwoKinds(weak=100)
        >>> alone = np.array([1.0] + 100 * [0.0])
        >>> round(model.accuracy(alone, eps=0.9), 3), round(model.accuracy(1 - alone), 5), round(model.accuracy(1 - alone, eps=0.8), 5)
        (0.95, 0.99997, 3e-05)
        """
        from scipy.stats import norm

        pull, spread = self.eta * w[1:].sum() - eps * np.abs(w).sum(), max(float(np.linalg.norm(w[1:])), 1e-300)
        cases = [(self.p, w[0]), (1 - self.p, -w[0])]
        return float(sum(chance / 2 * norm.cdf((part + pull + y * bias) / spread) for chance, part in cases for y in (-1, 1)))


@dataclass(frozen=True)
class RobustnessAccuracyTradeoff(Study):
    """Linear networks on the paper's distribution, and networks on images, each trained plainly and adversarially.

    On the distribution both accuracies of a trained network follow from its weights, without a sample. A classifier right on 1 - delta of
    it is right on at most delta p / (1 - p) under attack (Theorem 2.1).

    Cost: four trainings a seed; minutes in the full form.

    Reference: Tsipras et al. 2019, "Robustness may be at odds with accuracy", Theorems 2.1 and 2.2 and Figure 1.
    """

    name: ClassVar[str] = "robustness_accuracy_tradeoff"
    references: ClassVar[tuple[str, ...]] = ("tsipras2019robustness",)
    claim: ClassVar[str] = (
        "Where many weak features make a classifier accurate, an adversary breaks it; training against the adversary leaves the one "
        "robust feature and its accuracy. On images, adversarial training costs clean accuracy."
    )
    paper: ClassVar[str] = "Tsipras et al. 2019"
    figure: ClassVar[str] = (
        "Theorem 2.2: plain training is right on over 99 % and under attack on less than 1 %, adversarial training on p of both (p = "
        "0.95 in the paper's example). CIFAR-10 and restricted ImageNet: clean accuracy falls as the adversary grows (figure 1)."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("plain, clean", "plain training uses the weak features and is nearly always right", low=0.99, paper=0.99),
        Prediction("plain, attacked", "and nearly always wrong under attack", high=0.01, paper=0.01),
        Prediction("adversarial, clean", "adversarial training is as right as the robust feature", low=P - 0.01, high=P + 0.01, paper=P),
        Prediction("adversarial, attacked", "and stays as right under attack", low=P - 0.01, high=P + 0.01, paper=P),
        Prediction("images, clean accuracy lost", "on images, adversarial training costs clean accuracy", low=0.0),
        Prediction("images, attacked accuracy gained", "and buys robustness with it", low=0.0),
    )
    protocol: ClassVar[str] = (
        "A linear network on 20,000 examples of the paper's distribution (400 weak features of mean 0.2, p = 0.95), trained by the "
        "logistic loss plainly and under Linf moves of 0.4, and judged in closed form. Networks of two convolutions on all of CIFAR-10, "
        "four epochs each, trained plainly and under Linf moves that grow to 8/255, found in two steps: clean accuracy of the two on the "
        "same 10,000 test images."
    )
    scaled_down: ClassVar[str] = (
        "The logistic loss stands for the paper's hinge loss, as the paper says it may. The image networks are far smaller and trained "
        "more briefly than the paper's, on JPEG copies of CIFAR-10, so both accuracies are lower; the sign of their difference is the "
        "claim."
    )
    looks: ClassVar[tuple[EarlierLook, ...]] = (EarlierLook("Sizes and steps were settled on the quick form.", changed=False),)
    needs: ClassVar[tuple[str, ...]] = ("cifar10.train", "cifar10.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracies on the distribution, in closed form and under a search, and on images."""
        return {**_distribution(trial), **_images(trial)}


def _distribution(trial: Trial) -> dict[str, Quantity]:
    model = TwoKinds(weak=trial.pick(quick=100, full=400))
    learned = model.draw(trial.pick(quick=4000, full=20_000), trial.numbers("drawn"))
    judged = model.draw(2000, trial.numbers("judged"))
    reach = Linf(model.eps)
    found: dict[str, Quantity] = {}
    for name, method in (("plain", "plain"), ("adversarial", f"adversarial(shift=linf(eps={model.eps}), search=single_step)")):
        net = trial.train(
            f"linear {name}",
            lambda: nn.Linear(model.weak + 1, 2),
            learned,
            method,
            epochs=trial.pick(quick=6, full=20),
            optimiser="sgd(lr=0.03, momentum=0.9)",
            search="single_step",
        )
        w, bias = _direction(net)
        found[f"{name}, clean"] = Quantity(model.accuracy(w, bias), unit="share")
        found[f"{name}, attacked"] = Quantity(model.accuracy(w, bias, eps=model.eps), unit="share")
        found[f"{name}, attacked by a search"] = share(right_under(net, judged, reach, "single_step", trial.seed))
        found[f"{name}, bound of theorem 2.1"] = Quantity(model.p / (1 - model.p) * (1 - model.accuracy(w, bias)), unit="share")
    return found


def _direction(net: nn.Module) -> tuple[npt.NDArray[np.float64], float]:
    weight, bias = (value.detach().double().numpy() for value in net.parameters())
    return weight[1] - weight[0], float(bias[1] - bias[0])


def _images(trial: Trial) -> dict[str, Quantity]:
    task = trial.task("cifar10")
    shape = tuple(task.train.x.shape[1:])
    net = convolutional(shape)
    eps = trial.pick(quick=0.2, full=8 / 255)
    recipe: dict[str, int | str] = {
        "epochs": trial.pick(quick=8, full=4),
        "batch_size": trial.pick(quick=32, full=128),
        "optimiser": "sgd(lr=0.05, momentum=0.9)",
        "search": "gradient_ascent(steps=5, loss=margin)",
    }
    standard = trial.train("plain", net, task.train, "plain", **recipe)
    method = f"adversarial(shift=linf(eps={eps!r}), search=gradient_ascent(steps=2), ramp=0.5)"
    robust = trial.train("adversarial", net, task.train, method, **recipe)
    few = trial.task("cifar10", test=trial.pick(quick=200, full=1000)).test
    search = "gradient_ascent(steps=20, loss=margin)"
    clean = [right(each, task.test) for each in (standard, robust)]
    attacked = [right_under(each, few, Linf(eps), search, trial.seed) for each in (standard, robust)]
    return {
        "images, plain, clean": share(clean[0]),
        "images, adversarial, clean": share(clean[1]),
        "images, clean accuracy lost": difference(clean[0], clean[1]),
        "images, plain, attacked": share(attacked[0]),
        "images, adversarial, attacked": share(attacked[1]),
        "images, attacked accuracy gained": difference(attacked[1], attacked[0]),
    }
