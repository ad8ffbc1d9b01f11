"""Upper bounds on the Euclidean Lipschitz constants of layers and networks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.certificates.bounds.layers import Affine, Concatenate, Convolution, Layer, LinearLayer, Reshape, ScaleLayer, Sum, numel
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import MaxPool, Relu, Sigmoidal

DENSE = 8_000_000
"""Entries up to which a step's matrix is written out."""
_SIDE = 1600
_SQUARINGS = 8
_ROOM = 1 + 1e-6
"""Rounding in float64, generously: a squaring of a matrix of side 1600 is off by less than 1e-12 of its square norm."""


def spectral_norm(weight: Tensor) -> float:
    """At least the greatest singular value of a matrix, and nearly it.

    ||G||_F^(1 / 2^k) for the k-th square G of W W^T never is too small, and falls to the norm: it is within 1 % here for sides up to
    1600. Reference: Delattre et al. 2023 [delattre2023efficient], "Efficient bound of Lipschitz constant for convolutional layers by Gram
    iteration".
    """
    gram = weight.double()
    gram = gram @ gram.T if gram.shape[0] <= gram.shape[1] else gram.T @ gram
    if not bool((gram != 0).any()):
        return 0.0
    log = 0.0
    for k in range(_SQUARINGS):
        size = float(torch.linalg.matrix_norm(gram))
        log += math.log(size) / 2**k
        gram = gram / size
        gram = gram @ gram
    log += math.log(float(torch.linalg.matrix_norm(gram))) / 2**_SQUARINGS
    return math.exp(log / 2) * _ROOM


def stretch(network: Network, index: int) -> float:
    """How much the node's step can stretch a move of its inputs together, at most."""
    node = network.nodes[index]
    layer = node.layer
    shapes = [network.nodes[i].shape for i in node.inputs]
    match layer:
        case Reshape() | Concatenate() | Relu():
            return 1.0
        case Sigmoidal():
            return 1.0 if layer.total == 0 else 0.25
        case MaxPool():
            places = layer.windows[layer.windows >= 0]
            return math.sqrt(int(torch.bincount(places).max()))
        case Sum():
            return math.sqrt(len(layer.signs))
        case ScaleLayer():
            return float(layer.scale.abs().max())
        case Affine():
            return _affine(layer, shapes[0], node.shape)
    raise UsageError(f"The layer {node.name} has no rule for Lipschitz bounds. Certify with crown, which bounds it on the moves alone.")


def _affine(layer: Affine, inside: tuple[int, ...], outside: tuple[int, ...]) -> float:
    entries = numel(inside) * numel(outside)
    if entries <= DENSE and min(numel(inside), numel(outside)) <= _SIDE:
        unit = torch.eye(numel(outside), dtype=torch.float64, device=_device(layer)).reshape(-1, *outside)
        return spectral_norm(layer.transpose(unit, [inside])[0].detach().flatten(1))
    # ||W||_2^2 <= ||W||_1 ||W||_inf (Hoelder), read off |W| applied to ones from either side.
    ones = torch.ones(1, *inside, dtype=torch.float64, device=_device(layer))
    rows = float(layer.spread(ones).max())
    with torch.enable_grad():
        probe = ones.clone().requires_grad_(True)
        (columns,) = torch.autograd.grad(layer.spread(probe).sum(), probe)
    return math.sqrt(rows * float(columns.max())) * _ROOM


def _device(layer: Layer) -> torch.device:
    return layer.weight.device if isinstance(layer, LinearLayer | Convolution) else torch.device("cpu")


def stretches(network: Network) -> list[float]:
    """`stretch` of every node, 1 for the input."""
    return [1.0, *(stretch(network, index) for index in range(1, len(network.nodes)))]


def constants(network: Network, factors: list[float], scale: float = 1.0) -> list[float]:
    """A Lipschitz constant of every node's value in the input, both in the Euclidean norm; `scale` is the input's own."""
    found = [scale]
    for node, factor in zip(network.nodes[1:], factors[1:], strict=True):
        before = [found[i] for i in node.inputs]
        found.append(sum(before) if isinstance(node.layer, Sum) else factor * math.sqrt(sum(each**2 for each in before)))
    return found


def downstream(network: Network, factors: list[float]) -> list[float]:
    """How much a change of each node's value can change the last node's values, in the Euclidean norm."""
    found = [0.0] * len(network.nodes)
    found[-1] = 1.0
    for index in range(len(network.nodes) - 1, 0, -1):
        node = network.nodes[index]
        for i in node.inputs:
            found[i] += found[index] * (1.0 if isinstance(node.layer, Sum) else factors[index])
    return found
