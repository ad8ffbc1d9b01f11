"""Gilmer et al. 2019: the nearest error that an attack finds lies about where errors in Gaussian noise say that it must."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from shiftproof._arrays import Floats
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.searches.fast_minimum_norm import FastMinimumNorm
from shiftproof.shifts.norms.l2 import L2
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, right, right_under
from shiftproof.training.methods.gaussian_augmentation import GaussianAugmentation
from shiftproof.training.recipe import Recipe

_RATE = 0.01
"""Share of noisy copies that are wrong at the noise that is looked for: the paper's."""
_LEAST, _MOST = 0.002, 2.0
"""Between these spreads the noise is looked for, in widths of the box."""
_HALVINGS = 7
_UNBOUNDED = InputSpace(-math.inf, math.inf, "image", "unbounded")
"""The paper clips neither noise nor attack: a half-space has no walls."""


@dataclass(frozen=True)
class GaussianNoiseAndAdversarial(Study):
    """Distances to the nearest error, found by an attack, against those of a half-space with the same errors in Gaussian noise.

    If the errors around an image were a half-space at distance d, noise of spread sigma would land in it with probability mu where
    d = -sigma Phi^-1(mu). For each image the noise is found at which one copy in a hundred is wrong, and that d is set against the least
    move that breaks the image. Noise alone seems to say that errors are as far as the noise is long, sigma sqrt(n): some twenty times d.

    The same is done for a network trained on noise, and what it gains under small attacks is counted.

    Cost: two trainings a seed, and for each of some hundred images thousands of noisy copies and an attack; minutes in the full form.

    Reference: Gilmer et al. 2019, "Adversarial examples are a natural consequence of test error in noise".
    """

    name: ClassVar[str] = "gaussian_noise_and_adversarial"
    references: ClassVar[tuple[str, ...]] = ("gilmer2019adversarial",)
    claim: ClassVar[str] = (
        "The nearest error that an attack finds is about as far away as a half-space with the error rate measured in Gaussian noise, and "
        "training on Gaussian noise makes networks more robust to small attacks."
    )
    paper: ClassVar[str] = "Gilmer et al. 2019"
    figure: ClassVar[str] = (
        "CIFAR-10 and ImageNet: distances found by 200 steps of l2 ascent are drawn against the noise at which 1 % of copies are wrong, "
        "image by image, and lie close to the line of the half-space (2.33 sigma); no single number is given for it."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("distance over prediction", "the median image's nearest error is within a factor of 1.5 of it", low=2 / 3, high=1.5),
        Prediction("distance over prediction, trained on noise", "the same for the network trained on noise", low=2 / 3, high=1.5),
        Prediction(
            "rank correlation", "noise explains most of the ranks of distances over images (r^2 above one half)", low=math.sqrt(0.5)
        ),
        Prediction("gain from noise under attack", "training on noise helps against small moves", low=0.0),
    )
    protocol: ClassVar[str] = (
        "CIFAR-10. Train a small convolutional network for eight epochs on 20,000 images, others for each seed, plainly and with noise of "
        "sigma 0.1. For 120 test images that it gets right, find by bisection the sigma at which 1 % of 500 noisy copies are wrong, and "
        "the least l2 move by fast_minimum_norm in 100 steps, both without walls. Attack both networks inside l2 0.25 by 30 steps on the "
        "margin, on 2,000 test images."
    )
    scaled_down: ClassVar[str] = (
        "The network is small, and 500 noisy copies stand for the paper's 1,000. CIFAR-10 comes as JPEG copies where the exact images are "
        "out of reach: the claim speaks of any network on any images, and both of its sides are measured on the same ones."
    )
    seeds: ClassVar[int] = 6
    needs: ClassVar[tuple[str, ...]] = ("cifar10.train", "cifar10.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Distances against their predictions for both networks, and accuracy under a small attack."""
        task = trial.task("cifar10", train=trial.pick(quick=None, full=20_000), test=2000)
        make = convolutional(tuple(task.train.x.shape[1:]), width=trial.pick(quick=12, full=16))
        recipe = trial.pick(quick=Recipe(epochs=10, batch_size=32), full=Recipe(epochs=8))
        options = {**recipe.options(), "optimiser": "sgd(lr=0.05, momentum=0.9)", "seed": trial.seed}
        plain = trial.train("plain", make, task.train, "plain", **options)
        noisy = trial.train("on noise", make, task.train, GaussianAugmentation(trial.pick(quick=0.2, full=0.1)), **options)
        shift, search = L2(trial.pick(quick=0.4, full=0.25)), "gradient_ascent(steps=30, loss=margin)"
        held = [right_under(net, task.test, shift, search, trial.seed) for net in (plain, noisy)]
        found = {suffix: self._distances(trial, net, task.test) for net, suffix in ((plain, ""), (noisy, ", trained on noise"))}
        one = found[""]
        return {
            "plain": share(right(plain, task.test)),
            "on noise": share(right(noisy, task.test)),
            "plain under attack": share(held[0]),
            "on noise under attack": share(held[1]),
            "gain from noise under attack": difference(held[1], held[0]),
            "rank correlation": rank_correlation(one.distance, one.predicted),
            **{f"distance over prediction{of}": median_ratio(it.distance, it.predicted, trial.numbers(of)) for of, it in found.items()},
            **{
                f"distance over length of the noise{of}": median_ratio(it.distance, it.length, trial.numbers(of))
                for of, it in found.items()
            },
            **{f"images compared{of}": Quantity(float(len(it.distance)), unit="amount") for of, it in found.items()},
        }

    def _distances(self, trial: Trial, net: nn.Module, test: Examples) -> Distances:
        rows = np.flatnonzero(right(net, test))
        few = trial.pick(quick=40, full=120)
        return distances(
            net,
            test[rows[np.linspace(0, len(rows) - 1, few).round().astype(np.intp)]],
            draws=trial.pick(quick=200, full=500),
            seed=trial.seed,
        )


@dataclass(frozen=True, eq=False)
class Distances:
    """Of each image, shape (n,): how far an attack finds an error, how far the half-space has it, and how long the noise is."""

    distance: Floats
    predicted: Floats
    length: Floats


def distances(net: nn.Module, examples: Examples, *, draws: int, seed: int) -> Distances:
    """The three for examples that the network gets right; left out are those without an error at the largest noise or under attack."""
    from scipy.stats import norm

    sigma = noise_at(net, examples, draws=draws, seed=seed)
    free = Examples(examples.x, examples.y, examples.ids, examples.groups, _UNBOUNDED)
    model = TorchModule(net, name="network")
    size = security_curve(model, L2(1.0), search=FastMinimumNorm(), examples=free, seed=seed).size
    kept = np.isfinite(sigma) & np.isfinite(size)
    sigma, size = sigma[kept], size[kept]
    return Distances(size, -sigma * float(norm.ppf(_RATE)), sigma * math.sqrt(examples.x[0].numel()))


def noise_at(net: nn.Module, examples: Examples, *, draws: int, seed: int) -> Floats:
    """The spread of Gaussian noise at which one copy in a hundred of each example is wrong, shape (n,); infinite where none up to 2 is.

    By bisection of its logarithm, with the same noise at every spread.
    """
    found, seeds = np.full(len(examples), np.inf), Rng.for_ids(seed, examples.ids).child("noise").seeds()
    for row, own in enumerate(seeds):
        noise = np.random.default_rng(int(own)).standard_normal((draws, *examples.x.shape[1:]), dtype=np.float32)
        found[row] = _bisected(net, examples.x[row], int(examples.y[row]), torch.from_numpy(noise))
    return found


def _bisected(net: nn.Module, x: torch.Tensor, y: int, noise: torch.Tensor) -> float:
    def enough(sigma: float) -> bool:
        with torch.no_grad():
            return bool((net(x + sigma * noise).argmax(1) != y).double().mean() >= _RATE)

    if not enough(_MOST):
        return math.inf
    low, high = math.log(_LEAST), math.log(_MOST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(math.exp(middle)) else (middle, high)
    return math.exp((low + high) / 2)


def median_ratio(first: Floats, second: Floats, numbers: np.random.Generator) -> Quantity:
    """The median of first / second over examples, shapes (n,), and its standard error by resampling them."""
    ratio = first / second
    again = np.median(numbers.choice(ratio, size=(1000, len(ratio))), axis=1)
    return Quantity(float(np.median(ratio)), float(again.std(ddof=1)), "amount")


def rank_correlation(first: Floats, second: Floats) -> Quantity:
    """Spearman's correlation over n examples, and its standard error (1 - r^2) sqrt((1 + r^2 / 2) / (n - 3)).

    Reference: Bonett & Wright 2000 [bonett2000sample].
    """
    from scipy.stats import spearmanr

    r = float(spearmanr(first, second).statistic)
    return Quantity(r, (1 - r * r) * math.sqrt((1 + r * r / 2) / (len(first) - 3)), "correlation")
