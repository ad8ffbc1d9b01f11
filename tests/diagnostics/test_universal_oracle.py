"""One move for all: the known answer on a linear model, its measure on unseen examples, and every message."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from masked import examples, honest
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.universal import universal
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.shifts import L2, Linf, Rotation

WEIGHT = torch.tensor([1.0, -2.0, 3.0, -0.5])


def one_sided() -> tuple[TorchModule, Examples]:
    """A linear model of two classes and examples of the first only: minus the weight is the best move for every one."""
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([WEIGHT, torch.zeros(4)]))
        layer.bias.copy_(torch.tensor([1.0, 0.0]))
    x = 0.3 + 0.4 * torch.rand(60, 4, generator=torch.Generator().manual_seed(0))
    return TorchModule(layer, name="linear"), Examples(x, torch.zeros(60, dtype=torch.long), np.array([str(i) for i in range(60)]))


def test_on_a_linear_model_the_move_is_the_worst_of_each_example() -> None:
    model, data = one_sided()
    found = universal(model, Linf(0.25), examples=data, passes=40, loss="cross_entropy")
    torch.testing.assert_close(found.move, -0.25 * WEIGHT.sign()[None])
    found = universal(model, L2(0.25), examples=data, passes=40, loss="cross_entropy")
    torch.testing.assert_close(found.move, -0.25 * (WEIGHT / WEIGHT.norm())[None])


def test_it_is_measured_on_examples_it_has_not_seen() -> None:
    data = examples(160)
    found = universal(honest("plain"), Linf(0.3), examples=data, passes=20, seed=3)
    seen, unseen = set(found.found_on.ids.tolist()), set(found.held_out.ids.tolist())
    assert (len(seen), len(unseen), len(seen & unseen)) == (80, 80, 0)
    assert float(found.move.abs().max()) <= 0.3 + 1e-6
    assert tuple(found.move.shape) == (1, 1, 8, 8)
    assert found.fooled > 0.3
    noise = found.move.sign() * (2.0 * (torch.rand(found.move.shape, generator=torch.Generator().manual_seed(0)) < 0.5) - 1) * 0.3
    by_chance = (honest("plain").labels((data.x + noise).clamp(0, 1)) != data.y).double().mean()
    assert found.fooled > 1.5 * float(by_chance)
    assert f"One move breaks {found.fooled:.1%} of the held-out examples" in str(found)
    again = universal(honest("plain"), Linf(0.3), examples=data, passes=20, seed=3)
    assert torch.equal(again.move, found.move)


class OnlyLabels(Labels):
    """A model of which only the decision is seen."""

    @property
    def name(self) -> str:
        return "closed"

    def fingerprint(self) -> str:
        return "closed"

    def labels(self, x: Tensor) -> Tensor:
        return (x.sum(1) > 2).long()


def test_errors_say_what_to_do() -> None:
    model, data = one_sided()
    with pytest.raises(UsageError, match="A universal move needs gradients, and the model 'closed' provides labels only"):
        universal(OnlyLabels(), Linf(0.1), examples=data)
    with pytest.raises(UsageError, match="A universal move needs a norm ball .linf, l2, l1, l0., got rotation"):
        universal(honest("plain"), Rotation(10), examples=examples(8))
    with pytest.raises(UsageError, match="The 'examples' of universal must be at least 2"):
        universal(model, Linf(0.1), examples=data[:1])
    with pytest.raises(UsageError, match=r"The 'share' of universal must be in \(0, 1\), got 1.0"):
        universal(model, Linf(0.1), examples=data, share=1.0)
    with pytest.raises(UsageError, match=r"The 'step_size' of universal must be in \(0, 1\], got 0.0"):
        universal(model, Linf(0.1), examples=data, step_size=0.0)
    with pytest.raises(UsageError, match="The 'passes' of universal must be at least 1, got 0"):
        universal(model, Linf(0.1), examples=data, passes=0)
