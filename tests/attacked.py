"""Dense moves against a model, by chance and by its own gradients, and the smallest that changes a decision."""

from __future__ import annotations

import torch
from torch import Tensor

from drawn_nets import Subject
from shiftproof.models.torch_module import TorchModule
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf


def dense_moves(shift: Ball, x: Tensor, radius: Tensor, source: torch.Generator, *, count: int = 48) -> Tensor:
    """Legal inputs (n, count, ...) at most `radius` (n,) from x: corners, points on the sphere, and points inside; all of a grid in 1-d."""
    n, size = len(x), x[0].numel()
    raw = torch.randn(n, count, size, generator=source, dtype=torch.float64)
    if isinstance(shift, Linf):
        unit = torch.where(
            torch.rand(n, count, 1, generator=source) < 0.6, raw.sign(), torch.rand(raw.shape, generator=source).double() * 2 - 1
        )
    elif isinstance(shift, L2):
        unit = torch.where(torch.rand(n, count, 1, generator=source) < 0.3, raw.sign(), raw)
        unit = unit / unit.norm(dim=2, keepdim=True)
    else:
        assert isinstance(shift, L1)
        unit = torch.zeros_like(raw).scatter(2, raw.abs().argmax(2, keepdim=True), raw.sign().gather(2, raw.abs().argmax(2, keepdim=True)))
    length = torch.where(torch.arange(count) % 4 == 3, torch.rand(n, count, generator=source, dtype=torch.float64), 1.0)
    return _placed(shift, x, (unit * (length * radius[:, None])[..., None]).reshape(n, count, *x.shape[1:]))


def _placed(shift: Ball, x: Tensor, move: Tensor) -> Tensor:
    """x moved by (n, count, ...) in units of eps, into the box."""
    scale = torch.as_tensor(shift.space.scale(x), dtype=torch.float64)
    low, high = (torch.as_tensor(end, dtype=torch.float64) for end in shift.space.bounds(x))
    return (x.double()[:, None] + move * (1 - 1e-7) * scale).clamp(low, high).to(x.dtype)


def climbed(model: TorchModule, shift: Ball, x: Tensor, y: Tensor, radius: Tensor, source: torch.Generator, *, steps: int = 12) -> Tensor:
    """Legal inputs (n, 3, ...) by gradients of the model's own margin, from chance starts."""
    n, starts = len(x), 3
    dims = [1] * (x.dim() - 1)
    reach = radius.reshape(n, 1, *dims)
    move = (torch.rand(n, starts, *x.shape[1:], generator=source, dtype=torch.float64) * 2 - 1) * reach
    move = _shortened(shift, move, reach)
    for step in range(steps):
        with torch.enable_grad():
            leaf = move.detach().requires_grad_()
            scale = torch.as_tensor(shift.space.scale(x), dtype=torch.float64)
            scores = model.scores((x.double()[:, None] + leaf * scale).flatten(0, 1).to(x.dtype)).double()
            mine = y.repeat_interleave(starts)[:, None]
            margin = scores.gather(1, mine)[:, 0] - scores.scatter(1, mine, -torch.inf).amax(1)
            (slope,) = torch.autograd.grad(margin.sum(), leaf)
        size = slope.flatten(2).norm(dim=2).clamp_min(1e-300).reshape(n, starts, *dims)
        step_size = reach * (1.0 if step < steps // 2 else 0.25)
        move = _shortened(shift, move - step_size * (slope.sign() if isinstance(shift, Linf) else slope / size), reach)
    return _placed(shift, x, move)


def _shortened(shift: Ball, move: Tensor, reach: Tensor) -> Tensor:
    if isinstance(shift, Linf):
        return torch.minimum(torch.maximum(move, -reach), reach)
    order = 2 if isinstance(shift, L2) else 1
    size = torch.linalg.vector_norm(move.flatten(2), order, dim=2).reshape(*move.shape[:2], *[1] * (move.dim() - 2))
    shorter: Tensor = move * (reach / size.clamp_min(1e-300)).clamp_max(1.0)
    return shorter


def broken(one: Subject, shift: Ball, y: Tensor, radius: Tensor, source: torch.Generator, *, count: int = 48) -> Tensor:
    """Which decisions some move of at most `radius` (n,) changes, (n,)."""
    moved = dense_moves(shift, one.x, radius, source, count=count)
    moved = torch.cat([moved, climbed(one.model, shift, one.x, y, radius, source)], dim=1)
    with torch.no_grad():
        labels = one.model.labels(moved.flatten(0, 1)).reshape(moved.shape[:2])
    hit: Tensor = (labels != y[:, None]).any(1)
    return hit


def smallest_attack(one: Subject, shift: Ball, y: Tensor, *, levels: int = 9, halvings: int = 8) -> Tensor:
    """The smallest radius at which an attack was found, (n,); infinite where none was up to the largest."""
    source = torch.Generator().manual_seed(1)
    high = torch.full((len(y),), farthest(shift), dtype=torch.float64)
    found = torch.full_like(high, torch.inf)
    for _ in range(levels):
        found = torch.where(broken(one, shift, y, high, source, count=16), high, found)
        high = high / 3
    low = torch.where(found.isfinite(), found / 3, 0.0)
    for _ in range(halvings):
        middle = torch.where(found.isfinite(), (low + found) / 2, 0.0)
        hit = broken(one, shift, y, middle, source)
        found, low = torch.where(hit, middle, found), torch.where(hit, low, middle)
    return found


def farthest(shift: Ball) -> float:
    """A radius that reaches the whole box, or far where there is none."""
    return min(shift.largest(), 10.0)
