"""The cascade on a faster copy: every failure is one of the model itself, and none that the model alone finds is lost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.models.copy_precisions import PRECISIONS
from shiftproof.outcomes import BROKEN
from shiftproof.searches.cascade import Cascade

SHIFT = sp.Linf(0.02)


def net() -> nn.Sequential:
    torch.manual_seed(4)
    layers = [nn.Conv2d(1, 6, 3, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(72, 4)).eval()


X = torch.rand(40, 1, 12, 12, generator=torch.Generator().manual_seed(2))


@pytest.mark.oracle
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_failure_is_one_of_the_model(precision: str) -> None:
    module = net()
    model = sp.as_model(module, name="net")
    examples = sp.examples(X, model.labels(X))
    exact = sp.confront(model, SHIFT, search=Cascade(), examples=examples)
    found = sp.confront(model, SHIFT, search=Cascade(copy=precision), examples=examples)
    broken = torch.from_numpy(found.outcome == BROKEN)
    with torch.no_grad():
        moved = module(SHIFT.apply(X, torch.from_numpy(found.params))).argmax(1)
    assert torch.equal(moved != examples.y, broken)
    assert 5 < int(broken.sum()) < 40
    assert int(broken.sum()) >= int((exact.outcome == BROKEN).sum()) - 1
    assert found.sent > len(X), "narrow decisions are asked of the model too, and are sent"


def test_verdicts_do_not_depend_on_the_batch() -> None:
    model = sp.as_model(net(), name="net")
    examples = sp.examples(X, model.labels(X))
    found = [sp.confront(model, SHIFT, search=Cascade(copy="float32"), examples=examples, batch_size=size) for size in (1, 7, 64)]
    assert found[0].outcome.tolist() == found[1].outcome.tolist() == found[2].outcome.tolist()


def test_a_copy_of_a_model_without_gradients_is_refused_and_not_left_out() -> None:
    model = sp.as_model(lambda x: x.reshape(len(x), -1)[:, :4], name="call", gives="scores")
    examples = sp.examples(X, model.labels(X))
    assert sp.confront(model, SHIFT, search=Cascade(), examples=examples[:2]).bound.value == "at_most"
    with pytest.raises(UsageError, match="needs gradients"):
        sp.confront(model, SHIFT, search=Cascade(copy="float32"), examples=examples)


def test_other_precisions_are_refused() -> None:
    with pytest.raises(UsageError, match="'copy' of cascade must be one of float32, bfloat16, got 'float16'"):
        Cascade(copy="float16")
