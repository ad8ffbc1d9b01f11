"""The base class of corruptions: a severity, and a seed per example where the corruption is random."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof.randomness import SEED_LIMIT, Rng
from shiftproof.shifts._in_cache import in_cache
from shiftproof.shifts._spaces import check_bounded, check_movable
from shiftproof.shifts.abstract import Boxed, Params
from shiftproof.shifts.corruptions._opencv import check_installed
from shiftproof.shifts.corruptions.constants import C
from shiftproof.shifts.corruptions.stored import Bytes

SMALLEST = 28
"""Least pixels per side: that of MNIST-C, whose images are the smallest of all publications."""
MODES = ("in_memory", "on_disk")


@dataclass(frozen=True)
class Corruption(Boxed, Generic[C]):
    """A published corruption at a continuous severity. C is the named tuple of its constants.

    Args:
        severity: in (0, 5]. Whole numbers are the published settings; between them the published constants are interpolated. Severity 0
            leaves the image as it is. Below severity 1 the clean image and the image at severity 1 are mixed, unless the table has
            constants for severity 0.
        setting: whose constants: a name in `published`, or "auto": those of MNIST-C for grey images of 28 x 28, else by the longer side
            those of CIFAR-10-C up to 32 pixels, of Tiny-ImageNet-C up to 64, and of ImageNet-C above. A size without constants of its own
            takes the first that `published` has.
        mode: "in_memory" returns pixels as computed. "on_disk" returns them as the published files hold them: rounded down to whole 1/255,
            and for ImageNet-C, Tiny-ImageNet-C and ImageNet-C-bar written as JPEG of quality 85 and read again. Accuracies in the two modes
            differ by 3 to 11 points, so the spec contains the mode. The published order is: resize (shorter side 256), crop (224),
            corrupt, store.

    The average case is a draw at exactly `severity` (the published protocol). The worst case is the worst severity up to it and, where the
    corruption is random, the worst of the draws tried. Params are (severity,) or (severity, seed). The same params give the same pixels,
    whatever the batch, the order, the process or the machine.

    Inputs in a box other than [0, 1] are mapped to [0, 1], corrupted and mapped back.
    """

    strength: ClassVar[str] = "severity"
    random: ClassVar[bool] = False
    smallest: ClassVar[int] = SMALLEST
    """Least pixels per side."""
    colour: ClassVar[str] = ""
    """Why it needs three channels; empty where it does not."""
    by_opencv: ClassVar[bool] = False
    """Whether its pixels are those of OpenCV's filters or warps, so that it needs the extra `corruptions`."""
    published: ClassVar[Mapping[str, tuple[Any, ...]]]
    """The constants (see `table`) by the name of the benchmark that published them."""

    severity: float
    setting: str = "auto"
    mode: str = "in_memory"

    def check(self) -> None:
        if self.by_opencv:
            check_installed(self.name)
        self.require("severity", within="(0, 5]", hint="1 to 5 are the published settings.")
        if self.setting != "auto" and self.setting not in self.published:
            raise must("setting", self.name, f"be one of auto, {', '.join(self.published)}", self.setting)
        if self.mode not in MODES:
            raise must("mode", self.name, f"be one of {', '.join(MODES)}", self.mode)
        check_bounded(self.name, self.space)
        check_movable(self.name, self.space)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return ((0.0, 0.0), (self.severity, SEED_LIMIT - 1.0)) if self.random else ((0.0,), (self.severity,))

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
        """`apply` for a batch small enough for the processor's cache."""

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        """`apply` in memory for arrays (n, h, w, c) of whole levels, rounded down, at one severity in (0, 5]; None: only `corrupt` does it.

        At most one level from what `apply` gives, and from that only where float32 rounding decides between two levels.
        """
        return None

    def constants_of(self, images: Bytes, severity: float) -> tuple[float, ...]:
        """The constants for arrays (n, h, w, c), each `interpolated` at one severity."""
        at = torch.tensor([[severity]], dtype=torch.float64)
        rows = self.rows((images.shape[3], *images.shape[1:3]))
        return tuple(float(self.interpolated([float(row[k]) for row in rows], at, at)) for k in range(len(rows[0])))

    def setting_for(self, shape: tuple[int, ...] | torch.Size) -> str:
        """The benchmark whose constants apply to images of shape (..., c, h, w)."""
        if self.setting != "auto":
            return self.setting
        channels, height, width = shape[-3:] if len(shape) > 2 else (0, 0, 0)
        side = max(height, width)
        size = "cifar_10_c" if side <= 32 else "tiny_imagenet_c" if side <= 64 else "imagenet_c"
        wanted = ["mnist_c"] if (channels, height, width) == (1, 28, 28) else []
        wanted += [size, f"{size}_bar", "imagenet_c_bar"]
        return next((name for name in wanted if name in self.published), next(iter(self.published)))

    def rows(self, shape: tuple[int, ...] | torch.Size) -> tuple[C, ...]:
        """The published constants for images of shape (..., c, h, w), one row per severity."""
        return self.published[self.setting_for(shape)]

    def amount(self, x: Tensor, params: Params) -> Tensor:
        """The corruption's only constant at each example's severity: `interpolated` of its table, which starts at severity 0."""
        return self.interpolated([constant for (constant,) in self.rows(x.shape)], x, params)

    def interpolated(self, constants: Sequence[float], x: Tensor, params: Params) -> Tensor:
        """A constant, given at severities 0 to 5, at each example's severity; shape (n, 1, ..., 1) against x, float64.

        Piecewise linear and differentiable, and exact at whole severities. At a whole severity the derivative is that of the segment above
        it, and at 5 that of the segment below.
        """
        values = params.new_tensor(constants)
        severity = params[:, 0].clamp(0, 5)
        below = severity.detach().floor().clamp(max=4).long()
        value = torch.lerp(values[below], values[below + 1], severity - below)
        return value.reshape(-1, *[1] * (x.dim() - 1))

    def _as_stored(self, x: Tensor, moved: Tensor, params: Params) -> Tensor:
        from shiftproof.shifts.corruptions.stored import as_stored

        if self.space.kind != "image":
            raise UsageError(f"Only images are stored on disk: leave {self.name} in_memory for other data.")
        low, width = self.space.low, self.space.high - self.space.low
        stored = as_stored((moved.detach() - low) / width, self.setting_for(x.shape))
        unmoved = params[:, 0] <= 0
        out = (low + width * stored.to(moved)).clamp(self.space.low, self.space.high)
        return torch.where(unmoved.reshape(-1, 1, 1, 1), x, out)
