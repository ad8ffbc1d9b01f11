"""Decides properties of networks: holds, violated with a checked counterexample, or unknown within the time given."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from shiftproof._errors import MissingExtra, UsageError, must
from shiftproof.certificates.bounds.check_outputs import check_same
from shiftproof.certificates.bounds.deadline import Clock, Deadline
from shiftproof.certificates.bounds.decide import decide
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.query import Query, Referee, Scorer, queries
from shiftproof.certificates.bounds.read_onnx import read_onnx
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.trace import device_of
from shiftproof.certificates.bounds.vnnlib import Property, read_vnnlib
from shiftproof.models.torch_module import TorchModule

PropertyAnswer = Literal["holds", "violated", "unknown"]


@dataclass(frozen=True, eq=False)
class VerificationResult:
    """The answer to a property.

    Args:
        answer: holds, violated or unknown.
        reason: what decided, or why nothing did.
        counterexample: where violated, the input, in the network's shape.
        scores: the network's there, in float64.
        runtime_scores: ONNX Runtime's there, in float32; None where it was not asked.
        excess: how far these scores are from the case that happens: at most 0, more below is clearer; (float64's, the runtime's).
        explored: parts of the input set that were bounded.
        seconds: wall time.
    """

    answer: PropertyAnswer
    reason: str
    counterexample: Tensor | None
    scores: Tensor | None
    runtime_scores: Tensor | None
    excess: tuple[float, float | None] | None
    explored: int
    seconds: float


def verify(
    network: str | Path | nn.Module | Network,
    property: str | Path | Property,  # noqa: A002  # what it is called everywhere
    *,
    timeout: float = 60.0,
    seed: int = 0,
    shape: tuple[int, ...] | None = None,
    clock: Clock = time.monotonic,
) -> VerificationResult:
    """Whether a network has a property: no input of a set makes its scores do what the property forbids.

    Args:
        network: an ONNX file, or a torch module with the `shape` of one input.
        property: a VNN-LIB file, or a property read from one. It describes the violations.
        timeout: seconds, in (0, inf). The clock is looked at inside every long step; what is under way may take up to a second more.
        seed: of the search for counterexamples.
        shape: of one input, where the network does not say it.
        clock: counts the seconds: wall time, or `time.process_time` for this process only.
    Guarantees:
        `holds` is a proof for the network of exact arithmetic with the file's weights, the rounding of our own float64 included; what
        float32 rounds when the network runs is not (the convention of the verification competitions). `violated` comes with an input
        that float32 can hold, in the property's set (where a side of it is narrower than float32 can tell, at the nearest float32
        value), and that is a violation both of the network in float64 and, for a file, in ONNX Runtime. Both must confirm a counterexample.

    Raises:
        UsageError: the network or the property cannot be read, they do not fit, or what was read of a file does not compute what ONNX
            Runtime computes.

    Cost: up to the timeout, on one core unless torch uses more. Splitting is exponential in the worst case.

    Example:
        >>> from shiftproof.certificates.bounds.vnnlib import parse_vnnlib
        >>> forbidden = parse_vnnlib('''
        ... (declare-const X_0 Real) (declare-const Y_0 Real)
        ... (assert (<= X_0 1)) (assert (>= X_0 -1)) (assert (>= Y_0 2))''')
        >>> net = nn.Sequential(nn.Linear(1, 1))
        >>> _ = net[0].weight.data.fill_(1.5), net[0].bias.data.fill_(0.0)
        >>> verify(net, forbidden, shape=(1,)).answer
        'holds'
    """
    if not timeout > 0:
        raise must("timeout", "verify", "be in (0, inf)", timeout, "It is in seconds.")
    began, whole = time.monotonic(), Deadline.within(timeout, clock)
    asked = property if isinstance(property, Property) else read_vnnlib(property)
    if not asked.cases:
        raise must(
            "cases", f"the property '{asked.name}'", "be at least one: without any it would hold for every network", len(asked.cases)
        )
    rounding = _read(network, shape)
    runtime, read = _runtime(network), rounding.exact()
    referee = Referee(read, None if isinstance(network, nn.Module) else runtime)
    todo = queries(read, asked)
    if runtime is not None and todo:
        name, whose = ("model", "it computes") if isinstance(network, nn.Module) else (str(network), "ONNX Runtime computes")
        check_same(rounding, runtime, _points(todo), name, whose)
    found = decide(read, todo, referee, whole, seed)
    seconds = time.monotonic() - began
    if found.counterexample is not None and found.query is not None:
        return _violated(read, found.query, referee, found.counterexample, found.reason, found.explored, seconds)
    return VerificationResult("unknown" if found.open else "holds", found.reason, None, None, None, None, found.explored, seconds)


def _read(network: str | Path | nn.Module | Network, shape: tuple[int, ...] | None) -> Network:
    if isinstance(network, Network):
        return network
    if isinstance(network, nn.Module):
        if shape is None:
            raise UsageError("The shape of one input must be given for a torch module: verify(module, property, shape=(1, 28, 28)).")
        return read_torch(network, shape)
    return read_onnx(network, shape)


_CHECKED = 4
"""Boxes of a property in which a network and its model are compared."""


def _points(todo: Sequence[Query]) -> Tensor:
    """Inputs of the first boxes that float32 holds, some of their sides at an end."""
    low, high = (torch.cat([query.box[end] for query in todo[:_CHECKED]]).repeat_interleave(2, dim=0) for end in (0, 1))
    share = torch.rand(low.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).mul(2.0).sub(0.5).clamp(0.0, 1.0)
    return (low + share * (high - low)).float()


def _runtime(network: str | Path | nn.Module | Network) -> Scorer | None:
    if isinstance(network, nn.Module):
        return TorchModule(network, name="model", device=device_of(network), said="numbers").scores
    if isinstance(network, Network):
        return None
    from shiftproof.models.onnx_session import OnnxSession

    try:
        return OnnxSession(str(network)).scores
    except MissingExtra:
        return None  # the verdict says that it was not asked


def _violated(
    network: Network, query: Query, referee: Referee, x: Tensor, reason: str, explored: int, seconds: float
) -> VerificationResult:
    with torch.no_grad():
        scores = network(x[None])
        theirs = None if referee.runtime is None else referee.runtime(x[None].float())
    if len(set(query.owner.tolist())) < query.cases:
        reason = "a case of the property asserts nothing of the scores, so every input in its box violates it"
    excess = (float(query.excess(scores).min()), None if theirs is None else float(query.excess(theirs).min()))
    return VerificationResult("violated", reason, x, scores[0], None if theirs is None else theirs[0], excess, explored, seconds)
