"""Low-rank adapters: what they compute, what is trained, and that merging changes no answer."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from shiftproof._errors import UsageError
from shiftproof.training.pieces.low_rank import LowRankLinear, add_low_rank, merge_low_rank

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [("first", nn.Linear(4, 5)), ("act", nn.Tanh()), ("last", nn.Linear(5, 2, bias=False))]
    return nn.Sequential(OrderedDict(layers)).double()


def test_nothing_changes_until_a_step_and_only_adapters_learn() -> None:
    plain, adapted = net(), net()
    trained = add_low_rank(adapted, ["last"], rank=2)
    assert torch.equal(plain(X), adapted(X))
    assert [tuple(one.shape) for one in trained] == [(2, 5), (2, 2)]
    assert [one for one in adapted.parameters() if one.requires_grad] == trained
    assert isinstance(adapted.first, nn.Linear)


def test_an_adapter_is_a_product_beside_the_layer_and_merges_into_it() -> None:
    plain, adapted = net(), net()
    add_low_rank(adapted, ["first", "last"], rank=2, alpha=3.0, seed=1)
    weights = plain.state_dict()
    for name in ("first", "last"):
        layer = adapted.get_submodule(name)
        assert isinstance(layer, LowRankLinear)
        nn.init.normal_(layer.up)
        weights[f"{name}.weight"] = weights[f"{name}.weight"] + 1.5 * layer.up @ layer.down
    by_hand = torch.tanh(X @ weights["first.weight"].T + weights["first.bias"]) @ weights["last.weight"].T
    assert torch.allclose(adapted(X), by_hand)
    merge_low_rank(adapted)
    assert torch.allclose(adapted(X), by_hand)
    assert adapted.state_dict().keys() == plain.state_dict().keys()


def test_draws_repeat_and_follow_the_seed() -> None:
    drawn = [add_low_rank(net(), ["last"], seed=seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ["q_proj"]}, "'names' of add_low_rank must be those of linear layers, got 'q_proj'. There are: first, last."),
        ({"names": []}, "'names' of add_low_rank must be those of linear layers"),
        ({"rank": 0}, "'rank' of add_low_rank must be at least 1"),
        ({"alpha": 0.0}, r"'alpha' of add_low_rank must be in \(0, inf\)"),
    ],
)
def test_what_is_refused(change: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"names": ["last"], **change}
    with pytest.raises(UsageError, match=message):
        add_low_rank(net(), given.pop("names"), **given)  # type: ignore[arg-type]


def test_a_network_without_adapters_is_not_merged() -> None:
    with pytest.raises(UsageError, match="has no low-rank adapters to merge"):
        merge_low_rank(net())
