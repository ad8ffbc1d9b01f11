"""Probes: small data of every kind, small models with known weights, and a guard against global randomness."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from shiftproof.conformance.report import expect
from shiftproof.data.examples import Examples, Ids
from shiftproof.data.space import Column, InputSpace
from shiftproof.models.abstract import Access, Graded, Gradients, Labels, Scores
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Boxed, Params

N = 19
"""Examples of a data set, a prime, so that no batch size divides it."""
_COLUMNS = (
    Column("amount", "real", 0.0, 100.0, quantiles=tuple(np.linspace(0, 100, 101).tolist())),
    Column("rooms", "integer", 0.0, 10.0, quantiles=tuple(np.linspace(0, 10, 101).tolist())),
    Column("colour", "categorical", 0.0, 2.0, ("red", "green", "blue"), values=("red", "green", "blue"), shares=(0.5, 0.3, 0.2)),
    Column("balance", "real", -1.0, 1.0, quantiles=tuple(np.linspace(-1, 1, 101).tolist())),
)


class Data(NamedTuple):
    """Inputs of one kind, shape (n, ...), with their space."""

    label: str
    x: Tensor
    space: InputSpace


def names_of(n: int) -> Ids:
    """Ids for n examples."""
    return np.array([f"example {i}" for i in range(n)])


def noise(name: str, n: int, *shape: int) -> Tensor:
    """Uniform numbers in [0, 1) that are the same at every call."""
    return Rng.for_ids(0, names_of(n)).child(name).uniform(*shape)


def probe_data() -> list[Data]:
    """Every kind of data in several boxes; the first two rows are corners of the box, where moves are clipped."""
    return [
        Data("colour images", _corners(noise("colour", N, 3, 12, 12)), InputSpace(kind="image")),
        Data("grey images that are not square", _corners(noise("grey", N, 1, 14, 9)), InputSpace(kind="image")),
        Data("images in [-1, 1]", _corners(noise("signed", N, 3, 12, 12)) * 2 - 1, InputSpace(-1.0, 1.0, "image", "[-1, 1]")),
        Data("vectors", _corners(noise("vector", N, 7)), InputSpace(kind="vector")),
        Data("vectors in [-5, 5]", _corners(noise("wide", N, 7)) * 10 - 5, InputSpace(-5.0, 5.0, "vector", "[-5, 5]")),
        Data("vectors without a box", noise("open", N, 7) * 4 - 2, InputSpace(-math.inf, math.inf, "vector", "any number")),
        Data("tables", _table(), InputSpace(0.0, 1.0, "table", "columns", _COLUMNS)),
    ]


def large_probe_data() -> list[Data]:
    """Larger images, for shifts that need them."""
    return [
        Data("colour images of 32 pixels", _corners(noise("colour", N, 3, 32, 32)), InputSpace(kind="image")),
        Data("grey images of 28 pixels", _corners(noise("grey", N, 1, 28, 28)), InputSpace(kind="image")),
        Data("images of 32 pixels in [-1, 1]", _corners(noise("signed", N, 3, 32, 32)) * 2 - 1, InputSpace(-1.0, 1.0, "image", "[-1, 1]")),
    ]


def _corners(x: Tensor) -> Tensor:
    x[0], x[1] = 0.0, 1.0
    return x


def _table() -> Tensor:
    unit = _corners(noise("table", N, len(_COLUMNS)))
    low, high = torch.tensor([c.low for c in _COLUMNS]), torch.tensor([c.high for c in _COLUMNS])
    whole = torch.tensor([c.kind != "real" for c in _COLUMNS])
    x = low + (high - low) * unit
    return x.round().where(whole, x)


@dataclass(frozen=True)
class Drift(Boxed):
    """A shift with a known worst case, to check searches: even features move by one number, odd features by another."""

    name: ClassVar[str] = "drift"

    reach: float = 0.25

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (-self.reach, -self.reach), (self.reach, self.reach)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        pick = torch.arange(x[0].numel() if len(x) else 0) % 2
        move = params.to(x)[:, pick].reshape(x.shape) if len(x) else x
        return (x + move).clamp(self.space.low, self.space.high)


class _Restricted(Labels):
    """A model with less access than it has."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    @abstractmethod
    def name(self) -> str: ...

    def fingerprint(self) -> str:
        return str(self._model.fingerprint())

    def labels(self, x: Any) -> Tensor:
        found: Tensor = self._model.labels(x)
        return found


class _LabelsOnly(_Restricted):
    """The labels of a model, without its scores and gradients."""

    @property
    def name(self) -> str:
        return f"{self._model.name} (labels only)"


class _ScoresOnly(_Restricted, Scores):
    """The scores of a model, without its gradients."""

    @property
    def name(self) -> str:
        return f"{self._model.name} (scores only)"

    def scores(self, x: Any) -> Tensor:
        with torch.no_grad():
            found: Tensor = self._model.scores(x)
        return found


def giving(model: Any, access: Access) -> Any:
    """The model with exactly this access."""
    return model if issubclass(access, Gradients) else _ScoresOnly(model) if issubclass(access, Graded) else _LabelsOnly(model)


def linear_model(size: int, classes: int = 3) -> TorchModule:
    """A linear model with random weights whose classes are about equally frequent on inputs around 0.5."""
    layer = nn.Linear(size, classes)
    weight = Rng.for_ids(0, ["linear"]).normal(classes, size)[0]
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(-weight.sum(1) / 2)
    return _evaluated(nn.Sequential(nn.Flatten(), layer), "linear")


def curved_model(size: int, classes: int = 3) -> TorchModule:
    """A small smooth network, whose gradient depends on the input."""
    return _two_layers(size, classes, nn.Tanh())


def relu_model(size: int, classes: int = 3) -> TorchModule:
    """A small network of layers that every certificate of networks supports."""
    return _two_layers(size, classes, nn.ReLU())


def _two_layers(size: int, classes: int, activation: nn.Module) -> TorchModule:
    inner, outer = nn.Linear(size, 16), nn.Linear(16, classes)
    with torch.no_grad():
        for name, layer in (("inner", inner), ("outer", outer)):
            weight = Rng.for_ids(0, [name]).normal(*layer.weight.shape)[0]
            layer.weight.copy_(weight * (2 / weight.shape[1] ** 0.5))
            layer.bias.zero_()
        inner.bias.copy_(-inner.weight.sum(1) / 2)
    return _evaluated(nn.Sequential(nn.Flatten(), inner, activation, outer), "network")


def _evaluated(module: nn.Module, name: str) -> TorchModule:
    return TorchModule(module.eval().requires_grad_(False), name=name)


def probe_examples(image: bool, n: int = 40) -> tuple[TorchModule, Examples]:
    """A model and labelled examples. Every fifth label is wrong, so that a worst-case search skips it."""
    x = noise("search", n, *((3, 6, 6) if image else (6,)))
    model = curved_model(x[0].numel()) if image else linear_model(x[0].numel())
    y = model.labels(x)
    y[::5] = (y[::5] + 1) % 3
    return model, Examples(x, y, names_of(n), space=InputSpace(kind="image" if image else "vector"))


def same_bits(left: Tensor, right: Tensor) -> bool:
    """Equal in every bit, NaN included."""
    return (
        left.shape == right.shape
        and left.dtype == right.dtype
        and torch.equal(left.nan_to_num(nan=-12345.0), right.nan_to_num(nan=-12345.0))
    )


def gap(left: Tensor, right: Tensor) -> str:
    """The difference of two results, for a message."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return f"{tuple(left.shape)} {left.dtype} against {tuple(right.shape)} {right.dtype}"
    if not left.numel():
        return "nothing to compare"
    rows = (left != right).flatten(1).any(1) if left.dim() > 1 else left != right
    return f"{int(rows.sum())} of {len(left)} rows differ, by up to {float((left.double() - right.double()).abs().max()):.3g}"


def _moved(before: tuple[object, dict[str, Any], Tensor], after: tuple[object, dict[str, Any], Tensor]) -> tuple[bool, bool, bool]:
    def numpy_state(state: dict[str, Any]) -> tuple[bytes, int]:
        return state["state"]["key"].tobytes(), state["state"]["pos"]

    return before[0] != after[0], numpy_state(before[1]) != numpy_state(after[1]), not torch.equal(before[2], after[2])


@contextmanager
def no_global_randomness(who: str) -> Iterator[None]:
    """Fails if the code inside draws from a global generator; restores the generators."""
    before = random.getstate(), np.random.get_state(legacy=False), torch.get_rng_state()
    try:
        yield
    finally:
        after = random.getstate(), np.random.get_state(legacy=False), torch.get_rng_state()
        drew = [name for name, moved in zip(("random", "numpy.random", "torch"), _moved(before, after), strict=True) if moved]
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
    advice = "Draw from the rng argument: otherwise results depend on the order of examples and the batch size."
    expect(not drew, f"{who} drew from the global generator of {' and '.join(drew)}. {advice}")
