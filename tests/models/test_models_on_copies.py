"""A model is handed inputs of its own and its answers are kept: code that writes into either gets the verdicts of a twin that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.diagnostics.masking import masking
from shiftproof.diagnostics.universal import universal
from shiftproof.evaluation.curves.severity_curve import severity_curve
from shiftproof.evaluation.transfer.transfer_matrix import transfer_matrix
from shiftproof.models.abstract import Labels, Scores
from shiftproof.models.straight_through import StraightThrough
from shiftproof.searches import searches
from shiftproof.shifts import GaussianNoise
from shiftproof.shifts.norms.linf import Linf

torch.manual_seed(0)
LINEAR = nn.Linear(64, 3)
INPUTS = torch.rand(40, 1, 8, 8)
EXPECTED = LINEAR((INPUTS - 0.5).flatten(1)).argmax(1)


class Plain(nn.Module):
    """The twin: nothing is written into."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = LINEAR

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.centred(x).flatten(1))  # type: ignore[no-any-return]

    def centred(self, x: Tensor) -> Tensor:
        return x - 0.5


class Subtracts(Plain):
    def centred(self, x: Tensor) -> Tensor:
        return x.sub_(0.5)


class WritesSlices(Plain):
    def centred(self, x: Tensor) -> Tensor:
        x[:] = x - 0.5
        return x


class WritesThroughAView(Plain):
    def centred(self, x: Tensor) -> Tensor:
        flat = x.view(len(x), -1)
        flat[:, :32] -= 0.5
        flat[:, 32:] -= 0.5
        return x


class WritesPastAutograd(Plain):
    def centred(self, x: Tensor) -> Tensor:
        x.data.sub_(0.5)
        return x


class TurnsAround(Plain):
    """Changes the shape of its input in place."""

    def centred(self, x: Tensor) -> Tensor:
        return x.squeeze_(1).sub_(0.5)


class InplaceActivation(Plain):
    """relu_ of the input changes nothing on [0, 1] inputs by itself, so it first leaves the range."""

    def centred(self, x: Tensor) -> Tensor:
        return nn.functional.relu_(x.mul_(-1).add_(1)).neg().add(0.5)


class SameAnswerTensor(Plain):
    """Answers with one tensor for good, written anew at each call."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = torch.zeros(4096, 3)

    def forward(self, x: Tensor) -> Tensor:
        said = super().forward(x)
        if said.requires_grad:
            return said
        return self.answers[: len(x)].copy_(said)


class Conv(Plain):
    """Channels-last inputs, which are a view where there is one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(1, 1, 1) for _ in range(3))

    def centred(self, x: Tensor) -> Tensor:
        return x.sub_(0.5)


WRITERS = [Subtracts, WritesSlices, WritesThroughAView, WritesPastAutograd, TurnsAround, InplaceActivation, SameAnswerTensor, Conv]


class Own(Scores):
    """A model class of the user's own, that writes into its inputs and answers with the same tensor each time."""

    name = "own"

    def __init__(self) -> None:
        self.last = torch.zeros(512, 3)

    def fingerprint(self) -> str:
        return "own"

    def scores(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.last[: len(x)].copy_(LINEAR(x.sub_(0.5).flatten(1)))


class OwnLabels(Labels):
    name = "own labels"

    def fingerprint(self) -> str:
        return "own labels"

    def labels(self, x: Tensor) -> Tensor:
        x -= 0.5
        return LINEAR(x.flatten(1)).argmax(1)  # type: ignore[no-any-return]


class Estimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Writes into its matrix, and answers with one array for good."""

    answers = np.zeros((256, 3))

    def fit(self) -> Estimator:
        self.classes_ = np.arange(3)
        return self

    def predict_proba(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        x -= 0.5
        self.answers[:] = torch.softmax(LINEAR(torch.from_numpy(x)), 1).detach().numpy()
        return self.answers

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        decided: npt.NDArray[np.int64] = self.predict_proba(x).argmax(1)
        return decided


BUFFER = np.zeros((4096, 3), dtype=np.float32)


def numpy_function(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    x -= 0.5
    BUFFER[: len(x)] = LINEAR(torch.from_numpy(x).flatten(1)).detach().numpy()
    return BUFFER[: len(x)]


def torch_function(x: Tensor) -> Tensor:
    return LINEAR(x.sub_(0.5).flatten(1))  # type: ignore[no-any-return]


def data() -> sp.Examples:
    return sp.examples(INPUTS.clone(), EXPECTED.clone(), kind="image")


def named(model: object) -> Labels:
    return sp.as_model(model, name="net")


Measured = object
TASKS: dict[str, Callable[[Labels, sp.Examples], Measured]] = {
    "gradient_ascent": lambda m, d: outcome(m, d, "gradient_ascent(steps=5)"),
    "auto_step": lambda m, d: outcome(m, d, "auto_step(steps=8)"),
    "momentum": lambda m, d: outcome(m, d, "gradient_ascent(steps=5, momentum=1, nesterov=true)"),
    "fast_minimum_norm": lambda m, d: outcome(m, d, "fast_minimum_norm(steps=10)"),
    "square": lambda m, d: outcome(m, d, "square(queries=20)"),
    "cascade": lambda m, d: outcome(m, d[:8], "cascade"),
    "severity": lambda m, d: severity_curve(m, GaussianNoise(3.0), examples=d, points=3, halvings=2).failure.tolist(),
    "transfer": lambda m, d: transfer_matrix([m], Linf(0.02), examples=d).accuracy.tolist(),
    "universal": lambda m, d: universal(m, Linf(0.02), examples=d, passes=2).held_out.outcome.tolist(),
    "masking": lambda m, d: [(c.name, c.status.value) for c in masking(m, Linf(0.02), examples=d[:24], queries=30).checks],
}


def outcome(model: Labels, examples: sp.Examples, search: str) -> Measured:
    finding = sp.confront(model, Linf(0.02), search=searches.build(search), examples=examples)
    return finding.outcome.tolist(), [flag.name for flag in finding.flags]


@pytest.mark.parametrize("task", [name for name in TASKS if name not in ("cascade", "masking")])
@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.__name__)
def test_a_module_that_writes_gets_its_twins_verdicts(writer: type[Plain], task: str) -> None:
    examples = data()
    said = TASKS[task](named(writer()), examples)
    assert said == TASKS[task](named(Plain()), data())
    assert torch.equal(examples.x, INPUTS)


@pytest.mark.parametrize("task", ["cascade", "masking"])
def test_so_it_does_where_much_is_asked(task: str) -> None:
    examples = data()
    assert TASKS[task](named(Subtracts()), examples) == TASKS[task](named(Plain()), data())
    assert torch.equal(examples.x, INPUTS)


@pytest.mark.parametrize("search", ["square(queries=20)", "best_of_n(n=3)", "one_draw"])
@pytest.mark.parametrize(
    "model",
    [
        Own(),
        sp.as_model(numpy_function, name="net", gives="scores"),
        sp.as_model(torch_function, name="net", gives="scores", takes="torch"),
        sp.as_model(Estimator().fit(), name="net", space=data().space),
    ],
    ids=["own class", "numpy function", "torch function", "estimator"],
)
def test_so_does_what_is_no_module(model: Labels, search: str) -> None:
    examples = data()
    said = outcome(model, examples, search)
    flags = ["probabilities"] if "probabilities" in said[1] else []  # type: ignore[index]
    assert said == (outcome(named(Plain()), data(), search)[0], flags)  # type: ignore[index]
    assert torch.equal(examples.x, INPUTS)


def test_so_do_decisions_alone() -> None:
    examples = data()
    assert outcome(OwnLabels(), examples, "best_of_n(n=3)")[0] == outcome(named(Plain()), data(), "best_of_n(n=3)")[0]  # type: ignore[index]
    assert torch.equal(examples.x, INPUTS)


def test_an_audit_of_it_is_that_of_its_twin() -> None:
    options: dict[str, Any] = {"progress": False, "shifts": ["linf(eps=0.02)", "gaussian_noise(severity=1)"], "curves": ["linf"]}
    examples = data()
    one, two = (sp.audit(net, examples, **options).record for net in (Subtracts(), Plain()))
    assert [(r.shift, r.search, r.measure, r.value) for r in one.results] == [(r.shift, r.search, r.measure, r.value) for r in two.results]
    assert one.clean.accuracy == 1.0
    assert one.model.flags == []
    assert torch.equal(examples.x, INPUTS)


def test_gradients_are_those_of_the_twin() -> None:
    for writer in WRITERS:
        grads = []
        for net in (writer(), Plain()):
            leaf = INPUTS[:8].clone().requires_grad_()
            grads.append(torch.autograd.grad(named(net).scores(leaf).square().sum(), leaf)[0])  # type: ignore[attr-defined]
        torch.testing.assert_close(*grads)


@pytest.mark.parametrize("rows", [8, 5])
def test_an_answer_stays_when_the_model_is_asked_again(rows: int) -> None:
    for model in (named(SameAnswerTensor()), named(nn.Identity()), Own(), sp.as_model(numpy_function, name="net", gives="scores")):
        x = INPUTS[:rows].flatten(1)[:, :64]
        first = model.scores(x.clone())  # type: ignore[attr-defined]
        kept = first.clone()
        model.scores(1 - x)  # type: ignore[attr-defined]
        assert torch.equal(first, kept)


def test_a_model_that_gives_its_input_back_shares_no_memory_with_it() -> None:
    x = torch.rand(8, 3)
    model = named(nn.Identity())
    model.scores(x).zero_()  # type: ignore[attr-defined]
    assert bool((x != 0).any())


def test_the_step_in_front_of_a_model_is_handed_a_copy() -> None:
    inner = sp.as_model(Plain(), name="inner")
    coarse = StraightThrough(inner, preprocessing=lambda x: x.mul_(4).round_().div_(4), name="coarse")  # type: ignore[arg-type]
    x = INPUTS[:8].clone()
    again = coarse.scores(x)
    assert torch.equal(x, INPUTS[:8])
    torch.testing.assert_close(again, inner.scores((x * 4).round() / 4))  # type: ignore[attr-defined]


def test_memory_shared_by_all_rows_is_not_handed_over() -> None:
    """An expanded batch is one row seen many times: written into, each write would be seen by all."""
    x = INPUTS[:1].expand(8, 1, 8, 8)
    torch.testing.assert_close(named(Subtracts()).scores(x), named(Plain()).scores(x))  # type: ignore[attr-defined]


def test_a_module_that_cannot_read_channels_last_is_asked_again_about_the_inputs_as_they_were() -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(3))
            self.linear = nn.Linear(3 * 16, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.sub_(0.5).view(len(x), -1))  # type: ignore[no-any-return]

    net, x = Views(), torch.rand(8, 3, 4, 4)
    model = named(net)
    with torch.no_grad():
        torch.testing.assert_close(model.scores(x), net.linear((x - 0.5).flatten(1)))  # type: ignore[attr-defined]


def test_an_answer_that_is_no_tensor_is_refused_by_name() -> None:
    class Arrays(Scores):
        name = "arrays"

        def fingerprint(self) -> str:
            return "arrays"

        def scores(self, x: Tensor) -> Tensor:
            return np.zeros((len(x), 2))  # type: ignore[return-value]

    with pytest.raises(sp.UsageError, match="'answer' of the model 'arrays' must be a tensor, got ndarray|answer.*arrays.*tensor.*ndarray"):
        sp.confront(Arrays(), Linf(0.1), search=searches.build("one_draw"), examples=data())
