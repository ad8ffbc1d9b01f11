"""Saberi et al. 2024: unlabelled data of a somewhat other distribution help robust learning from few labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._arrays import Floats
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.quantity import Quantity
from shiftproof.studies.trial import Trial


@dataclass(frozen=True)
class Halves:
    """Two Gaussian classes around mean and -mean.

    Args:
        mean: shape (d,).
        spread: standard deviation of every feature.
    """

    mean: Floats
    spread: float

    def draw(self, n: int, numbers: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Inputs, shape (n, d), and labels of -1 and 1, shape (n,)."""
        y = numbers.choice([-1.0, 1.0], n)
        x = y[:, None] * self.mean + self.spread * numbers.normal(size=(n, len(self.mean)))
        return torch.from_numpy(x), torch.from_numpy(y)

    def error(self, theta: Floats, eps: float = 0.0) -> float:
        """The exact error of sign(theta . x) under l2 moves of eps: Phi(-(theta . mean / |theta| - eps) / spread)."""
        from scipy import stats

        margin = float(theta @ self.mean) / float(np.linalg.norm(theta)) - eps
        return float(stats.norm.cdf(-margin / self.spread))


def robust_loss(margin: Tensor, length: Tensor, gamma: float) -> Tensor:
    """phi(x) = sup over z of softplus(-margin(z)) - gamma |z - x|^2 of a linear rule of weights of size `length`, shape (n,).

    The best z lies at some distance t against the weights, so it is a search of one number in [0, length / (2 gamma)], beyond which the
    price rises faster than the loss: the best of 17 places, then Newton's steps between its neighbours. With gamma above length^2 / 8 the
    problem is concave and the places are left out. The gradient is that at the best z.
    """
    with torch.no_grad():
        most = length / (2 * gamma)
        low, high = torch.zeros_like(margin), most.expand_as(margin)
        if gamma <= float(length) ** 2 / 8:
            places = torch.linspace(0, 1, 17, dtype=margin.dtype) * most
            best = places[(F.softplus(length * places - margin[:, None]) - gamma * places**2).argmax(1)]
            low, high = (best - most / 16).clamp_min(0), torch.minimum(best + most / 16, most)
        t = (low + high) / 2
        for _ in range(12):
            chance = torch.sigmoid(length * t - margin)
            slope, bend = length * chance - 2 * gamma * t, length**2 * chance * (1 - chance) - 2 * gamma
            low, high = torch.where(slope > 0, t, low), torch.where(slope > 0, high, t)
            newton = t - slope / bend
            t = torch.where((bend < 0) & (newton >= low) & (newton <= high), newton, (low + high) / 2)
    return F.softplus(length * t - margin) - gamma * t**2


def robust_self_supervised(x: Tensor, y: Tensor, others: Tensor, *, gamma: float, weight: float, steps: int = 300) -> Floats:
    """theta, shape (d,), minimising mean phi(x, y) + weight mean phi(x', h(x')) + |theta|^2 / 1000, h(x') = sign(theta . x').

    The second term labels each unlabelled x' as theta does and asks for that label around it, so that the boundary leaves dense regions.
    """
    theta = (y[:, None] * x).mean(0).clone().requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=0.02)
    for _ in range(steps):
        length = theta.norm()
        loss = robust_loss(y * (x @ theta), length, gamma).mean()
        if weight:
            loss = loss + weight * robust_loss((others @ theta).abs(), length, gamma).mean()
        optimiser.zero_grad()
        (loss + 1e-3 * length**2).backward()
        optimiser.step()
    return np.asarray(theta.detach().numpy())


@dataclass(frozen=True)
class UnlabelledShiftedData(Study):
    """A linear rule from few labelled points of two Gaussian classes, with and without many unlabelled ones whose mean is another.

    Cost: seconds.

    Reference: Saberi et al. 2024, "Out-of-domain unlabeled data improves generalization".
    """

    name: ClassVar[str] = "unlabelled_shifted_data"
    references: ClassVar[tuple[str, ...]] = ("saberi2024out",)
    claim: ClassVar[str] = (
        "Unlabelled data improve a rule from few labels though their distribution is somewhat shifted, also under attack."
    )
    paper: ClassVar[str] = "Saberi et al. 2024"
    figure: ClassVar[str] = (
        "For a mixture of two Gaussians the generalisation gap falls with the number of unlabelled points as long as their shift is "
        "bounded; experiments on synthetic and real data agree."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("clean gain", "2,000 shifted unlabelled points make fewer errors", low=0.0),
        Prediction("robust gain", "and fewer under attack", low=0.0),
        Prediction("robust gain of more", "more of them are no worse than a tenth as many", low=0.0),
    )
    protocol: ClassVar[str] = (
        "Two Gaussian classes in 100 dimensions, means of length 1.5 to either side, spread 1; 40 labelled points and 200 or 2,000 "
        "unlabelled ones whose mean is moved by 0.5 in a random direction. Adam on the robust logistic loss with gamma 2 for both "
        "parts and weight 1, and a thousandth of the squared weights. Errors are exact, clean and under l2 moves of 0.3; 10 samples a seed."
    )
    scaled_down: ClassVar[str] = (
        "The paper's linear case with squared distance as the cost, the logistic loss in place of that of 0 and 1; its "
        "real data are left out."
    )
    seeds: ClassVar[int] = 5

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Exact errors, clean and attacked, by the number of unlabelled points, and gains."""
        ways = {"labels alone": 0, "200 more": 200, "2000 more": 2000}
        samples = range(trial.pick(quick=5, full=10))
        errors = {way: np.array([self._errors(trial, row, m) for row in samples]).mean(0) for way, m in ways.items()}
        alone, some, many = errors.values()
        return {
            **{f"{way}, error": Quantity(float(each[0]), unit="share") for way, each in errors.items()},
            **{f"{way}, robust error": Quantity(float(each[1]), unit="share") for way, each in errors.items()},
            "clean gain": Quantity(float(alone[0] - many[0]), unit="points"),
            "robust gain": Quantity(float(alone[1] - many[1]), unit="points"),
            "robust gain of more": Quantity(float(some[1] - many[1]), unit="points"),
        }

    def _errors(self, trial: Trial, row: int, m: int) -> tuple[float, float]:
        numbers = trial.numbers(f"sample {row}")
        d = trial.pick(quick=30, full=100)
        aim, off = (each / np.linalg.norm(each) for each in numbers.normal(size=(2, d)))
        home, away = Halves(1.5 * aim, 1.0), Halves(1.5 * aim + 0.5 * off, 1.0)
        x, y = home.draw(40, numbers)
        others, _ = away.draw(max(m, 1), numbers)
        theta = robust_self_supervised(x, y, others, gamma=2.0, weight=float(m > 0), steps=trial.pick(quick=100, full=300))
        return home.error(theta), home.error(theta, 0.3)
