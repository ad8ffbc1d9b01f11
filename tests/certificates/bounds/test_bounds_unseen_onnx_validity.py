"""Nothing false is proven of an ONNX file: steps mean what its opset, domain, attributes and inputs say, or are refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

import shiftproof as sp
from shiftproof.certificates import Crown
from shiftproof.certificates.bounds.read_onnx import read_onnx
from shiftproof.certify import certify
from shiftproof.models.onnx_session import OnnxSession

pytest.importorskip("onnxruntime")
node = helper.make_node
TALL = torch.tensor([[1.0, 0.2], [-1.0, 0.5], [0.3, 1.0]])


@dataclass(frozen=True)
class File:
    """Steps from x (n, 2) to h (n, 2), after which every file has a layer of three scores, the last masked by -1e9."""

    steps: tuple[Any, ...]
    weights: tuple[tuple[str, Tensor], ...] = ()
    opset: int = 13
    domains: tuple[tuple[str, int], ...] = ()
    functions: tuple[Any, ...] = ()
    output: tuple[float, ...] = (1.0, -1.0, 0.0)

    def write(self, path: Path) -> Path:
        held = dict(self.weights)
        held |= {"w": torch.tensor([[self.output[0], self.output[1], 0.0], [0.7, 0.3, 0.0]]), "mask": torch.tensor([-0.4, 0.4, -1e9])}
        steps = [*self.steps, node("MatMul", ["h", "w"], ["scores"]), node("Add", ["scores", "mask"], ["y"])]
        entry, exit_ = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", k]) for n, k in (("x", 2), ("y", 3)))
        initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()]
        graph = helper.make_graph(steps, "g", [entry], [exit_], initial)
        imports = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(*each) for each in self.domains)]
        model = helper.make_model(graph, opset_imports=imports, functions=list(self.functions))
        model.ir_version = 8
        onnx.save(model, str(path))
        return path


def function(name: str, *steps: Any) -> Any:
    """A function of the file's own, in the domain "mine"."""
    return helper.make_function("mine", name, ["a"], ["b"], list(steps), [helper.make_opsetid("", 13)])


FILES: dict[str, tuple[File, str]] = {
    "a constant around an example": (
        File((node("Pad", ["x"], ["p"], pads=[0, 1, 0, 0], value=3.0), node("MatMul", ["p", "g"], ["h"])), (("g", TALL),), 9),
        "other than zeros on all axes",
    ),
    "padding of one axis named apart": (
        File(
            (node("Pad", ["x", "pads", "", "axes"], ["p"]), node("MatMul", ["p", "g"], ["h"])),
            (("pads", torch.tensor([1, 0])), ("axes", torch.tensor([1])), ("g", TALL)),
            18,
        ),
        "other than zeros on all axes",
    ),
    "dropout that stays on": (
        File(
            (node("Dropout", ["x", "ratio", "on"], ["h"]),),
            (("ratio", torch.tensor(0.3)), ("on", torch.tensor(True))),
        ),
        "that stays on",
    ),
    "noise": (
        File((node("RandomNormal", [], ["noise"], shape=[2], scale=0.2), node("Add", ["x", "noise"], ["h"]))),
        "random at every run",
    ),
    "a step of another domain": (
        File(
            (node("Relu", ["x"], ["h"], domain="mine"),),
            domains=(("mine", 1),),
            functions=(function("Relu", node("Constant", [], ["c"], value_float=-1.0), node("Mul", ["a", "c"], ["b"])),),
        ),
        "has no bound rule",
    ),
    "a constant of another domain": (
        File(
            (node("Neg", ["k"], ["c"], domain="mine"), node("Add", ["x", "c"], ["h"])),
            (("k", torch.tensor([0.1, 0.2])),),
            domains=(("mine", 1),),
            functions=(function("Neg", node("Identity", ["a"], ["b"])),),
        ),
        "has no bound rule",
    ),
    "values rounded to half precision": (
        File((node("Cast", ["x"], ["c"], to=TensorProto.FLOAT16), node("Cast", ["c"], ["h"], to=TensorProto.FLOAT))),
        r"Cast\) of the model 'net.onnx' has no bound rule",
    ),
    "the number of examples": (
        File((node("Shape", ["x"], ["s"], start=1),
              node("Cast", ["s"], ["f"], to=TensorProto.FLOAT), node("Mul", ["x", "f"], ["h"])), opset=15),
        "has no bound rule",
    ),
}  # fmt: skip


def held_against_moves(path: Path, x: Tensor, eps: float) -> tuple[int, list[int], str]:
    """How many inputs are certified, those that a grid of moves breaks, and why none are."""
    session = OnnxSession(str(path))
    y = session.labels(x)
    finding = certify(sp.as_model(session, name="net"), sp.Linf(eps), certificate=Crown(), examples=sp.examples(x, y))
    axis = torch.linspace(-eps, eps, 21) * 0.999
    moves = torch.cartesian_prod(axis, axis)
    rows = (finding.outcome == "certified").nonzero()[0].tolist()
    bad = [i for i in rows if bool((session.labels((x[i] + moves).clamp(0, 1)) != y[i]).any())]
    return len(rows), bad, " ".join(flag.detail for flag in finding.flags)


@pytest.mark.parametrize("name", FILES)
def test_a_step_that_no_rule_reads_as_it_is_meant_is_refused(name: str, tmp_path: Path) -> None:
    file, says = FILES[name]
    path = file.write(tmp_path / "net.onnx")
    OnnxSession(str(path)).scores(torch.rand(3, 2))  # it runs
    with pytest.raises(sp.UsageError, match=says):
        read_onnx(path)


def test_steps_of_files_before_opset_7_are_refused(tmp_path: Path) -> None:
    file = File((node("Mul", ["x", "k"], ["h"], broadcast=1, axis=0),), (("k", torch.tensor([1.0, 2.0])),), 6)
    with pytest.raises(sp.UsageError, match="of opset 6"):
        read_onnx(file.write(tmp_path / "net.onnx"))


def test_a_value_that_nothing_makes_is_named(tmp_path: Path) -> None:
    with pytest.raises(sp.UsageError, match="of 'nowhere', which no earlier step computes"):
        read_onnx(File((node("Add", ["x", "nowhere"], ["h"]),)).write(tmp_path / "net.onnx"))


def test_constants_are_worked_out_at_the_opset_of_the_file(tmp_path: Path) -> None:
    """Axes as an attribute, as before opset 13."""
    steps = (node("Squeeze", ["k"], ["c"], axes=[0]), node("Add", ["x", "c"], ["h"]))
    path = File(steps, (("k", torch.tensor([[0.1, 0.2]])),), 11).write(tmp_path / "net.onnx")
    x = torch.rand(5, 2)
    torch.testing.assert_close(read_onnx(path)(x), OnnxSession(str(path)).scores(x).double(), rtol=1e-5, atol=1e-6)


def test_factors_of_a_product_are_rounded_too(tmp_path: Path) -> None:
    weights = (("g", torch.tensor([[1.0, 0.2], [-1.0, 0.5]])), ("b", torch.tensor([0.3, -0.1])))
    path = File((node("Gemm", ["x", "g", "b"], ["h"], alpha=0.5, beta=-2.0),), weights).write(tmp_path / "net.onnx")
    x = torch.rand(5, 2)
    network = read_onnx(path)
    torch.testing.assert_close(network(x), OnnxSession(str(path)).scores(x).double(), rtol=1e-5, atol=1e-6)
    assert network.nodes[1].layer is not None
    assert network.nodes[1].layer.terms > 2 + 1, "alpha and beta are roundings of their own"


def test_a_sigmoid_that_the_runtime_only_knows_to_some_digits_proves_no_more(tmp_path: Path) -> None:
    """ONNX Runtime's sigmoid stands still below -18, and is off by parts of 1e-8 above."""
    steps = (node("Gemm", ["x", "g", "b"], ["s"]), node("Sigmoid", ["s"], ["t"]), node("Gemm", ["t", "k", "o"], ["h"]))
    weights = (
        ("g", torch.eye(2)), ("b", torch.tensor([-18.4, -18.4])), ("k", 5e7 * torch.eye(2)), ("o", torch.tensor([-0.25, 0.1])),
    )  # fmt: skip
    path = File(steps, weights).write(tmp_path / "net.onnx")
    x = torch.rand(300, 2, generator=torch.Generator().manual_seed(0))
    _, bad, _ = held_against_moves(path, x, 0.02)
    assert bad == []


def test_a_file_that_does_something_else_is_found_behind_a_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of a rule is seen in the other scores, whatever stands in the masked one."""
    from shiftproof.certificates.bounds import onnx_steps

    monkeypatch.setitem(onnx_steps.RULES, "Relu", lambda call: call.x)
    steps = (node("Sub", ["x", "k"], ["a"]), node("Relu", ["a"], ["h"]))
    path = File(steps, (("k", torch.tensor([0.5, 0.5])),)).write(tmp_path / "net.onnx")
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    certified, bad, why = held_against_moves(path, x, 0.02)
    assert (certified, bad) == (0, [])
    assert "different outputs from what ONNX Runtime computes" in why
