"""From models, shifts and decisions to networks, regions and specifications."""

from __future__ import annotations

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.certificates.bounds.check_outputs import check_same
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.read_onnx import read_onnx
from shiftproof.certificates.bounds.read_torch import objection_to, read_torch
from shiftproof.certificates.bounds.region import Region
from shiftproof.models.abstract import Labels
from shiftproof.models.onnx_session import OnnxSession
from shiftproof.models.torch_module import TorchModule
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

ORDERS: dict[type[Shift], int | None] = {Linf: None, L2: 2, L1: 1}


def objection(model: Labels, shift: Shift) -> str | None:
    """Why bounds do not support this model and shift, as half a sentence."""
    if type(shift) not in ORDERS:
        return f"it supports linf, l2 and l1, not {shift.name}"
    if isinstance(model, OnnxSession):
        return None
    if not isinstance(model, TorchModule):
        return f"it needs a torch module or an ONNX file, and '{model.name}' is neither"
    return objection_to(model.module, model.name)


def network_of(model: Labels, x: Tensor, *, shift: Ball | None = None) -> Network:
    """The network that a model computes, on inputs of the shape of x (n, ...).

    Args:
        model: what is read, and compared with what was read.
        x: inputs that are to be proven; some of them are what the two are compared on.
        shift: their moves; the corners of what these reach are compared on too, and points all over the box.

    Raises:
        UsageError: the model cannot be read, or does something that what was read does not.
    """
    shape = tuple(x.shape[1:])
    probes = x[:: max(1, len(x) // _PROBES)][:_PROBES]
    probes = torch.cat([probes, probes]) if shift is None else _moved(shift, probes)
    if isinstance(model, OnnxSession):
        network = read_onnx(model.path, shape, output=model.output)
        check_same(network, model.scores, probes, model.name)
        return _decides(network, model.name)
    if not isinstance(model, TorchModule):
        raise UsageError(f"Bounds need a torch module or an ONNX file, and '{model.name}' is neither.")
    return _decides(read_torch(model.module, shape, name=model.name, x=probes, scorer=model.scores), model.name)


_PROBES = 3
"""Inputs of a batch that a network and its model are compared on, each with its moves."""


def _moved(shift: Ball, x: Tensor) -> Tensor:
    """Inputs x, corners of what their moves reach, and points all over the box, where it has ends."""
    around = region_of(shift, x, torch.full((len(x),), shift.full_strength, dtype=torch.float64, device=x.device)).box
    low, high = (torch.as_tensor(end, dtype=torch.float64, device=x.device).expand(x.shape) for end in shift.space.bounds(x))
    draw = torch.Generator().manual_seed(0)
    share = torch.rand(x.shape, generator=draw, dtype=torch.float64).mul(2.0).sub(0.5).clamp(0.0, 1.0).to(x.device)
    found = [x.double(), torch.where(share < 0.5, around.low, around.high)]
    if shift.space.columns or shift.space.bounded:
        found.append(low + share * (high - low))
    return torch.cat(found).to(x.dtype)


def _decides(network: Network, name: str) -> Network:
    if network.nodes[-1].shape[0] < 2:
        raise UsageError(f"The model '{name}' has one score, and a decision needs at least two.")
    return network


def region_of(shift: Ball, x: Tensor, radius: Tensor) -> Region:
    """The legal moves of strength `radius` (n,) around x (n, ...), with what the shift tolerates beyond it.

    Raises:
        UsageError: an input is outside of the box.
    """
    low, high = (torch.as_tensor(end, dtype=torch.float64, device=x.device).expand(x.shape) for end in shift.space.bounds(x))
    x = x.double()
    outside = ~((x >= low) & (x <= high)).flatten(1).all(1)
    if bool(outside.any()):
        raise UsageError(
            f"{int(outside.sum())} of {len(x)} inputs are outside the box {shift.space.units}. Declare the box of the data (--box "
            "LOW,HIGH)."
        )
    scale = torch.as_tensor(shift.space.scale(x), dtype=torch.float64, device=x.device)
    reach = (radius * (1 + shift.tolerance / shift.eps)).reshape(-1, *[1] * (x.dim() - 1))
    box = Box(torch.maximum(x - reach * scale, low), torch.minimum(x + reach * scale, high))
    order = ORDERS[type(shift)]
    return Region(box) if order is None else Region(box, order, x, reach.flatten(), scale)


def margins(decision: Tensor, classes: int) -> Tensor:
    """Rows that take the score of another class from the decision's, (n, classes - 1, classes), for decisions (n,)."""
    unit = torch.eye(classes, dtype=torch.float64, device=decision.device)
    every = unit[decision][:, None] - unit[None]
    others = torch.arange(classes, device=decision.device)[None] != decision[:, None]
    return every[others].reshape(len(decision), classes - 1, classes)
