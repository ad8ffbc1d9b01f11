"""A transfer matrix looks at each model once, before any work."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof.evaluation.transfer import transfer_matrix as module
from shiftproof.preflight import look_at


def test_models_that_were_looked_at_already_are_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    models = [sp.as_model(nn.Linear(4, 3), name=name) for name in ("one", "two")]
    x = torch.rand(12, 4)
    examples = sp.examples(x, models[0].labels(x))
    looks = [look_at(model, examples) for model in models]
    asked: list[str] = []
    monkeypatch.setattr(module, "look_at", lambda model, examples: asked.append(model.name) or look_at(model, examples))
    given = sp.transfer_matrix([look.model for look in looks], sp.Linf(0.1), examples=examples, looks=looks)
    assert asked == []
    own = sp.transfer_matrix(models, sp.Linf(0.1), examples=examples)
    assert asked == ["one", "two"]
    assert given.accuracy.tolist() == own.accuracy.tolist()
    assert given.sent < own.sent
