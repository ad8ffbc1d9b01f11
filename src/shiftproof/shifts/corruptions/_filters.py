"""Blurs and warps of one image, in the conventions of the libraries that the published code calls."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from shiftproof.shifts.corruptions._draws import Array


def gaussian(image: Array, sigma: float, *, truncate: float = 4.0, reflect: bool = False, down_only: bool = False) -> Array:
    """The Gaussian blur of an image (h, w) or (h, w, c), cut at `truncate` sigmas, as in scipy and scikit-image.

    Beyond the edge the nearest pixel repeats; with `reflect` the image is mirrored instead, its edge pixel included. `down_only` blurs
    along columns only.
    """
    import cv2

    reach = int(truncate * sigma + 0.5)
    if reach < 1:
        return image
    if reach >= min(image.shape[:2]):  # each pixel depends on the whole image: a matrix product is as exact and no slower
        return _by_matrices(image, sigma, reach, reflect, down_only)
    weights = _weights(sigma, reach)
    border = cv2.BORDER_REFLECT if reflect else cv2.BORDER_REPLICATE
    across = np.ones(1, np.float32) if down_only else weights
    return np.asarray(cv2.sepFilter2D(image, -1, across, weights, borderType=border), dtype=np.float32).reshape(image.shape)


@lru_cache(maxsize=64)
def _weights(sigma: float, reach: int) -> Array:
    offset = np.arange(-reach, reach + 1)
    weight = np.exp(-(offset**2) / (2 * sigma**2))
    return np.asarray(weight / weight.sum(), dtype=np.float32)


def _by_matrices(image: Array, sigma: float, reach: int, reflect: bool, down_only: bool) -> Array:
    height, width = image.shape[:2]
    rows = _matrix(height, sigma, reach, reflect) @ image.reshape(height, -1)
    if down_only:
        return np.asarray(rows.reshape(image.shape), dtype=np.float32)
    both = np.einsum("vw,hwc->hvc", _matrix(width, sigma, reach, reflect), rows.reshape(height, width, -1), optimize=True)
    return np.ascontiguousarray(both.reshape(image.shape), dtype=np.float32)


@lru_cache(maxsize=16)
def _matrix(size: int, sigma: float, reach: int, reflect: bool) -> Array:
    """The blur of a line of pixels as a matrix [written, read]."""
    offset = np.arange(-reach, reach + 1)
    weight = np.exp(-(offset**2) / (2 * sigma**2))
    place = np.arange(size)[:, None] + offset
    if reflect:
        place = place % (2 * size)
        place = np.where(place < size, place, 2 * size - 1 - place)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None].repeat(len(offset), 1), place.clip(0, size - 1)), weight / weight.sum())
    return matrix.astype(np.float32)


def motion_blurred(image: Array, radius: float, sigma: float, degrees: float) -> Array:
    """ImageMagick's motion blur: half a Gaussian of 2 radius + 1 taps on whole pixels along a direction, edges repeated.

    Written from the documentation of its kernel; the published code calls ImageMagick.
    """
    taps = np.arange(2 * int(np.ceil(radius)) + 1)
    weight = np.exp(-(taps**2) / (2 * max(sigma, 1e-3) ** 2))
    angle = np.deg2rad(degrees)
    down = np.ceil(taps * np.sin(angle) - 0.5).astype(int)
    right = np.ceil(taps * np.cos(angle) - 0.5).astype(int)
    # One scaled sum per tap, by torch, which rounds product and sum once: a filter would compute over the square around the line.
    above, left = (max(-int(offset.min()), 0) for offset in (down, right))
    under, beyond = (max(int(offset.max()), 0) for offset in (down, right))
    padded = torch.from_numpy(_edges_repeated(image, (above, under), (left, beyond)))
    total = torch.from_numpy(image * np.float32(weight[0] / weight.sum()))
    sizes, strides = total.shape, padded.stride()
    starts = (down + above) * strides[0] + (right + left) * strides[1]
    for start, share in zip(starts[1:].tolist(), (weight / weight.sum())[1:].tolist(), strict=True):
        total.add_(padded.as_strided(sizes, strides, start), alpha=share)
    return total.numpy()


def _edges_repeated(image: Array, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
    """The image with so many pixels of its edges repeated before and after its rows and its columns."""
    (above, under), (left, beyond) = rows, columns
    height, width = image.shape[:2]
    padded = np.empty((above + height + under, left + width + beyond, *image.shape[2:]), np.float32)
    middle = padded[above : above + height]
    middle[:, left : left + width] = image
    middle[:, :left] = image[:, :1]
    middle[:, left + width :] = image[:, -1:]
    padded[:above] = middle[0]
    padded[above + height :] = middle[-1]
    return padded


def four_channels(image: Array) -> Array:
    """An image (h, w, 3) with a fourth channel of ones; a grey one as it is. OpenCV's warps give the same pixels 2 to 3 times as fast."""
    import cv2

    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), dtype=np.float32) if image.shape[2] == 3 else image


def three_channels(image: Array) -> Array:
    """The image (h, w, 3) without its fourth channel; a grey one as (h, w, 1)."""
    import cv2

    colour = image.shape[2:] == (4,)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2RGB) if colour else image.reshape(*image.shape[:2], 1), dtype=np.float32)


def zoomed(image: Array, factor: float) -> Array:
    """The middle of an image enlarged to the size of the image, corner to corner as in scipy's zoom of order 1."""
    import cv2

    height, width = image.shape[:2]
    scale, offset = zip(*(_part(size, factor) for size in (width, height)), strict=True)
    matrix = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
    ).reshape(image.shape)


def _part(size: int, factor: float) -> tuple[float, float]:
    """The step and the start, in pixels, at which a line of `size` pixels is read to enlarge its middle."""
    kept, grown = enlarged(size, factor)
    step = (kept - 1) / max(grown - 1, 1)
    return step, (size - kept) // 2 + (grown - size) // 2 * step


def enlarged(size: int, factor: float) -> tuple[int, int]:
    """How many pixels of a line are enlarged, and to how many."""
    kept = int(np.ceil(size / factor))
    return kept, round(kept * factor)


def enlarged_middle(part: Array, factor: float, size: tuple[int, int]) -> Array:
    """A part (h, w) enlarged corner to corner and cut to its middle `size` (height, width)."""
    import cv2

    full = [round(side * factor) for side in part.shape]
    steps = [(side - 1) / max(big - 1, 1) for side, big in zip(part.shape, full, strict=True)]
    trims = [(big - wanted) // 2 for big, wanted in zip(full, size, strict=True)]
    matrix = np.array([[steps[1], 0, trims[1] * steps[1]], [0, steps[0], trims[0] * steps[0]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, size[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE))


def warped(image: Array, matrix: npt.NDArray[np.float64], *, offset: tuple[float, float] = (0.0, 0.0)) -> Array:
    """The image read at matrix @ (column, row) about its centre, plus `offset`; bilinear, black outside."""
    import cv2

    height, width = image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    place = np.concatenate([matrix, (middle - matrix @ middle + offset)[:, None]], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, place, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT), dtype=np.float32).reshape(
        image.shape
    )
