"""Pictures in files: their levels, what their bytes are, and what a viewer shows and a model is not shown, or the other way round."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError
from shiftproof.data.sources.files import reading
from shiftproof.data.sources.pixels import Mode

if TYPE_CHECKING:
    from PIL.Image import Image

_DEEP = ("I", "F")
_ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""
_SIXTEEN = re.compile(";16[BLN]")
"""How Pillow says that channels of 16 bits are read, in whatever order of bytes."""
_HINTS = re.compile(b"exif|orientation", re.IGNORECASE)
"""One of these stands in every PNG file that says how it is turned."""
_READERS = 8
"""Files read at once: hashing and reading both leave Python's lock."""
_SAID = {
    "turned": "{} turned as the EXIF orientation says",
    "moving": "{} of several frames or pages, of which the first is read",
    "transparent": "{} with transparency, which is left out: colours are read as they are stored, also where a viewer shows none",
    "deep": "{} with 16 bits per channel, read with 8",
    "cmyk": "{} in inks (CMYK), converted to RGB without a colour profile",
}
"""What is said of pictures of a kind, in this order."""


class Looked(NamedTuple):
    """One picture's file: a hash of its bytes, and what must be said of it (keys of what is said)."""

    digest: str
    kinds: frozenset[str]


def look_at(data: bytes) -> Looked:
    """What a picture's bytes are. Only the header is decoded; a file that is not a picture has no notes, and is refused when it is read."""
    from PIL import Image

    kinds: frozenset[str] = frozenset()
    with suppress(Exception), Image.open(io.BytesIO(data)) as image:  # whatever is wrong with it is said where it is read
        kinds = frozenset(_kinds(image, data))
    return Looked(hashlib.sha256(data).hexdigest()[:24], kinds)


def look_at_files(paths: Sequence[Path]) -> list[Looked]:
    """`look_at` of every file. Cost: reads each once."""

    def look(path: Path) -> Looked:
        with reading(f"the image '{path}'", "Check that it may be read."):
            return look_at(path.read_bytes())

    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(look, paths))


def _kinds(image: Image, data: bytes) -> Iterable[str]:
    from PIL.ImageFile import ImageFile

    if isinstance(image, ImageFile) and any(_SIXTEEN.search(str(tile[3])) for tile in image.tile):
        yield "deep"
    if getattr(image, "is_animated", False):  # not every format knows of frames
        yield "moving"
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        yield "transparent"
    if image.mode == "CMYK":
        yield "cmyk"
    silent = image.format == "PNG" and not _HINTS.search(data)  # to look for its EXIF at the end, Pillow would decode all of it
    if not silent and image.getexif().get(_ORIENTATION, 1) not in (0, 1):
        yield "turned"


def picture_notes(looked: Sequence[Looked]) -> tuple[str, ...]:
    """One note of what a viewer shows otherwise; none where there is nothing to say."""
    counts = Counter(kind for one in looked for kind in one.kinds)
    said = [text.format(counts[kind]) for kind, text in _SAID.items() if counts[kind]]
    return (f"Of {len(looked)} pictures, {'; '.join(said)}.",) if said else ()


def picture_levels(image: Image, *, name: str, mode: Mode, size: int | None) -> npt.NDArray[np.uint8]:
    """A picture's levels 0..255, shape (channels, height, width): turned as its EXIF orientation says, the first frame of a moving one.

    Transparency is left out: colours are read as they are stored, seen or not. Resized to size x size (bilinear) where a size is given.
    """
    from PIL import Image as Pictures
    from PIL import ImageOps

    if image.mode.partition(";")[0] in _DEEP:
        raise UsageError(
            f"The image '{name}' has more than 8 bits a pixel (Pillow's mode {image.mode}). Convert it to 8 bits, or use npz:."
        )
    upright = ImageOps.exif_transpose(image)
    picture = upright if upright.mode == mode else upright.convert(mode)
    if size is not None and picture.size != (size, size):
        picture = picture.resize((size, size), Pictures.Resampling.BILINEAR)
    levels = np.asarray(picture, dtype=np.uint8)
    return levels[None] if levels.ndim == 2 else levels.transpose(2, 0, 1)
