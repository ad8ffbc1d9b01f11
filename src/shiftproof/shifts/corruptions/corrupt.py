"""`corrupt`: corrupted copies of arrays of images, to build test sets; the same pixels as in an audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts.corruptions.corruption import SMALLEST, Corruption
from shiftproof.shifts.corruptions.stored import bytes_as_stored, to_bytes

Images = npt.NDArray[Any]
LAYOUTS = ("HW", "HWC", "CHW", "NHW", "NHWC", "NCHW")
_CACHE = 2**19
"""Bytes processed at a time where images are converted to float32 as a whole."""
_BYTES = 2**24
"""Bytes of images of whole levels processed at a time: one image after the other is converted, if any."""


def corrupt(
    images: Images,
    corruption: str | Corruption[Any],
    *,
    severity: float = 3.0,
    seed: int = 0,
    ids: Sequence[str] | Sequence[int] | None = None,
    setting: str = "auto",
    mode: str = "in_memory",
    layout: str | None = None,
) -> Images:
    """The images corrupted as published.

    Args:
        images: one image or many, grey or colour, uint8, or floating in [0, 1]; at least 28 pixels per side.
        corruption: its name, such as "fog", or a part with options, such as `Frost(3, textures="folder")`. The part's own severity,
            setting and mode take precedence.
        severity: in [0, 5]; 1 to 5 are the published settings, 0 returns the images unchanged.
        seed: with each image's id, the only source of randomness.
        ids: one name per image; by default its number. An image's pixels do not depend on the other images.
        setting: whose constants; "auto" chooses by the size of the images (see the corruption).
        mode: "in_memory", or "on_disk" for pixels as the published files hold them (JPEG of quality 85 where those are JPEG).
        layout: one of HW, HWC, CHW, NHW, NHWC, NCHW; by default the axis of size 1 or 3 holds the channels.

    Returns:
        A new array of the same shape and type. uint8 results are rounded down, as published.

    Example:
        >>> import numpy as np
        >>> digit = np.zeros((28, 28), dtype=np.uint8)
        >>> corrupt(digit, "brightness", severity=5)[0, 0]  # MNIST-C: half the range
        np.uint8(127)
    """
    part = corruption if isinstance(corruption, Corruption) else _named(corruption, severity, setting, mode)
    given = _checked(images)
    shape, order = _laid_out(given.shape, layout)
    many = np.transpose(given.reshape(shape), order)
    n, height, width, channels = many.shape
    if min(height, width) < SMALLEST:
        raise UsageError(f"The images must be at least {SMALLEST} x {SMALLEST} pixels, got {height} x {width}. Enlarge them first.")
    part = part.within(InputSpace(kind="image"))
    names = _names(ids, n)
    part.check_inputs(torch.empty(1).expand(1, channels, height, width))
    if not isinstance(corruption, Corruption) and severity == 0:
        return given.copy()
    params = part.sample(torch.empty(1).expand(n, channels, height, width), Rng.for_ids(seed, names))
    whole = given.dtype == np.uint8 and type(part).bytes_at is not Corruption.bytes_at
    size = max(1, _BYTES // (height * width * channels) if whole else _CACHE // (height * width * channels * 4))
    pieces = [slice(start, start + size) for start in range(0, max(n, 1), size)]
    done = [_few(part, np.ascontiguousarray(many[some]), params[some]) for some in pieces]
    moved = done[0] if len(done) == 1 else np.concatenate(done)  # a copy of many images costs as much as a quick corruption
    back = np.transpose(moved, np.argsort(order)).reshape(given.shape)
    return np.ascontiguousarray(back)


def _few(part: Corruption[Any], images: Images, params: torch.Tensor) -> Images:
    """Images (n, h, w, c), few enough for the cache, corrupted: a new array of their type."""
    whole = images.dtype == np.uint8
    moved = part.bytes_at(images, part.severity, params) if whole else None
    if moved is not None:
        if part.mode == "on_disk":
            bytes_as_stored(moved, part.setting_for((images.shape[3], *images.shape[1:3])))
        return moved
    unit = np.multiply(images, np.float32(1 / 255), dtype=np.float32) if whole else images.astype(np.float32)
    x = torch.from_numpy(unit).permute(0, 3, 1, 2)
    y = part.apply(x, params).permute(0, 2, 3, 1).numpy()
    return to_bytes(y) if whole else y.astype(images.dtype)


def _named(name: str, severity: float, setting: str, mode: str) -> Corruption[Any]:
    from shiftproof.shifts import shifts
    from shiftproof.shifts.corruptions.suites import ALL

    if not isinstance(severity, int | float) or isinstance(severity, bool) or not 0 <= severity <= 5:
        raise must("severity", "corrupt", "be in [0, 5]", severity, "1 to 5 are the published settings, 0 moves nothing.")
    if name not in ALL and f"mnist_c_{name}" in ALL:
        name = f"mnist_c_{name}"
    known = name in ALL or name in ("blue_noise",)
    if not known:
        raise unknown("corruption", name, ALL, "Options such as textures= are given to the part: corrupt(images, Frost(3, textures=...)).")
    kind = shifts.get(name)
    if not issubclass(kind, Corruption):
        raise TypeError(f"'{name}' is listed as a corruption but is not a Corruption.")
    return kind(severity or 1.0, setting, mode)


def _checked(images: Images) -> Images:
    given = np.asarray(images)
    if given.dtype == np.uint8:
        return given
    if given.dtype.kind != "f":
        raise must(
            "images", "corrupt", "be of type uint8, or floating in [0, 1]", str(given.dtype), "Convert them: images.astype('uint8')."
        )
    if given.size and not (float(given.min()) >= 0 and float(given.max()) <= 1):  # NaN fails too
        span = [float(given.min()), float(given.max())]
        raise must("images", "corrupt", "lie in [0, 1] where they are floating", span, "Divide by 255, or give uint8.")
    return given


def _laid_out(shape: tuple[int, ...], layout: str | None) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]]:
    """The shape with all four axes, and the order of axes that makes it (n, h, w, c)."""
    found = layout or _guessed(shape)
    if found not in LAYOUTS or len(found) != len(shape):
        raise must("layout", "corrupt", f"be one of {', '.join(LAYOUTS)} with {len(shape)} axes", layout)
    sizes = dict(zip(found, shape, strict=True))
    n, h, w, c = (sizes.get(axis, 1) for axis in "NHWC")
    first = "C" in found and found.index("C") < found.index("H")
    return ((n, c, h, w), (0, 2, 3, 1)) if first else ((n, h, w, c), (0, 1, 2, 3))


def _guessed(shape: tuple[int, ...]) -> str:
    first, last = (len(shape) > 2 and shape[axis] in (1, 3) for axis in (-3, -1))
    match len(shape), bool(first), bool(last):
        case 2, _, _:
            return "HW"
        case 3, False, True:
            return "HWC"
        case 3, False, False:
            return "NHW"
        case 4, False, True:
            return "NHWC"
        case 4, True, False:
            return "NCHW"
        case _:
            raise UsageError(
                f"Cannot tell which axis of images of shape {shape} holds the channels: it must have size 1 or 3. "
                f"Give layout=, one of {', '.join(LAYOUTS)}."
            )


def _names(ids: Sequence[str] | Sequence[int] | None, n: int) -> list[str]:
    names = [str(name) for name in (range(n) if ids is None else ids)]
    if len(names) != n:
        raise must("ids", "corrupt", f"name each of the {n} images", f"{len(names)} names")
    return names
