"""An ONNX file that gives gradients: the scores of ONNX Runtime, the slopes of the graph as bounds read it."""

from __future__ import annotations

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof._identity.fingerprinted import Fingerprint
from shiftproof.certificates.bounds.check_outputs import check_same
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.read_onnx import read_onnx
from shiftproof.models.abstract import Answers, Gradients
from shiftproof.models.onnx_session import OnnxSession

_PROBES = 8


class OnnxGradients(Gradients, copies=True):
    """An ONNX model whose scores torch can differentiate.

    Args:
        session: the model, whose scores decide every verdict.
        x: a few inputs (n, ...), n > 0. On them, or on the first inputs that gradients are asked for, and on points around them, the graph
            as read is compared with ONNX Runtime.

    Guarantees:
        Scores are those of ONNX Runtime; gradients are those of the graph in double precision.

    Raises:
        UsageError: the graph has a step without a rule, or what was read gives other scores than ONNX Runtime by more than rounding.

    Cost: one run of ONNX Runtime per question, and with gradients a pass of the graph forwards and backwards.
    """

    def __init__(self, session: OnnxSession, x: Tensor | None = None) -> None:
        self.session = session
        self._network = None if x is None else self._read(x)

    def _read(self, x: Tensor) -> Network:
        some = x.detach()[:_PROBES]
        network = read_onnx(self.session.path, tuple(x.shape[1:]), output=self.session.output)
        low, high = some.amin(), some.amax()
        draw = torch.Generator().manual_seed(0)
        around = some + 0.1 * (high - low) * torch.randn(some.shape, generator=draw, dtype=some.dtype)
        check_same(network, self.session.scores, torch.cat([some, around.clamp(low, high)]), self.session.name)
        return network

    @property
    def name(self) -> str:
        return self.session.name

    @property
    def notes(self) -> tuple[str, ...]:
        said = "gradients are those of its graph, which gave the scores of ONNX Runtime on the inputs tried"
        return (*self.session.notes, f"The model '{self.name}': {said}. Verdicts are those of ONNX Runtime.")

    def fingerprint(self) -> str:
        return f"{self.session.fingerprint()}+gradients"

    def identity(self) -> Fingerprint:
        return Fingerprint(self.fingerprint())

    def scores(self, x: Tensor) -> Tensor:
        told = self.session.scores(x.detach())
        if not (torch.is_grad_enabled() and x.requires_grad):
            return told
        if self._network is None:
            self._network = self._read(x)
        slopes = self._network(x)
        return told + (slopes - slopes.detach()).to(told)


def with_gradients(model: Answers, x: Tensor | None) -> OnnxGradients:
    """The ONNX model with gradients; `x` are a few inputs (n, ...).

    Raises:
        UsageError: it is no ONNX model, or its graph cannot be read.
    """
    if not isinstance(model, OnnxSession):
        hint = "Other models give gradients where they have them: leave --gradients out."
        raise must("gradients", f"the model '{model.name}'", "be asked of an ONNX file", type(model).__name__, hint)
    return OnnxGradients(model, x)
