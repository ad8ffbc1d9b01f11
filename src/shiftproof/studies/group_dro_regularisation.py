"""Sagawa et al. 2020: a network that fits every training example gains nothing from group DRO; regularised, it gains much."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._arrays import Bools
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.nets import dense
from shiftproof.studies.quantity import Quantity, less, share
from shiftproof.studies.trial import Trial
from shiftproof.training.methods.group_dro import GroupDROTraining
from shiftproof.training.optimise import rate
from shiftproof.training.pieces.group_dro_loss import GroupDROLoss, balanced_sampler

WEAK, STRONG = 1e-4, 2e-2
"""Weight decay: what is usual, and what keeps the network from fitting every example."""
WAYS = {"as usual": (WEAK, 60), "strong penalty": (STRONG, 60), "stopped early": (WEAK, 5)}
"""Weight decay and epochs of each way to train."""
STEP = 0.1
"""The learning rate."""
RARE = 0.05
"""The share of training examples whose colour does not go with their label."""
GRAIN, LOUD = 0.4, 8.0
"""Spread of the noise on the pixels, and the size of the colour feature: the digit is hard to read, the colour easy."""
SUBSTANTIAL = 0.1
"""What the paper calls substantial is 10 points and more."""
NOTHING = 0.007
"""The most that the paper calls no gain: 65.7 to 66.4 % on MultiNLI."""


@dataclass(frozen=True)
class Coloured:
    """Digits with a colour.

    Args:
        x: pixels and, last, the colour, shape (n, pixels + 1).
        y: 1 for a digit of at least five, shape (n,).
        group: 2 y + colour, shape (n,): 0 and 3 are the common ones.
    """

    x: Tensor
    y: Tensor
    group: Tensor


def coloured(images: Tensor, digits: Tensor, colour: npt.NDArray[np.int64], numbers: np.random.Generator) -> Coloured:
    """Digits from images of shape (n, 1, height, width), with noise on the pixels and colours of 0 and 1, shape (n,)."""
    y = (digits >= 5).long()
    pixels = images.flatten(1) + GRAIN * torch.from_numpy(numbers.normal(size=(len(y), images[0].numel()))).float()
    told = torch.from_numpy(LOUD * (2.0 * colour - 1)).float()
    return Coloured(torch.cat([pixels, told[:, None]], dim=1), y, 2 * y + torch.from_numpy(colour))


@dataclass(frozen=True)
class GroupDroRegularisation(Study):
    """Group DRO and plain training, each with a usual and with a strong L2 penalty and stopped early, on digits with a telling colour.

    A group is a label with a colour; the accuracy of the worst is what counts. Every test image is judged in both colours.

    Cost: six trainings of a dense network a seed; a minute in the full form.

    Reference: Sagawa et al. 2020, "Distributionally robust neural networks for group shifts", section 3 and Table 1.
    """

    name: ClassVar[str] = "group_dro_regularisation"
    references: ClassVar[tuple[str, ...]] = GroupDROTraining.references
    claim: ClassVar[str] = (
        "A network that fits every training example gains nothing in its worst group from group DRO; with a strong L2 penalty, or "
        "stopped early, group DRO gains substantially."
    )
    paper: ClassVar[str] = "Sagawa et al. 2020"
    figure: ClassVar[str] = (
        "Worst-group accuracy of plain training and of group DRO, as usual: 60.0 and 76.9 % on Waterbirds, 41.1 and 41.1 % on CelebA, "
        "65.7 and 66.4 % on MultiNLI. Group DRO with a strong L2 penalty: 84.6 and 86.7 %; stopped early: 86.0, 88.3 and 77.7 %."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("gain, as usual", "group DRO as usual gains nothing over plain training", high=NOTHING, paper=0.0),
        Prediction("gain, strong penalty", "with a strong penalty it gains at least 10 points over it", low=SUBSTANTIAL, paper=0.456),
        Prediction("gain, stopped early", "stopped early too", low=SUBSTANTIAL, paper=0.472),
        Prediction("as usual, worst group in training", "as usual, both fit the training examples of every group", low=0.99, paper=0.999),
    )
    protocol: ClassVar[str] = (
        "MNIST at half size, a digit of at least five or not, noise of spread 0.4 on the pixels, and a colour feature that goes with the "
        "label but for one of 3,000 training examples in twenty. A network with one hidden layer of 512, SGD with steps that shrink by a "
        "cosine, weight decay 1e-4 or 2e-2, 60 epochs; or 1e-4 and five epochs. Group DRO draws all groups evenly. Gains are over plain "
        "training as usual, in the worst of four groups of the test set (10,000 images in both colours). The paper's figures beside ours "
        "are CelebA's."
    )
    scaled_down: ClassVar[str] = (
        "A constructed task and a small network in place of ResNet-50 on photographs and BERT on text. What is tested is whether "
        "regularisation decides here, not how often it does: the paper too has a case, Waterbirds, where group DRO as usual gains 17 "
        "points. Seeds differ by the images that they draw, so three may leave the verdict open and ten settle it."
    )
    seeds: ClassVar[int] = 10
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "How loud the colour is and how noisy the digits are was settled in an example of this library after other variants had been "
            "looked at, in one of which group DRO as usual gained 13 points; steps and epochs were settled on the quick form.",
            changed=False,
        ),
        EarlierLook(
            "A run of ten seeds was seen before the room for gaining nothing was narrowed from 10 to 0.7 points.", tuple(range(10))
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Worst-group accuracy of each way to train, and gains over plain training as usual."""
        learned, judged = _task(trial)
        worst: dict[str, Quantity] = {}
        found: dict[str, Quantity] = {}
        for kind in ("plain", "group DRO"):
            for way, (decay, epochs) in WAYS.items():
                name = f"{kind} {way}"
                trial.say(f"training {name}")
                net = _trained(learned, trial.seed, robust=kind == "group DRO", decay=decay, epochs=epochs)
                right, fitted = _right(net, judged), _right(net, learned)
                worst[name] = worst_group(right, judged.group)
                found[f"{name}, worst group"] = worst[name]
                found[f"{name}, average"] = _average(right, judged.group)
                found[f"{name}, worst group in training"] = worst_group(fitted, learned.group)
        fits = [found[f"{kind} as usual, worst group in training"] for kind in ("plain", "group DRO")]
        found["as usual, worst group in training"] = min(fits, key=lambda each: each.value)
        for way in WAYS:
            found[f"gain, {way}"] = less(worst[f"group DRO {way}"], worst["plain as usual"])
        for way in list(WAYS)[1:]:
            found[f"gain over plain training alike, {way}"] = less(worst[f"group DRO {way}"], worst[f"plain {way}"])
        return found


def _task(trial: Trial) -> tuple[Coloured, Coloured]:
    task = trial.task("mnist", train=trial.pick(quick=None, full=3000))
    numbers = trial.numbers("coloured")
    small = [x if trial.quick else F.avg_pool2d(x, 2) for x in (task.train.x, task.test.x)]
    y = (task.train.y.numpy() >= 5).astype(np.int64)
    colour = np.where(numbers.random(len(y)) < RARE, 1 - y, y)
    learned = coloured(small[0], task.train.y, colour, numbers)
    both = np.repeat(np.array([0, 1]), len(task.test))
    return learned, coloured(small[1].repeat(2, 1, 1, 1), task.test.y.repeat(2), both, numbers)


def _trained(data: Coloured, seed: int, *, robust: bool, decay: float, epochs: int) -> nn.Module:
    """The network after its last epoch; `shiftproof.train` keeps the best on held-out examples, which is early stopping of a kind."""
    torch.manual_seed(seed)  # torch's own layers know no other source of chance; the study runs with the caller's generator put aside
    net = dense(data.x.shape[1], classes=2, width=512, hidden=1)()
    optimiser = torch.optim.SGD(net.parameters(), lr=STEP, momentum=0.9, weight_decay=decay)
    dro = GroupDROLoss(torch.bincount(data.group).tolist(), step_size=0.05)
    chance = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        optimiser.param_groups[0]["lr"] = STEP * rate("cosine", epoch / epochs)
        even = balanced_sampler(data.group, seed=1000 * seed + epoch)
        order = torch.tensor(list(even)) if robust else torch.randperm(len(data.y), generator=chance)
        for rows in torch.split(order, 128):
            losses = F.cross_entropy(net(data.x[rows]), data.y[rows], reduction="none")
            optimiser.zero_grad()
            (dro(losses, data.group[rows]) if robust else losses.mean()).backward()
            optimiser.step()
    return net.eval()


def _right(net: nn.Module, data: Coloured) -> Bools:
    with torch.no_grad():
        return np.asarray((net(data.x).argmax(1) == data.y).numpy())


def worst_group(right: Bools, group: Tensor) -> Quantity:
    """The least accuracy of a group, from whether each example is right and its group's number, shape (n,) both."""
    numbers = group.numpy()
    return min((share(right[numbers == g]) for g in np.unique(numbers)), key=lambda found: found.value)


def _average(right: Bools, group: Tensor) -> Quantity:
    """Accuracy where the groups are as common as in training."""
    common = np.isin(group.numpy(), (0, 3))
    often, seldom = share(right[common]), share(right[~common])
    error = math.hypot((1 - RARE) * often.error, RARE * seldom.error)
    return Quantity((1 - RARE) * often.value + RARE * seldom.value, error, "share")
