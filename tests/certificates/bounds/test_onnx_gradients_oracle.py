"""Gradients of ONNX files: those of torch on the same network, and refused where the graph cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from shiftproof import UsageError, as_model, audit, examples, load_model
from shiftproof.certificates.bounds.onnx_gradients import with_gradients
from shiftproof.models.abstract import Gradients

RNG = np.random.default_rng(0)
FIRST, LAST = RNG.normal(size=(6, 5)).astype(np.float32), RNG.normal(size=(5, 3)).astype(np.float32)
X = torch.rand(20, 6, generator=torch.Generator().manual_seed(0))


def written(path: Path, middle: str = "Relu") -> str:
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node(middle, ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "last"], ["scores"]),
    ]
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 6])
    end = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])
    weights = [numpy_helper.from_array(FIRST, "first"), numpy_helper.from_array(LAST, "last")]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [entry], [end], weights), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    onnx.save(model, str(path))
    return str(path)


def test_gradients_are_those_of_the_network(tmp_path: Path) -> None:
    model = with_gradients(load_model(written(tmp_path / "net.onnx")), X)
    assert isinstance(model, Gradients)
    leaf = X.clone().requires_grad_()
    scores = model.scores(leaf)
    plain = torch.relu(leaf @ torch.from_numpy(FIRST)) @ torch.from_numpy(LAST)
    assert torch.allclose(scores, plain, atol=1e-5)
    weight = torch.rand(scores.shape)
    ours, theirs = (torch.autograd.grad((out * weight).sum(), leaf)[0] for out in (scores, plain))
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.equal(model.scores(X), model.session.scores(X))  # verdicts are those of ONNX Runtime


def test_a_run_attacks_by_gradients(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx")
    data = examples(X.numpy(), load_model(path).labels(X).numpy())
    ask: dict[str, Any] = {"shifts": ["linf(eps=0.3)"], "searches": ["gradient_ascent(steps=5)"], "out": str(tmp_path / "run")}
    report = audit(path, data, gradients=True, progress=False, **ask)
    assert report.record.model.access == "gradients"
    assert report.accuracy("linf(eps=0.3)") < 1
    with pytest.raises(UsageError, match="gradient_ascent needs gradients"):
        audit(path, data, progress=False, shifts=["linf(eps=0.3)"], searches=["gradient_ascent"])


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="of the model 'net.onnx' has no bound rule"):
        with_gradients(load_model(written(tmp_path / "net.onnx", "Erf")), X)
    with pytest.raises(UsageError, match="be asked of an ONNX file, got 'TorchModule'. .*leave --gradients out"):
        with_gradients(as_model(torch.nn.Linear(6, 3)), X)
