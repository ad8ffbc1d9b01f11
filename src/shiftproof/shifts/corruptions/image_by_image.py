"""Corruptions computed one image at a time, so that an image stays in the processor's cache."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.constants import C
from shiftproof.shifts.corruptions.corruption import Corruption
from shiftproof.shifts.corruptions.stored import Bytes, nudged


@dataclass(frozen=True)
class ImageByImage(Corruption[C]):
    """A corruption given by a function of one image. It has no gradient.

    Between two published severities its constants are interpolated, or where `mixes` is set, the two published images of the same seed
    are mixed.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    mixes: ClassVar[bool] = False
    """Whether images are mixed between published severities, for constants that cannot be interpolated, such as a choice."""

    @property
    def smooth(self) -> bool:
        return False

    @abstractmethod
    def picture(self, image: Array, c: C, draws: Draws) -> Array:
        """The corrupted image, not clipped. `image` is (h, w, 1 or 3), float32 in [0, 1], and is not changed in place."""

    def check_inputs(self, x: Tensor) -> None:
        super().check_inputs(x)
        if x.shape[1] not in (1, 3):
            raise UsageError(f"{self.name} needs grey images (1 channel) or colour images (3 channels), got {x.shape[1]} channels.")

    def one(self, image: Array, severity: float, seed: float) -> Array:
        """The image at any severity in [0, 5], not clipped; shape (h, w, c)."""
        if severity <= 0:
            return image
        rows = self.rows((image.shape[2], *image.shape[:2]))
        first = 6 - len(rows)  # the severity of the first row: 0 or 1
        below = min(int(severity), 4)
        share = severity - below
        if share == 0 or (share == 1 and below == 4):
            return self._at(image, rows[round(severity) - first], seed)
        if below < first:
            return image + np.float32(share) * (np.clip(self._at(image, rows[0], seed), 0, 1) - image)
        ends = rows[below - first], rows[below + 1 - first]
        if self.mixes:
            low, high = (image if not below + i else np.clip(self._at(image, row, seed), 0, 1) for i, row in enumerate(ends))
            return low + np.float32(share) * (high - low)
        return self._at(image, rows[0]._make(a + share * (b - a) for a, b in zip(*ends, strict=True)), seed)

    def _at(self, image: Array, c: C, seed: float) -> Array:
        return self.picture(image, c, Draws(seed))

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        low, width = self.space.low, self.space.high - self.space.low
        unit_box = low == 0 and width == 1
        unit = (x.detach() if unit_box else (x.detach() - low) / width).float().cpu()
        images = np.ascontiguousarray(unit.permute(0, 2, 3, 1).numpy())
        moved = np.empty_like(images)
        for row, (severity, *seed) in enumerate(params.detach().cpu().tolist()):
            moved[row] = self.one(images[row], min(max(severity, 0.0), 5.0), seed[0] if seed else 0)
        np.clip(moved, 0, 1, out=moved)
        back = torch.from_numpy(moved).permute(0, 3, 1, 2).to(x)
        back = back if unit_box else (low + width * back).clamp(self.space.low, self.space.high)
        unmoved = params[:, 0] <= 0
        return torch.where(unmoved.reshape(-1, 1, 1, 1).to(x.device), x, back) if bool(unmoved.any()) else back

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        moved, (unit, scratch) = np.empty_like(images), np.empty((2, *images.shape[1:]), np.float32)
        for image, target, (_, *seed) in zip(images, moved, params.tolist(), strict=True):
            np.multiply(image, np.float32(1 / 255), out=unit)
            np.clip(self.one(unit, severity, seed[0] if seed else 0), 0, 1, out=scratch)
            np.copyto(target, nudged(scratch, out=scratch), casting="unsafe")
        return moved


@dataclass(frozen=True)
class OnLevels(ImageByImage[C]):
    """A corruption that is defined on whole grey levels, 0 to 255."""

    @abstractmethod
    def levels(self, image: Bytes, c: C) -> Bytes:
        """The corrupted image; both are (h, w, 1 or 3), uint8."""

    def levels_into(self, image: Bytes, c: C, target: Bytes) -> None:
        """Writes `levels` to `target`."""
        target[:] = self.levels(image, c)

    def picture(self, image: Array, c: C, draws: Draws) -> Array:
        moved = self.levels(np.rint(image * np.float32(255)).astype(np.uint8), c)
        return moved.astype(np.float32) * np.float32(1 / 255)

    def bytes_at(self, images: Bytes, severity: float, params: Params) -> Bytes | None:
        if not float(severity).is_integer():
            return super().bytes_at(images, severity, params)
        rows = self.rows((images.shape[3], *images.shape[1:3]))  # already whole levels: no conversion
        moved = np.empty_like(images)
        for image, target in zip(images, moved, strict=True):
            self.levels_into(image, rows[int(severity) + len(rows) - 6], target)
        return moved
