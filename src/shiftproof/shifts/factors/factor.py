"""The base class of factors: changes of an object, or of the background behind it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import Kind
from shiftproof.shifts._in_cache import in_cache
from shiftproof.shifts._spaces import check_bounded
from shiftproof.shifts.abstract import Boxed, Params
from shiftproof.shifts.factors.mask import ALPHA, ESTIMATED, GIVEN, Masks, estimate, fill_hole

S = TypeVar("S", bound="Factor")
_WITH_ALPHA = (2, 4)
"""Channels of grey and colour images with an alpha channel."""


@dataclass(frozen=True)
class Factor(Boxed):
    """A change of one factor of an image: its object, or its background.

    The option `mask` sets how the object is found: "estimated" (Otsu's threshold on the distance from the border's colour), "alpha" (the
    last of 2 or 4 channels, above the middle of the box) or your own masks, in Python: `shift.with_masks(Masks.of(x, masks))`, whose
    fingerprint is then part of the spec.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("djolonga2021robustness", "li2023imagenete")

    mask: str = field(default=ESTIMATED, kw_only=True)
    masks: Masks | None = field(default=None, kw_only=True, repr=False, compare=False)
    """The masks themselves. Set by `with_masks`, not by users."""

    def check(self) -> None:
        check_bounded(self.name, self.space)
        kind, _, name = self.mask.partition("_")
        if self.mask not in (ESTIMATED, ALPHA) and not (kind == GIVEN and name):
            hint = "For your own masks, use with_masks(Masks.of(x, masks)) in Python."
            raise must("mask", self.name, "be estimated or alpha", self.mask, hint)

    def check_inputs(self, x: Tensor) -> None:
        if self.mask == ALPHA and x.shape[1] not in _WITH_ALPHA:
            raise UsageError(f"mask=alpha needs images of 2 or 4 channels, of which the last is alpha, got {x.shape[1]}.")

    def with_masks(self: S, masks: Masks) -> S:
        """This shift with the user's own masks."""
        return replace(self, mask=f"{GIVEN}_{masks.fingerprint()}", masks=masks)

    def object_of(self, x: Tensor) -> Tensor:
        """Where the object is, shape (n, h, w), bool."""
        if self.mask == ESTIMATED:
            return estimate(x)
        if self.mask == ALPHA:
            self.check_inputs(x)
            return x[:, -1] > (self.space.low + self.space.high) / 2
        if self.masks is None:
            raise UsageError(f"{self.spec()} names masks, which can only be given in Python: shift.with_masks(Masks.of(x, masks)).")
        return self.masks.find(x)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return in_cache(self.change, x, params)

    @abstractmethod
    def change(self, x: Tensor, params: Params) -> Tensor:
        """`apply` for a batch small enough for the processor's cache."""

    def background_of(self, x: Tensor, mask: Tensor) -> Tensor:
        """The image with its object removed and the hole filled from around it."""
        return fill_hole(x, mask)


def box_of(mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """First and last row and column of each object, shape (n,) each, float64; the whole image where there is no object."""
    ends: list[Tensor] = []
    for side in (2, 1):
        line = mask.any(side) | ~mask.flatten(1).any(1, keepdim=True)
        place = torch.arange(line.shape[1], device=mask.device)
        ends += [torch.where(line, place, line.shape[1]).amin(1).double(), torch.where(line, place, -1).amax(1).double()]
    return ends[0], ends[1], ends[2], ends[3]
