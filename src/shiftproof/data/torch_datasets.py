"""Torch data sets and loaders, read once and in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from shiftproof._errors import UsageError, must
from shiftproof.data.rows import Fields

INPUTS = ("image", "img", "pixel_values", "x", "input", "inputs", "text")
LABELS = ("label", "labels", "y", "target")
_PAIR = 2


class ReadDataset(NamedTuple):
    """What a data set holds: inputs and labels of n examples, the names of its classes, and what was decided."""

    x: Any
    y: Any
    names: tuple[str, ...]
    notes: tuple[str, ...]


@runtime_checkable
class _NamesClasses(Protocol):
    """A data set that names its classes, as torchvision's do."""

    classes: list[str]


@runtime_checkable
class _Sized(Protocol):
    def __len__(self) -> int: ...


def read_dataset(given: Dataset[Any] | DataLoader[Any], limit: int | None) -> ReadDataset:
    """The examples of a data set, or of a loader's, in the data set's own order.

    Args:
        given: gives pairs (input, label), or mappings with one of `INPUTS` and one of `LABELS`; an input that is a mapping has fields.
        limit: reads so many examples only.

    Raises:
        UsageError: an example is no such pair, or inputs differ in shape.

    Cost: reads every example once into memory, so random transforms are drawn once.
    """
    loader = isinstance(given, DataLoader)
    data: Dataset[Any] = given.dataset if isinstance(given, DataLoader) else given
    said = ["The loader's data set is read in its own order: its sampler, batches and collation are not used."] if loader else []
    if isinstance(data, TensorDataset):
        if len(data.tensors) != _PAIR:
            raise must("data", "a TensorDataset", "hold inputs and labels", f"{len(data.tensors)} tensors")
        x, y = (tensor[:limit] for tensor in data.tensors)
        return ReadDataset(x, y, (), tuple(said))
    pairs = [_pair(one) for one in islice(_items(data), limit)]
    if not pairs:
        raise UsageError("The data set holds no examples.")
    if limit is not None and isinstance(data, _Sized) and len(data) > limit:
        said.append(f"Only the first {limit} of {len(data)} examples of the data set are read.")
    inputs = [one for one, _ in pairs]
    x = _together(inputs)
    names = data.classes if isinstance(data, _NamesClasses) else []
    return ReadDataset(x, [_label(label) for _, label in pairs], tuple(map(str, names)), tuple(said))


def _together(inputs: list[Any]) -> Any:
    """Inputs as rows: texts as they are, mappings as fields, numbers as one array."""
    if isinstance(inputs[0], str):
        return inputs
    if isinstance(inputs[0], Mapping):
        return Fields(**{str(name): _stacked([_plain(one[name]) for one in inputs]) for name in inputs[0]})
    return _stacked([_plain(one) for one in inputs])


def _items(data: Dataset[Any]) -> Iterable[Any]:
    if isinstance(data, IterableDataset) or not isinstance(data, _Sized):
        return iter(data)
    return (data[place] for place in range(len(data)))


def _pair(one: object) -> tuple[Any, Any]:
    if isinstance(one, Mapping):
        x, y = next((k for k in INPUTS if k in one), None), next((k for k in LABELS if k in one), None)
        if x is None or y is None:
            rule = f"have one of {', '.join(INPUTS)} and one of {', '.join(LABELS)}"
            raise must("example", "the data set", rule, ", ".join(map(str, one)), "Or give (X, y).")
        return one[x], one[y]
    if isinstance(one, list | tuple) and len(one) == _PAIR:
        return one[0], one[1]
    raise must("example", "the data set", "be a pair (input, label) or a mapping", type(one).__name__, "Or give (X, y).")


def _plain(one: Any) -> np.ndarray[Any, Any]:
    """One input as an array; a picture as its levels, channels first."""
    if isinstance(one, torch.Tensor):
        one = one.detach().cpu().numpy()
    array: np.ndarray[Any, Any] = np.asarray(one)
    if type(one).__module__.startswith("PIL.") and array.ndim == _PAIR + 1:
        return np.transpose(array, (2, 0, 1))
    return array


def _stacked(inputs: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    shapes = {one.shape for one in inputs}
    if len(shapes) > 1:
        raise UsageError(
            f"The inputs of the data set differ in shape ({', '.join(map(str, sorted(shapes)[:3]))}). Resize or pad them in it."
        )
    return np.stack(inputs)


def _label(label: Any) -> Any:
    return label.item() if isinstance(label, torch.Tensor) and label.dim() == 0 else label
