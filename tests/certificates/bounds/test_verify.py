"""`shiftproof.verify` and its command: answers, checked counterexamples, exit codes and messages."""

from __future__ import annotations

import gc
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

import shiftproof as sp
from bound_nets import exact_least, filled, mlp, settled
from shiftproof._errors import UsageError
from shiftproof.certificates.bounds import decide
from shiftproof.certificates.bounds import verify as module
from shiftproof.certificates.bounds.attack import descend
from shiftproof.certificates.bounds.branching import Branching
from shiftproof.certificates.bounds.deadline import Deadline
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.query import Referee, queries
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.verify import VerificationResult
from shiftproof.certificates.bounds.vnnlib import parse_vnnlib
from shiftproof.cli.verify import command

C = torch.tensor([1.0, -1.0])


def net_file(tmp_path: Path, net: nn.Sequential) -> Path:
    """A network of Linear and ReLU layers as an ONNX file."""
    nodes, held, last = [], [], "x"
    for i, layer in enumerate(net):
        out = "y" if i == len(net) - 1 else f"h{i}"
        if isinstance(layer, nn.Linear):
            held += [numpy_helper.from_array(np.asarray(t.detach()), f"{n}{i}") for n, t in (("w", layer.weight), ("b", layer.bias))]
            nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [out], transB=1))
        else:
            nodes.append(helper.make_node("Relu", [last], [out]))
        last = out
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    sizes = (("x", linear[0].in_features), ("y", linear[-1].out_features))
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, k]) for n, k in sizes]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], held), opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(tmp_path / "net.onnx"))
    return tmp_path / "net.onnx"


def property_text(features: int, limit: float, eps: float = 0.6) -> str:
    """Inputs within eps of 0.5, and the first score at most `limit` above the second."""
    lines = [f"(declare-const X_{i} Real)" for i in range(features)] + [f"(declare-const Y_{i} Real)" for i in range(2)]
    lines += [f"(assert (>= X_{i} {0.5 - eps}))\n(assert (<= X_{i} {0.5 + eps}))" for i in range(features)]
    return "\n".join([*lines, f"(assert (<= (- Y_0 Y_1) {limit!r}))"])


@pytest.fixture
def case(tmp_path: Path) -> tuple[Path, float]:
    """A network file and the exact least difference of its scores."""
    net = settled(mlp(3, 4, 3, 2), 2)
    assert isinstance(net, nn.Sequential)
    low, high = torch.full((3,), 0.5 - 0.6), torch.full((3,), 0.5 + 0.6)
    return net_file(tmp_path, net), exact_least(net, low, high, C)


@pytest.mark.parametrize("few", [16, 0])
def test_answers_follow_the_exact_value(case: tuple[Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(decide, "FEW", few)  # 0: units are split, as for many inputs
    path, exact = case
    for limit, answer in ((exact - 1e-3, "holds"), (exact + 1e-3, "violated")):
        (tmp_path / "p.vnnlib").write_text(property_text(3, limit))
        verdict = sp.verify(path, tmp_path / "p.vnnlib", timeout=60)
        assert verdict.answer == answer, verdict.reason
        if answer == "violated":
            assert verdict.counterexample is not None
            assert verdict.scores is not None
            assert verdict.excess is not None
            assert float(verdict.scores @ C.double()) <= limit
            assert verdict.excess[1] is not None
            assert max(verdict.excess[0], verdict.excess[1]) <= 0
            assert torch.equal(verdict.counterexample.float().double(), verdict.counterexample)


def test_time_that_ends_is_unknown(case: tuple[Path, float]) -> None:
    path, exact = case
    ticks = iter(range(10_000))
    verdict = sp.verify(path, parse_vnnlib(property_text(3, exact - 1e-9)), timeout=1, clock=lambda: float(next(ticks)))
    assert verdict.answer == "unknown"
    assert "undecided" in verdict.reason
    assert verdict.counterexample is None


def test_what_the_runtime_denies_is_no_counterexample() -> None:
    net = nn.Sequential(nn.Linear(1, 1))
    network = read_torch(settled(net, 0), (1,)).exact()
    one = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 0)) (assert (<= X_0 1)) (assert (<= Y_0 1000))"
    (query,) = queries(network, parse_vnnlib(one))
    x = torch.tensor([[0.5]], dtype=torch.float64)
    assert Referee(network).first(x, query) is not None
    assert Referee(network, lambda given: torch.full((len(given), 1), 2000.0)).first(x, query) is None
    assert Referee(network, network).first(x, query) is not None


def test_counterexamples_are_what_float32_can_hold_inside_the_box() -> None:
    low = torch.tensor([[0.1, 0.1]], dtype=torch.float64)
    box = Box(low, torch.tensor([[0.2, 0.1]], dtype=torch.float64))  # 0.1 in float32 is above 0.1
    network = read_torch(nn.Linear(2, 2), (2,))
    found = Referee(network).settled(low, box)
    assert torch.equal(found, found.float().double())
    assert float(found[0, 0]) >= 0.1
    below = Referee(network).settled(box.high, box)
    assert float(below[0, 0]) <= 0.2


def test_conjunctions_need_every_row() -> None:
    net = filled([[1.0], [-1.0]], [0.0, 0.0])
    head = "(declare-const X_0 Real) (declare-const Y_0 Real) (declare-const Y_1 Real) (assert (>= X_0 -1)) (assert (<= X_0 1))"
    both = parse_vnnlib(head + "(assert (and (>= Y_0 0.5) (>= Y_1 0.5)))")
    either = parse_vnnlib(head + "(assert (or (>= Y_0 0.5) (>= Y_1 1.5)))")
    nothing = parse_vnnlib(head)
    assert sp.verify(net, both, shape=(1,)).answer == "holds"
    assert sp.verify(net, either, shape=(1,)).answer == "violated"
    assert sp.verify(net, nothing, shape=(1,)).answer == "violated", "any input violates what forbids all"


WIDE = 20


def wide_text(eps: float, body: str) -> str:
    """WIDE inputs within eps of 0.5 and three scores."""
    lines = [f"(declare-const X_{i} Real)" for i in range(WIDE)] + [f"(declare-const Y_{i} Real)" for i in range(3)]
    lines += [f"(assert (>= X_{i} {0.5 - eps})) (assert (<= X_{i} {0.5 + eps}))" for i in range(WIDE)]
    return "\n".join([*lines, body])


@pytest.mark.parametrize("curve", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_a_conjunction_over_many_inputs_is_split(curve: type[nn.Module]) -> None:
    """Neither row is excluded by itself: both violations exist, at different inputs."""
    rest = [0.0] * (WIDE - 1)
    net = nn.Sequential(
        filled([[4.0, *rest], [-4.0, *rest]], [-2.0, 2.0]), curve(), filled([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [0.0, 0.0, 0.0])
    )
    with torch.no_grad():
        middle = float(net(torch.full((1, WIDE), 0.5))[0, 0])
        most = float(net(torch.full((1, WIDE), 1.0))[0, 0])
    limit = middle + 0.5 * (most - middle)
    both = f"(assert (>= Y_0 {limit!r})) (assert (>= Y_1 {limit!r}))"
    for rows, answer in ((both, "holds"), (f"(assert (>= Y_0 {limit!r}))", "violated"), (f"(assert (>= Y_1 {limit!r}))", "violated")):
        verdict = sp.verify(net, parse_vnnlib(wide_text(0.5, rows)), shape=(WIDE,), timeout=60)
        assert verdict.answer == answer, verdict.reason


@pytest.mark.parametrize("seed", [1, 5])
def test_wide_networks_use_all_of_the_time(seed: int) -> None:
    """An early answer 'the time ended' would be false: parts are split until the clock says so, and little beyond."""
    net = settled(mlp(WIDE, 16, 12, 3, curve=nn.Sigmoid), seed)
    network = read_torch(net, (WIDE,)).exact()
    box = Box(torch.zeros(1, WIDE, dtype=torch.float64), torch.ones(1, WIDE, dtype=torch.float64))
    with torch.no_grad():
        found = descend(network, box, lambda scores: scores[:, :1], generator=torch.Generator().manual_seed(0), starts=256, steps=200)
        limit = float(network(found)[0, 0]) - 1e-4
    ticks = iter(range(1_000_000))
    asked = parse_vnnlib(wide_text(0.5, f"(assert (<= Y_0 {limit!r}))"))
    verdict = sp.verify(net, asked, shape=(WIDE,), timeout=150, clock=lambda: float(next(ticks)))
    assert verdict.answer == "unknown"
    assert "the time ended with" in verdict.reason
    assert 150 <= next(ticks) < 170


def test_why_nothing_is_decided_is_said() -> None:
    class Left(Branching):
        def __init__(self, waiting: int, stuck: int) -> None:
            self._waiting, self.stuck = waiting, stuck

        @property
        def waiting(self) -> int:
            return self._waiting

        def run(self, deadline: Deadline) -> None:
            return None

    assert decide._why_open([Left(0, 0)], 0, 0, 1) == ""
    assert decide._why_open([Left(3, 0), Left(2, 0)], 1, 0, 2) == "the time ended with 6 parts undecided"
    said = decide._why_open([Left(0, 2)], 0, 3, 5)
    assert "the time ended before 3 of 5 boxes of the property were bounded" in said
    assert "on 2 parts the scores are too close to the property's limit for this precision, which more time does not change" in said


def test_bad_input_is_named(case: tuple[Path, float]) -> None:
    asked = parse_vnnlib(property_text(4, 0.0))
    with pytest.raises(UsageError, match="is about 4 inputs, and the network has 3"):
        sp.verify(case[0], asked)
    with pytest.raises(UsageError, match="The 'timeout' of verify must be in"):
        sp.verify(case[0], asked, timeout=0)
    with pytest.raises(UsageError, match="The shape of one input must be given"):
        sp.verify(nn.Linear(4, 2), asked)


@pytest.mark.parametrize(("offset", "code", "answer"), [(-0.5, 0, "holds"), (0.5, 1, "violated")])
def test_the_command(case: tuple[Path, float], tmp_path: Path, offset: float, code: int, answer: str) -> None:
    path, exact = case
    (tmp_path / "p.vnnlib").write_text(property_text(3, exact + offset))
    arguments = [str(path), str(tmp_path / "p.vnnlib")]
    shown = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert shown.return_value == code, shown.output
    assert shown.output.startswith(f"{answer}: ")
    assert ("in ONNX Runtime" in shown.output) == (code == 1)
    record = json.loads(CliRunner().invoke(command, [*arguments, "--json"], standalone_mode=False).output)
    assert record["answer"] == answer
    assert (record["counterexample"] is not None) == (code == 1)


def test_unknown_and_a_missing_runtime_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, VerificationResult] = {}

    def give(*_: object, **__: object) -> VerificationResult:
        return made["verdict"]

    monkeypatch.setattr(module, "verify", give)
    made["verdict"] = VerificationResult("unknown", "time ran out with 3 parts undecided", None, None, None, None, 9, 1.0)
    shown = CliRunner().invoke(command, ["n.onnx", "p.vnnlib"], standalone_mode=False)
    assert shown.return_value == 3
    assert re.fullmatch(r"unknown: time ran out with 3 parts undecided \(1\.0 s, after \d+\.\d s of loading libraries\)\n", shown.output)
    x: Tensor = torch.zeros(10)
    made["verdict"] = VerificationResult("violated", "found", x, torch.ones(2), None, (-0.5, None), 1, 1.0)
    shown = CliRunner().invoke(command, ["n.onnx", "p.vnnlib"], standalone_mode=False)
    assert "not checked in ONNX Runtime" in shown.output
    assert "(10 in all; --json prints them)" in shown.output


def test_the_time_limit_of_the_command_counts_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def give(*_: object, timeout: float, **__: object) -> VerificationResult:
        given.append(timeout)
        return VerificationResult("holds", "found", None, None, None, None, 9, 1.0)

    monkeypatch.setattr(module, "verify", give)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    arguments = ["n.onnx", "p.vnnlib", "--timeout", "100", "--json"]
    began = time.monotonic() - 60
    shown = CliRunner().invoke(command, arguments, standalone_mode=False, obj=began)
    assert 0 < given[0] <= 40
    assert json.loads(shown.output)["start_seconds"] >= 60
    shown = CliRunner().invoke(command, arguments, standalone_mode=False, obj=began - 60)
    assert (shown.return_value, len(given)) == (3, 1)
    assert json.loads(shown.output)["reason"] == "the time ended while libraries were loaded"
    with pytest.raises(UsageError, match="The '--timeout' of verify must be in"):
        CliRunner().invoke(command, [*arguments[:2], "--timeout", "0"], standalone_mode=False, catch_exceptions=False)


def test_the_clock_can_be_the_process_s_own() -> None:
    spent = SimpleNamespace(now=0.0)
    end = Deadline.within(10, lambda: spent.now)
    spent.now = 4.0
    assert (end.left, end.over, end.share(0.5).at) == (6.0, False, 7.0)
    spent.now = 10.0
    assert (end.left, end.over) == (0.0, True)
