"""What is read of a torch module or an ONNX file computes the same, and what cannot be read is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from bound_nets import Residual, conv_net, mlp, settled
from shiftproof._errors import MissingExtra, UsageError
from shiftproof.certificates import Crown
from shiftproof.certificates.bounds.builder import WITHOUT
from shiftproof.certificates.bounds.check_outputs import check_same
from shiftproof.certificates.bounds.layers import Convolution, LinearLayer
from shiftproof.certificates.bounds.read_onnx import read_onnx
from shiftproof.certificates.bounds.read_torch import objection_to, read_torch
from shiftproof.models.onnx_session import OnnxSession
from shiftproof.randomness import Rng


class Functional(nn.Module):
    """Everything by functions and methods."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 2, 3, 3))
        self.last = nn.Parameter(torch.zeros(5, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x[:, :, ::2, :5], (1, 0, 0, 1)).mul(2.0).sub(1.0) / 3.0
        x = F.conv2d(x, self.weight, padding="same").relu()
        x = torch.cat([F.adaptive_avg_pool2d(x, 1), F.max_pool2d(x, 2)[:, :, :1, :1]], dim=1)
        x = x.permute(0, 2, 3, 1).contiguous().view(x.size(0), -1)
        return F.sigmoid(-x + 0.25) @ self.last.T


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (mlp(4, 5, 3), (4,)),
        (Residual(4, 3), (4,)),
        (conv_net(), (2, 6, 6)),
        (conv_net(pool=nn.MaxPool2d(2), groups=2, padding=0), (2, 6, 6)),
        (conv_net(pool=nn.AdaptiveAvgPool2d(1)), (2, 6, 6)),
        (Functional(), (2, 8, 6)),
    ],
)
def test_a_torch_module_computes_the_same(net: nn.Module, shape: tuple[int, ...]) -> None:
    net = settled(net, 2)
    net.train()
    x = torch.rand(7, *shape)
    network = read_torch(net, shape)
    assert net.training, "it must be left in its mode"
    with torch.no_grad():
        torch.testing.assert_close(network(x), settled(net, 2)(x).double(), rtol=1e-5, atol=1e-5)


def test_constants_become_part_of_the_layer_before() -> None:
    network = read_torch(settled(conv_net(), 0), (2, 6, 6))
    kinds = [type(node.layer).__name__ for node in network.nodes[1:]]
    assert kinds == ["Convolution", "Relu", "Convolution", "Sigmoidal", "Positive", "Reshape", "LinearLayer"]
    first = network.nodes[1].layer
    assert isinstance(first, Convolution)
    assert first.folded is not None
    assert first.terms == 2 * 9 + 1 + 8


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Hidden(nn.Module):
    """Its forward does what a trace does not show: it depends on the number of calls."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(2, 2), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.layer(x) + float(self.calls)  # type: ignore[no-any-return]


class Calls(nn.Module):
    """A module that applies one function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.layer, self.function = nn.Linear(4, 4), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.layer(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            nn.Sequential(nn.Linear(4, 4), nn.GELU()),
            r"The layer 1 \(GELU\) of the model 'net' has no bound rule.*randomised smoothing",
        ),
        (Calls(torch.exp), r"The layer exp \(exp\) of the model 'net' has no bound rule"),
        (Calls(lambda x: x * x), "a product of two values that depend on the input"),
        (Calls(lambda x: 1.0 / x), "division by a value that depends on the input|has no bound rule"),
        (Calls(lambda x: x.reshape(-1, 2)), "mixes examples"),
        (Calls(lambda x: x.mean()), "mixes examples"),
        (Calls(lambda x: x.flatten(0)), "flattens the batch axis"),
        (Calls(lambda x: torch.cat([x, x])), "concatenates along the batch axis"),
        (Calls(lambda x: x[:2]), "indexing the examples"),
        (Calls(lambda x: F.pad(x, (1, 1), value=2.0)), "padding other than by zeros"),
        (Calls(lambda x: F.dropout(x, training=True)), "dropout that stays on"),
        (Calls(lambda x: x + x.mean(1, keepdim=True)), "branches of shapes"),
        (Calls(lambda x: x.reshape(len(x), 2, 2)), "cannot be traced|must have shape"),
        (Calls(lambda x: x[:, None]), r"The scores of the model 'net' must have shape \(n, classes\), got \(n, 1, 4\)"),
        (Branching(), "cannot be traced.*Export it to ONNX"),
        (Hidden(), "changes its own attributes|gives different outputs"),
        (nn.Sequential(nn.Linear(3, 2)), "does not fit inputs of its shape"),
        (nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4, track_running_stats=False)), "statistics of the batch"),
        (nn.Sequential(nn.Unflatten(1, (1, 4))), "Unflatten"),
    ],
)
def test_what_cannot_be_read_is_named(net: nn.Module, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_torch(net, (4,) if not isinstance(net, Hidden) else (2,), name="net")


def test_hooks_and_half_precision_are_refused() -> None:
    net = nn.Linear(4, 2)
    net.register_forward_hook(lambda module, inputs, output: output * 2)
    with pytest.raises(UsageError, match="forward hooks"):
        read_torch(net, (4,))
    assert objection_to(net, "net") == "'net' has forward hooks, whose effect is unknown"
    assert objection_to(nn.Linear(4, 2).half(), "net") == "it needs weights in float32 or float64, and 'net' has float16"


def test_objections_need_no_inputs() -> None:
    assert objection_to(conv_net(), "net") is None
    assert objection_to(Residual(4, 3), "net") is None
    assert objection_to(nn.Sequential(nn.Linear(2, 2), nn.GELU()), "net") == f"the layer 1 (GELU) of 'net' has no bound rule: {WITHOUT}"
    assert objection_to(Calls(torch.exp), "net") == f"'net' calls exp, which has no bound rule: {WITHOUT}"
    assert "cannot be traced" in str(objection_to(Branching(), "net"))


def onnx_file(
    path: Path, nodes: Sequence[Any], weights: dict[str, Tensor], shape: Sequence[int | str], outputs: Sequence[int | str] = (1, "k")
) -> Path:
    """A graph from x to y, with these initial values."""
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    entry, exit_ = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", shape), ("y", outputs)))
    model = helper.make_model(helper.make_graph(list(nodes), "g", [entry], [exit_], held), opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def dense(**extra: Any) -> tuple[list[Any], dict[str, Tensor]]:
    """Steps on (n, 2, 6, 6) that hold most of the rules."""
    draw = torch.Generator().manual_seed(0)
    node = helper.make_node
    steps = [
        node("Sub", ["x", "mean"], ["a"]),
        node("Pad", ["a", "pads"], ["b"]),
        node("Conv", ["b", "w", "wb"], ["c"], strides=[2, 1], pads=[1, 0, 0, 1], dilations=[1, 1], group=1),
        node("BatchNormalization", ["c", "g", "h", "m", "v"], ["d"], epsilon=1e-3),
        node("Relu", ["d"], ["e"]),
        node("MaxPool", ["e"], ["f1"], kernel_shape=[2, 2], strides=[1, 1]),
        node("AveragePool", ["e"], ["f2"], kernel_shape=[2, 2], strides=[1, 1]),
        node("Concat", ["f1", "f2"], ["i"], axis=1),
        node("Transpose", ["i"], ["j"], perm=[0, 2, 3, 1]),
        node("ReduceMean", ["j"], ["k"], axes=[1], keepdims=0),
        node("Shape", ["k"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n", "zeros"], ["n1"]),
        node("Concat", ["n1", "minus"], ["target"], axis=0),
        node("Reshape", ["k", "target"], ["l"]),
        node("Gemm", ["l", "u", "ub"], ["o"], alpha=0.5, beta=2.0, transB=1),
        node("Tanh", ["o"], ["p"]),
        node("Sigmoid", ["o"], ["q"]),
        node("Neg", ["q"], ["r"]),
        node("Add", ["p", "r"], ["t"]),
        node("Div", ["t", "two"], ["z"]),
        node("MatMul", ["z", "last"], ["y0"]),
        node("Add", ["bias", "y0"], ["y"]),
    ]

    def rand(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    weights = {
        "mean": rand(1, 2, 1, 1), "pads": torch.tensor([0, 0, 1, 0, 0, 0, 0, 1]), "w": rand(4, 2, 3, 2), "wb": rand(4), "g": rand(4),
        "h": rand(4), "m": rand(4), "v": rand(4).abs() + 0.5, "zero": torch.tensor(0), "zeros": torch.tensor([0]),
        "minus": torch.tensor([-1]),
        "two": torch.tensor(2.0), "last": rand(3, 3), "bias": rand(3), "ub": rand(3), "u": rand(3, 48),
    }  # fmt: skip
    return steps, {**weights, **extra}


@pytest.mark.parametrize("batch", ["n", 1])
def test_an_onnx_file_computes_the_same(tmp_path: Path, batch: int | str) -> None:
    steps, weights = dense()
    path = onnx_file(tmp_path / "net.onnx", steps, weights, [batch, 2, 6, 6], [batch, 3])
    x = torch.rand(3, 2, 6, 6)
    network = read_onnx(path)
    torch.testing.assert_close(network(x), OnnxSession(str(path)).scores(x).double(), rtol=1e-4, atol=1e-5)
    assert network.unit == 2.0**-24


def test_the_weights_of_a_torch_module_and_of_its_file_make_the_same_bounds(tmp_path: Path) -> None:
    net = settled(mlp(4, 5, 3), 1)
    a, b, c, d = (each.detach() for each in net.parameters())
    node = helper.make_node
    steps = [node("Gemm", ["x", "a", "b"], ["h"], transB=1), node("Relu", ["h"], ["r"]), node("MatMul", ["r", "c"], ["m"])]
    steps.append(node("Add", ["m", "d"], ["y"]))
    weights = {"a": a, "b": b, "c": c.T.contiguous(), "d": d}
    network = read_onnx(onnx_file(tmp_path / "net.onnx", steps, weights, ["n", 4], ["n", 3]))
    assert [type(n.layer) for n in network.nodes[1:]] == [LinearLayer, type(network.nodes[2].layer), LinearLayer]
    x = torch.rand(5, 4, dtype=torch.float64)
    torch.testing.assert_close(network(x), read_torch(net, (4,))(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("steps", "weights", "message"),
    [
        ([helper.make_node("Softmax", ["x"], ["y"])], {}, "has no bound rule"),
        ([helper.make_node("Mul", ["x", "x"], ["y"])], {}, "two values that depend on the input"),
        ([helper.make_node("Reshape", ["x", "s"], ["y"])], {"s": torch.tensor([-1, 2])}, "mixes examples"),
        ([helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])], {}, "of the batch axis"),
        ([helper.make_node("Concat", ["x", "x"], ["y"], axis=0)], {}, "concatenates along the batch axis"),
        ([helper.make_node("Gemm", ["x", "w"], ["y"], transA=1)], {"w": torch.zeros(4, 4)}, "transA"),
        ([helper.make_node("Gemm", ["w", "x"], ["y"])], {"w": torch.zeros(4, 4)}, "of a constant|by a value that depends"),
    ],
)
def test_steps_without_a_rule_are_named(tmp_path: Path, steps: list[Any], weights: dict[str, Tensor], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_onnx(onnx_file(tmp_path / "net.onnx", steps, weights, ["n", 4]))


def test_files_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="There is no ONNX file"):
        read_onnx(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"\x08\xff\xff not a graph")
    with pytest.raises(UsageError, match=r"bad\.onnx' cannot be read"):
        read_onnx(tmp_path / "bad.onnx")
    relu = [helper.make_node("Relu", ["x"], ["y"])]
    free = onnx_file(tmp_path / "free.onnx", relu, {}, ["n", "k"])
    with pytest.raises(UsageError, match="does not fix the shape of its input"):
        read_onnx(free)
    assert read_onnx(free, (3,)).nodes[0].shape == (3,)
    with pytest.raises(UsageError, match=r"must have shape \(n, 4\), got \(n, \(3,\)\)"):
        read_onnx(onnx_file(tmp_path / "four.onnx", relu, {}, ["n", 4]), (3,))
    with pytest.raises(UsageError, match="no output 'z'"):
        read_onnx(free, (3,), output="z")
    import builtins

    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"pip install 'shiftproof\[onnx\]'"):
        read_onnx(free)


def test_a_file_is_checked_against_the_runtime(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["y"])], {}, ["n", 4], ["n", 4])
    network, session, x = read_onnx(path), OnnxSession(str(path)), torch.rand(2, 4)
    check_same(network, session.scores, x, "net")
    with pytest.raises(UsageError, match="gives different outputs from what ONNX Runtime computes"):
        check_same(network, lambda given: session.scores(given) + 0.1, x, "net")
    model = sp.as_model(session, name="net")
    (proof,) = Crown().certify(model, sp.Linf(0.01), torch.tensor([[0.9, 0.1, 0.1, 0.1]]), Rng.for_ids(0, ["a"])).radius
    assert float(proof) == 0.01
