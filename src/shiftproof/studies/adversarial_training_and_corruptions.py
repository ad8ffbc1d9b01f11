"""Gilmer & Hendrycks 2019, Yin et al. 2019: adversarial training helps against noise, and hurts under fog and low contrast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import nn
from torch.nn.functional import pad

from shiftproof._arrays import Floats
from shiftproof.data.examples import Examples
from shiftproof.records.study import Unit
from shiftproof.shifts import shifts
from shiftproof.shifts.norms.linf import Linf
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.nets import anew, convolutional
from shiftproof.studies.quantity import Quantity, share
from shiftproof.studies.trial import Trial, right, right_under
from shiftproof.training.methods.abstract import Method
from shiftproof.training.methods.adversarial import Adversarial
from shiftproof.training.recipe import Recipe

_FAMILIES = {"noise": ("shot_noise", "impulse_noise", "speckle_noise"), "fog": ("fog",), "low contrast": ("contrast",)}


@dataclass(frozen=True)
class AdversarialTrainingAndCorruptions(Study):
    """A plain and an adversarially trained network that the user gives, on the same corrupted test images at every severity.

    As adversarial training costs accuracy on images as they are, a loss in fog alone would say little: how far the losses in fog and low
    contrast go beyond that one is a prediction of its own. The two given networks may be of different kinds, so a third is trained here,
    plainly, of the adversarial one's own kind; what changes from that one is measured too.

    Cost: one training and 75 corrupted test sets a seed; a minute or two in the full form with a ResNet-20.

    Reference: Gilmer & Hendrycks 2019, in the discussion of Ilyas et al. 2019; Yin et al. 2019, "A Fourier perspective on model robustness
    in computer vision"; figures of Gilmer et al. 2019.
    """

    name: ClassVar[str] = "adversarial_training_and_corruptions"
    references: ClassVar[tuple[str, ...]] = ("gilmer2019expand", "yin2019fourier", "gilmer2019adversarial", "ilyas2019adversarial")
    claim: ClassVar[str] = (
        "Adversarial training makes networks more robust to noise, which is of high frequency, and less robust to fog and low contrast, "
        "which are of low frequency."
    )
    paper: ClassVar[str] = "Gilmer & Hendrycks 2019, Yin et al. 2019"
    figure: ClassVar[str] = (
        "CIFAR-10-C, the table published with Gilmer et al. 2019, mean of five severities, plain to adversarially trained: shot, impulse "
        "and speckle noise 58.5 to 77.8 %, fog 90.4 to 72.6 %, contrast 92.2 to 77.0 % (at the strongest 85.7 to 55.3 %)."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("change in noise", "adversarial training helps in noise", low=0.0, paper=0.193),
        Prediction("change in fog", "it hurts in fog", high=0.0, paper=-0.178),
        Prediction("change in low contrast", "it hurts at low contrast", high=0.0, paper=-0.152),
        Prediction("fog and low contrast beyond clean", "more than it does on images as they are", high=0.0),
    )
    protocol: ClassVar[str] = (
        "CIFAR-10. Judge a plain and an adversarially trained network, both given and trained elsewhere on the whole training set, on the "
        "same 400 test images under shot, impulse and speckle noise, fog and contrast at severities 1 to 5: differences are paired by "
        "image and averaged over severities. Train a network of the adversarial one's kind plainly for eight epochs on 10,000 images and "
        "judge it alike. Each seed draws the corruptions and that training anew; the given networks and the test images stay."
    )
    scaled_down: ClassVar[str] = (
        "The given networks were trained once, so intervals count the chance in the corruptions and in the sample of images and none in "
        "their training; the study speaks of these two. As stored: a ResNet-20, and a network of two convolutions published with a "
        "verifier as adversarially trained at linf 2/255, where the paper's is trained at 8/255; the two differ in kind as well as in "
        "training. CIFAR-10 comes as JPEG copies where the exact images are out of reach, corrupted after the compression. The quick form "
        "trains both networks, and corrupts digits in a black frame, where fog and contrast are not those of photographs."
    )
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook("One seed of two strided convolutions without normalisation lost 2 points in noise, so the network was changed."),
        EarlierLook(
            "One seed of a network with 16 in place of 12 channels, trained on all 50,000 images and one long step, was right on 70.5 %: "
            "1.6 points were gained in noise, 12.7 lost in fog and 10.5 at low contrast, 0.7 more than on images as they are.",
            (3,),
            changed=False,
        ),
        EarlierLook(
            "Three seeds of small networks, trained here on 8,000 images, plainly and at 4/255, were right on 51 and 42 %: none of the "
            "predictions was settled. Given networks took their place, of which it was known from elsewhere that they show the effect.",
            (0, 1, 2),
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("cifar10.train", "cifar10.test")
    nets: ClassVar[tuple[str, ...]] = ("cifar10.plain", "cifar10.adversarial")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy of the networks, clean and corrupted, and what the training changed."""
        task = trial.task("cifar10", train=trial.pick(quick=800, full=10_000), test=trial.pick(quick=80, full=400))
        train, test = (framed(examples, trial.pick(quick=10, full=0)) for examples in task)
        nets = self._trained(trial, train) if trial.quick else self._given(trial, train)
        clean = {name: right(net, test).astype(np.float64) for name, net in nets.items()}
        held = {name: {of: self._held(trial, net, test, names) for of, names in _FAMILIES.items()} for name, net in nets.items()}
        shares = {name: {"clean": clean[name], **held[name]} for name in nets}
        change = {of: values - shares["plain"][of] for of, values in shares["adversarial"].items()}
        low = (change["fog"] + change["low contrast"]) / 2
        threat, search = Linf(trial.pick(quick=0.05, full=2 / 255)), "gradient_ascent(steps=10, loss=margin)"
        few = test[: trial.pick(quick=80, full=200)]
        return {
            **{f"{name}, {of}": of_images(values, "share") for name, each in shares.items() for of, values in each.items()},
            **{f"change in {of}": of_images(values, "points") for of, values in change.items()},
            "fog and low contrast beyond clean": of_images(low - change["clean"], "points"),
            **{f"{name}, under attack": share(right_under(net, few, threat, search, trial.seed)) for name, net in nets.items()},
        }

    def _given(self, trial: Trial, examples: Examples) -> dict[str, nn.Module]:
        """The two given networks, and a plain one of the adversarial one's kind."""
        adversarial = trial.nets["cifar10.adversarial"]
        alike = trial.train("plain, same kind", lambda: anew(adversarial), examples, epochs=8, optimiser="adam(lr=0.001)")
        return {"plain": trial.nets["cifar10.plain"], "adversarial": adversarial, "plain, same kind": alike}

    def _trained(self, trial: Trial, examples: Examples) -> dict[str, nn.Module]:
        """Two small networks of one kind, trained plainly and adversarially."""
        make = convolutional(tuple(examples.x.shape[1:]), width=8)
        methods: dict[str, str | Method] = {"plain": "plain", "adversarial": Adversarial("linf(eps=0.05)", "gradient_ascent(steps=2)")}
        recipe = Recipe(
            epochs=5, batch_size=20, optimiser="adam(lr=0.005)", search="gradient_ascent(steps=5, loss=margin)", seed=trial.seed
        )
        return {name: trial.train(name, make, examples, method, **recipe.options()) for name, method in methods.items()}

    def _held(self, trial: Trial, net: nn.Module, test: Examples, names: Sequence[str]) -> Floats:
        """The share of corruptions and severities in which each image stays right, shape (n,)."""
        setting, severities = trial.pick(quick=("imagenet_c", (2, 4)), full=("auto", (1, 2, 3, 4, 5)))
        cells = [shifts.build(f"{name}(severity={severity}, setting={setting})") for name in names for severity in severities]
        found: Floats = np.mean([right_under(net, test, cell, "one_draw", trial.seed) for cell in cells], axis=0)
        return found


def framed(examples: Examples, width: int) -> Examples:
    """The examples within a black frame of so many pixels: corruptions are defined from 28 pixels on."""
    x = pad(examples.x, (width,) * 4, value=examples.space.low)
    return Examples(x, examples.y, examples.ids, examples.groups, examples.space)


def of_images(values: Floats, unit: Unit) -> Quantity:
    """The mean over images, shape (n,), with its standard error: cells of one image are no independent samples."""
    return Quantity(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)), unit)
