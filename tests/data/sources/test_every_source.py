"""What every source owes, whatever it reads: tried on one small sample of each kind."""

from __future__ import annotations

import gzip
import inspect
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from shiftproof import examples, load_data
from shiftproof.data.arrays import ArraySource
from shiftproof.data.source import Source
from shiftproof.data.sources import sources
from shiftproof.data.sources.abstract import AddressedSource
from shiftproof.preflight import check_examples

LEVELS = np.random.default_rng(7).integers(0, 256, (5, 4, 4), dtype=np.uint8)
Y = np.array([0, 1, 1, 0, 2])
ROWS = "a,b,y\n1,0.5,u\n2,1.5,v\n3,2.5,v\n4,0.25,u\n5,7,w\n"


def _npz(folder: Path) -> str:
    np.savez(folder / "d.npz", x=LEVELS, y=Y, ids=list("abcde"), site=list("ppqqq"))
    return "npz:{}/d.npz?groups=site"


def _idx(folder: Path) -> str:
    for name, array in {"images-idx3": LEVELS, "labels-idx1": Y.astype(np.uint8)}.items():
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / f"t10k-{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return "idx:{}"


def _imagefolder(folder: Path) -> str:
    for row, label in enumerate(Y):
        (folder / f"class{label}").mkdir(exist_ok=True)
        Image.fromarray(LEVELS[row]).save(folder / f"class{label}" / f"{row}.png")
    return "imagefolder:{}"


def _csv(folder: Path) -> str:
    (folder / "d.csv").write_text(ROWS)
    return "csv:{}/d.csv?label=y&groups=a"


def _parquet(folder: Path) -> str:
    cells = [line.split(",") for line in ROWS.splitlines()[1:]]
    table = pa.table({"a": [int(r[0]) for r in cells], "b": [float(r[1]) for r in cells], "y": [r[2] for r in cells]})
    pq.write_table(table, folder / "d.parquet")
    return "parquet:{}/d.parquet?label=y&groups=a"


MAKERS: dict[str, Callable[[Path], str]] = {
    "npz": _npz,
    "idx": _idx,
    "imagefolder": _imagefolder,
    "csv": _csv,
    "parquet": _parquet,
    "digits": lambda folder: "digits:?split=test",
}


def opened(scheme: str, folder: Path) -> Source:
    folder.mkdir(exist_ok=True)
    return load_data(MAKERS[scheme](folder).format(folder))


@pytest.fixture(params=[*MAKERS, "arrays", "limited", "grouped", "boxed"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    if request.param == "arrays":
        return ArraySource(examples(LEVELS[:, None] / 255, Y, groups={"site": list("ppqqq")}))
    if request.param == "limited":
        return load_data(opened("npz", tmp_path / "d"), limit=4)
    if request.param == "boxed":
        return load_data(opened("npz", tmp_path / "d").uri, box=(-1, 1))
    if request.param == "grouped":
        return load_data(opened("npz", tmp_path / "d"), group_by=lambda about: about.id)
    return opened(request.param, tmp_path / "d")


def test_parts_agree(source: Source) -> None:
    n = len(source)
    assert n > 3
    assert source.ids.shape == source.y.shape == (n,)
    assert source.ids.dtype.kind == "U"
    assert len(np.unique(source.ids)) == n
    assert source.y.dtype == np.int64
    assert source.y.min() >= 0
    assert all(values.shape == (n,) and values.dtype.kind == "U" for values in source.groups.values())
    assert not source.class_names or source.y.max() < len(source.class_names)
    assert all(note.endswith(".") and "\n" not in note for note in source.notes)


def test_whole_is_legal(source: Source) -> None:
    whole = source.take(slice(None))
    check_examples(whole)
    assert whole.space == source.space
    assert whole.x.is_floating_point()
    assert (whole.x.dim() == 4) == (source.space.kind == "image")
    assert np.array_equal(whole.ids, source.ids)
    assert np.array_equal(whole.y.numpy(), source.y)
    assert list(whole.groups) == list(source.groups)


def test_any_way_of_taking_gives_the_same_rows(source: Source) -> None:
    whole = source.take(slice(None))
    rows = np.array([3, 0, 2])
    picked = source.take(rows)
    assert torch.equal(picked.x, whole.x[rows])
    assert picked.y.tolist() == whole.y[rows].tolist()
    assert picked.ids.tolist() == whole.ids[rows].tolist()
    assert {name: values.tolist() for name, values in picked.groups.items()} == {n: v[rows].tolist() for n, v in whole.groups.items()}
    parts = list(source.batches(2, start=1, stop=10_000))
    assert torch.equal(torch.cat([part.x for part in parts]), whole.x[1:])
    assert torch.equal(source.take(slice(1, 3)).x, whole.x[1:3])
    assert len(source.take(np.array([], dtype=np.intp))) == 0


@pytest.mark.parametrize("rows", [slice(0, 2), np.array([0, 1])], ids=["slice", "rows"])
def test_what_is_taken_may_be_changed_without_harm(source: Source, rows: slice | npt.NDArray[np.intp]) -> None:
    before = source.take(rows)
    kept = before.x.clone()
    before.x.add_(1)
    before.y.add_(1)
    again = source.take(rows)
    assert torch.equal(again.x, kept)
    assert again.y.tolist() == source.y[:2].tolist()


def test_it_travels(source: Source) -> None:
    source.take(slice(0, 1))
    again: Source = pickle.loads(pickle.dumps(source))
    assert (again.uri, again.fingerprint()) == (source.uri, source.fingerprint())
    assert torch.equal(again.take(slice(None)).x, source.take(slice(None)).x)


@pytest.mark.parametrize("scheme", [scheme for scheme in MAKERS if scheme != "digits"])
def test_fingerprint_is_of_the_content_not_the_place(scheme: str, tmp_path: Path) -> None:
    first = opened(scheme, tmp_path / "one")
    before = first.fingerprint()
    assert first.fingerprint() == before
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    moved = load_data(first.uri.replace(str(tmp_path / "one"), str(tmp_path / "two")))
    assert moved.uri != first.uri
    assert moved.fingerprint() == before
    assert str(tmp_path) not in before


@pytest.mark.parametrize("scheme", sources.names())
def test_docstring_and_options_agree(scheme: str) -> None:
    kind = sources.get(scheme)
    texts = [inspect.cleandoc(base.__doc__ or "") for base in kind.__mro__ if issubclass(base, AddressedSource)]
    listed = [line.strip().split(":")[0] for text in texts for line in text.splitlines() if line.startswith("    ") and ":" in line]
    assert sorted(listed) == sorted(option.name for option in kind.options)
    assert kind.scheme == scheme
    assert all(option.default in (None, *option.choices) for option in kind.options if option.choices)
