"""Wallace 2019: a network trained only on another network's mistakes, with its wrong labels, reads unseen examples right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.nets import convolutional, normalised
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.trial import Trial, answers, relabelled, right


@dataclass(frozen=True)
class LearningFromErrors(Study):
    """A teacher is trained briefly; a student then sees only the training examples that the teacher gets wrong, labelled as it got them.

    Every label that the student sees is wrong, and it is judged on right ones.

    Cost: three trainings a seed; about two minutes on one core in the full form.

    Reference: Wallace 2019, "Learning from incorrectly labeled data", in the discussion of Ilyas et al. 2019.
    """

    name: ClassVar[str] = "learning_from_errors"
    references: ClassVar[tuple[str, ...]] = ("wallace2019learning", "ilyas2019adversarial")
    claim: ClassVar[str] = "A network trained only on another network's errors, with its wrong labels, still reads unseen examples."
    paper: ClassVar[str] = "Wallace 2019"
    figure: ClassVar[str] = (
        "CIFAR-10: a teacher right on 62.5 % of its training images; a student of its 18,768 errors alone on 49.7 % of test images."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("student", "the student is right at least twice as often as a guess among ten", low=0.2, paper=0.497),
        Prediction("student over control", "more often than a student of the same images with wrong labels drawn by chance", low=0.0),
    )
    protocol: ClassVar[str] = (
        "Train a teacher of four convolutions on all of CIFAR-10 for two epochs; keep the training images that it gets wrong, with its "
        "labels; train a new network of the same kind on these alone for six epochs, and count what it gets right in the test set. The "
        "control is a network trained likewise on the same images, each with one of its nine wrong labels drawn by chance."
    )
    scaled_down: ClassVar[str] = (
        "Networks of 60,000 weights trained for six epochs, not a ResNet-18 for 50. CIFAR-10 comes as JPEG copies where the exact images "
        "are out of reach: both networks see the same copies, so the claim is tested as it stands. The student's checkpoint is chosen by "
        "held-out errors, whose labels are the teacher's too: it meets a right label nowhere. The quick form is of 8x8 digits."
    )
    needs: ClassVar[tuple[str, ...]] = ("cifar10.train", "cifar10.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy of teacher, student and control, and what the student saw."""
        task = trial.task("cifar10")
        shape, y = tuple(task.train.x.shape[1:]), task.train.y.numpy()
        net = trial.pick(quick=convolutional(shape), full=normalised(shape, width=16))
        rate = trial.pick(quick="adam(lr=0.0005)", full="sgd(lr=0.05, momentum=0.9)")
        batch, schedule = trial.pick(quick=32, full=128), trial.pick(quick="constant", full="cyclic")
        precision = trial.pick(quick="float32", full="bfloat16")
        teacher = trial.train(
            "teacher", net, task.train, epochs=2, optimiser=rate, schedule=schedule, batch_size=batch, precision=precision
        )
        said = answers(teacher, task.train.x)
        wrong = np.flatnonzero(said != y)

        def learned(name: str, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
            """What a new network gets right that learned the teacher's errors with these labels."""
            lessons, epochs = relabelled(task.train, labels, wrong), trial.pick(quick=20, full=6)
            pupil = trial.train(name, net, lessons, epochs=epochs, batch_size=batch, precision=precision, held_out=0.2)
            return right(pupil, task.test)

        student = learned("student", said)
        control = learned("control", (y + trial.numbers("wrong labels").integers(1, 10, len(y))) % 10)
        return {
            "teacher on its training examples": share(said == y),
            "teacher": share(right(teacher, task.test)),
            "student": share(student),
            "control": share(control),
            "student over control": difference(student, control),
            "errors that the student saw": Quantity(float(len(wrong)), unit="amount"),
        }
