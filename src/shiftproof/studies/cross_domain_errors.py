"""Wallace 2019: a network that saw only pictures of clothes, with the digits another network took them for, reads digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.learning_from_errors import LearningFromErrors
from shiftproof.studies.nets import convolutional
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, answers, relabelled, right

_STROKES, _INK = 3, 1.4
_FOREIGN = 2000
"""Images of strokes in the quick form."""


@dataclass(frozen=True)
class CrossDomainErrors(Study):
    """A network trained on digits names images of another domain; a student sees only those images, with those names.

    None of the images shows a digit, so no label is right, and the student is judged on digits.

    Cost: five trainings a seed; about a minute and a half on one core in the full form.

    Reference: Wallace 2019, "Learning from incorrectly labeled data", in the discussion of Ilyas et al. 2019 [ilyas2019adversarial].
    """

    name: ClassVar[str] = "cross_domain_errors"
    references: ClassVar[tuple[str, ...]] = LearningFromErrors.references
    claim: ClassVar[str] = (
        "A network trained only on images of another domain, with the classes that a network of the first domain takes them for, "
        "reads the first domain."
    )
    paper: ClassVar[str] = "Wallace 2019"
    figure: ClassVar[str] = (
        "A network right on 99.1 % of MNIST names Fashion-MNIST images; a student of these alone is right on 91 % of MNIST's test images, "
        "and on 94.5 % where the clothes were given MNIST's mean and variance."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("student", "the student of clothes as they are reads most digits", low=0.5, paper=0.91),
        Prediction("student of normalised images", "and so does one of clothes with MNIST's mean and variance", low=0.5, paper=0.945),
        Prediction("student over control", "it reads more than a student of the same clothes whose labels were dealt out anew", low=0.0),
    )
    protocol: ClassVar[str] = (
        "Train a network of two convolutions on MNIST for three epochs; let it name 60,000 Fashion-MNIST images; train a new network of "
        "the same kind on these images and names for six epochs, and count what it gets right in MNIST's test set. Again with images "
        "brought to MNIST's mean and variance, and as a control with the names dealt out anew among the images."
    )
    scaled_down: ClassVar[str] = (
        "Fashion-MNIST in full comes binarised only, which gives the clothes the black and white of digits: that may make the step between "
        "the domains smaller than the paper's, so a figure beside it is of 900 grey images, far fewer than the paper's 60,000. "
        "The networks are small. The quick form has 8x8 digits, and random strokes drawn by code in place of clothes."
    )
    needs: ClassVar[tuple[str, ...]] = ("mnist.train", "mnist.test", "fashion.train", "fashion_grey.train")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy on digits of the teacher, of its students and of the control."""
        task = trial.task("mnist")
        foreign = _strokes(trial) if trial.quick else trial.sample("fashion.train")
        recipe: dict[str, Any] = {"precision": trial.pick(quick="float32", full="bfloat16"), "batch_size": trial.pick(quick=64, full=128)}
        net = convolutional(tuple(task.train.x.shape[1:]))
        teacher = trial.train("teacher", net, task.train, epochs=trial.pick(quick=10, full=3), **recipe)

        def learned(name: str, images: Examples, labels: npt.NDArray[np.int64], epochs: int) -> npt.NDArray[np.bool_]:
            """What a new network reads of the digits that learned these images with these labels."""
            return right(trial.train(name, net, relabelled(images, labels), epochs=epochs, **recipe), task.test)

        epochs = trial.pick(quick=8, full=6)
        said = answers(teacher, foreign.x)
        student = learned("student", foreign, said, epochs)
        control = learned("control", foreign, trial.numbers("control").permutation(said), epochs)
        found = {
            "teacher": share(right(teacher, task.test)),
            "student": share(student),
            "control": share(control),
            "student over control": difference(student, control),
            "share of the label named most": Quantity(float(np.bincount(said).max() / len(said)), unit="share"),
        }
        alike = {"student of normalised images": (foreign, epochs)}
        if not trial.quick:
            alike["student of 900 normalised grey images"] = (trial.sample("fashion_grey.train"), 40)
        for name, (images, passes) in alike.items():
            moved = normalised_like(images, task.train.x)
            found[name] = share(learned(name, moved, answers(teacher, moved.x), passes))
        return found


def normalised_like(images: Examples, like: Tensor) -> Examples:
    """The images with the mean and variance, over all pixels of all images, of `like`; their box is as wide as that takes.

    >>> from shiftproof.data.arrays import examples
    >>> moved = normalised_like(examples(torch.tensor([[0.0], [1.0]]), [0, 1]), torch.tensor([[0.2], [0.4]]))
    >>> moved.x[:, 0]
    tensor([0.2000, 0.4000])
    """
    x = (images.x - images.x.mean()) / images.x.std() * like.std() + like.mean()
    box = InputSpace(min(0.0, float(x.min())), max(1.0, float(x.max())), images.space.kind, "normalised")
    return Examples(x, images.y, images.ids, images.groups, box)


def _strokes(trial: Trial) -> Examples:
    x = strokes(_FOREIGN, 8, trial.numbers("strokes"))
    return Examples(x, torch.zeros(len(x), dtype=torch.int64), np.array([f"strokes/{row}" for row in range(len(x))]), {}, _IMAGES)


_IMAGES = InputSpace(kind="image")


def strokes(n: int, side: int, numbers: np.random.Generator) -> Tensor:
    """Images (n, 1, side, side) in [0, 1] of three straight strokes each, with ends anywhere: no digit is meant.

    The ink of a pixel is 1.4 less its distance from the nearest stroke, in pixels, cut to [0, 1].
    """
    ends = numbers.uniform(0, side - 1, (n, _STROKES, 2, 1, 1, 2))
    start, along = ends[:, :, 0], ends[:, :, 1] - ends[:, :, 0]
    place = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1)
    way = ((place - start) * along).sum(-1, keepdims=True) / np.maximum((along**2).sum(-1, keepdims=True), 1e-12)
    distance = np.sqrt(((start + way.clip(0, 1) * along - place) ** 2).sum(-1))
    return torch.from_numpy((_INK - distance.min(1)).clip(0, 1)[:, None].astype(np.float32))
