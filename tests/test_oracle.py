"""The oracle: every question is counted against the example that it is about."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shiftproof.losses import cross_entropy
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Answer, Cost, Oracle, judge
from shiftproof.shifts.norms.linf import Linf


def oracle(n: int = 4) -> tuple[Oracle, Cost, nn.Linear]:
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, -3.0]]))
        layer.bias.copy_(torch.tensor([0.0, -0.1]))
    cost = Cost.of(n)
    x = torch.full((n, 3), 0.5)
    return Oracle(TorchModule(layer, name="linear"), Linf(0.2), x, torch.zeros(n, dtype=torch.int64), cost), cost, layer


def test_counts_forwards_and_backwards_of_the_rows_asked() -> None:
    asked, cost, _ = oracle()
    asked(torch.zeros(4, 3))
    asked[torch.tensor([1, 3])](torch.zeros(2, 3))
    asked[torch.tensor([True, True, False, False])].gradient(torch.zeros(2, 3))
    asked[torch.tensor([1, 2, 3])][torch.tensor([2])](torch.zeros(1, 3))  # rows of rows: example 3
    assert cost.forwards.tolist() == [2, 3, 1, 3]
    assert cost.backwards.tolist() == [1, 1, 0, 0]
    assert cost.sighted.bool().tolist() == [True, True, False, False]
    assert len(asked[torch.tensor([1, 2, 3])]) == 3


def test_answer_and_seen_broken() -> None:
    asked, cost, _ = oracle(2)
    answer = asked(torch.tensor([[0.0, 0.0, 0.0], [0.2, 0.2, -0.2]]))
    assert torch.allclose(answer.margin, torch.tensor([-0.1, 1.1]), atol=1e-6)
    assert answer.broken.tolist() == [False, True]
    assert answer[torch.tensor([1])].broken.tolist() == [True]
    assert torch.equal(answer[torch.tensor([1])].margin, answer.margin[1:])
    assert cost.seen_broken.tolist() == [0, 1]


def test_gradient_is_that_of_the_loss_through_the_shift() -> None:
    asked, _, layer = oracle(2)
    params = torch.tensor([[0.0, 0.1, 0.0], [0.1, 0.1, 0.1]])
    answer, gradient = asked.gradient(params)
    assert torch.allclose(gradient, torch.tensor([[1.0, 2.0, -3.0]]).expand(2, 3))
    _, of_entropy = asked.gradient(params, cross_entropy)
    probability = answer.margin.sigmoid()
    assert torch.allclose(of_entropy, probability[:, None] * gradient, atol=1e-6)
    assert not params.requires_grad
    assert layer.weight.grad is None


def test_a_gradient_of_zero_is_not_sight() -> None:
    asked, cost, layer = oracle(2)
    with torch.no_grad():
        layer.weight.zero_()
    asked.gradient(torch.zeros(2, 3))
    assert cost.backwards.tolist() == [1, 1]
    assert cost.sighted.tolist() == [0, 0]


def test_labels_only() -> None:
    class Decides(Labels):
        @property
        def name(self) -> str:
            return "decides"

        def fingerprint(self) -> str:
            return "decides"

        def labels(self, x: Tensor) -> Tensor:
            return (x[:, 0] > 0.6).long()

    cost = Cost.of(2)
    asked = Oracle(Decides(), Linf(0.2), torch.full((2, 3), 0.5), torch.zeros(2, dtype=torch.int64), cost)
    answer = asked(torch.tensor([[0.0, 0.0, 0.0], [0.2, 0.0, 0.0]]))
    assert answer.margin.tolist() == [-1.0, 1.0]
    assert answer[torch.tensor([0])].margin.tolist() == [-1.0]


def test_judge() -> None:
    y = torch.tensor([0, 0, 0, 1, 0, 0])
    nan, inf = float("nan"), float("inf")
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [nan, 0.0], [inf, 0.0]])
    answer = judge(scores, y)
    # On a tie argmax decides, as the model itself would; scores that are not finite are no usable answer.
    assert answer.broken.tolist() == [False, True, False, True, True, True]
    assert answer.margin.tolist() == [-1.0, 1.0, 0.0, 0.0, inf, inf]
    assert isinstance(answer, Answer)
