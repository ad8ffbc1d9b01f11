"""Madry et al. 2018: a network trained on the worst moves of many steps stands up to the strongest attacks; of one step, it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shiftproof.data.examples import Examples
from shiftproof.losses import cross_entropy
from shiftproof.randomness import Rng
from shiftproof.shifts.norms.linf import Linf
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, right, right_under
from shiftproof.training.methods.abstract import Batch
from shiftproof.training.methods.adversarial import Adversarial
from shiftproof.training.recipe import Recipe

_RESTARTS = 10
_ONE_STEP = "single_step()"
_MANY_STEPS = "gradient_ascent(steps=40)"


@dataclass(frozen=True)
class MadryMinmax(Study):
    """Three networks of one kind: trained on images as they are, on the worst moves of many steps, and on those of one step.

    The first two are attacked by the whole cascade (economy), the third by the many steps of plain ascent that the claim is about, which
    are more than enough. That restarts find the same is measured by the loss that each of ten ends at: the share of its variance that lies
    between restarts of one image, and not between images.

    Cost: three trainings and two cascades a seed; some minutes in the full form.

    Reference: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks".
    """

    name: ClassVar[str] = "madry_minmax"
    references: ClassVar[tuple[str, ...]] = Adversarial.references
    claim: ClassVar[str] = (
        "Training on the worst moves that many gradient steps find gives networks that stand up to the strongest attacks, as all restarts "
        "of the ascent end at much the same loss; training on one step does not."
    )
    paper: ClassVar[str] = "Madry et al. 2018"
    figure: ClassVar[str] = (
        "MNIST, linf 0.3, the authors' public white-box table: their network is right on 96.36 % of test images under one step, 92.52 % "
        "under 100 steps, 89.62 % under 100 steps from 50 starts, and 88.00 % under the strongest attack that anybody sent in."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction(
            "many steps, under the strongest attack", "at least four images in five stand against every attack", low=0.8, paper=0.88
        ),
        Prediction("one step, under many", "trained on one step, it is worse than a guess under many", high=0.1),
        Prediction("loss between restarts", "at most a tenth of the variance of the final loss is between restarts of one image", high=0.1),
    )
    protocol: ClassVar[str] = (
        "MNIST, linf 0.3. Train a network of two convolutions and two linear layers by Adam: for five epochs on moves of 5 steps whose "
        "strength grows over the first two, for three on moves of one step from the image itself (FGSM), and for two plainly. Attack the "
        "first by the economy cascade on 1,000 test images, the others by 40 steps on the same; climb ten times from chance starts with 40 "
        "steps on 200 of them."
    )
    scaled_down: ClassVar[str] = (
        "The network has a sixteenth of the paper's weights and sees a sixteenth of its batches, so some points of its accuracy are out "
        "of reach: the prediction is four in five, and the paper's figure stands beside ours. 1,000 of the 10,000 test images are "
        "attacked. The quick form attacks digits of 8x8 pixels at 0.05 by auto_step, where one step finds almost what many do."
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """What each network gets right, clean and attacked, and where restarts end."""
        task = trial.task("mnist", train=trial.pick(quick=900, full=None), test=trial.pick(quick=100, full=1000))
        shift = Linf(trial.pick(quick=0.05, full=0.3))
        plain, many, one = self._nets(trial, task.train, shift)
        test = task.test
        stands = right_under(many, test, shift, trial.pick(quick="auto_step(steps=30, loss=dlr)", full="cascade"), trial.seed)
        kept = right_under(many, test, shift, _MANY_STEPS, trial.seed)
        return {
            "plain": share(right(plain, test)),
            "plain, under many steps": share(right_under(plain, test, shift, _MANY_STEPS, trial.seed)),
            "many steps": share(right(many, test)),
            "many steps, under one": share(right_under(many, test, shift, _ONE_STEP, trial.seed)),
            "many steps, under many": share(kept),
            "many steps, under the strongest attack": share(stands),
            "what the strongest attack finds beyond many steps": difference(kept, stands),
            "one step": share(right(one, test)),
            "one step, under one": share(right_under(one, test, shift, _ONE_STEP, trial.seed)),
            "one step, under many": share(right_under(one, test, shift, _MANY_STEPS, trial.seed)),
            "loss between restarts": between_restarts(_final_losses(many, test[: trial.pick(quick=30, full=200)], shift, trial.seed)),
        }

    def _nets(self, trial: Trial, examples: Examples, shift: Linf) -> tuple[nn.Module, nn.Module, nn.Module]:
        """Trained plainly, on many steps and on one."""
        make = convolutional(tuple(examples.x.shape[1:]), width=trial.pick(quick=8, full=16))
        batch_size, optimiser = trial.pick(quick=(32, "adam(lr=0.005)"), full=(128, "adam(lr=0.003)"))
        steps = Adversarial(shift=shift.spec(), search="gradient_ascent(steps=5, step_size=0.4)", ramp=0.4)
        step = Adversarial(shift=shift.spec(), search=_ONE_STEP)

        def learned(name: str, method: str | Adversarial, epochs: int, search: str = _ONE_STEP) -> nn.Module:
            recipe = Recipe(epochs=epochs, batch_size=batch_size, optimiser=optimiser, search=search, seed=trial.seed)
            return trial.train(name, make, examples, method, **recipe.options())

        plain = learned("plain", "plain", trial.pick(quick=4, full=2))
        many = learned("many steps", steps, trial.pick(quick=6, full=5), "gradient_ascent(steps=10, loss=margin)")
        # Its checkpoint is chosen by its own one step: chosen by many, it would be the network before one step was fooled.
        one = learned("one step", step, trial.pick(quick=6, full=3))
        return plain, many, one


def _final_losses(net: nn.Module, examples: Examples, shift: Linf, seed: int) -> npt.NDArray[np.float64]:
    """The loss at which each of several climbs ends, shape (restarts, examples that are right)."""
    judged = examples[np.flatnonzero(right(net, examples))]
    climb, rng, ends = Adversarial(shift=shift.spec(), search=_MANY_STEPS), Rng.for_ids(seed, judged.ids), list[npt.NDArray[np.float64]]()
    for restart in range(_RESTARTS):
        moved = climb.move(net, Batch(judged.x, judged.y, rng.child("restart", restart), judged.space), nn.Module())
        with torch.no_grad():
            ends.append(cross_entropy(net(moved), judged.y).double().numpy())
    return np.stack(ends)


def between_restarts(losses: npt.NDArray[np.float64]) -> Quantity:
    """The share of the variance of losses, shape (k restarts, n examples), that lies between the restarts of an example.

    sum of (loss - mean of its example)^2 / (n (k - 1)), over that plus the variance of true means between examples, which is what the means
    vary by less the k-th part of the former (analysis of variance; one less the intraclass correlation). Its error is a jackknife's over
    examples.

    >>> between_restarts(np.array([[0.0, 1.0, 2.0, 5.0], [0.0, 1.0, 2.0, 5.0]])).value
    0.0
    """
    n = losses.shape[1]
    value = _between(losses)
    left = np.array([_between(np.delete(losses, i, axis=1)) for i in range(n)])
    return Quantity(value, float(np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())), "share")


def _between(losses: npt.NDArray[np.float64]) -> float:
    within = float(losses.var(axis=0, ddof=1).mean())
    between = max(float(losses.mean(axis=0).var(ddof=1)) - within / len(losses), 0.0)
    return within / (within + between) if within + between > 0 else 0.0
