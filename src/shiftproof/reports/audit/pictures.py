"""The gallery's arrays to small pictures: clean, the difference amplified, and moved."""

from __future__ import annotations

import base64
import difflib
import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from shiftproof._arrays import Floats
from shiftproof._printable import figure
from shiftproof.data.chats import OWN_ANSWER
from shiftproof.measures.text_guard import Guarded, guard
from shiftproof.records.audit import Audit, DataCard, GalleryExample, Shown
from shiftproof.records.picture import Arrays, read_picture
from shiftproof.reports.number_format import known
from shiftproof.reports.shift_words import family_in

LARGEST = 160
"""Pixels a side above which a picture is shrunk for the page."""
MOST, MOST_A_FAMILY = 48, 6
"""Pictures on a page, and of one family of shifts; the others stay in gallery/."""
_FEATURES = 6


@dataclass(frozen=True)
class Change:
    """One feature of a vector, before and after."""

    feature: str
    before: str
    after: str


@dataclass(frozen=True)
class TextChange:
    """A piece of a text that is the same in both, or stands in one of them only: "same", "old" or "new"."""

    kind: str
    text: str


@dataclass(frozen=True)
class Tile:
    """One example as the page shows it: three images, the features that moved most, two texts in one, or why it cannot be shown."""

    picture: GalleryExample
    label: str
    clean_prediction: str
    prediction: str
    clean: str = ""
    difference: str = ""
    moved: str = ""
    factor: float = 1.0
    pixels: int = 0
    changes: Sequence[Change] = ()
    words: Sequence[TextChange] = ()
    changed: int = 0
    features: int = 0
    missing: str = ""
    notes: Sequence[str] = ()
    guarded: Guarded | None = None


def tiles(audit: Audit, folder: Path) -> list[Tile]:
    """A varied choice of the gallery, family by family: new examples, shifts and classes before a second of any.

    Examples that were wrong before anything moved show no failure of the shift's, and are left out.
    """
    families: dict[str, list[GalleryExample]] = {}
    judged = audit.judge.spec != "classify"  # then only those that were correct before the shift are in the gallery
    for picture in (p for p in audit.gallery if judged or p.clean_prediction == p.label):
        families.setdefault(family(picture), []).append(picture)
    chosen = [_varied(pictures) for pictures in families.values()]
    each = next((k for k in (MOST_A_FAMILY, 3, 2) if sum(min(k, len(c)) for c in chosen) <= MOST), 1)
    kept = [picture for pictures in chosen for picture in pictures[:each]]
    return [_tile(picture, audit.data, folder) for picture in kept[:MOST]]


def family(picture: GalleryExample) -> str:
    """That of its shift."""
    return family_in(picture.shift)


def _varied(pictures: Sequence[GalleryExample]) -> list[GalleryExample]:
    left, chosen = list(pictures), list[GalleryExample]()
    while left and len(chosen) < MOST_A_FAMILY:

        def seen(picture: GalleryExample) -> tuple[int, int, int]:
            return (
                sum(c.id == picture.id for c in chosen),
                sum((c.shift, c.label) == (picture.shift, picture.label) for c in chosen),
                sum(c.shift == picture.shift for c in chosen) + sum(c.label == picture.label for c in chosen),
            )

        best = min(left, key=seen)
        left.remove(best)
        chosen.append(best)
    return sorted(chosen, key=pictures.index)


def _tile(picture: GalleryExample, data: DataCard, folder: Path) -> Tile:
    names = (class_name(data, picture.label), class_name(data, picture.clean_prediction), class_name(data, picture.prediction))
    try:
        stored = _stored(folder, picture.file)
        clean, moved = _arrays(stored)
        words = [_words(stored, key, values) for key, values in (("clean", clean), ("moved", moved))]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        why = (error.strerror or "it cannot be read").lower() if isinstance(error, OSError) else str(error)
        return Tile(picture, *names, missing=f"gallery/{picture.file} cannot be shown: {why}")
    if isinstance(clean, str) or isinstance(moved, str):
        before, after = str(clean), str(moved)
        turned = OWN_ANSWER in after and OWN_ANSWER not in before  # a further turn, which is no other way to write the first
        changed = text_changes(before, after.replace(OWN_ANSWER, names[1]) if turned else after)
        return Tile(picture, *names, words=changed, guarded=None if turned else guard(before, after))
    if clean.ndim == 1:
        changes = _changes(clean, moved, words, data.columns)
        return Tile(picture, *names, changes=changes[:_FEATURES], changed=len(changes), features=clean.size)
    low, high, notes = _range(clean, moved, data)
    factor = amplification(clean, moved, high - low)
    if clean.shape[0] not in (1, 3):
        notes = [*notes, f"mean of {clean.shape[0]} channels"]
    if max(clean.shape[1:]) > LARGEST:
        notes = [*notes, f"shrunk from {clean.shape[2]} × {clean.shape[1]} pixels"]
    return Tile(
        picture,
        *names,
        _uri((clean - low) / (high - low)),
        _uri(0.5 + factor * (moved - clean) / (high - low)),
        _uri((moved - low) / (high - low)),
        factor=factor,
        pixels=max(clean.shape[1:]),
        notes=notes,
    )


def how_to_read(tiles: Sequence[Tile]) -> str:
    """What the pictures of a page show, by the kinds that are among them."""
    sure = " Those of which the model was surest come first." if any(known(tile.picture.confidence) is not None for tile in tiles) else ""
    said = ["Examples that only the move made wrong." + sure]
    if any(tile.clean for tile in tiles):
        said.append("Before, difference, after: the difference is amplified around mid grey by the factor under it.")
        said.append("Grey is no change, lighter is more and darker is less of a channel.")
    if any(tile.changes for tile in tiles):
        said.append("Rows of a table show the columns that changed.")
    if any(tile.words for tile in tiles):
        said.append("In texts, words that went are struck through, and those that came are underlined.")
    return " ".join(said)


def text_changes(before: str, after: str) -> list[TextChange]:
    """Two texts in one, word by word.

    >>> [(part.kind, part.text) for part in text_changes("a good film", "a gud film")]
    [('same', 'a '), ('old', 'good'), ('new', 'gud'), ('same', ' film')]
    """
    one, two = (re.findall(r"\s+|\S+", text) for text in (before, after))
    found: list[TextChange] = []
    for change, start, end, left, right in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        pieces = [("same", one[start:end])] if change == "equal" else [("old", one[start:end]), ("new", two[left:right])]
        found += [TextChange(kind, "".join(words)) for kind, words in pieces if words]
    return found


def class_name(data: DataCard, index: Shown) -> str:
    """The name of a class, its number where it has none; another answer as it is."""
    if isinstance(index, str):
        return index
    return data.class_names[index] if 0 <= index < len(data.class_names) else str(index)


def _stored(folder: Path, file: str) -> Arrays:
    """What a picture holds, read without unpickling and only from the gallery itself."""
    if Path(file).name != file or file in ("", ".", ".."):
        raise ValueError("the name is not that of a file in gallery/")
    return read_picture(folder / "gallery" / file, earlier=True)


def _arrays(stored: Arrays) -> tuple[Floats, Floats] | tuple[str, str]:
    """The two arrays or texts. Values of a vector may be missing, those of an image may not."""
    if stored["clean"].dtype.kind == "U":
        return str(stored["clean"]), str(stored["moved"])
    clean, moved = np.asarray(stored["clean"], dtype=np.float64), np.asarray(stored["moved"], dtype=np.float64)
    if clean.shape != moved.shape or clean.ndim not in (1, 3) or not clean.size:
        raise ValueError(f"shapes {clean.shape} and {moved.shape} are neither two images (c, h, w) nor two vectors (d,)")
    if np.isinf([clean, moved]).any() or (clean.ndim == 3 and np.isnan([clean, moved]).any()):
        raise ValueError("it holds NaN or infinite values")
    return clean, moved


def _words(stored: Arrays, key: str, values: Floats | str) -> list[str]:
    """A row as people read it: in the words of its table where they are stored with it. None of a text or an image."""
    if isinstance(values, str) or values.ndim != 1:
        return []
    words = stored.get(f"{key}_words", np.array([figure(value) for value in values.tolist()]))
    if words.dtype.kind != "U" or words.shape != values.shape:
        raise ValueError(f"its words have shape {words.shape}, and its values {values.shape}")
    return [str(word) for word in words]


def _range(clean: Floats, moved: Floats, data: DataCard) -> tuple[float, float, list[str]]:
    """What is black and what is white: the input box, or else the values themselves, and then the page says so."""
    if data.low is not None and data.high is not None and data.low < data.high:
        return data.low, data.high, []
    low, high = float(min(clean.min(), moved.min())), float(max(clean.max(), moved.max()))
    return low, high if high > low else low + 1.0, ["brightness stretched to the values present"]


def amplification(clean: Floats, moved: Floats, width: float) -> float:
    """The roundest factor (1, 2, 5, 10, ...) at which the largest difference still fits between black and white around mid grey.

    >>> amplification(np.zeros(2), np.array([8 / 255, 0.0]), 1.0)
    10.0
    """
    largest = float(np.abs(moved - clean).max()) / width
    if largest == 0.0:
        return 1.0
    room = 0.5 / largest
    if room < 1:
        return 0.5
    power = 10.0 ** math.floor(math.log10(room))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= room)


def _uri(values: Floats) -> str:
    """An image of shape (c, h, w) in [0, 1] as a PNG data address."""
    channels = values if values.shape[0] in (1, 3) else values.mean(0, keepdims=True)
    bytes_ = np.rint(np.clip(channels, 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(bytes_[0]) if len(bytes_) == 1 else Image.fromarray(np.ascontiguousarray(bytes_.transpose(1, 2, 0)))
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _changes(clean: Floats, moved: Floats, words: Sequence[Sequence[str]], columns: Sequence[str]) -> list[Change]:
    """The features that moved, relative to nothing but themselves: those that went missing, then by absolute change."""
    distance = np.where(np.isnan(clean) & np.isnan(moved), 0.0, np.nan_to_num(np.abs(moved - clean), nan=np.inf))
    order = np.argsort(-distance, kind="stable")
    before, after = words
    return [Change(columns[i] if i < len(columns) else f"feature {i}", before[i], after[i]) for i in order if distance[i]]
