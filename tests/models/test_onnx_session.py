"""ONNX files: which input and output, fixed batches, and the same answers wherever the file is opened."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from shiftproof import UsageError, load_model
from shiftproof.models.abstract import Gradients, Scores
from shiftproof.models.onnx_session import OnnxSession

WEIGHT = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
X = torch.rand(20, 6, generator=torch.Generator().manual_seed(0))
Dim = int | str


def write(
    path: Path,
    *,
    batch: Dim = "n",
    kind: int = TensorProto.FLOAT,
    nodes: list[onnx.NodeProto] | None = None,
    outputs: dict[str, tuple[int, list[Dim] | None]] | None = None,
    second_input: bool = False,
) -> str:
    """A linear model x W, or other nodes on x and W."""
    made = helper.make_graph(
        nodes or [helper.make_node("MatMul", ["x", "w"], ["scores"])],
        "graph",
        [helper.make_tensor_value_info(name, kind, [batch, 6]) for name in (["x", "more"] if second_input else ["x"])],
        [helper.make_tensor_value_info(name, *form) for name, form in (outputs or {"scores": (kind, [batch, 3])}).items()],
        [numpy_helper.from_array(WEIGHT.astype(helper.tensor_dtype_to_np_dtype(kind)), "w")],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return str(path)


@pytest.fixture
def linear(tmp_path: Path) -> str:
    return write(tmp_path / "linear.onnx")


def test_it_gives_the_scores_of_the_graph(linear: str) -> None:
    model = load_model(linear)
    assert isinstance(model, Scores)
    assert not isinstance(model, Gradients)
    assert torch.allclose(model.scores(X), X @ torch.from_numpy(WEIGHT), atol=1e-6)
    assert (model.name, model.device.type) == ("linear.onnx", "cpu")
    assert model.scores(X[:0]).shape[0] == 0


@pytest.mark.parametrize("size", [1, 7, 20])
@pytest.mark.parametrize("batch", ["n", 1, 8])
def test_rows_are_the_same_bits_in_any_batch(tmp_path: Path, batch: Dim, size: int) -> None:
    model = OnnxSession(write(tmp_path / "m.onnx", batch=batch))
    parts = torch.cat([model.scores(part) for part in torch.split(X, size)])
    assert torch.equal(parts, model.scores(X))
    assert torch.allclose(parts, X @ torch.from_numpy(WEIGHT), atol=1e-6)


@pytest.mark.parametrize("kind", [TensorProto.DOUBLE, TensorProto.FLOAT16])
def test_other_floats_are_served(tmp_path: Path, kind: int) -> None:
    scores = OnnxSession(write(tmp_path / "m.onnx", kind=kind)).scores(X)
    assert torch.allclose(scores.float(), X @ torch.from_numpy(WEIGHT), atol=1e-2)


def test_an_open_rank_is_left_to_the_graph(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", outputs={"scores": (TensorProto.FLOAT, None)})
    assert OnnxSession(path).scores(X).shape == (20, 3)


def with_decision(path: Path) -> str:
    """What converters of classifiers write: the decision and the probabilities."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    outputs: dict[str, tuple[int, list[Dim] | None]] = {"label": (TensorProto.INT64, ["n"]), "probabilities": (TensorProto.FLOAT, ["n", 3])}
    return write(path, nodes=nodes, outputs=outputs)


def test_the_scores_are_found_beside_the_decision(tmp_path: Path) -> None:
    scores = OnnxSession(with_decision(tmp_path / "m.onnx")).scores(X)
    assert torch.allclose(scores.sum(1), torch.ones(20))  # probabilities are left as they are
    assert torch.equal(scores.argmax(1), (X @ torch.from_numpy(WEIGHT)).argmax(1))


def test_of_two_possible_outputs_one_must_be_named(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["main"]), helper.make_node("Neg", ["main"], ["other"])]
    outputs: dict[str, tuple[int, list[Dim] | None]] = {name: (TensorProto.FLOAT, ["n", 3]) for name in ("main", "other")}
    path = write(tmp_path / "m.onnx", nodes=nodes, outputs=outputs)
    with pytest.raises(UsageError, match="The 'output' of the model 'm.onnx' must be named, .*main.*other.*Write m.onnx:main, say"):
        load_model(path)
    main, other = load_model(f"{path}:main"), load_model(f"{path}:other")
    assert torch.equal(main.labels(X), (X @ torch.from_numpy(WEIGHT)).argmax(1))
    assert main.fingerprint() != other.fingerprint()
    with pytest.raises(UsageError, match="must be one of main, other, got 'third'"):
        load_model(f"{path}:third")


def test_a_decision_alone_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["s"]), helper.make_node("ArgMax", ["s"], ["label"], axis=1, keepdims=0)]
    path = write(tmp_path / "m.onnx", nodes=nodes, outputs={"label": (TensorProto.INT64, ["n"])})
    with pytest.raises(
        UsageError, match=r"must hold floating scores of shape \(n, classes\), got .label tensor\(int64\).*Export the scores"
    ):
        OnnxSession(path)


def test_dictionaries_of_probabilities_are_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["s"]),
        helper.make_node("ZipMap", ["s"], ["zipped"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]),
    ]
    value = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    made = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 6])],
        [helper.make_value_info("zipped", helper.make_sequence_type_proto(value))],
        [numpy_helper.from_array(WEIGHT, "w")],
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(made, opset_imports=domains, ir_version=9), tmp_path / "m.onnx")
    with pytest.raises(
        UsageError, match=r"returns probabilities as dictionaries \(ZipMap.*Export it again with options=\{'zipmap': False\}"
    ):
        OnnxSession(str(tmp_path / "m.onnx"))


def test_inputs_that_do_not_fit_are_refused(linear: str, tmp_path: Path) -> None:
    for wrong in (torch.rand(2, 5), torch.rand(2, 1, 6)):
        shape = str(tuple(wrong.shape)).replace("(", r"\(").replace(")", r"\)")
        with pytest.raises(UsageError, match=rf"The 'inputs' of the model 'linear.onnx' must have shape \(n, 6\), got {shape}"):
            load_model(linear).labels(wrong)
    two = write(tmp_path / "two.onnx", second_input=True)
    with pytest.raises(UsageError, match="must be one tensor, got 'x, more'. Export the model with all features in one matrix"):
        OnnxSession(two)
    whole = [helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT), helper.make_node("Cast", ["w"], ["v"], to=TensorProto.FLOAT)]
    whole.append(helper.make_node("MatMul", ["f", "v"], ["scores"]))
    bytes_in = write(tmp_path / "b.onnx", kind=TensorProto.UINT8, nodes=whole, outputs={"scores": (TensorProto.FLOAT, ["n", 3])})
    with pytest.raises(UsageError, match=r"must be a floating tensor, got 'tensor\(uint8\)'. Export it with a floating input"):
        OnnxSession(bytes_in)


def test_files_that_are_no_graphs_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no ONNX file '.*none.onnx'. Paths are relative to"):
        load_model(str(tmp_path / "none.onnx"))
    (tmp_path / "bad.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UsageError, match=r"The ONNX file '.*bad.onnx' cannot be loaded: \w+: "):
        load_model(str(tmp_path / "bad.onnx"))


def test_threads_must_be_positive(linear: str) -> None:
    with pytest.raises(UsageError, match="The 'threads' of the model .* must be at least 1, got 0"):
        OnnxSession(linear, threads=0)
    assert torch.equal(OnnxSession(linear, threads=1).scores(X), OnnxSession(linear, threads=2).scores(X))


def test_without_the_package_the_message_says_what_to_install(linear: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"'onnxruntime', which is not installed. Run: pip install 'shiftproof\[onnx\]'"):
        load_model(linear)


def test_weights_have_no_place(linear: str) -> None:
    with pytest.raises(UsageError, match=r"The weights 'w.pt' were given for '.*linear.onnx', which is not a torch module"):
        load_model(linear, weights="w.pt")


def test_it_is_opened_again_where_it_arrives(linear: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = OnnxSession("linear.onnx", name="mine", threads=1)
    sent = pickle.dumps(model)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = pickle.loads(sent)
    assert torch.equal(again.scores(X), model.scores(X))
    assert again.name == "mine"


def test_the_fingerprint_is_that_of_the_file_and_its_data(linear: str, tmp_path: Path) -> None:
    model = OnnxSession(linear)
    first = model.fingerprint()
    copied = tmp_path / "copy.onnx"
    copied.write_bytes(Path(linear).read_bytes())
    assert OnnxSession(str(copied)).fingerprint() == first
    (tmp_path / "linear.onnx.data").write_bytes(b"1")  # a file that the graph does not name
    assert model.fingerprint() == first
    whole = onnx.load(linear)
    apart = tmp_path / "apart.onnx"
    onnx.save(whole, str(apart), save_as_external_data=True, location="weights of mine.bin", size_threshold=0)
    outside = OnnxSession(str(apart))
    before, data = outside.fingerprint(), bytearray((tmp_path / "weights of mine.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "weights of mine.bin").write_bytes(data)
    assert outside.fingerprint() != before
