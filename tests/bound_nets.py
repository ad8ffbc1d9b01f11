"""Small networks with fixed weights, regions and the exact answers, for tests of bounds."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor, nn

from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.region import Region


class Residual(nn.Module):
    """A block with a shortcut, normalisation before it, and a concatenation."""

    mean: Tensor

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.last = nn.Linear(2 * width, classes)
        self.register_buffer("mean", torch.full((width,), 0.4))

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / 0.5
        h = torch.relu(x + self.second(torch.tanh(self.first(x))))
        return self.last(torch.cat([h, x - 2 * h], dim=1))  # type: ignore[no-any-return]


def conv_net(*, pool: nn.Module | None = None, padding: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolutions with stride, padding, dilation and groups, batch normalisation, a pooling and a linear layer, on (2, 6, 6)."""
    body = [
        nn.Conv2d(2, 4, 3, stride=1, padding=padding, dilation=1, groups=groups, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 2, stride=2, dilation=2, padding=1),
        nn.Sigmoid(),
        pool or nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.LazyLinear(3),
    ]
    net = nn.Sequential(*body).eval()
    net(torch.zeros(1, 2, 6, 6))
    return net


def settled(net: nn.Module, seed: int, *, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The module with weights of a seed, statistics of normalisations included, evaluated."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in itertools.chain(net.named_parameters(), net.named_buffers()):
            if tensor.is_floating_point() and name != "mean":
                fan = max(1, tensor[0].numel()) if tensor.dim() > 1 else 4
                tensor.copy_(torch.randn(tensor.shape, generator=draw) / fan**0.5)
                if "running_var" in name:
                    tensor.abs_().add_(0.5)
    return net.to(dtype).eval()


def mlp(*widths: int, curve: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with curves between them."""
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), curve()]
    return nn.Sequential(*layers[:-1])


def filled(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    """A linear layer with these numbers."""
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def box_around(x: Tensor, eps: float) -> Region:
    """All inputs within eps of x in every feature."""
    return Region(Box(x.double() - eps, x.double() + eps))


def exact_least(net: nn.Sequential, low: Tensor, high: Tensor, c: Tensor) -> float:
    """The least value of c f(x) over a box, f a network of Linear and ReLU layers: a linear program for each pattern of active units.

    low and high have shape (features,), c shape (classes,).
    """
    weights = [(m.weight.detach().double().numpy(), m.bias.detach().double().numpy()) for m in net if isinstance(m, nn.Linear)]
    hidden = [len(b) for _, b in weights[:-1]]
    best = np.inf
    for pattern in itertools.product((0.0, 1.0), repeat=sum(hidden)):
        on = np.split(np.array(pattern), np.cumsum(hidden)[:-1])
        a, b = np.eye(len(low)), np.zeros(len(low))
        rows: list[np.ndarray[tuple[int, int], np.dtype[np.float64]]] = []
        sides: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        for (w, offset), active in zip(weights[:-1], on, strict=True):
            a, b = w @ a, w @ b + offset
            sign = 1 - 2 * active  # sign * (a x + b) <= 0
            rows.append(sign[:, None] * a)
            sides.append(-sign * b)
            a, b = active[:, None] * a, active * b
        w, offset = weights[-1]
        a, b = w @ a, w @ b + offset
        cost = c.double().numpy()
        found = linprog(
            cost @ a, A_ub=np.vstack(rows), b_ub=np.concatenate(sides), bounds=list(zip(low.tolist(), high.tolist(), strict=True))
        )
        if found.status == 0:
            best = min(best, found.fun + cost @ b)
    return float(best)
