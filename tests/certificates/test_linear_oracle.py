"""The linear certificate against closed forms, and `certify` on what a certificate may hand it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftproof._errors import Contradiction, UsageError
from shiftproof.certificates import Certificate, Linear, Proof
from shiftproof.certify import certify
from shiftproof.data.examples import Examples
from shiftproof.data.space import Column, InputSpace
from shiftproof.finding import Finding
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.outcomes import Abstained, Bound, Certified, Skipped
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

WIDE = InputSpace(-100.0, 100.0, "vector", "[-100, 100]")


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(torch.zeros(len(weight)) if bias is None else bias)
    return layer


def proof_of(module: nn.Module, shift: Shift, x: Tensor) -> Proof:
    model = TorchModule(module, name="m")
    assert Linear().objection(model, shift) is None
    return Linear().certify(model, shift, x, Rng.for_ids(0, [str(i) for i in range(len(x))]))


def test_two_classes_by_hand() -> None:
    module = linear(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([0.0, 1.0]))
    x = torch.tensor([[1.0, 1.0], [0.0, 0.0]])  # 7 against 1, 0 against 1
    l1, l2 = proof_of(module, Linf(0.1, space=WIDE), x), proof_of(module, L2(0.1, space=WIDE), x)
    assert l1.prediction.tolist() == l2.prediction.tolist() == [0, 1]
    assert l1.radius.tolist() == pytest.approx([6 / 7, 1 / 7], rel=3e-5)
    assert l2.radius.tolist() == pytest.approx([6 / 5, 1 / 5], rel=3e-5)
    assert not l1.abstained.any()


@pytest.mark.parametrize("kind", [Linf, L2])
def test_many_classes_take_the_nearest(kind: type[Linf] | type[L2]) -> None:
    weight, bias, x = drawn(5, 12), drawn(5, seed=1), drawn(30, 12, seed=2)
    found = proof_of(linear(weight, bias), kind(0.1, space=WIDE), x)
    scores = (x.double() @ weight.double().T + bias.double()).numpy()
    for row, label, radius in zip(scores, found.prediction.tolist(), found.radius.tolist(), strict=True):
        assert label == row.argmax()
        norms = (weight[label] - weight).double().norm(p=1 if kind is Linf else 2, dim=1).numpy()
        exact = min((row[label] - row[j]) / norms[j] for j in range(5) if j != label)
        assert exact * (1 - 1e-4) - 1e-5 < radius < exact


def test_layers_compose() -> None:
    one, two = linear(drawn(6, 8), drawn(6)), linear(drawn(3, 6, seed=1), drawn(3, seed=1))
    deep = nn.Sequential(nn.Flatten(), nn.Sequential(one, nn.Dropout(0.9)), nn.Identity(), two)
    whole = linear((two.weight @ one.weight).detach(), (two.weight @ one.bias + two.bias).detach())
    x = drawn(10, 2, 2, 2, seed=3)
    found, plain = proof_of(deep, L2(0.1, space=WIDE), x), proof_of(whole, L2(0.1, space=WIDE), x.flatten(1))
    assert torch.equal(found.prediction, plain.prediction)
    np.testing.assert_allclose(found.radius, plain.radius, rtol=1e-3)
    assert all(parameter.grad is None for parameter in deep.parameters())


def test_a_layer_over_the_last_axis_is_linear_too() -> None:
    each = linear(drawn(2, 3))
    module = nn.Sequential(each, nn.Flatten())  # (n, 4, 3) -> (n, 4, 2) -> (n, 8)
    x = drawn(5, 4, 3, seed=1)
    found = proof_of(module, Linf(0.1, space=WIDE), x)
    weight = torch.kron(torch.eye(4), each.weight.detach())
    np.testing.assert_allclose(found.radius, proof_of(linear(weight), Linf(0.1, space=WIDE), x.flatten(1)).radius, rtol=1e-4)


def test_tables_count_in_shares_of_each_columns_range() -> None:
    columns = (Column("a", "real", 0, 10), Column("b", "integer", 0, 4), Column("c", "categorical", 0, 1, ("x", "y")))
    space = InputSpace(kind="table", columns=columns)
    module = linear(torch.tensor([[1.0, 1.0, 9.0], [0.0, 0.0, 0.0]]))
    x = torch.tensor([[5.0, 2.0, 0.0]])
    assert proof_of(module, Linf(0.1, space=space), x).radius.item() == pytest.approx(7 / 14, rel=1e-4)
    assert proof_of(module, L2(0.1, space=space), x).radius.item() == pytest.approx(7 / 116**0.5, rel=1e-4)


def test_rounding_takes_little_off_thousands_of_features() -> None:
    weight, x = drawn(10, 3072) * 0.05, drawn(20, 3072, seed=1).sigmoid()
    radius = proof_of(linear(weight), Linf(8 / 255), x).radius
    scores = x.double() @ weight.double().T
    top = scores.topk(2, dim=1)
    norm = torch.stack([(weight[a] - weight[b]).double().abs().sum() for a, b in top.indices.tolist()])
    nearest = (top.values[:, 0] - top.values[:, 1]) / norm  # an upper bound of the least
    assert bool((radius <= nearest).all())
    confident = nearest > 1e-3
    assert float((radius / nearest)[confident].median()) > 0.96


def test_a_constant_model_holds_everywhere_and_a_tie_proves_nothing() -> None:
    x = torch.rand(3, 4)
    sure = proof_of(linear(torch.zeros(2, 4), torch.tensor([0.0, 1.0])), Linf(0.1), x)
    assert sure.radius.tolist() == [np.inf] * 3
    tie = proof_of(linear(torch.zeros(2, 4)), Linf(0.1), x)
    assert tie.radius.tolist() == [0.0] * 3
    assert tie.abstained.all()


@dataclass(frozen=True)
class Diamond(Linf):
    """A subclass may be another set altogether."""

    name: ClassVar[str] = "diamond"


class LabelsOnly(Labels):
    name = "answers"

    def fingerprint(self) -> str:
        return "answers"

    def labels(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), dtype=torch.int64)


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) ** 2


def hooked(module: nn.Module, at: Callable[[nn.Module], nn.Module]) -> TorchModule:
    at(module).register_forward_hook(lambda *_: None)
    return TorchModule(module, name="net")


OBJECTIONS: list[tuple[Labels, Shift, str]] = [
    (TorchModule(nn.Linear(2, 2), name="net"), Diamond(0.1), "it supports linf and l2, not diamond"),
    (LabelsOnly(), Linf(0.1), "it needs a torch module, and 'answers' is not one"),
    (TorchModule(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), name="net"), L2(1), "it needs a linear model, and 'net' contains ReLU"),
    (TorchModule(Doubled(2, 2), name="net"), Linf(0.1), "it needs a linear model, and 'net' contains Doubled"),
    (TorchModule(nn.Flatten(), name="net"), Linf(0.1), "it needs a linear model, and 'net' has no linear layer"),
    (TorchModule(nn.Linear(2, 2).half(), name="net"), Linf(0.1), "it needs weights in float32 or float64, and 'net' has float16"),
    (hooked(nn.Linear(2, 2), lambda m: m), Linf(0.1), "'net' has forward hooks, whose effect is unknown"),
    (hooked(nn.Sequential(nn.Linear(2, 2)), lambda m: m), Linf(0.1), "it needs a linear model, and 'net' contains Sequential"),
]


@pytest.mark.parametrize(("model", "shift", "reason"), OBJECTIONS, ids=lambda v: v if isinstance(v, str) else None)
def test_objections(model: Labels, shift: Shift, reason: str) -> None:
    assert Linear().objection(model, shift) == reason
    examples = Examples(torch.rand(2, 2), torch.zeros(2, dtype=torch.int64), np.array(["a", "b"]))
    with pytest.raises(UsageError) as error:
        certify(model, shift, certificate=Linear(), examples=examples)
    assert str(error.value) == f"The certificate linear cannot be used: {reason}."


X = torch.tensor([[1.0, 0.0], [0.4, 0.5], [0.9, 0.1]])
Y = torch.tensor([0, 0, 0])
TWO = TorchModule(linear(torch.eye(2)), name="two")


def found_by(certificate: Certificate, batch_size: int = 256, eps: float = 0.45, x: Tensor = X) -> Finding:
    examples = Examples(x, Y[: len(x)], np.array(["sure", "wrong", "near"])[: len(x)])
    return certify(TWO, Linf(eps), certificate=certificate, examples=examples, batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_every_example_gets_its_outcome(batch_size: int) -> None:
    found = found_by(Linear(), batch_size)
    assert found.bound is Bound.AT_LEAST
    assert found.outcome.tolist() == ["certified", "skipped", "abstained"]
    assert found.radius.tolist() == pytest.approx([0.5, np.nan, 0.4], rel=1e-4, nan_ok=True)
    assert found.prediction.tolist() == [0, 1, 0]
    assert found.accuracy == pytest.approx(1 / 3)
    assert (found.forwards.tolist(), found.backwards.tolist()) == ([2] * 3, [0] * 3)
    assert len(found.params) == 3
    assert found[0] == Certified(float(found.radius[0]))
    assert (found[1], found[2]) == (Skipped(), Abstained("proven up to 0.4 only"))
    assert found.probability[0] == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-6)


def test_progress_is_told() -> None:
    seen: list[int] = []
    examples = Examples(X, Y, np.array(["a", "b", "c"]))
    certify(TWO, Linf(0.1), certificate=Linear(), examples=examples, batch_size=2, progress=seen.append)
    assert seen == [2, 1]


@dataclass(frozen=True)
class Says(Certificate):
    """Says what it is told, and stands by it or only nearly."""

    name: ClassVar[str] = "says"

    radius: float = 1.0
    label: int = 0
    abstains: bool = False
    sure: bool = True
    rows: int = 3

    @property
    def confidence(self) -> float:
        return 1.0 if self.sure else 0.999

    @property
    def subject(self) -> str | None:
        return None if self.sure else "another model"

    def objection(self, model: Labels, shift: Shift) -> str | None:
        return None

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        all_of = torch.full((self.rows,), self.label)
        radius = torch.full((self.rows,), self.radius)
        return Proof(all_of, radius, torch.full((self.rows,), self.abstains), torch.full((self.rows,), 7))


def test_a_proof_of_another_decision_is_a_contradiction() -> None:
    with pytest.raises(Contradiction, match=r"certified a class other than the model's own on 1 of 3 examples, first 'wrong'\. One of the"):
        found_by(Says())


def test_a_smoothed_decision_is_its_own() -> None:
    found = found_by(Says(sure=False))
    assert found.outcome.tolist() == ["certified"] * 3
    assert found.prediction.tolist() == [0, 0, 0]
    assert found.forwards.tolist() == [8] * 3
    assert found_by(Says(sure=False, label=1)).outcome.tolist() == ["skipped"] * 3


def test_abstaining_leaves_the_models_own_decision() -> None:
    found = found_by(Says(abstains=True, label=1))
    assert found.outcome.tolist() == ["abstained", "skipped", "abstained"]
    assert found.prediction.tolist() == [0, 1, 0]
    assert np.isnan(found.radius).all()
    assert found[0] == Abstained("nothing is proven")


@pytest.mark.parametrize("radius", [float("nan"), -1.0])
def test_a_radius_that_is_none_is_a_contradiction(radius: float) -> None:
    certificate = Says()
    object.__setattr__(certificate, "radius", radius)
    with pytest.raises(
        Contradiction, match=r"The certificate says returned a radius that is NaN or negative\. None of its proofs can be used"
    ):
        found_by(certificate)


def test_a_proof_of_another_shape_is_a_contradiction() -> None:
    with pytest.raises(
        Contradiction, match=r"must return one entry for each of 3 examples, got prediction \(2,\), radius \(2,\), abstained"
    ):
        found_by(Says(rows=2))


def test_no_examples_and_no_strength_are_refused() -> None:
    with pytest.raises(UsageError, match=r"There are no examples to certify\. Check the data source and its limit\."):
        found_by(Linear(), x=X[:0])

    @dataclass(frozen=True)
    class Aimless(Linf):
        strength: ClassVar[str | None] = None  # type: ignore[assignment]

    examples = Examples(X, Y, np.array(["a", "b", "c"]))
    with pytest.raises(UsageError, match=r"The certificate says cannot be used: linf has no strength to compare a radius with\."):
        certify(TWO, Aimless(0.1), certificate=Says(), examples=examples)


def test_an_exact_radius_is_enough() -> None:
    radius = float(found_by(Linear()).radius[0])
    assert found_by(Linear(), eps=radius).outcome[0] == "certified"
    assert found_by(Linear(), eps=radius * (1 + 1e-9)).outcome[0] == "abstained"
    assert replace(Linf(0.1), eps=radius).eps == radius
