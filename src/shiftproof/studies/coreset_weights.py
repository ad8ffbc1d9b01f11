"""Jafari et al. 2024: weights of examples, learned on a small representative part and carried over to all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from shiftproof._arrays import Floats, Ints
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.fit import fit, made
from shiftproof.studies.nets import dense
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, mislabelled, right

WRONG = 0.4
"""The share of labels that are wrong."""
RATE = 0.1
"""Of the SGD that a network takes along with the learning of weights."""


def median_coreset(features: Floats, y: Ints, fraction: float) -> Ints:
    """Rows of the examples of each class whose distance from its centre is nearest to the median distance, `fraction` of them.

    Args:
        features: shape (n, k).
        y: labels as given, shape (n,).
        fraction: in (0, 1]; 1 takes all.

    Reference: Xia et al. 2023 [xia2023moderate], "Moderate coreset: a universal method of data selection for real-world data-efficient deep
    learning".
    """
    kept: list[Ints] = []
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        far = np.linalg.norm(features[rows] - features[rows].mean(0), axis=1)
        order = np.argsort(np.abs(far - np.median(far)), kind="stable")
        kept.append(rows[order[: max(1, round(fraction * len(rows)))]])
    return np.sort(np.concatenate(kept))


def broadcast(weights: Floats, rows: Ints, features: Floats, y: Ints) -> Floats:
    """The weight of each example's nearest neighbour among the `rows` with its label, shape (n,); weights of rows, shape (m,)."""
    from sklearn.neighbors import NearestNeighbors

    found = np.empty(len(y))
    for label in np.unique(y):
        here, there = np.flatnonzero(y == label), np.flatnonzero(y[rows] == label)
        near = NearestNeighbors(n_neighbors=1).fit(features[rows[there]])
        found[here] = weights[there[near.kneighbors(features[here], return_distance=False)[:, 0]]]
    return found


class LossToWeight(nn.Module):
    """From the loss of an example to its weight in (0, 1): one hidden layer of 100.

    Reference: Shu et al. 2019 [shu2019meta], "Meta-weight-net: learning an explicit mapping for sample weighting".
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 100), nn.ReLU(), nn.Linear(100, 1), nn.Sigmoid())

    def forward(self, losses: Tensor) -> Tensor:
        weights: Tensor = self.layers(losses[:, None])[:, 0]
        return weights


def learned_weights(
    net: nn.Module, x: Tensor, y: Tensor, clean: tuple[Tensor, Tensor], *, steps: int, seed: int, speed: float = 1e-3
) -> Floats:
    """The weights that a `LossToWeight` gives to examples, shape (n,), learned along with the network by a step ahead.

    Each step, the network takes one step ahead on a batch with weights over their sum; the loss on clean examples there is differentiated
    by the weighing, which moves; then the network takes the step with the new weights.

    Args:
        net: it is trained in place.
        x: inputs, shape (n, d).
        y: labels as given, shape (n,).
        clean: inputs and right labels.
        steps: of batches of 100.
        seed: of the weighing and the batches.
        speed: the rate of the Adam that moves the weighing; the network takes steps of SGD at 0.1.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weighing = LossToWeight()
    chance, mover = torch.Generator().manual_seed(seed), torch.optim.Adam(weighing.parameters(), lr=speed)
    values = {name: value.detach().clone().requires_grad_() for name, value in net.named_parameters()}

    def losses(at: dict[str, Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(net, at, (inputs,)), labels, reduction="none")

    def ahead(rows: Tensor, *, keep: bool) -> dict[str, Tensor]:
        each = losses(values, x[rows], y[rows])
        weights = weighing(each.detach())
        slopes = torch.autograd.grad((weights * each).sum() / (weights.sum() + 1e-8), list(values.values()), create_graph=keep)
        return {name: value - RATE * slope for (name, value), slope in zip(values.items(), slopes, strict=True)}

    for _ in range(steps):
        rows = torch.randint(len(x), (100,), generator=chance)
        mover.zero_grad()
        losses(ahead(rows, keep=True), *clean).mean().backward()  # type: ignore[no-untyped-call]
        mover.step()
        values = {name: value.detach().requires_grad_() for name, value in ahead(rows, keep=False).items()}
    with torch.no_grad():
        found: Floats = weighing(losses(values, x, y)).double().numpy()
    return found


@dataclass(frozen=True)
class CoresetWeights(Study):
    """Training on wrong labels plainly, and with weights that were learned on a part of the examples and carried over, or on all.

    Cost: three weighted trainings and two of weights a seed; half a minute.

    Reference: Jafari et al. 2024, "The power of few: accelerating and enhancing data reweighting with coreset selection".
    """

    name: ClassVar[str] = "coreset_weights"
    references: ClassVar[tuple[str, ...]] = ("jafari2024power", "shu2019meta", "xia2023moderate")
    claim: ClassVar[str] = (
        "Weights learned on a small part of the examples and carried over to their neighbours give higher accuracy than none and than "
        "weights learned on all, in less time."
    )
    paper: ClassVar[str] = "Jafari et al. 2024"
    figure: ClassVar[str] = (
        "CIFAR-10 and CIFAR-100: with as little as 1 % of the examples in the part, accuracy is above that of the baselines at a fraction "
        "of the time for weights."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("part over none", "weights from a part make fewer errors than none", low=0.0),
        Prediction("part over all", "and than weights learned on all examples", low=0.0),
        Prediction("time of weights, part over all", "in at most half of the time", high=0.5),
    )
    protocol: ClassVar[str] = (
        "4,000 MNIST images, others for each seed, of which 40 % are labelled as another digit by chance; 200 more with right labels judge "
        "the weights. A network of one hidden layer of 64, trained plainly, gives features. The tenth of each class whose distance from "
        "its centre is nearest to the median is the part; weights are learned there for 40 epochs, and carried to the nearest example with "
        "the same label. Weighted training: Adam, 10 epochs of batches of 100, judged on 2,000 test images."
    )
    scaled_down: ClassVar[str] = (
        "A small network on MNIST with wrong labels in place of ResNets on CIFAR. The paper does not say in its abstract whether "
        "neighbours share the label; here they do, as wrong labels could not be told otherwise."
    )
    seeds: ClassVar[int] = 12
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook("Quick runs of 10 epochs gave right and wrong labels the same weights; 40 took their place."),
        EarlierLook(
            "Four seeds were measured in full and left the claim open: part over none -0.3 points (-5.0 to 4.4), part over all -3.6 "
            "points (-8.4 to 1.2). 12 other seeds take their place; nothing else was changed.",
            seeds=(0, 1, 2, 3),
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy without weights, and with those of a part and of all; how right and wrong labels are weighted; and the time."""
        n, extra = trial.pick(quick=(700, 100), full=(4000, 200))
        task = trial.task("mnist", train=n + extra, test=trial.pick(quick=None, full=2000))
        order = trial.numbers("clean").permutation(len(task.train))
        told, clean = order[extra:], order[:extra]
        truth = task.train.y.numpy()[told]
        y = mislabelled(truth, WRONG, 10, trial.numbers("labels"))
        x, labels = task.train.x[told].flatten(1), torch.from_numpy(y)
        sure = task.train.x[clean].flatten(1), task.train.y[clean]
        make = dense(x.shape[1], width=64, hidden=1)

        def trained(weights: Floats) -> nn.Module:
            """Ten passes of batches of 100."""
            steps = 10 * -(-len(x) // 100)
            scale = torch.from_numpy(weights).to(x)
            return fit(made(make, trial.seed), x, labels, steps=steps, seed=trial.seed, batch_size=100, rate=2e-3, weights=scale)

        nets = {"none": trained(np.ones(len(y)))}
        with torch.no_grad():
            features = nets["none"][:-1](x).double().numpy()  # type: ignore[index]  # a Sequential
        found: dict[str, Quantity] = {}
        times: dict[str, float] = {}
        for name, fraction in (("part", 0.1), ("all", 1.0)):
            rows = median_coreset(features, y, fraction)
            began = time.process_time()
            steps = max(1, 40 * len(rows) // 100)
            own = learned_weights(made(make, trial.seed), x[rows], labels[rows], sure, steps=steps, seed=trial.seed)
            weights = broadcast(own, rows, features, y)
            times[name] = time.process_time() - began
            nets[name] = trained(weights)
            found[f"{name}, weight of right over wrong labels"] = Quantity(float(weights[y == truth].mean() / weights[y != truth].mean()))
        flat = {name: right(nn.Sequential(nn.Flatten(), net), task.test) for name, net in nets.items()}
        return {
            **{f"{name}, accuracy": share(each) for name, each in flat.items()},
            **found,
            "part over none": difference(flat["part"], flat["none"]),
            "part over all": difference(flat["part"], flat["all"]),
            "all over none": difference(flat["all"], flat["none"]),
            "time of weights, part over all": Quantity(times["part"] / times["all"]),
        }
