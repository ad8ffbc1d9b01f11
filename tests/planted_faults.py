"""Faults of the prover, to be planted: what a search for false proofs must find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, fx
from torch.nn import functional as F

from shiftproof._errors import NotCertifiable
from shiftproof.certificates.bounds import bound_certificate, model_network, read_torch, spectral, trace
from shiftproof.certificates.bounds.builder import Builder
from shiftproof.certificates.bounds.layers import Affine, Box, Concatenate, Convolution, Sum
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.nonlinear_layers import BackwardStep, MaxPool, Relaxation, Relu, Sigmoidal
from shiftproof.certificates.bounds.region import Region
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent, SlopeAscentResult
from shiftproof.certificates.bounds.windows import _Windows

Patch = pytest.MonkeyPatch


def _unchecked(patch: Patch) -> None:
    """The comparison of scores gone, so that a fault of reading is not refused."""
    patch.setattr(read_torch, "check_same", lambda *_: None)


def no_rounding(patch: Patch) -> None:
    """Rounding is left out of all bounds."""
    patch.setattr(Network, "share", lambda _, __: 0.0)
    _unchecked(patch)


def rounding_lost_in_the_climb(patch: Patch) -> None:
    """What rounding can change is not taken off the bounds that alpha-CROWN climbs to."""
    sound = SlopeAscent._sound

    def without(self: SlopeAscent, network: Network, *args: Any) -> SlopeAscentResult:
        return sound(self, network.exact(), *args)

    patch.setattr(SlopeAscent, "_sound", without)


def in_place_unseen(patch: Patch) -> None:
    """Values changed in place are read as they were, and scores compared by a thousandth of the largest, a mask of -1e9 among them."""
    patch.setattr(trace._Twin, "run_node", fx.Interpreter.run_node)
    patch.setattr(read_torch, "check_steps", lambda *_: None)
    _by_the_largest(patch)


def _by_the_largest(patch: Patch) -> None:
    def check(network: Network, scorer: Any, x: Tensor, name: str, whose: str) -> None:
        x = x[:2]
        ours, theirs = network(x), scorer(x).double()
        if float((ours - theirs).abs().max()) > 1e-3 * float(theirs.abs().max().clamp_min(1.0)):
            raise NotCertifiable("differs")

    patch.setattr(read_torch, "check_same", check)


def casts_unseen(patch: Patch) -> None:
    """Values in another type than the model's are taken for the model's, and scores compared by a thousandth of the largest."""
    operand = trace._Recorder.operand

    def unseen(self: trace._Recorder, each: object) -> object:
        patch.setattr(self, "_dtype", each.dtype if isinstance(each, Tensor) else None)
        return operand(self, each)

    patch.setattr(trace._Recorder, "operand", unseen)
    _by_the_largest(patch)


def padding_off_by_one(patch: Patch) -> None:
    """A convolution's rows are carried back to places one off."""
    right = Convolution.transpose

    def shifted(self: Convolution, a: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
        (rows,) = right(self, a, shapes)
        return (rows.roll(1, -1) if max(self.padding) else rows,)

    patch.setattr(Convolution, "transpose", shifted)


def windows_off_by_one(patch: Patch) -> None:
    """What a unit of a convolution sees is one place beside."""
    right = _Windows.before

    def beside(self: _Windows, layer: Convolution) -> _Windows:
        seen = right(self, layer)
        return _Windows(seen.row, seen.top + 1, seen.left, seen.size)

    patch.setattr(_Windows, "before", beside)


def wrong_sign_in_a_skip(patch: Patch) -> None:
    """A branch that is taken off is carried back as one that is added."""
    patch.setattr(Sum, "transpose", lambda self, a, _: tuple(a for _ in self.signs))


def interval_of_a_difference(patch: Patch) -> None:
    """Ends of a difference are the differences of ends."""
    patch.setattr(Sum, "interval", lambda self, *boxes: Box(self(*(b.low for b in boxes)), self(*(b.high for b in boxes))))


def epsilon_of_a_normalisation_dropped(patch: Patch) -> None:
    """Batch normalisation without what keeps tiny variances from dividing."""
    right = Builder.normalise
    patch.setattr(Builder, "normalise", lambda self, x, name, *, eps, **parts: right(self, x, name, eps=0.0 * eps, **parts))
    _unchecked(patch)


def lower_line_above_a_relu(patch: Patch) -> None:
    """The lower line of an open ReLU is the upper one, less a part of its offset."""
    right = Relu.lines

    def lines(self: Relu, box: Box, choice: Tensor) -> Relaxation:
        found = right(self, box, choice)
        return found._replace(low_slope=torch.where(self.wanted(box), 1.2 * choice, found.low_slope))

    patch.setattr(Relu, "lines", lines)


def upper_line_of_a_relu_through_zero(patch: Patch) -> None:
    """The upper line of an open ReLU has no offset."""
    right = Relu.lines
    patch.setattr(Relu, "lines", lambda self, box, choice: right(self, box, choice)._replace(high_offset=torch.zeros_like(box.low)))


def touching_point_forgotten(patch: Patch) -> None:
    """Tangents of s-shaped curves touch in the middle, whether or not they cross the curve."""
    patch.setattr(Sigmoidal, "_touch", lambda _, low, high: (low + high) / 2)


def any_winner_of_a_max_pooling(patch: Patch) -> None:
    """The entry whose lower end is greatest is taken for the greatest."""

    def backward(self: MaxPool, a: Tensor, box: Box, choice: Tensor, *, measured: bool = True) -> BackwardStep:
        low = self.gathered(box.low)
        best = low.argmax(-1, keepdim=True)
        place = self.windows.expand(*low.shape[:2], *self.windows.shape).gather(-1, best)[..., 0][:, None].expand_as(a.flatten(3))
        rows = a.new_zeros(*a.shape[:3], box.low[0, 0].numel()).scatter_add(-1, place, a.flatten(3))
        size = a.new_zeros(a.shape[:2])
        return BackwardStep(rows.reshape(*a.shape[:2], *box.low.shape[1:]), size, size)

    patch.setattr(MaxPool, "backward", backward)


def box_of_pixels_everywhere(patch: Patch) -> None:
    """Regions are cut off at 1, whatever the box."""
    right = model_network.region_of

    def cut(shift: Any, x: Tensor, radius: Tensor) -> Region:
        region = right(shift, x, radius)
        high = torch.minimum(region.box.high, torch.maximum(x.double(), torch.ones(())))
        return Region(Box(region.box.low, high), region.order, region.center, region.radius, region.scale)

    patch.setattr(bound_certificate, "region_of", cut)


def columns_of_one_scale(patch: Patch) -> None:
    """Moves of a table's columns are taken for moves of 1."""

    def unscaled(shift: Any, x: Tensor, radius: Tensor) -> Region:
        low, high = (torch.as_tensor(end, dtype=torch.float64).expand(x.shape) for end in shift.space.bounds(x))
        reach = radius.reshape(-1, *[1] * (x.dim() - 1))
        box = Box(torch.maximum(x.double() - reach, low), torch.minimum(x.double() + reach, high))
        order = model_network.ORDERS[type(shift)]
        return Region(box) if order is None else Region(box, order, x.double(), radius, None)

    patch.setattr(bound_certificate, "region_of", unscaled)


def branches_swapped(patch: Patch) -> None:
    """A concatenation's rows are handed back to the wrong branches where these are of one shape, else mirrored."""
    right = Concatenate.transpose
    patch.setattr(Concatenate, "transpose", lambda self, a, shapes: right(self, a.flip(self.axis + 1), shapes))


def narrow_intervals(patch: Patch) -> None:
    """Intervals after affine steps are a tenth too narrow."""
    right = Affine.interval

    def narrow(self: Affine, *boxes: Box) -> Box:
        box = right(self, *boxes)
        middle, reach = (box.low + box.high) / 2, (box.high - box.low) / 2
        return Box(middle - 0.9 * reach, middle + 0.9 * reach)

    patch.setattr(Affine, "interval", narrow)


def norm_too_small(patch: Patch) -> None:
    """Spectral norms are the largest entries."""
    patch.setattr(spectral, "spectral_norm", lambda weight: float(weight.abs().max()))


def one_row_for_all_l2(patch: Patch) -> None:
    """The dual norm of l2 moves is the largest entry."""

    def fall(steep: Tensor, room: Tensor, radius: Tensor) -> Tensor:
        return torch.minimum(steep.amax(-1) * radius, F.relu(steep * room).sum(-1))

    patch.setattr("shiftproof.certificates.bounds.region._fall_l2", fall)


FAULTS: dict[str, tuple[Callable[[Patch], None], str]] = {
    fault.__name__: (fault, certificate)
    for certificate, faults in {
        "interval_bounds": (no_rounding, interval_of_a_difference, box_of_pixels_everywhere, columns_of_one_scale, narrow_intervals),
        "crown": (
            in_place_unseen, casts_unseen, padding_off_by_one, windows_off_by_one, wrong_sign_in_a_skip, epsilon_of_a_normalisation_dropped,
            lower_line_above_a_relu, upper_line_of_a_relu_through_zero, touching_point_forgotten, any_winner_of_a_max_pooling,
            branches_swapped, one_row_for_all_l2,
        ),
        "alpha_crown": (rounding_lost_in_the_climb,),
        "lipschitz": (norm_too_small,),
    }.items()
    for fault in faults
}  # fmt: skip
"""Each with the certificate that it makes prove what is false."""
