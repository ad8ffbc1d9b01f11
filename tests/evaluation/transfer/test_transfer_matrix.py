"""A transfer matrix looks at each model once, before any work."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof.data.examples import Examples
from shiftproof.evaluation.transfer import transfer_matrix as module
from shiftproof.models.abstract import Labels
from shiftproof.preflight import InspectedModel, look_at


def test_models_that_were_looked_at_already_are_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    models = [sp.as_model(nn.Linear(4, 3), name=name) for name in ("one", "two")]
    x = torch.rand(12, 4)
    examples = sp.examples(x, models[0].labels(x))
    looks = [look_at(model, examples) for model in models]
    asked: list[str] = []

    def counted(model: Labels, examples: Examples) -> InspectedModel:
        asked.append(model.name)
        return look_at(model, examples)

    monkeypatch.setattr(module, "look_at", counted)
    given = sp.transfer_matrix([look.model for look in looks], sp.Linf(0.1), examples=examples, looks=looks)
    assert asked == []
    own = sp.transfer_matrix(models, sp.Linf(0.1), examples=examples)
    assert asked == ["one", "two"]
    assert given.accuracy.tolist() == own.accuracy.tolist()
    assert given.asked < own.asked
