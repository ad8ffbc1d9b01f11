"""Wallace 2019: a network trained only on another network's mistakes, with its wrong labels, reads unseen examples right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shiftproof.studies.abstract import Prediction, Study
from shiftproof.studies.nets import convolutional, normalised
from shiftproof.studies.quantity import Quantity, share
from shiftproof.studies.trial import Trial, answers, relabelled, right


@dataclass(frozen=True)
class LearningFromErrors(Study):
    """A teacher is trained briefly; a student then sees only the training examples that the teacher gets wrong, labelled as it got them.

    Every label that the student sees is wrong, and it is judged on right ones.

    Cost: two trainings a seed; minutes in the full form.

    Reference: Wallace 2019, "Learning from incorrectly labeled data", section 6 of the discussion of Ilyas et al. 2019.
    """

    name: ClassVar[str] = "learning_from_errors"
    references: ClassVar[tuple[str, ...]] = (
        """@article{wallace2019learning,
  title = {A Discussion of 'Adversarial Examples Are Not Bugs, They Are Features': Learning from Incorrectly Labeled Data},
  author = {Wallace, Eric},
  journal = {Distill},
  year = {2019},
  doi = {10.23915/distill.00019.6}
}""",
    )
    claim: ClassVar[str] = "A network trained only on another network's errors, with its wrong labels, still reads unseen examples."
    paper: ClassVar[str] = "Wallace 2019"
    figure: ClassVar[str] = (
        "CIFAR-10: a teacher right on 62.5 % of its training images; a student of its errors alone is right on 49.7 % of test images."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("student", "the student is right at least twice as often as a guess among ten", low=0.2, paper=0.497),
    )
    protocol: ClassVar[str] = (
        "Train a teacher of four convolutions on all of CIFAR-10 for two epochs, keep the training images that it gets wrong with its "
        "labels, train a new network of the same kind on these alone for ten epochs, and count what it gets right in the test set."
    )
    scaled_down: ClassVar[str] = (
        "The network is smaller than the paper's. CIFAR-10 comes as JPEG copies where the exact images are out of reach: both networks see "
        "the same copies, so the claim is tested as it stands, at a lower accuracy of both."
    )
    needs: ClassVar[tuple[str, ...]] = ("cifar10.train", "cifar10.test")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy of teacher and student, and the share of training labels that the student sees."""
        task = trial.task("cifar10")
        shape = tuple(task.train.x.shape[1:])
        net = trial.pick(quick=convolutional(shape), full=normalised(shape, width=24))
        rate = trial.pick(quick="sgd(lr=0.05, momentum=0.9)", full="sgd(lr=0.02, momentum=0.9)")
        teacher = trial.train("teacher", net, task.train, epochs=trial.pick(quick=3, full=2), schedule="constant", optimiser=rate)
        said = answers(teacher, task.train.x)
        wrong = np.flatnonzero(said != task.train.y.numpy())
        lessons = relabelled(task.train, said, wrong)
        student = trial.train("student", net, lessons, epochs=trial.pick(quick=40, full=10), batch_size=trial.pick(quick=32, full=128))
        return {
            "teacher on its training examples": share(said == task.train.y.numpy()),
            "teacher": share(right(teacher, task.test)),
            "student": share(right(student, task.test)),
            "errors that the student saw": Quantity(float(len(wrong))),
        }
