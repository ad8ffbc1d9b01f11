"""Corruptions computed on one image at a time, in NumPy and OpenCV: pictures small enough to stay in the processor's cache."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.corruptions._draws import Array, Draws
from shiftproof.shifts.corruptions.corruption import SMALLEST, Corruption
from shiftproof.shifts.corruptions.stored import Bytes


@dataclass(frozen=True)
class ImageByImage(Corruption):
    """A corruption given by one function of one image. It has no gradient.

    Between two published severities its constants are interpolated, or where `mixes` the two published pictures of the same seed are
    mixed. Below 1 the clean image and the picture at 1 are mixed, unless the table has constants that move nothing.
    """

    smallest: ClassVar[int] = SMALLEST
    mixes: ClassVar[bool] = False
    """Whether pictures are mixed between published severities, as constants such as modes have no middle."""

    @property
    def smooth(self) -> bool:
        return False

    @abstractmethod
    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        """The corrupted image; `image` is (h, w, 1 or 3), float32 in [0, 1], and stays as it is. The result is clipped by the caller."""

    def check_inputs(self, x: Tensor) -> None:
        super().check_inputs(x)
        if x.shape[1] not in (1, 3):
            raise UsageError(f"{self.name} needs grey images (1 channel) or colour images (3 channels), got {x.shape[1]} channels.")

    def one(self, image: Array, severity: float, seed: float) -> Array:
        """The image at any severity in [0, 5], not clipped; shape (h, w, c)."""
        if severity <= 0:
            return image
        setting = self.setting_for((image.shape[2], *image.shape[:2]))
        table = self.published[setting]
        first = 6 - len(table)  # the severity of the first row: 0 or 1
        below = min(int(severity), 4)
        share = severity - below
        if share == 0 or (share == 1 and below == 4):
            return self._at(image, table[round(severity) - first], seed)
        if below < first:
            return image + np.float32(share) * (np.clip(self._at(image, table[0], seed), 0, 1) - image)
        rows = table[below - first], table[below + 1 - first]
        if self.mixes:
            low, high = (image if not below + i else np.clip(self._at(image, row, seed), 0, 1) for i, row in enumerate(rows))
            return low + np.float32(share) * (high - low)
        return self._at(image, tuple(a + share * (b - a) for a, b in zip(*rows, strict=True)), seed)

    def _at(self, image: Array, constants: tuple[float, ...], seed: float) -> Array:
        return self.picture(image, constants, Draws(seed))

    def corrupt(self, x: Tensor, params: Params) -> Tensor:
        low, width = self.space.low, self.space.high - self.space.low
        plain = low == 0 and width == 1
        unit = (x.detach() if plain else (x.detach() - low) / width).float().cpu()
        images = np.ascontiguousarray(unit.permute(0, 2, 3, 1).numpy())
        moved = np.empty_like(images)
        for row, (severity, *seed) in enumerate(params.detach().cpu().tolist()):
            moved[row] = self.one(images[row], min(max(severity, 0.0), 5.0), seed[0] if seed else 0)
        np.clip(moved, 0, 1, out=moved)
        back = torch.from_numpy(moved).permute(0, 3, 1, 2).to(x)
        back = back if plain else (low + width * back).clamp(self.space.low, self.space.high)
        still = params[:, 0] <= 0
        return torch.where(still.reshape(-1, 1, 1, 1).to(x.device), x, back) if bool(still.any()) else back


@dataclass(frozen=True)
class OnLevels(ImageByImage):
    """A corruption that by its definition works on whole grey levels 0..255."""

    @abstractmethod
    def levels(self, image: Bytes, constants: tuple[float, ...]) -> Bytes:
        """The corrupted image, (h, w, 1 or 3) uint8 both."""

    def picture(self, image: Array, constants: tuple[float, ...], draws: Draws) -> Array:
        moved = self.levels(np.rint(image * np.float32(255)).astype(np.uint8), constants)
        return moved.astype(np.float32) * np.float32(1 / 255)

    def levels_at(self, image: Bytes, severity: int) -> Bytes:
        """The image (h, w, c) at a published severity, without leaving whole levels."""
        table = self.published[self.setting_for((image.shape[2], *image.shape[:2]))]
        return self.levels(image, table[severity + len(table) - 6])
