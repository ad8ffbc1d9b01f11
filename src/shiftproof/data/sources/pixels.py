"""From arrays and pictures as stored to inputs: which box they are in, and which axis is the channel. Every decision is said in a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.arrays import floating
from shiftproof.data.space import UNIT, InputSpace, Kind, ValueRange, boxed

if TYPE_CHECKING:
    import torch

Mode = Literal["L", "RGB"]
_CHANNELS = (1, 3)
DARK = 16
"""Bytes that go no further than this are noted: they may be counts or marks, not levels of 0 to 255."""


def onto_box(raw: npt.NDArray[np.generic], top: int, box: ValueRange) -> torch.Tensor:
    """Levels 0..top mapped onto the box, float32: low + (high - low) * level / top, exact at both ends."""
    import torch

    low, high = box
    levels = torch.from_numpy(np.ascontiguousarray(raw, dtype=np.float32))
    return levels.mul_(high - low).div_(top).add_(low).clamp_(low, high)


def level_box(box: ValueRange | None, owner: str) -> ValueRange:
    """The box that pixel levels are mapped onto: [0, 1] unless declared."""
    low, high = UNIT if box is None else (float(box[0]), float(box[1]))
    if not np.isfinite([low, high]).all():
        raise must("box", owner, "be finite, because pixel levels are mapped onto it", [low, high])
    return low, high


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array of n inputs as it was stored, with its channel axis second, and the space it stands in."""

    raw: npt.NDArray[np.generic]
    space: InputSpace
    notes: tuple[str, ...]

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> torch.Tensor:
        """The inputs at `rows`, floating."""
        if self.raw.dtype == np.uint8:
            return onto_box(self.raw[rows], 255, (self.space.low, self.space.high))
        return floating(self.raw[rows].copy(), owner="the inputs")


def stored_array(raw: npt.NDArray[np.generic], *, owner: str, box: ValueRange | None, kind: Kind | None = None) -> StoredArray:
    """Decides layout and box of an array of n inputs.

    Args:
        raw: numbers, shape (n, ...).
        owner: who it belongs to, for messages.
        box: as declared; without it, bytes are mapped onto [0, 1], and other numbers must lie there.
        kind: "image" or "vector"; without it, three or four dimensions are images.
    """
    if raw.dtype.kind not in "fiub":
        raise must("x", owner, "hold numbers", str(raw.dtype))
    if raw.ndim < 2:
        raise must("x", owner, "have shape (n, ...), one input per row", raw.shape)
    raw, kind, layout = _channels_first(raw, owner, kind)
    if raw.dtype == np.uint8:
        low, high = level_box(box, owner)
        levels = [f"Levels 0 to 255 (uint8) are mapped onto the box [{low:g}, {high:g}]."]
        if raw.size and raw.max() <= DARK:
            levels.append(
                f"The greatest level is {raw.max()} of 255: if that is meant to be the top of the box, save the inputs as floats."
            )
        return StoredArray(raw, boxed((low, high), kind), (*layout, *levels))
    if box is not None:
        return StoredArray(raw, boxed(box, kind), layout)
    least, most = float(np.fmin.reduce(raw, axis=None)), float(np.fmax.reduce(raw, axis=None))  # NaN is for preflight to find
    if not (least >= 0.0 and most <= 1.0):
        hint = "Declare the box that the inputs are in, for example --box 0,255 (box=(0, 255) in Python)."
        raise UsageError(f"The box of {owner} cannot be told: values run from {least:.4g} to {most:.4g}, not within [0, 1]. {hint}")
    said = "The box [0, 1] was taken because all values lie there."
    return StoredArray(raw, boxed(UNIT, kind), (*layout, said))


def _channels_first(raw: npt.NDArray[np.generic], owner: str, kind: Kind | None) -> tuple[npt.NDArray[np.generic], Kind, tuple[str, ...]]:
    """The array with shape (n, channels, height, width) if it holds images, its kind, and what was decided."""
    if kind == "vector" or (kind is None and raw.ndim not in (3, 4)):
        return raw, "vector", ()
    if raw.ndim not in (3, 4):
        raise must("x", owner, "have three or four dimensions for images", raw.shape)
    shape = raw.shape
    if raw.ndim == 3:
        return raw[:, None], "image", (f"Inputs of shape {shape} are taken as grey images (n, height, width).",)
    if shape[3] in _CHANNELS and shape[1] not in _CHANNELS:
        return raw.transpose(0, 3, 1, 2), "image", (f"Inputs of shape {shape} have their channels last; they were put first.",)
    if shape[1] in _CHANNELS and shape[3] not in _CHANNELS:
        return raw, "image", ()
    return raw, "image", (f"Inputs of shape {shape} are taken as (n, channels, height, width).",)


def stack_pictures(
    pictures: Sequence[npt.NDArray[np.uint8]], names: Sequence[str], first: tuple[str, tuple[int, ...]]
) -> npt.NDArray[np.uint8]:
    """Pictures as one array (k, channels, height, width); `first` names one picture of the source and its shape, which all must have."""
    known, shape = first
    for picture, name in zip(pictures, names, strict=True):
        if picture.shape != shape:
            ours, theirs = (f"{s[2]}x{s[1]}" for s in (shape, picture.shape))
            raise UsageError(
                f"Images differ in size: '{known}' is {ours} and '{name}' is {theirs}. Bring them to one with size=, such as ?size=32."
            )
    return np.stack(pictures) if pictures else np.empty((0, *shape), dtype=np.uint8)
