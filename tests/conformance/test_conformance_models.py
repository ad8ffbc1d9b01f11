"""A violation planted in a sound model turns the check red that is about it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof.conformance import check_part
from shiftproof.models.abstract import Gradients, Labels, Scores

X = torch.linspace(0, 1, 6 * 5).reshape(6, 5).sin()


class Sound(Gradients):
    """Two planes and a bend."""

    def __init__(self) -> None:
        self.weight = torch.tensor([[1.0, -2.0, 0.5, 0.3, 1.0], [-1.0, 1.0, 1.0, -0.4, 0.2], [0.1, 0.2, 0.3, 0.4, 0.5]])

    @property
    def name(self) -> str:
        return "sound"

    def fingerprint(self) -> str:
        return f"{self.weight.tolist()}"

    def scores(self, x: Tensor) -> Tensor:
        return (x @ self.weight.T).tanh()

    def inputs_for_check(self) -> Tensor:
        return X.clone()


class Nameless(Sound):
    @property
    def name(self) -> str:
        return ""


class RestlessFingerprint(Sound):
    def fingerprint(self) -> str:
        return f"{id(object())}{torch.rand(())}"


class FloatLabels(Sound):
    def labels(self, x: Tensor) -> Tensor:
        labels: Tensor = super().labels(x).float()
        return labels


class LabelColumn(Sound):
    def labels(self, x: Tensor) -> Tensor:
        return super().labels(x)[:, None]


class NegativeLabels(Sound):
    def labels(self, x: Tensor) -> Tensor:
        return super().labels(x) - 5


class OwnMind(Sound):
    def labels(self, x: Tensor) -> Tensor:
        return self.scores(x).argmin(1)


class OneScore(Sound):
    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x)[:, :1]


class Infinite(Sound):
    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x) / 0


class Softmax(Sound):
    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x).softmax(1)


class GlobalNoise(Sound):
    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x) + torch.rand(len(x), 3)


class OwnNoise(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def scores(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().scores(x) * (1 if self.calls % 2 else -1)


class BatchNorm(Sound):
    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x - x.mean(0))


class Learns(Sound):
    def scores(self, x: Tensor) -> Tensor:
        self.weight = self.weight + 1e-6
        return super().scores(x)


class InPlace(Sound):
    def scores(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x.mul_(0.999)
        return super().scores(x)


class CutGradient(Sound):
    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x.detach())


class WrongGradient(Sound):
    def scores(self, x: Tensor) -> Tensor:
        return super().scores(x * 0.3 + (x * 0.7).detach())


class Handle(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.weigh = lambda x: x


class ForgetsInTransit(Sound):
    def __getstate__(self) -> dict[str, Tensor]:
        return {"weight": -self.weight}


PLANTED: list[tuple[type[Labels], str, str]] = [
    (Nameless, "has_a_stable_fingerprint", "Its name must be text for reports, got ''"),
    (RestlessFingerprint, "has_a_stable_fingerprint", "Its fingerprint must be the same at each call"),
    (FloatLabels, "labels_are_classes", "`labels` must be int64, got torch.float32"),
    (LabelColumn, "labels_are_classes", "shape (n,) = (6,), got (6, 1)"),
    (NegativeLabels, "labels_are_classes", "classes 0, 1, 2, ..., got -"),
    (OwnMind, "scores_are_logits", "`labels` is not the argmax of `scores`"),
    (OneScore, "scores_are_logits", "with at least 2 classes, got (6, 1) for 6 inputs"),
    (Infinite, "scores_are_logits", "has NaN or infinity on ordinary inputs"),
    (Softmax, "scores_are_logits", "look like probabilities"),
    (GlobalNoise, "answers_are_repeatable", "The model drew from the global generator of torch"),
    (OwnNoise, "answers_are_repeatable", "labels changed at the second call"),
    (BatchNorm, "answers_do_not_depend_on_the_batch", "If it is in training mode (batch norm), call .eval()."),
    (Learns, "use_changes_nothing", "Its fingerprint changed with use"),
    (InPlace, "use_changes_nothing", "It changed the inputs in place"),
    (CutGradient, "gradients_are_correct", "torch cannot differentiate its scores"),
    (WrongGradient, "gradients_are_correct", "differs from finite differences by"),
    (Handle, "can_be_pickled", "It cannot be pickled"),
    (ForgetsInTransit, "can_be_pickled", "A pickled copy returns other labels"),
]


def test_sound_model_passes() -> None:
    report = check_part(Sound())
    assert report.kind == "model"
    assert report.passed, f"\n{report}"


@pytest.mark.parametrize(("model", "check", "message"), PLANTED, ids=[m.__name__ for m, _, _ in PLANTED])
def test_planted_violation_is_caught(model: type[Labels], check: str, message: str) -> None:
    report = check_part(model)
    assert not report.passed
    said = [result.message for result in report.failures if result.check == check]
    assert any(message in line for line in said), f"\n{report}"


def test_labels_only_model_skips_scores_and_gradients() -> None:
    class Decides(Labels):
        @property
        def name(self) -> str:
            return "decides"

        def fingerprint(self) -> str:
            return "decides"

        def labels(self, x: Tensor) -> Tensor:
            return (x[:, 0] > 0.5).long()

    status = {r.check: r.status for r in check_part(Decides(), x=X).results}
    assert status["scores_are_logits"] == status["gradients_are_correct"] == "skip"
    assert status["answers_do_not_depend_on_the_batch"] == "pass"


def test_scores_model_skips_gradients() -> None:
    class Counts(Sound, Scores):
        pass

    assert check_part(Counts(), x=X).failures[0].check == "can_be_pickled"  # a class inside a function cannot be pickled


def test_torch_module_is_a_model() -> None:
    report = check_part(nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)), x=X)
    assert report.passed, f"\n{report}"
    assert report.target == "Sequential"


def test_module_class_without_arguments_is_made() -> None:
    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            scores: Tensor = self.layer(x)
            return scores

    failed = {r.check for r in check_part(Tiny, x=X).failures}
    assert failed == {"can_be_pickled"}


@pytest.mark.parametrize("x", [None, X[:1]])
def test_model_without_inputs(x: Tensor | None) -> None:
    with pytest.raises(UsageError, match=r"needs at least 2 inputs of the right shape .* check_part\(model, x=\.\.\.\)"):
        check_part(nn.Linear(5, 2), x=x)


def test_model_class_that_needs_arguments() -> None:
    with pytest.raises(UsageError, match=r"The model class Linear cannot be constructed without arguments .* examples_for_check"):
        check_part(nn.Linear, x=X)


def test_model_class_with_examples() -> None:
    class Offered(nn.Linear):
        @classmethod
        def examples_for_check(cls) -> list[nn.Module]:
            return [nn.Linear(5, 2), nn.Linear(5, 3)]

    report = check_part(Offered, x=X)
    assert report.passed, f"\n{report}"
    assert sum(r.check == "has_a_stable_fingerprint" for r in report.results) == 2
