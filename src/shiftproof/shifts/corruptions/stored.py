"""Images as the published files hold them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof.shifts.corruptions._opencv import installed

QUALITY = 85
AS_JPEG = frozenset({"imagenet_c", "tiny_imagenet_c", "imagenet_c_bar"})
"""The benchmarks whose files are JPEG; the others are arrays of whole grey levels."""
Bytes = npt.NDArray[np.uint8]
NUDGE = 2e-3
"""In grey levels: added before rounding down, so that float32 rounding cannot lower a whole level by one."""


def to_bytes(pixels: npt.NDArray[np.float32]) -> Bytes:
    """[0, 1] to whole levels 0..255, rounded down as published.

    >>> to_bytes(np.array([0.0, 0.5, 1.0], dtype=np.float32))
    array([  0, 127, 255], dtype=uint8)
    """
    return nudged(pixels).astype(np.uint8)


def nudged(pixels: npt.NDArray[np.float32], *, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """[0, 1] in grey levels: cast to uint8 they are the whole levels of `to_bytes`. With `out`, computed there."""
    scaled = np.multiply(pixels, np.float32(255), out=out)
    scaled += np.float32(NUDGE)
    return scaled


def through_jpeg(image: Bytes, quality: int) -> Bytes:
    """An image (h, w, 1 or 3) written as JPEG and read again; chroma at half resolution, the default of Pillow and libjpeg.

    By OpenCV where it is installed, which is faster and calls the same library: the pixels are the same, bit for bit.
    """
    return _through_opencv(image, quality) if installed() else _through_pillow(image, quality)


def _through_opencv(image: Bytes, quality: int) -> Bytes:
    import cv2

    grey = image.shape[2] == 1
    flags = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420)
    _, file = cv2.imencode(".jpg", image if grey else cv2.cvtColor(image, cv2.COLOR_RGB2BGR), flags)
    read = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB)
    return np.asarray(read, dtype=np.uint8).reshape(image.shape)


def _through_pillow(image: Bytes, quality: int) -> Bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as read:
        return np.array(read, dtype=np.uint8).reshape(image.shape)


def as_stored(x: Tensor, setting: str) -> Tensor:
    """Images (n, c, h, w) in [0, 1] as read back from published files, float32."""
    pixels = to_bytes(np.ascontiguousarray(x.clamp(0, 1).float().cpu().permute(0, 2, 3, 1).numpy()))
    bytes_as_stored(pixels, setting)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).to(x.device)


def bytes_as_stored(images: Bytes, setting: str) -> None:
    """Replaces images (n, h, w, c) of whole levels by what is read back from the files of that benchmark."""
    if setting in AS_JPEG:
        for image in images:
            image[:] = through_jpeg(image, QUALITY)


def crop_as_published(image: Bytes, *, side: int = 224) -> Bytes:
    """The published preparation: the shorter side resized to 8/7 of `side` (256 for 224), bilinear, then the centre cropped.

    Args:
        image: (h, w, 3) or (h, w), uint8, of any size.
        side: of the square returned.

    >>> crop_as_published(np.zeros((300, 400, 3), dtype=np.uint8)).shape
    (224, 224, 3)
    """
    from PIL import Image

    height, width = image.shape[:2]
    short = round(side * 8 / 7)
    wide, high = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    resized = Image.fromarray(image).resize((wide, high), Image.Resampling.BILINEAR)
    left, top = round((wide - side) / 2), round((high - side) / 2)
    buffer = resized.crop((left, top, left + side, top + side))
    return np.array(buffer, dtype=np.uint8)
