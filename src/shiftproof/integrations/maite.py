"""MAITE's protocols of image classification, in both directions: models, datasets and augmentations.

A model of MAITE takes a sequence of images (channels, height, width) and returns one array of scores per image; its datasets hand out
(image, scores with a one at the label, metadata with an id); its augmentations map such batches to such batches. Nothing of MAITE is
imported here: its protocols are structural, and the classes below have their shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypedDict, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from shiftproof._errors import UsageError, must
from shiftproof.data.arrays import examples
from shiftproof.data.examples import Examples
from shiftproof.data.space import UNIT_BOX, ValueRange
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.load import as_model
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift

Array = npt.NDArray[Any]


class Identified(TypedDict, total=False):
    """Metadata: the `id` of a model, data set, augmentation or datum, and the names of the classes."""

    id: Any
    index2label: dict[int, str]


@runtime_checkable
class ClassifiesImages(Protocol):
    """A MAITE model of image classification."""

    metadata: Any

    def __call__(self, batch: Sequence[Any], /) -> Sequence[Any]:
        """One array of scores (classes,) per image (channels, height, width)."""
        ...


@runtime_checkable
class ServesImages(Protocol):
    """A MAITE data set of image classification."""

    metadata: Any

    def __getitem__(self, ind: int, /) -> Any:
        """(image, scores with a one at the label, metadata)."""
        ...

    def __len__(self) -> int: ...


MaiteBatch = tuple[Sequence[Any], Sequence[Any], Sequence[Any]]


def model_from_maite(model: ClassifiesImages) -> Labels:
    """A MAITE model as one of ours: what `shiftproof.audit` and `confront` take. It gives scores and no gradients.

    Raises:
        UsageError: it is not a MAITE model, or returns other than one score per class.
    """
    if not isinstance(model, ClassifiesImages) or not isinstance(model.metadata, Mapping):
        raise must("model", "model_from_maite", "be a MAITE model: callable, with metadata", type(model).__name__)
    called = str(model.metadata.get("id", type(model).__name__))

    def scores(x: Array) -> Array:
        answers = [np.asarray(answer, dtype=np.float64) for answer in model(list(x))]
        if len(answers) != len(x) or any(answer.ndim != 1 for answer in answers):
            raise must("answer", f"the MAITE model '{called}'", "be one array of shape (classes,) per image", [a.shape for a in answers])
        return np.stack(answers)

    return as_model(scores, name=called, gives="scores", takes="numpy")


def examples_from_maite(dataset: ServesImages, *, box: ValueRange = (0.0, 1.0), limit: int | None = None) -> Examples:
    """A MAITE data set as examples: images of one shape, the label at the greatest target, and the id of each datum.

    Args:
        dataset: of image classification.
        box: least and greatest legal value of a pixel, such as (0, 255).
        limit: the first this many.

    Raises:
        UsageError: it is not a MAITE data set, is empty, or its images differ in shape.
    """
    if not isinstance(dataset, ServesImages) or not isinstance(dataset.metadata, Mapping):
        raise must("dataset", "examples_from_maite", "be a MAITE data set: indexed, with a length and metadata", type(dataset).__name__)
    count = len(dataset) if limit is None else min(limit, len(dataset))
    if count < 1:
        raise UsageError("The MAITE data set has no examples. Check it, and its limit.")
    data = [dataset[row] for row in range(count)]
    images = [np.asarray(image) for image, _, _ in data]
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise must("images", "the MAITE data set", "have one shape", sorted(shapes)[:3], "Resize or crop them first.")
    labels = [int(np.argmax(np.asarray(target))) for _, target, _ in data]
    found = examples(np.stack(images), labels, ids=[str(datum["id"]) for _, _, datum in data], box=box)
    named: Mapping[int, str] = dataset.metadata.get("index2label", {})
    names = tuple(str(named[place]) for place in sorted(named)) if sorted(named) == list(range(len(named))) else ()
    return Examples(found.x, found.y, found.ids, found.groups, found.space, names)


class MaiteModel:
    """A model of ours, or anything that `shiftproof.as_model` takes, as a MAITE model.

    Args:
        model: gives scores; where it gives decisions only, the score of the decision is 1.
        classes: how many there are, needed for decisions only.
        class_names: in label order.
    """

    def __init__(self, model: object, *, classes: int | None = None, class_names: Sequence[str] = ()) -> None:
        self.model = model if isinstance(model, Labels) else as_model(model)
        self.classes = classes or len(class_names) or None
        if not isinstance(self.model, Scores) and self.classes is None:
            raise UsageError(f"The model '{self.model.name}' gives decisions only: say how many classes there are with classes=.")
        self.metadata = Identified(id=self.model.name, index2label=dict(enumerate(class_names)))

    def __call__(self, batch: Sequence[Any], /) -> list[Array]:
        """The scores of each image, arrays of shape (classes,)."""
        x = torch.stack([torch.as_tensor(np.asarray(image), dtype=torch.float32) for image in batch])
        if isinstance(self.model, Scores):
            return list(self.model.scores(x).detach().cpu().numpy())
        return list(np.eye(self.classes or 0, dtype=np.float32)[self.model.labels(x).cpu().numpy()])


class MaiteDataset:
    """Examples of ours as a MAITE data set: targets are one at the label and zero elsewhere."""

    def __init__(self, shown: Examples, *, name: str = "shiftproof", classes: int | None = None) -> None:
        self.examples = shown
        self.classes = classes or len(shown.class_names) or int(shown.y.max()) + 1
        names = shown.class_names or tuple(map(str, range(self.classes)))
        self.metadata = Identified(id=name, index2label=dict(enumerate(names)))

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, ind: int, /) -> tuple[Array, Array, Identified]:
        """(image (channels, height, width), target (classes,), {"id": the example's name})."""
        if not 0 <= ind < len(self):
            raise IndexError(ind)  # what ends a loop over it
        image: Array = self.examples.x[ind].numpy()
        return image, np.eye(self.classes, dtype=np.float32)[int(self.examples.y[ind])], Identified(id=str(self.examples.ids[ind]))

    def __iter__(self) -> Iterator[tuple[Array, Array, Identified]]:
        return (self[row] for row in range(len(self)))


class MaiteAugmentation:
    """A shift as a MAITE augmentation: one random draw per datum, by the datum's id, whatever the batch.

    Args:
        shift: moves images.
        space: the legal inputs, as of the examples; [0, 1] where absent.
        seed: with the ids, the whole source of randomness.
    """

    def __init__(self, shift: Shift, *, space: Any = UNIT_BOX, seed: int = 0) -> None:
        self.shift, self.seed = shift.within(space), seed
        self.metadata = Identified(id=shift.spec())

    def __call__(self, batch: MaiteBatch, /) -> tuple[list[Array], Sequence[Any], Sequence[Any]]:
        """The batch with its images moved; targets and metadata as they are."""
        images, targets, data = batch
        x = torch.stack([torch.as_tensor(np.asarray(image), dtype=torch.float32) for image in images])
        rng = Rng.for_ids(self.seed, np.array([str(datum["id"]) for datum in data]))
        moved = self.shift.apply(x, self.shift.sample(x, rng.child("draw", 0)))
        return list(moved.numpy()), targets, data


def moved_by_maite(shown: Examples, augmentation: Callable[[MaiteBatch], MaiteBatch], *, batch_size: int = 64) -> Examples:
    """Examples as a MAITE augmentation leaves them: another sample with the same ids, to give to `shift_from`, which pairs them.

    An augmentation chooses its moves itself, and does not say how to repeat one: it is measured as a natural shift, not searched.

    Raises:
        UsageError: it changes the number or the shape of the images.
    """
    source = MaiteDataset(shown)
    moved: list[Array] = []
    for start in range(0, len(source), batch_size):
        part = [source[row] for row in range(start, min(start + batch_size, len(source)))]
        images, targets, data = ([entry[place] for entry in part] for place in range(3))
        moved += [np.asarray(image) for image in augmentation((images, targets, data))[0]]
    if [image.shape for image in moved] != [tuple(shown.x.shape[1:])] * len(shown):
        raise must("images", "the MAITE augmentation", "keep their number and shape", f"{len(moved)} images")
    x = torch.as_tensor(np.stack(moved)).to(shown.x)
    return Examples(x, shown.y, shown.ids, shown.groups, shown.space, shown.class_names)
