"""Pictures whose files say more than their pixels: how a camera was held, what a viewer does not show, several frames, other contents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from shiftproof import load_data

Levels = npt.NDArray[np.uint8]
SHOWN: Levels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "pictures" / "c").mkdir(parents=True)
    return tmp_path / "pictures"


def read(place: Path, query: str = "") -> Levels:
    """The one picture's levels as (height, width, channels)."""
    x = load_data(f"imagefolder:{place}{query}", box=(0, 255)).take(slice(None)).x
    levels: Levels = x[0].round().numpy().transpose(1, 2, 0).astype(np.uint8)
    return levels


def note(place: Path) -> str:
    said = [note for note in load_data(f"imagefolder:{place}").notes if note.startswith("Of ")]
    return said[0] if said else ""


def _exact(kind: str) -> dict[str, Any]:
    """What a picture must be saved with so that its levels stay as they are."""
    return {"lossless": True, "exact": True} if kind == "webp" else {}


TURNS: dict[int, Callable[[Levels], Levels]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
"""How a camera stored what it saw, for each orientation: turned the other way."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
def test_pictures_are_upright_as_a_viewer_shows_them(place: Path, kind: str, orientation: int) -> None:
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](SHOWN)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(place / "c" / f"a.{kind}", exif=exif, **_exact(kind))
    assert np.array_equal(read(place), SHOWN)
    assert note(place) == "Of 1 pictures, 1 turned as the EXIF orientation says."


def test_photos_are_upright_and_so_are_their_sizes(place: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(np.full((20, 40, 3), 90, np.uint8)))).save(place / "c" / "a.jpg", exif=exif)
    Image.fromarray(np.full((20, 40, 3), 90, np.uint8)).save(place / "c" / "b.jpg")
    assert load_data(f"imagefolder:{place}").take(slice(None)).x.shape == (2, 3, 20, 40)
    assert note(place) == "Of 2 pictures, 1 turned as the EXIF orientation says."


def test_an_upright_picture_needs_no_word(place: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    Image.fromarray(SHOWN).save(place / "c" / "a.png", exif=exif)
    assert np.array_equal(read(place), SHOWN)
    assert note(place) == ""


@pytest.mark.parametrize(
    ("kind", "mode"), [("png", "RGBA"), ("png", "LA"), ("png", "P"), ("gif", "P"), ("webp", "RGBA"), ("png", "RGB"), ("tiff", "RGBA")]
)
def test_colours_under_transparency_are_read_and_said(place: Path, kind: str, mode: str) -> None:
    path = place / "c" / f"a.{kind}"
    grey = np.full((2, 4), 120, np.uint8)
    if mode == "RGBA":
        Image.fromarray(np.dstack([SHOWN, np.zeros((2, 4), np.uint8)])).save(path, **_exact(kind))
        assert np.array_equal(read(place), SHOWN)
    elif mode == "LA":
        Image.merge("LA", [Image.fromarray(grey), Image.new("L", (4, 2), 0)]).save(path)
        assert np.array_equal(read(place, "?mode=L")[..., 0], grey)
    elif mode == "P":
        Image.fromarray(grey).convert("P").save(path, transparency=120)
    else:
        Image.fromarray(SHOWN).save(path, transparency=(0, 10, 20))
    assert "1 with transparency, which is left out: colours are read as they are stored, also where a viewer shows none" in note(place)


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tiff"])
def test_of_moving_pictures_the_first_frame_is_read_and_said(place: Path, kind: str) -> None:
    frames = [Image.new("RGB", (4, 2), (level, level, level)) for level in (0, 255, 128)]
    frames[0].save(place / "c" / f"a.{kind}", save_all=True, append_images=frames[1:], **_exact(kind))
    assert not read(place).any()
    assert "1 of several frames or pages, of which the first is read" in note(place)


def test_inks_and_deep_channels_are_said(place: Path) -> None:
    Image.new("CMYK", (4, 2), (0, 255, 255, 0)).save(place / "c" / "a.jpg")
    assert "1 in inks (CMYK), converted to RGB without a colour profile" in note(place)
    import cv2

    (place / "c" / "a.jpg").unlink()
    assert cv2.imwrite(str(place / "c" / "b.png"), np.full((2, 4, 3), 40000, np.uint16))
    assert "1 with 16 bits per channel, read with 8" in note(place)
    assert (read(place) == 40000 // 256).all()


def test_a_picture_exchanged_for_one_of_the_same_size_is_noticed(place: Path) -> None:
    path = place / "c" / "a.bmp"  # as many bytes whatever it shows
    Image.fromarray(SHOWN).save(path)
    before, size = load_data(f"imagefolder:{place}").fingerprint(), path.stat().st_size
    Image.fromarray(255 - SHOWN).save(path)
    assert path.stat().st_size == size
    assert load_data(f"imagefolder:{place}").fingerprint() != before
    Image.fromarray(SHOWN).save(path)
    assert load_data(f"imagefolder:{place}").fingerprint() == before


def test_what_is_no_picture_is_said_where_it_is_needed(place: Path) -> None:
    (place / "c" / "a.png").write_text("no picture")
    source = load_data(f"imagefolder:{place}")
    assert source.fingerprint()
    assert note(place) == ""
