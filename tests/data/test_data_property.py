"""What must hold for any data: nothing is lost between a file and the inputs, and groups come apart again."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shiftproof import examples, load_data
from shiftproof.data import crossed
from shiftproof.data.labels import encode_labels
from shiftproof.data.sources.address import Address, parse_address
from shiftproof.data.sources.pixels import onto_box

QUICK = settings(deadline=None, max_examples=40)
NAMES = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=6)


@QUICK
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=4, max_side=5)), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_levels_stay_in_the_box_in_order_and_hit_its_ends(
    levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], low: float, width: float
) -> None:
    high = low + width
    x = onto_box(levels, 255, (low, high)).double().numpy()
    near = 1e-6 * max(abs(low), abs(high))
    assert x.min() >= np.float32(low)
    assert x.max() <= np.float32(high)
    assert np.allclose(x, low + width * levels / 255.0, rtol=0, atol=near + 1e-6 * width)
    assert (np.argsort(x.ravel(), kind="stable") == np.argsort(levels.ravel(), kind="stable")).all() or width < 1e-2 * abs(low)
    assert x[levels == 0].tolist() == [float(np.float32(low))] * int((levels == 0).sum())


@QUICK
@given(hnp.arrays(np.uint8, (3, 4)))
def test_declared_levels_come_back_whole(levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    assert (onto_box(levels, 255, (0.0, 255.0)).numpy() == levels).all()
    assert ((onto_box(levels, 255, (0.0, 1.0)) * 255).round().numpy() == levels).all()


@QUICK
@given(st.dictionaries(NAMES, st.lists(NAMES, min_size=6, max_size=6), min_size=1, max_size=4))
def test_crossed_groups_come_apart_again(columns: dict[str, list[str]]) -> None:
    names = crossed({column: np.array(values) for column, values in columns.items()}, 6)
    rows = [dict(part.split("=") for part in name.split(" & ")) for name in names.tolist()]
    assert rows == [{column: values[row] for column, values in columns.items()} for row in range(6)]


@QUICK
@given(st.dictionaries(NAMES, st.text(st.characters(exclude_characters="&?"), max_size=8), max_size=4), NAMES)
def test_addresses_are_read_as_they_are_written(options: dict[str, str], place: str) -> None:
    address = Address("npz", place, options)
    assert parse_address(str(address)) == address


@QUICK
@given(st.lists(WORDS, min_size=1, max_size=12))
def test_words_as_labels_come_back(said: list[str]) -> None:
    codes, names = encode_labels(said, owner="o")
    assert [names[code] for code in codes] == said
    assert list(names) == sorted(set(said))


@pytest.mark.parametrize("scheme", ["csv", "parquet"])
@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False, width=64), WORDS, st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_tables_lose_nothing(scheme: str, rows: list[tuple[int, float, str, bool]]) -> None:
    integers, reals, words, flags = (list(column) for column in zip(*rows, strict=True))
    words = [f"w{word}" for word in words]  # never a number, a date or a boolean
    table = pa.table({"i": integers, "r": reals, "w": words, "b": flags, "y": [f"c{flag}" for flag in flags]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data"
        pa_csv.write_csv(table, path) if scheme == "csv" else pq.write_table(table, path)
        source = load_data(f"{scheme}:{path}?label=y&groups=w")
        x = source.take(slice(None)).x.numpy()
        columns = source.space.columns
        assert x[:, 0].tolist() == integers
        assert x[:, 1].tolist() == (pd.read_csv(path).r.tolist() if scheme == "csv" else reals)  # pandas may miss the last bit
        assert [columns[2].categories[int(code)] for code in x[:, 2]] == words
        assert [columns[3].categories[int(code)] == "True" for code in x[:, 3]] == flags
        assert source.groups["w"].tolist() == words
        assert ((x >= [c.low for c in columns]) & (x <= [c.high for c in columns])).all()


@QUICK
@given(hnp.arrays(np.float64, (5, 3), elements=st.floats(0, 1)), st.integers(1, 9))
def test_batches_are_the_whole_whatever_their_size(x: np.ndarray[tuple[int, ...], np.dtype[np.float64]], size: int) -> None:
    source = load_data(examples(x, [0, 1, 0, 1, 1]), limit=4)
    assert [row for batch in source.batches(size) for row in batch.x.tolist()] == x[:4].tolist()
