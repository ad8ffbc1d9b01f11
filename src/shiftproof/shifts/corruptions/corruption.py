"""What all corruptions share: a severity, and where they are random a seed per example, both kept apart from applying them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.data.space import Kind
from shiftproof.randomness import Rng
from shiftproof.shifts._support import check_bounded, check_movable, in_cache
from shiftproof.shifts.abstract import Boxed, Params

SMALLEST = 28
"""Pixels a side below which pictures are not defined by any publication (MNIST-C's are the smallest)."""
MODES = ("in_memory", "on_disk")
_SEEDS = 2.0**53

Table = tuple[tuple[float, ...], ...]
"""Constants at severities 1 to 5, or 0 to 5 where constants exist that move nothing; one row a severity."""


def column(*constants: float) -> Table:
    """A table of one constant a severity.

    >>> column(0.0, 0.1, 0.2)
    ((0.0,), (0.1,), (0.2,))
    """
    return tuple((constant,) for constant in constants)


@dataclass(frozen=True)
class Corruption(Boxed):
    """A published corruption at a continuous severity.

    Args:
        severity: in (0, 5]; whole numbers are the published settings, between them the published constants are interpolated, and 0 moves
            nothing.
        setting: whose constants: a name in `published`, or "auto": MNIST-C's for grey images of 28 x 28, else by the longer side those of
            CIFAR-10-C up to 32 pixels, of Tiny-ImageNet-C up to 64, and of ImageNet-C above; where a list has none, those that there are.
        mode: "in_memory" gives pixels as computed. "on_disk" gives them as the published files hold them: rounded down to whole 1/255, and
            for ImageNet-C, Tiny-ImageNet-C and ImageNet-C-bar written as JPEG of quality 85 and read again. Accuracies under the two differ
            by 3 to 11 points, so the spec says which. The published order is: resize (shorter side 256), crop (224), corrupt, store.

    The average case is a draw at exactly `severity` (the published protocol); the worst case is the worst severity up to it, and, where
    the corruption is random, the worst of the draws tried. Params are (severity,) or (severity, seed), so each finding replays: the same
    params give the same pixels whatever the batch, the order, the process or the machine.

    Inputs in another box than [0, 1] are moved as if mapped to [0, 1] and back.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    strength: ClassVar[str] = "severity"
    random: ClassVar[bool] = False
    """Whether it draws: adds a seed to the params, which grid and gradient searches leave at one draw."""
    smallest: ClassVar[int] = 1
    """Least pixels a side."""
    colour: ClassVar[str] = ""
    """Why it needs three channels; empty where it does not."""
    published: ClassVar[Mapping[str, Table]]
    """The constants by the name of the benchmark that published them."""

    severity: float
    setting: str = "auto"
    mode: str = "in_memory"

    def check(self) -> None:
        if not 0 < self.severity <= 5:
            raise must("severity", self.name, "be in (0, 5]", self.severity, "1 to 5 are the published settings.")
        if self.setting != "auto" and self.setting not in self.published:
            raise must("setting", self.name, f"be one of auto, {', '.join(self.published)}", self.setting)
        if self.mode not in MODES:
            raise must("mode", self.name, f"be one of {', '.join(MODES)}", self.mode)
        check_bounded(self.name, self.space)
        check_movable(self.name, self.space)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return ((0.0, 0.0), (self.severity, _SEEDS - 1)) if self.random else ((0.0,), (self.severity,))

    @property
    def varied(self) -> bool:
        return self.random

    def sample(self, x: Tensor, rng: Rng) -> Params:
        self.check_inputs(x)
        severity = torch.full((len(x),), float(self.severity), dtype=torch.float64)
        return torch.stack([severity, rng.seeds()] if self.random else [severity], dim=1).to(x.device)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        self.check_inputs(x)
        moved = in_cache(self.corrupt, x, params)
        return moved if self.mode == "in_memory" else self._as_stored(x, moved, params)

    def check_inputs(self, x: Tensor) -> None:
        """Raises `UsageError` where images of this shape (n, c, h, w) cannot be corrupted."""
        if self.space.kind != "image":
            return
        if x.dim() != 4:
            raise UsageError(f"{self.name} needs images of shape (n, channels, height, width), got {tuple(x.shape)}.")
        if min(x.shape[2:]) < self.smallest:
            raise UsageError(
                f"{self.name} needs images of at least {self.smallest} x {self.smallest} pixels, got {x.shape[2]} x {x.shape[3]}: "
                "its published constants are in pixels. Enlarge them first."
            )
        if self.colour and x.shape[1] != 3:
            raise UsageError(f"{self.name} needs 3 channels, got {x.shape[1]}: {self.colour}.")

    @abstractmethod
    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        """`apply` for a few examples at a time."""

    def setting_for(self, shape: tuple[int, ...] | torch.Size) -> str:
        """Whose constants images of shape (..., c, h, w) take."""
        if self.setting != "auto":
            return self.setting
        channels, height, width = shape[-3:] if len(shape) > 2 else (0, 0, 0)
        side = max(height, width)
        size = "cifar_10_c" if side <= 32 else "tiny_imagenet_c" if side <= 64 else "imagenet_c"
        wanted = ["mnist_c"] if (channels, height, width) == (1, 28, 28) else []
        wanted += [size, f"{size}_bar", "imagenet_c_bar"]
        return next((name for name in wanted if name in self.published), next(iter(self.published)))

    def constants(self, x: Tensor) -> tuple[float, ...]:
        """The first published constant at severity 0 (no move), 1, 2, 3, 4, 5, for images of the size of x."""
        return tuple(row[0] for row in self.published[self.setting_for(x.shape)])

    def amount(self, x: Tensor, params: Params) -> Tensor:
        """The constant at each example's severity, shape (n, 1, ..., 1) against x, float64; piecewise linear and differentiable.

        Exactly the published constant at whole severities. At a bend the derivative is that of the segment above, and at 5 the one below.
        """
        return self._between(self.constants(x), x, params)

    def _between(self, constants: tuple[float, ...], x: Tensor, params: Params) -> Tensor:
        table = params.new_tensor(constants)
        severity = params[:, 0].clamp(0, 5)
        below = severity.detach().floor().clamp(max=4).long()
        value = torch.lerp(table[below], table[below + 1], severity - below)
        return value.reshape(-1, *[1] * (x.dim() - 1))

    def _as_stored(self, x: Tensor, moved: Tensor, params: Params) -> Tensor:
        from shiftproof.shifts.corruptions.stored import as_stored

        if self.space.kind != "image":
            raise UsageError(f"Only images are stored on disk: leave {self.name} in_memory for other data.")
        low, width = self.space.low, self.space.high - self.space.low
        kept = as_stored((moved.detach() - low) / width, self.setting_for(x.shape))
        still = params[:, 0] <= 0
        out = (low + width * kept.to(moved)).clamp(self.space.low, self.space.high)
        return torch.where(still.reshape(-1, 1, 1, 1), x, out)
