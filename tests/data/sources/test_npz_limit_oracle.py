"""Of an .npz file no more is read than what is used: files that declare more than there is, or than there is room for."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from shiftproof import UsageError, load_data
from shiftproof.data.sources import npz

N, WIDTH = 40_000, 500


def header(shape: tuple[int, ...], dtype: str = "<f4", *, by_columns: bool = False) -> bytes:
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, {"descr": dtype, "fortran_order": by_columns, "shape": shape})
    return made.getvalue()


@pytest.fixture(scope="module")
def zeros(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 MB in some 80 kB."""
    file = tmp_path_factory.mktemp("npz") / "zeros.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header((N, WIDTH)) + bytes(N * WIDTH * 4))
        archive.writestr("y.npy", header((N,), "<i8") + (np.arange(N) % 2).astype("<i8").tobytes())
    return file


def test_a_limit_reads_the_first_rows_only(zeros: Path) -> None:
    tracemalloc.start()
    source = load_data(f"npz:{zeros}", limit=3)
    there = pickle.loads(pickle.dumps(source))  # as in a worker
    for each in (source, there):
        data = each.take(slice(None))
        assert data.x.shape == (3, WIDTH)
        assert data.y.tolist() == [0, 1, 0]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < N * WIDTH * 4 / 2
    assert "Only the first 3 of 40000 examples are used." in source.notes


def test_the_first_rows_are_those_of_the_whole(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((20, 3, 4, 4)).astype(np.float32)
    for name, save, given in (("plain", np.savez, x), ("packed", np.savez_compressed, x), ("columns", np.savez, np.asfortranarray(x))):
        save(tmp_path / f"{name}.npz", x=given, y=np.arange(20))
        for limit in (1, 7, 20, 99):
            found = load_data(f"npz:{tmp_path / name}.npz", limit=limit).take(slice(None))
            assert np.array_equal(found.x.numpy(), x[:limit])


LIES = {
    "more rows than there are": (header((3_000_000, 1000)), 100),
    "fewer": (header((2, 2)), 100),
    "rows without end": (header((2**60, 2**60)), 100),
    "less than no rows": (header((-1, 4)), 100),
}


@pytest.mark.parametrize(("said", "held"), LIES.values(), ids=list(LIES))
@pytest.mark.parametrize("limit", [None, 3])
def test_a_header_that_lies_is_one_line(tmp_path: Path, said: bytes, held: int, limit: int | None) -> None:
    with zipfile.ZipFile(tmp_path / "lies.npz", "w") as archive:
        archive.writestr("x.npy", said + bytes(held))
        archive.writestr("y.npy", said + bytes(held))
    with pytest.raises(UsageError, match="Cannot read '.*lies.npz' as an .npz file") as caught:
        load_data(f"npz:{tmp_path / 'lies.npz'}", limit=limit).take(slice(None))
    assert len(str(caught.value).splitlines()) == 1


def test_what_does_not_fit_into_memory_is_refused_with_the_way_out(zeros: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "memory", lambda: 2**20)
    with pytest.raises(UsageError, match=r"The array 'x' of .* has 0.0745 GiB, and this machine .* \(--limit\)"):
        load_data(f"npz:{zeros}").take(slice(0, 3))
    assert len(load_data(f"npz:{zeros}", limit=3).take(slice(None))) == 3
