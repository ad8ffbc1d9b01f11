"""CSV and Parquet tables: which column is what, codes of categories, groups, and every bad cell said in one line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from shiftproof import UsageError, load_data
from shiftproof.data.source import Source
from shiftproof.data.space import Column

TEXT = """age,height, sex ,owner,word,y
30,1.5,F,true,b,no
41, 1.75 , M,false,a,yes
30,1.25,F,true,b,no
"""
Table = Callable[..., str]


@pytest.fixture(params=["csv", "parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    """Writes CSV text as a file of either kind and gives its URI."""

    def write(text: str, query: str = "", name: str = "data") -> str:
        path = tmp_path / f"{name}.{request.param}"
        path.write_text(text)
        if request.param == "parquet":
            frame = pd.read_csv(path, skipinitialspace=True)
            frame.rename(columns=str.strip).to_parquet(path)
        return f"{request.param}:{path}{query}"

    return write


def csv(folder: Path, text: str, query: str = "", name: str = "data.csv") -> str:
    path = folder / name
    path.write_text(text)
    return f"csv:{path}{query}"


def read(source: Source) -> list[list[float]]:
    numbers: list[list[float]] = source.take(slice(None)).x.tolist()
    return numbers


def test_columns_by_their_kind(table: Table) -> None:
    source = load_data(f"{table(TEXT)}?label=y")
    assert source.space.kind == "table"
    assert source.space.columns == (
        Column("age", "integer", 30, 41),
        Column("height", "real", 1.25, 1.75),
        Column("sex", "categorical", 0, 1, ("F", "M")),
        Column("owner", "categorical", 0, 1, ("False", "True")),
        Column("word", "categorical", 0, 1, ("a", "b")),
    )
    assert read(source) == [[30, 1.5, 0, 1, 1], [41, 1.75, 1, 0, 0], [30, 1.25, 0, 1, 1]]
    assert source.take(slice(None)).x.dtype == torch.float64
    assert (source.y.tolist(), source.class_names) == ([0, 1, 0], ("no", "yes"))
    assert source.notes == (
        "Real columns: height. Integer columns: age. Categorical columns: sex (2), owner (2), word (2).",
        "Each column's legal range is the one observed.",
        "The table has no ids: examples are named by row number.",
    )


def test_groups_stay_features_unless_excluded_or_dropped(table: Table) -> None:
    uri = table(TEXT)
    kept = load_data(f"{uri}?label=y&groups=sex,age")
    assert {name: values.tolist() for name, values in kept.groups.items()} == {"sex": ["F", "M", "F"], "age": ["30", "41", "30"]}
    assert [c.name for c in kept.space.columns] == ["age", "height", "sex", "owner", "word"]
    excluded = load_data(f"{uri}?label=y&groups=sex,age&exclude_groups=true")
    assert [c.name for c in excluded.space.columns] == ["height", "owner", "word"]
    assert excluded.groups["sex"].tolist() == ["F", "M", "F"]
    dropped = load_data(f"{uri}?label=y&groups=sex&drop=sex,word")
    assert [c.name for c in dropped.space.columns] == ["age", "height", "owner"]
    assert dropped.groups["sex"].tolist() == ["F", "M", "F"]
    chosen = load_data(f"{uri}?label=y&features=height,age")
    assert read(chosen) == [[1.5, 30], [1.75, 41], [1.25, 30]]
    assert len({s.fingerprint() for s in (kept, excluded, dropped, chosen)}) == 4


def test_ids_and_labels_of_other_kinds(table: Table) -> None:
    uri = table(TEXT.replace("30,1.25", "31,1.25"))
    source = load_data(f"{uri}?label=owner&id=age")
    assert (source.ids.tolist(), source.named) == (["30", "41", "31"], True)
    assert (source.y.tolist(), source.class_names) == ([1, 0, 1], ("False", "True"))
    assert "age" not in [c.name for c in source.space.columns]
    whole = load_data(f"{uri}?label=age")
    assert (whole.y.tolist(), whole.class_names) == ([30, 41, 31], ())


def test_numbers_that_are_categories_are_sorted_as_numbers(table: Table) -> None:
    source = load_data(table("code,z,y\n10,1,0\n2,2,1\n10,3,0\n", "?label=y&categorical=code"))
    assert source.space.columns[0] == Column("code", "categorical", 0, 1, ("2", "10"))
    assert read(source)[0] == [1, 1]


def test_a_boolean_column_has_both_values_even_where_one_is_seen(table: Table) -> None:
    source = load_data(table("b,y\ntrue,0\ntrue,1\n", "?label=y"))
    assert source.space.columns == (Column("b", "categorical", 0, 1, ("False", "True")),)
    assert read(source) == [[1], [1]]


def test_missing_values_are_counted_by_column(table: Table) -> None:
    uri = table("a,b,w,y\n1,,u,0\n2,5,,1\nNaN,,v,0\n")
    source = load_data(f"{uri}?label=y")
    assert source.notes[2:4] == (
        "Values are missing in w (1): they are a category of their own, '(missing)'.",
        "Values are missing in a (1), b (2): for each, a further column says where.",
    )
    assert [c.name for c in source.space.columns if c.marks] == ["a is missing", "b is missing"]
    assert source.take(slice(None)).x[:, 3:].tolist() == [[0, 1], [0, 0], [1, 1]]
    source = load_data(table("a,w,y\n1,,0\n2,v,1\n", "?label=y&groups=w&drop=w"))
    assert source.groups["w"].tolist() == ["(missing)", "v"]


def test_missing_labels_and_ids(table: Table) -> None:
    uri = table("a,w,y\n1,,0\n2,v,\n3,u,1\n")
    with pytest.raises(UsageError, match="The label 'y' of '.*' is missing in 1 of 3 rows. Drop them first"):
        len(load_data(f"{uri}?label=y"))
    with pytest.raises(UsageError, match="The column 'w' of '.*' is missing in 1 rows. Fill it or drop them first"):
        len(load_data(f"{uri}?label=a&id=w").ids)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "needs its column of labels: write .label=NAME. Columns: age, height, sex, owner, word, y"),
        ("?label=z", "Unknown column of '.*' 'z'. Known: age"),
        ("?label=y&groups=sexx", "Unknown column of '.*' 'sexx'. Did you mean: sex"),
        ("?label=y&drop=wort", "Unknown column of '.*' 'wort'. Did you mean: word"),
        ("?label=y&categorical=agee", "Unknown column of '.*' 'agee'. Did you mean: age"),
        ("?label=y&features=agee", "Unknown column of '.*' 'agee'. Did you mean: age"),
        ("?label=y&id=i", "Unknown column of '.*' 'i'"),
        ("?label=y&drop=y", "The column 'y' of .* is the label: name it neither in drop= nor in features="),
        ("?label=y&features=y,age", "is the label: name it neither"),
        ("?label=y&features=age&drop=age", "leaves no column as a feature. Columns: age, height, .*. Drop fewer"),
        ("?label=height", "must be whole numbers 0, 1, 2, ..., got 1.5"),
        ("?label=y&id=sex", r"must be unique: 1 occur more than once \('F'\)"),
        ("?label=y&exclude_groups=maybe", "The 'exclude_groups' of .* must be true or false, got 'maybe'"),
        ("?lable=y", "Unknown option of source '.*' 'lable'. Did you mean: label"),
    ],
)
def test_refusals(table: Table, query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_data(table(TEXT) + query).take(slice(None))
    assert "\n" not in str(caught.value)


def test_a_box_makes_no_sense_for_a_table(table: Table) -> None:
    with pytest.raises(UsageError, match=r"The 'box' of .* must be left out, got \[0, 1\]. Each column of a table has its own range"):
        load_data(f"{table(TEXT)}?label=y", box=(0, 1))


def test_a_header_alone(table: Table) -> None:
    with pytest.raises(UsageError, match="has a header and no rows"):
        load_data(table("a,y\n", "?label=y")).take(slice(None))


def test_like_gives_codes_ranges_and_classes(table: Table) -> None:
    train = table("n,r,w,y\n1,0.5,a,no\n9,1.5,b,yes\n5,1,c,maybe\n", name="train").partition(":")[2]
    test = table("n,r,w,y\n3,2.5,b,yes\n4,1,c,yes\n", "?label=y")
    source = load_data(f"{test}&like={train}")
    assert source.space.columns == (
        Column("n", "integer", 1, 9),
        Column("r", "real", 0.5, 2.5),
        Column("w", "categorical", 0, 2, ("a", "b", "c")),
    )
    assert (source.y.tolist(), source.class_names) == ([2, 2], ("maybe", "no", "yes"))
    assert read(source)[0] == [3, 2.5, 1]
    assert source.notes[1] == "Legal ranges cover this table and that of like=."
    assert source.fingerprint() != load_data(test).fingerprint()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n,w,y\n1,zz,no\n", "The column 'w' of '.*' has categories that the table of like= lacks: zz. Retrain with them"),
        ("n,w,y\n1,a,huh\n", "Unknown class of '.*' 'huh'. Known: no, yes"),
        ("w,y\na,no\n", "The 'like' of '.*' must name a table with the columns w, got 'n, w'"),
        ("n,w,y\n1,5,no\n", r"The 'w' of '.*' must hold words, as in the table of like= \(a, b, ...\), got 5"),
        ("n,w,y\nx,a,no\n", r"The 'n' of '.*' must hold numbers, as in the table of like= \(1 to 9\), got 'x'"),
    ],
)
def test_like_refuses_what_does_not_fit(tmp_path: Path, text: str, message: str) -> None:
    csv(tmp_path, "n,w,y\n1,a,no\n9,b,yes\n", name="train.csv")
    with pytest.raises(UsageError, match=message):
        load_data(csv(tmp_path, text, f"?label=y&like={tmp_path / 'train.csv'}")).take(slice(None))


def test_like_must_exist(tmp_path: Path) -> None:
    csv(tmp_path, "n,y\n1,0\n", name="train.csv")
    source = load_data(csv(tmp_path, "n,y\n1,0\n", f"?label=y&like={tmp_path / 'trian.csv'}"))
    with pytest.raises(UsageError, match="There is no file '.*trian.csv'. Did you mean: train.csv"):
        source.take(slice(None))


def test_compressed_and_otherwise_separated_csv(tmp_path: Path) -> None:
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert load_data(f"csv:{tmp_path / 'data.csv.gz'}?label=y").y.tolist() == [0, 1, 0]
    tabs = csv(tmp_path, TEXT.replace(",", "\t"))
    assert load_data(f"{tabs}?label=y&sep=tab").space.columns[0] == Column("age", "integer", 30, 41)
    assert len(load_data(csv(tmp_path, TEXT.replace(",", ";"), "?label=y&sep=;")).space.columns) == 5
    with pytest.raises(UsageError, match="The 'sep' of .* must be one character, or 'tab', got 'ab'"):
        load_data(f"{tabs}?label=y&sep=ab")


def test_headers_that_miss_or_repeat_names(tmp_path: Path) -> None:
    source = load_data(csv(tmp_path, ",a,a, b ,y\n0,1,2,3,0\n1,4,5,6,1\n", "?label=y"))
    assert [c.name for c in source.space.columns] == ["Unnamed: 0", "a", "a.1", "b"]
    assert read(source) == [[0, 1, 2, 3], [1, 4, 5, 6]]
    assert any("'Unnamed: 0' looks like a row number" in note for note in source.notes)
    assert len(load_data(f"{source.uri}&drop=Unnamed: 0").space.columns) == 3
    repeated = csv(tmp_path, "a,a,a.1,y\n0,1,2,3\n", "?label=y")  # as pandas numbers them
    assert [c.name for c in load_data(repeated).space.columns] == pd.read_csv(tmp_path / "data.csv").columns.tolist()[:3]


def test_words_that_pandas_takes_for_missing_are_missing(tmp_path: Path) -> None:
    uri = csv(tmp_path, "land,y\nNA,0\nDE,1\nNone,0\n", "?label=y")
    assert load_data(uri).space.columns[0].categories == ("DE", "(missing)")
    assert load_data(f"{uri}&missing=").space.columns[0].categories == ("DE", "NA", "None")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,y\n1,0,7\n", "Cannot read '.*' as CSV .ArrowInvalid: CSV parse error: .*Expected 2 columns, got 3: 1,0,7"),
        (b"a,b,y\n1,0,7\n2\n", "Cannot read '.*' as CSV .ArrowInvalid: .*Expected 3 columns, got 1.*name another separator with .sep="),
        (b"a,y\n\xff\xfe,0\n", r"Cannot read '.*' as CSV \(UnicodeDecodeError: .*It must be UTF-8 text"),
        (b"a,y\n9007199254740993,0\n", r"The 'a' of '.*' must hold integers of at most 2\*\*53"),
    ],
)
def test_csv_files_that_cannot_be_used(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=message) as caught:
        load_data(f"csv:{path}?label=y").take(slice(None))
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("not parquet at all")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "blank.csv").write_text("\n\n")
    for uri, message in [
        ("parquet:text.parquet", r"Cannot read '.*text.parquet' as Parquet \(ArrowInvalid: .*It must be a Parquet file"),
        ("parquet:none.parquet", "There is no file '.*none.parquet'"),
        ("csv:empty.csv", "The file '.*empty.csv' is empty"),
        ("csv:blank.csv", r"Cannot read '.*blank.csv' as CSV \(EmptyDataError"),
    ]:
        scheme, _, name = uri.partition(":")
        with pytest.raises(UsageError, match=message):
            load_data(f"{scheme}:{tmp_path / name}?label=y")
    with pytest.raises(UsageError, match="csv: needs a file, and '.*' is a folder"):
        load_data(f"csv:{tmp_path}?label=y")


def test_a_cut_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pd.DataFrame({"a": np.random.default_rng(0).random(2000), "y": 0}).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(UsageError, match="Cannot read '.*data.parquet' as Parquet"):
        load_data(f"parquet:{path}?label=y")
    path.write_bytes(whole[:4] + b"\xff" * 600 + whole[604:])  # the footer is whole, the first page is not
    with pytest.raises(UsageError, match="Cannot read '.*data.parquet' as Parquet"):
        load_data(f"parquet:{path}?label=y").take(slice(None))


def test_checksums_of_parquet_pages_are_verified(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    table = pa.table({"a": np.random.default_rng(0).random(2000), "y": np.zeros(2000, dtype=np.int64)})
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 1  # one bit of one number
    path.write_bytes(bytes(damaged))
    with pytest.raises(UsageError, match="Cannot read '.*data.parquet' as Parquet .*(CRC|checksum)"):
        load_data(f"parquet:{path}?label=y").take(slice(None))


def test_parquet_types_that_csv_does_not_have(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"c": pd.Categorical(["u", "v"], categories=["v", "u"]), "n": pd.array([1, 2], dtype="Int64"), "l": [[1], [2]], "y": [0, 1]}
    )
    frame["t"] = pd.to_datetime(["2020-01-01", "2021-01-01"])
    frame.index = pd.Index([5, 6])
    frame.to_parquet(tmp_path / "data.parquet")
    uri = f"parquet:{tmp_path / 'data.parquet'}?label=y"
    with pytest.raises(UsageError, match=r"do not: l \(ndarray\). Leave them out with drop=l or choose"):
        load_data(uri).take(slice(None))
    source = load_data(f"{uri}&drop=l,t")
    assert read(source) == [[1, 1], [0, 2]]
    assert read(load_data(f"{uri}&drop=l")) == [[1, 1, 18262], [0, 2, 18628]]  # dates are days since 1970
    assert source.space.columns[0].categories == ("v", "u")  # in the order of the type, as its codes


def test_only_the_columns_needed_are_read(tmp_path: Path) -> None:
    uri = csv(tmp_path, "a,huge,y\n1,[],0\n")
    with pytest.raises(UsageError, match="Unknown column"):
        load_data(f"{uri}?label=y&drop=hugee")
    source = load_data(f"{uri}?label=y&drop=huge")
    assert read(source) == [[1]]
    assert source._rows.columns.tolist() == ["y", "a"]  # type: ignore[attr-defined]  # what was read is the point here


def test_free_text_is_noted(tmp_path: Path) -> None:
    rows = "\n".join(f"{n},name{n},{n % 2}" for n in range(30))
    notes = load_data(csv(tmp_path, f"a,who,y\n{rows}\n", "?label=y")).notes
    assert "Columns that look like names or free text: who (30). Leave them out with drop=." in notes


def test_many_columns_are_counted_in_the_note(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(20)]
    text = ",".join([*names, "y"]) + "\n" + "1," * 20 + "0\n"
    assert load_data(csv(tmp_path, text, "?label=y")).notes[0].endswith("c11 and 8 more.")


def test_ids_of_the_other_table_are_no_feature(tmp_path: Path) -> None:
    for name in ("train", "july"):
        (tmp_path / f"{name}.csv").write_text("who,age,y\na,1,0\nb,2,1\n")
    source = load_data(f"{tmp_path}/july.csv?label=y&id=who&like={tmp_path}/train.csv")
    assert [column.name for column in source.space.columns] == ["age"]
