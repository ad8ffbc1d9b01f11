"""Images of whole grey levels shrunk by averages over boxes, and enlarged to squares."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from shiftproof.shifts.corruptions._opencv import installed

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
Level = TypeVar("Level", np.uint8, np.uint16)


class _Cut(NamedTuple):
    """A line of pixels cut into boxes: the first pixel of each, and then the boxes that have a next pixel, with its place."""

    first: Places
    more: tuple[tuple[Places | slice, Places], ...]


def shrunk(image: Bytes, size: tuple[int, int]) -> Bytes:
    """An image (h, w, 1 or 3) reduced to `size` (height, width): each pixel is the mean of those whose centres lie in its box.

    Equal to Pillow's BOX filter, except for its intermediate rounding (one level at most). A box has at most 257 pixels.
    """
    return np.ascontiguousarray(_means(image, size)[..., : image.shape[2]])


def squares(image: Bytes, size: tuple[int, int], *, out: Bytes | None = None) -> Bytes:
    """`shrunk` to `size` and enlarged again: each pixel takes the box that its centre lies in. With `out`, written there."""
    height, width, channels = image.shape
    down, right = (_centres(small, large) for small, large in zip(size, (height, width), strict=True))
    small = _means(image, size)
    if channels == 1:
        return small.take(right, axis=1).take(down, axis=0, out=out, mode="clip")
    wide = small.view(np.uint32).take(right, axis=1).view(np.uint8).reshape(size[0], width, 4)  # a pixel is one word: one step each
    return _with_channels(wide, 3).take(down, axis=0, out=out, mode="clip")


def _with_channels(pixels: npt.NDArray[Level], channels: int) -> npt.NDArray[Level]:
    """The first three channels, and of 4 one more, of any value: it is the highest of a word, so that what it carries is lost.

    By OpenCV where it is installed, which is faster.
    """
    if installed():
        import cv2

        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA if channels == 4 else cv2.COLOR_RGBA2RGB), dtype=pixels.dtype)
    lanes = np.zeros((*pixels.shape[:2], channels), pixels.dtype)
    for channel in range(3):
        lanes[..., channel] = pixels[..., channel]
    return lanes


def _means(image: Bytes, size: tuple[int, int]) -> Bytes:
    """(height, width, 1) for grey, (height, width, 4) for colour, whose fourth channel is 0."""
    height, width, channels = image.shape
    down, right = (_cut(large, small) for large, small in zip((height, width), size, strict=True))
    rows = image.take(down.first, axis=0).astype(np.uint16)
    for boxes, places in down.more:
        rows[boxes] += image.take(places, axis=0)
    words: npt.NDArray[np.uint16 | np.uint64] = rows[..., 0]
    if channels > 1:  # the sums of a pixel's channels are added as one number: none exceeds its 16 bits
        words = _with_channels(rows, 4).view(np.uint64)[..., 0]
    sums = words.take(right.first, axis=1)
    for boxes, places in right.more:
        sums[:, boxes] += words.take(places, axis=1)
    means = sums.view(np.uint16) * _shares((height, width), size, len(sums.view(np.uint16)[0]) // size[1])
    means += np.float32(0.5)
    return means.astype(np.uint8).reshape(*size, -1)


@lru_cache(maxsize=32)
def _cut(large: int, small: int) -> _Cut:
    cuts = _cuts(large, small)
    first, sizes = cuts[:-1], np.diff(cuts)
    longer = [np.flatnonzero(sizes > step) for step in range(1, int(sizes.max()))]
    return _Cut(first, tuple((slice(None) if len(boxes) == small else boxes, first[boxes] + k) for k, boxes in enumerate(longer, 1)))


def _cuts(large: int, small: int) -> Places:
    return np.ceil(np.arange(small + 1) * (large / small) - 0.5).astype(np.intp).clip(0, large)


@lru_cache(maxsize=16)
def _shares(of: tuple[int, int], to: tuple[int, int], lanes: int) -> npt.NDArray[np.float32]:
    """1 / the number of pixels of each box, repeated for every channel; 0 for a fourth."""
    down, right = (np.diff(_cuts(large, small)) for large, small in zip(of, to, strict=True))
    shares = np.repeat((1 / (down[:, None] * right)).astype(np.float32), lanes, axis=1)
    if lanes == 4:
        shares[:, 3::4] = 0
    return shares


@lru_cache(maxsize=32)
def _centres(small: int, large: int) -> Places:
    """The box that each of `large` pixels takes: Pillow's choice, ties between two boxes included."""
    from PIL import Image

    boxes = Image.fromarray(np.arange(small, dtype=np.int32)[None])
    return np.asarray(boxes.resize((large, 1), Image.Resampling.NEAREST), dtype=np.intp)[0]
