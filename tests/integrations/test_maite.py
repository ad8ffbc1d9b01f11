"""MAITE's protocols in both directions; MAITE's own checks where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof.integrations.maite import (
    ClassifiesImages,
    MaiteAugmentation,
    MaiteDataset,
    MaiteModel,
    ServesImages,
    examples_from_maite,
    model_from_maite,
    moved_by_maite,
)
from small_runs import linear_net

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="module")
def shown() -> sp.Examples:
    taken = sp.load_data("digits:").take(slice(0, 12))
    return sp.Examples(taken.x, taken.y, taken.ids, taken.groups, taken.space, NAMES)


class Foreign:
    """A MAITE model that somebody else wrote."""

    def __init__(self, shape: tuple[int, ...] = (10,)) -> None:
        self.metadata = {"id": "foreign"}
        self.shape = shape

    def __call__(self, batch: Any) -> Any:
        return [np.full(self.shape, float(np.asarray(image).sum())) for image in batch]


def test_there_and_back_is_the_same(shown: sp.Examples) -> None:
    net = linear_net()
    there, data = MaiteModel(net, class_names=NAMES), MaiteDataset(shown)
    assert isinstance(there, ClassifiesImages)
    assert isinstance(data, ServesImages)
    back, again = model_from_maite(there), examples_from_maite(data)
    assert torch.equal(again.x, shown.x)
    assert torch.equal(again.y, shown.y)
    assert (again.ids.tolist(), again.class_names) == (shown.ids.tolist(), NAMES)
    assert back.labels(again.x).tolist() == sp.as_model(net).labels(shown.x).tolist()
    image, target, datum = data[3]
    assert image.shape == (1, 8, 8)
    assert (int(target.argmax()), float(target.sum()), datum["id"]) == (int(shown.y[3]), 1, str(shown.ids[3]))
    assert len(list(data)) == 12
    assert examples_from_maite(data, limit=5).ids.tolist() == shown.ids[:5].tolist()


def test_a_draw_depends_on_the_id_and_not_on_the_batch(shown: sp.Examples) -> None:
    data, move = MaiteDataset(shown), MaiteAugmentation(sp.Linf(0.2), seed=3)
    whole = [data[row] for row in range(12)]

    def moved(part: list[Any]) -> list[Any]:
        images, targets, metadata = ([entry[place] for entry in part] for place in range(3))
        found, same, kept = move((images, targets, metadata))
        assert same is targets
        assert kept is metadata
        return found

    together, apart = moved(whole), [*moved(whole[6:]), *moved(whole[:6])]
    assert all(np.array_equal(one, two) for one, two in zip(together, apart[6:] + apart[:6], strict=True))
    step = np.abs(together[0] - shown.x[0].numpy()).max()
    assert 0 < step <= 0.2 + 1e-6


def test_an_augmentation_is_a_natural_shift_of_the_same_examples(shown: sp.Examples) -> None:
    moved = moved_by_maite(shown, MaiteAugmentation(sp.Linf(0.2)), batch_size=5)
    report = sp.audit(
        model_from_maite(MaiteModel(linear_net(), classes=10)),
        shown,
        shift_from=[moved],
        shifts=["linf(eps=0.1)"],
        searches=["best_of_n(n=2)"],
        progress=False,
    )
    (natural,) = report.record.natural
    assert natural.paired is not None
    assert natural.n == 12


def test_a_model_of_decisions_gives_them_the_score_one(shown: sp.Examples) -> None:
    decides = sp.as_model(lambda x: np.zeros(len(x), dtype=int), gives="labels", takes="numpy")
    (scores, *_) = MaiteModel(decides, classes=3)(list(shown.x[:2]))
    assert scores.tolist() == [1, 0, 0]
    with pytest.raises(sp.UsageError, match="gives decisions only: say how many classes there are with classes="):
        MaiteModel(decides)


def test_bad_input(shown: sp.Examples) -> None:
    with pytest.raises(sp.UsageError, match="The 'model' of model_from_maite must be a MAITE model: callable, with metadata, got 'Linear'"):
        model_from_maite(torch.nn.Linear(4, 2))
    with pytest.raises(sp.UsageError, match="The 'dataset' of examples_from_maite must be a MAITE data set"):
        examples_from_maite([1, 2])  # type: ignore[arg-type]
    with pytest.raises(sp.UsageError, match=r"The 'answer' of the MAITE model 'foreign' must be one array of shape \(classes,\) per image"):
        model_from_maite(Foreign((2, 5))).labels(shown.x)
    with pytest.raises(sp.UsageError, match="The MAITE data set has no examples"):
        examples_from_maite(MaiteDataset(shown), limit=0)
    with pytest.raises(sp.UsageError, match="The 'images' of the MAITE augmentation must keep their number and shape"):
        moved_by_maite(shown, lambda batch: ([image[:, :4] for image in batch[0]], batch[1], batch[2]))


def test_maites_own_tasks_and_protocols_take_them(shown: sp.Examples) -> None:
    protocols = pytest.importorskip("maite.protocols.image_classification", reason="needs maite")
    tasks = pytest.importorskip("maite.tasks", reason="needs maite")
    model, data, move = MaiteModel(linear_net(), class_names=NAMES), MaiteDataset(shown), MaiteAugmentation(sp.Linf(0.1))
    assert isinstance(model, protocols.Model)
    assert isinstance(data, protocols.Dataset)
    assert isinstance(move, protocols.Augmentation)
    predictions, _ = tasks.predict(model=model, dataset=data, augmentation=move, batch_size=5)
    assert sum(len(batch) for batch in predictions) == 12


def test_maites_own_component_check_passes_on_them_and_they_take_what_it_wraps(shown: sp.Examples) -> None:
    protocols = pytest.importorskip("maite.protocols.image_classification", reason="needs maite")
    pytest.importorskip("beartype", reason="needs beartype, with which maite checks components")
    checked = pytest.importorskip("maite.spotcheck", reason="needs a maite with spotcheck").spotcheck_component
    model, data = MaiteModel(linear_net(), class_names=NAMES), MaiteDataset(shown)
    model, data = checked(protocols.Model)(model), checked(protocols.Dataset)(data)
    move = checked(protocols.Augmentation)(MaiteAugmentation(sp.Linf(0.1)))
    assert len(list(data)) == 12
    back, again = model_from_maite(model), examples_from_maite(data)
    assert back.labels(again.x).tolist() == sp.as_model(linear_net()).labels(shown.x).tolist()
    assert len(moved_by_maite(shown, move)) == 12
    decides = sp.as_model(lambda x: np.zeros(len(x), dtype=int), gives="labels", takes="numpy")
    assert len(checked(protocols.Model)(MaiteModel(decides, classes=3))(list(shown.x[:2]))) == 2
