"""MNIST's file format, written here byte by byte, and its ways to be broken."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shiftproof import UsageError, load_data
from shiftproof.preflight import check_examples

IMAGES = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4) * 11
LABELS = np.array([7, 0, 7], dtype=np.uint8)


def idx(array: npt.NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(folder: Path, *, prefix: str = "t10k", dot: str = "-", gz: bool = False) -> str:
    for what, array in {"images": IMAGES, "labels": LABELS}.items():
        data = idx(array)
        name = f"{prefix}-{what}{dot}idx{array.ndim}-ubyte"
        (folder / (f"{name}.gz" if gz else name)).write_bytes(gzip.compress(data) if gz else data)
    return f"idx:{folder}"


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize(
    ("prefix", "query", "split"), [("t10k", "", "test"), ("test", "?split=test", "test"), ("train", "?split=train", "train")]
)
def test_reads_what_was_written(tmp_path: Path, gz: bool, dot: str, prefix: str, query: str, split: str) -> None:
    source = load_data(write(tmp_path, prefix=prefix, dot=dot, gz=gz) + query)
    batch = source.take(slice(None))
    assert tuple(batch.x.shape) == (3, 1, 2, 4)
    assert np.array_equal(batch.x.numpy()[:, 0], IMAGES.astype(np.float32) / np.float32(255))
    assert batch.y.tolist() == [7, 0, 7]
    assert batch.ids.tolist() == [f"{split}/0", f"{split}/1", f"{split}/2"]
    assert source.space.kind == "image"
    assert source.notes == ("Levels 0 to 255 (uint8) are mapped onto the box [0, 1].",)
    check_examples(batch)


def test_gzip_makes_no_other_data(tmp_path: Path) -> None:
    prints = []
    for gz in (False, True):
        (tmp_path / str(gz)).mkdir()
        prints.append(load_data(write(tmp_path / str(gz), gz=gz)).fingerprint())
    assert prints[0] == prints[1]


def images_name(folder: Path) -> Path:
    return folder / "t10k-images-idx3-ubyte"


def test_damaged_files(tmp_path: Path) -> None:
    uri = write(tmp_path)
    good = images_name(tmp_path).read_bytes()
    for data, message in [
        (good[:-1], r"is cut off: \(3, 2, 4\) needs 24 bytes after the header, and there are 23. Copy it again"),
        (good + b"x", r"is longer than its header says: \(3, 2, 4\) needs 24 bytes after the header, and there are 25"),
        (good[:10], "is cut off: it ends within its header"),
        (b"PK" + good[2:], "The 'magic number' of '.*' must be 00000803 .idx, 3 dimensions, bytes., got '504b0803'. It is another kind"),
        (idx(LABELS), "must be 00000803 .*got '00000801'"),
        (b"", "must be 00000803 .*got ''"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "is cut off: .* needs 79228162458924105385300197375 bytes"),
    ]:
        images_name(tmp_path).write_bytes(data)
        with pytest.raises(UsageError, match=message):
            load_data(uri).take(slice(None))


def test_a_cut_gzip(tmp_path: Path) -> None:
    uri = write(tmp_path, gz=True)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UsageError, match=r"Cannot read '.*t10k-labels-idx1-ubyte.gz' \(EOFError: .*The file seems damaged: copy it again"):
        len(load_data(uri))


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    uri = write(tmp_path)
    images_name(tmp_path).write_bytes(idx(IMAGES[:2]))
    with pytest.raises(UsageError, match=r"must have one entry per image \(2\), got 3. The two files do not belong together"):
        load_data(uri).take(slice(None))


def test_a_set_without_examples(tmp_path: Path) -> None:
    uri = write(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[:0]))
    with pytest.raises(UsageError, match="holds no examples"):
        len(load_data(uri))


def test_missing_places(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="has no file t10k-images-idx3-ubyte.*It holds: nothing. Name the folder of the idx files themselves"
    ):
        load_data(f"idx:{tmp_path}")
    uri = write(tmp_path, prefix="train")
    with pytest.raises(UsageError, match="It holds: train-images-idx3-ubyte, train-labels-idx1-ubyte"):
        load_data(uri)
    with pytest.raises(UsageError, match="There is no folder '.*nowhere'"):
        load_data(f"idx:{tmp_path / 'nowhere'}")
    with pytest.raises(UsageError, match="idx: needs a folder, and '.*' is a file. Name the folder that holds it"):
        load_data(f"idx:{tmp_path / 'train-images-idx3-ubyte'}")
