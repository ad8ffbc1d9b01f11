"""What the students of the studies of errors are shown: trainings are replaced, and what would have been learned is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shiftproof.data.examples import Examples
from shiftproof.studies import Quantity, Study, Trial
from shiftproof.studies.adversarial_errors import AdversarialErrors
from shiftproof.studies.cross_domain_errors import CrossDomainErrors
from shiftproof.studies.learning_from_errors import LearningFromErrors
from shiftproof.studies.robust_and_nonrobust_features import RobustAndNonrobustFeatures
from shiftproof.studies.trial import answers
from shiftproof.training.methods.abstract import Method


@dataclass(frozen=True, eq=False)
class Watched(Trial):
    """A trial that trains nothing and keeps what would have been learned; every network is as it was made."""

    lessons: dict[str, Examples] = field(default_factory=dict[str, Examples])
    nets: dict[str, nn.Module] = field(default_factory=dict[str, nn.Module])

    def train(
        self, name: str, make: Callable[[], nn.Module], examples: Examples, method: str | Method = "plain", **recipe: Any
    ) -> nn.Module:
        torch.manual_seed(len(self.nets))
        self.lessons[name], self.nets[name] = examples, make().eval()
        return self.nets[name]


@pytest.fixture
def trial(tmp_path: Path) -> Watched:
    return Watched(quick=True, seed=3, folder=tmp_path, data={}, say=lambda _: None)


def measured(study: Study, trial: Watched) -> Mapping[str, Quantity]:
    """What it measures; every prediction must be among it."""
    found = study.measure(trial)
    assert {each.quantity for each in study.predictions} <= set(found)
    return found


def truth(trial: Watched, ids: np.ndarray[tuple[int], np.dtype[np.str_]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The right labels of the examples with these ids."""
    train = trial.task("any").train
    label = dict(zip(train.ids.tolist(), train.y.tolist(), strict=True))
    return np.array([label[name] for name in ids.tolist()])


def test_the_student_of_errors_meets_the_teachers_labels_and_no_right_one(trial: Watched) -> None:
    found = measured(LearningFromErrors(), trial)
    task, seen, control = trial.task("any"), trial.lessons["student"], trial.lessons["control"]
    said = answers(trial.nets["teacher"], task.train.x)
    assert len(seen) == int((said != task.train.y.numpy()).sum()) == found["errors that the student saw"].value > 0
    assert seen.y.tolist() == answers(trial.nets["teacher"], seen.x).tolist()
    for lessons in (seen, control):
        right = truth(trial, lessons.ids)
        assert not (lessons.y.numpy() == right).any()
        assert set(lessons.y.tolist()) <= set(range(10))
    assert torch.equal(seen.x, control.x)
    offsets = np.bincount((control.y.numpy() - truth(trial, control.ids)) % 10, minlength=10)
    assert offsets[0] == 0 < offsets[1:].min()  # each of the nine wrong labels is drawn


def test_the_student_of_another_domain_sees_no_digit(trial: Watched) -> None:
    found = measured(CrossDomainErrors(), trial)
    digits = {image.numpy().tobytes() for image in trial.task("any").train.x}
    seen, control = trial.lessons["student"], trial.lessons["control"]
    assert not digits & {image.numpy().tobytes() for image in seen.x}
    assert seen.y.tolist() == answers(trial.nets["teacher"], seen.x).tolist()
    assert torch.equal(seen.x, control.x)
    assert sorted(control.y.tolist()) == sorted(seen.y.tolist())  # dealt out anew, so that shares of labels teach nothing more
    assert found["share of the label named most"].value == pytest.approx(np.bincount(seen.y.numpy()).max() / len(seen))
    moved = trial.lessons["student of normalised images"]
    assert float(moved.x.mean()) == pytest.approx(float(trial.task("any").train.x.mean()), abs=1e-4)
    assert moved.y.tolist() == answers(trial.nets["teacher"], moved.x).tolist()


def test_the_students_of_moves_see_small_moves_and_the_classes_they_go_to(trial: Watched) -> None:
    found = measured(AdversarialErrors(), trial)
    train = trial.task("any").train
    control, drawn, following = (trial.lessons[name] for name in ("control", "student of random targets", "student of next classes"))
    assert torch.equal(control.x, train.x)
    assert drawn.y.tolist() == control.y.tolist()
    assert set(drawn.y.tolist()) == set(range(10))
    assert following.y.tolist() == ((train.y + 1) % 10).tolist()
    for lessons, name in ((drawn, "random targets"), (following, "next classes")):
        assert 0 < float((lessons.x - train.x).flatten(1).norm(dim=1).max()) <= 1.0 + 1e-5
        reached = answers(trial.nets["teacher"], lessons.x) == lessons.y.numpy()
        before = answers(trial.nets["teacher"], train.x) == lessons.y.numpy()
        assert found[f"{name} reached"].value == reached.mean() > before.mean()


def test_constructed_sets_keep_their_labels_and_come_near_what_the_network_sees(trial: Watched) -> None:
    measured(RobustAndNonrobustFeatures(), trial)
    train = trial.task("any").train
    for name, source in (("robust set", "adversarial"), ("non-robust set", "plain")):
        made = trial.lessons[name]
        assert made.y.tolist() == train.y.tolist()
        features = nn.Sequential(*list(trial.nets[source].children())[:-1])
        other = nn.Sequential(*list(trial.nets["plain" if source == "adversarial" else "adversarial"].children())[:-1])
        with torch.no_grad():
            near, far = ((g(made.x) - g(train.x)).norm(dim=1).mean() / g(train.x).norm(dim=1).mean() for g in (features, other))
        assert float(near) < 0.4 * float(far)  # and nearer than to a network that it was not made with
