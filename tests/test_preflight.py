"""The look before any work: every refusal says what is wrong and what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from shiftproof import as_model, load_data
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import Column, InputSpace
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.torch_module import TorchModule
from shiftproof.preflight import check_examples, inspect_model, look_at


def data(x: Tensor, y: list[int] | None = None, space: InputSpace | None = None) -> Examples:
    labels = torch.tensor(y if y is not None else [0] * len(x))
    return Examples(x, labels, np.array([f"row {i}" for i in range(len(x))]), space=space or InputSpace())


def test_sound_examples_pass() -> None:
    check_examples(data(torch.rand(3, 4), [0, 1, 2]))


def test_not_finite() -> None:
    x = torch.rand(5, 4)
    x[2, 1], x[4, 0] = torch.nan, torch.inf
    with pytest.raises(UsageError) as error:
        check_examples(data(x))
    assert str(error.value) == "The inputs contain NaN or infinity in 2 of 5 examples, first in 'row 2'. Remove or impute them."


def test_outside_the_box() -> None:
    with pytest.raises(UsageError) as error:
        check_examples(data(torch.tensor([[0.5], [128.0], [-1.0]])))
    assert str(error.value) == (
        "2 of 3 inputs lie outside the box [0, 1]: values run from -1 to 128. "
        "Declare the box that the inputs are in, for example --box 0,255 (box=(0, 255) in Python)."
    )
    columns = (Column("a", "real", 0, 1), Column("b", "real", 0, 100))
    check_examples(data(torch.tensor([[0.5, 50.0]]), space=InputSpace(kind="table", columns=columns)))
    with pytest.raises(UsageError, match="1 of 1 inputs lie outside the box"):
        check_examples(data(torch.tensor([[50.0, 0.5]]), space=InputSpace(kind="table", columns=columns)))


def test_negative_labels() -> None:
    with pytest.raises(UsageError) as error:
        check_examples(data(torch.rand(2, 3), [0, -1]))
    assert str(error.value) == "The 'labels' of the data must be classes 0, 1, 2, ..., got -1."


class Planted(Scores):
    def __init__(self, answer: Tensor | Exception) -> None:
        self.answer = answer

    @property
    def name(self) -> str:
        return "planted"

    def fingerprint(self) -> str:
        return "planted"

    def scores(self, x: Tensor) -> Tensor:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer[: len(x)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            torch.zeros(4),
            "The model 'planted' must return scores of shape (n, classes) with at least 2 classes, got (4,) for 4 inputs.",
        ),
        (
            torch.zeros(4, 1),
            "The model 'planted' must return scores of shape (n, classes) with at least 2 classes, got (4, 1) for 4 inputs.",
        ),
        (
            torch.zeros(3, 2),
            "The model 'planted' must return scores of shape (n, classes) with at least 2 classes, got (3, 2) for 4 inputs.",
        ),
        (
            torch.full((4, 2), torch.nan),
            "The model 'planted' returns NaN or infinity on clean inputs. Check its weights and the scale of the inputs.",
        ),
        (torch.eye(4)[:, :3], "The labels go up to 3, and the model 'planted' has 3 classes (0 to 2)."),
        (
            RuntimeError("mat1 and mat2 shapes cannot be multiplied\nmore"),
            "The model 'planted' rejects inputs of shape (4, 5): RuntimeError: mat1 and mat2 shapes cannot be multiplied",
        ),
        (UsageError("As it is."), "As it is."),
    ],
)
def test_model_that_does_not_fit(answer: Tensor | Exception, message: str) -> None:
    with pytest.raises(UsageError) as error:
        inspect_model(Planted(answer), data(torch.rand(4, 5), [0, 1, 2, 3]))
    assert str(error.value) == message


def test_refused_inputs_keep_their_cause() -> None:
    with pytest.raises(UsageError, match=r"The model 'linear' rejects inputs of shape \(4, 5\): RuntimeError") as error:
        inspect_model(TorchModule(nn.Linear(3, 2), name="linear"), data(torch.rand(4, 5)))
    assert isinstance(error.value.__cause__, RuntimeError)


def test_looks_at_few_examples_only() -> None:
    seen: list[int] = []

    class Watched(Planted):
        def scores(self, x: Tensor) -> Tensor:
            seen.append(len(x))
            return x[:, :2]

    assert inspect_model(Watched(torch.zeros(0)), data(torch.rand(100, 4) - 0.5, space=InputSpace(-1, 1))) == []
    assert seen == [16, 16, 1]


def test_single_example_cannot_show_batch_dependence() -> None:
    class Together(Planted):
        def scores(self, x: Tensor) -> Tensor:
            return x[:, :2] - x[:, :2].mean(0)

    assert inspect_model(Together(torch.zeros(0)), data(torch.rand(1, 4))) == []
    assert [flag.name for flag in inspect_model(Together(torch.zeros(0)), data(torch.rand(4, 4)))] == ["batch_dependent"]


def test_labels_that_change() -> None:
    class Restless(Labels):
        calls = 0

        @property
        def name(self) -> str:
            return "restless"

        def fingerprint(self) -> str:
            return "restless"

        def labels(self, x: Tensor) -> Tensor:
            type(self).calls += self.moves
            return torch.full((len(x),), self.calls)

        moves = 1

    class Calm(Restless):
        moves = 0

    assert [flag.name for flag in inspect_model(Restless(), data(torch.rand(4, 4)))] == ["randomised_model"]
    assert inspect_model(Calm(), data(torch.rand(4, 4))) == []


def test_columns_too_many_are_named() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0], "site": ["x", "y"]})
    batch = load_data((frame, [0, 1]), groups=["site"]).take(slice(None))
    said = "The table's 3 features are a, b, site: leave out .* with drop=NAME, or keep site for groups only with exclude_groups=true"
    with pytest.raises(UsageError, match=said):
        look_at(as_model(nn.Linear(2, 2), name="net"), batch)
