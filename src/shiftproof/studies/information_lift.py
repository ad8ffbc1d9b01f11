"""Akter et al. 2025: answers chosen by how much surer a model is than one that has not seen the input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import expit, softmax
from torch import Tensor, nn

from shiftproof._arrays import Bools, Floats
from shiftproof.confidence.lift import information_lift, sub_gamma_bound
from shiftproof.confidence.recalibrate import top_probability
from shiftproof.confidence.selective import certified_threshold
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, share
from shiftproof.studies.sdm_activation import right_among
from shiftproof.studies.trial import Trial

TARGET, _DELTA = 0.02, 0.1
_RULES = 20
"""Thresholds that the bound allows, one for each twentieth of the answers."""
_FLOOR = 1e-6


@dataclass(frozen=True)
class InformationLift(Study):
    """Answers are kept above a threshold of lift, or of confidence, certified alike to be wrong at most twice in a hundred.

    The skeleton is the model on inputs with their middle masked, or the class frequencies of its training sample.

    Cost: one training a seed; some seconds on one core in the full form.

    Reference: Akter, Shihab & Sharma 2025 [akter2025selective], "Selective risk certification for LLM outputs via information-lift
    statistics".
    """

    name: ClassVar[str] = "information_lift"
    references: ClassVar[tuple[str, ...]] = ("akter2025selective",)
    claim: ClassVar[str] = (
        "At the same certified risk a threshold of information lift abstains 12 to 15 % less often than one of confidence, and a PAC-Bayes "
        "bound for sub-gamma losses says something about it."
    )
    paper: ClassVar[str] = "Akter, Shihab & Sharma 2025"
    figure: ClassVar[str] = (
        "12 to 15 % less abstention at equal risk in the first version of the paper; 77.0 % of answers kept at 2 % risk over eight sets in "
        "the third."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("abstention, lift over confidence", "lift abstains at least 12 % less often", high=0.88, paper=0.865),
        Prediction("wrong among kept, lift", "what it keeps is wrong at most twice in a hundred", high=TARGET),
        Prediction("bound less risk of answering all", "the bound on keeping a wrong answer is below the risk of keeping all", high=0.0),
    )
    protocol: ClassVar[str] = (
        "Train a network of two convolutions on 1,000 images of MNIST for ten epochs, so that it is wrong on some in a hundred. Lift is "
        "over the same network's probabilities for the image with its middle quarter masked. Certify a threshold for 2 % risk at delta "
        "0.1, from 5,000 calibration images and 5,000 test images without labels, by lift and by confidence; count what is kept of the "
        "test images. The bound is for 20 thresholds of even prior and the chosen one, at delta 0.05, with variance 1/4 and scale 1/3."
    )
    scaled_down: ClassVar[str] = (
        "Images and a classifier in place of texts and language models; the paper's skeletons are prompts without the evidence. The "
        "constants of the paper's theorem could not be read: the bound is the standard one for sub-gamma losses. The quick form is of 8x8 "
        "digits."
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """What is kept by lift over two skeletons and by confidence, what of it is wrong, and the bound."""
        task = trial.task("mnist", train=trial.pick(quick=400, full=1000), test=None)
        make = convolutional(tuple(task.train.x.shape[1:]))
        net = trial.train("net", make, task.train, epochs=trial.pick(quick=4, full=10), batch_size=32)
        y = task.test.y.numpy()
        z, blind = scores(net, task.test.x), softmax(scores(net, masked(task.test.x)), axis=1)
        frequencies = np.bincount(task.train.y.numpy(), minlength=10) + 1.0
        lift = information_lift(z, np.maximum(blind, _FLOOR), clip=-math.log(_FLOOR))
        sure = {
            "lift": expit(lift),
            "lift over frequencies": expit(information_lift(z, frequencies / frequencies.sum())),
            "confidence": top_probability(z, self.name),
        }
        right = z.argmax(1) == y
        own = np.zeros(len(y), dtype=bool)
        own[trial.numbers("calibration").permutation(len(y))[: len(y) // 2]] = True
        found = {"wrong": share(~right)}
        for name, values in sure.items():
            certified = certified_threshold(values[own], right[own], target=TARGET, delta=_DELTA, unlabelled=values[~own], seed=trial.seed)
            keep = values[~own] >= (math.inf if certified.threshold is None else certified.threshold)
            found[f"kept, {name}"] = share(keep)
            found[f"wrong among kept, {name}"] = right_among(keep, ~right[~own])
        found["abstention, lift over confidence"] = _abstention(found["kept, lift"], found["kept, confidence"])
        found["bound, lift"] = Quantity(bound(sure["lift"][own], right[own], sure["lift"][~own]))
        return {**found, "bound less risk of answering all": less_bound(found["bound, lift"], found["wrong"])}


def bound(sure: Floats, right: Bools, unlabelled: Floats) -> float:
    """On the share of answers that are kept and wrong, for the threshold that keeps most while 2 % of its kept answers are wrong."""
    thresholds = np.quantile(unlabelled, np.arange(_RULES) / _RULES)
    keep = sure[None] >= thresholds[:, None]
    risks = (keep & ~right).mean(1)
    good = risks <= TARGET * np.maximum(keep.mean(1), 1e-12)
    chosen = int(good.argmax()) if good.any() else _RULES - 1
    posterior, prior = np.eye(_RULES)[chosen], np.full(_RULES, 1 / _RULES)
    return sub_gamma_bound(risks, posterior, prior, n=len(sure), variance=0.25, scale=1 / 3)


def masked(x: Tensor) -> Tensor:
    """Images without the middle half of their rows and columns."""
    made = x.clone()
    rows, columns = (slice(side // 4, side - side // 4) for side in x.shape[2:])
    made[:, :, rows, columns] = 0
    return made


def scores(net: nn.Module, x: Tensor) -> Floats:
    """Of a network, shape (n, classes)."""
    with torch.no_grad():
        return torch.cat([net(part) for part in torch.split(x, 1000)]).double().numpy()


def less_bound(found: Quantity, risk: Quantity) -> Quantity:
    """The bound, which may be above 1, less a risk."""
    return Quantity(found.value - risk.value, risk.error)


def _abstention(first: Quantity, second: Quantity) -> Quantity:
    """The ratio of what is not kept, whose errors count as independent; what is not kept counts as at least its own error."""
    a, b = 1 - first.value, max(1 - second.value, second.error)
    return Quantity(a / b, math.hypot(first.error, a / b * second.error) / b, "amount")
