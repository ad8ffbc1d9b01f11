"""Data in memory: frames, (X, y), torch data sets and loaders, polars and Hugging Face where they are installed."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from shiftproof import UsageError, load_data

PEOPLE = pd.DataFrame(
    {
        "age": [30.0, np.nan, 41.0, 25.0],
        "sex": pd.Categorical(["F", "M", "M", "F"]),
        "since": pd.to_datetime(["2020-01-01", "2020-01-03", "2020-02-01", "2020-01-01"]),
        "income": ["low", "high", "high", "low"],
    }
)
IMAGES = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8)
LABELS = np.array([0, 1, 0, 1])


class Pairs(Dataset[Any]):
    classes: ClassVar[list[str]] = ["cat", "dog"]

    def __len__(self) -> int:
        return 4

    def __getitem__(self, place: int) -> Any:
        return torch.full((1, 2, 2), place / 4), place % 2


class Mappings(Pairs):
    def __getitem__(self, place: int) -> Any:
        return {"image": torch.full((2, 2), place / 4), "label": torch.tensor(place % 2)}


class Named(Pairs):
    def __getitem__(self, place: int) -> Any:
        return {"left": torch.full((2,), place / 4), "right": torch.zeros(3)}, place % 2


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([(torch.zeros(1, 2, 2), 0), (torch.ones(1, 2, 2), 1), (torch.ones(1, 2, 2), 1)])


def test_a_frame_keeps_its_columns_types_and_gaps() -> None:
    source = load_data(PEOPLE, label="income", groups=["sex"])
    assert [column.name for column in source.space.columns] == ["age", "sex", "since", "age is missing"]
    assert source.class_names == ("high", "low")
    assert source.y.tolist() == [1, 0, 0, 1]
    assert source.groups["sex"].tolist() == ["F", "M", "M", "F"]
    assert source.take(slice(None)).x[:, 2].tolist() == [18262, 18264, 18293, 18262]  # days since 1970
    assert any("Dates are numbers, counted from 1970-01-01: since (days)" in note for note in source.notes)
    assert pickle.loads(pickle.dumps(source)).fingerprint() == source.fingerprint()
    changed = load_data(PEOPLE.assign(age=[31.0, np.nan, 41.0, 25.0]), label="income", groups=["sex"])
    assert changed.fingerprint() != source.fingerprint()


def test_rows_of_a_frame_share_ranges_and_classes() -> None:
    young = load_data(PEOPLE, label="income", where="age<35")
    assert young.ids.tolist() == ["0", "3"]
    assert young.class_names == ("high", "low")
    assert (young.space.columns[0].low, young.space.columns[0].high) == (25, 41)


def test_a_pyarrow_table_is_a_frame() -> None:
    plain = PEOPLE.drop(columns="sex")
    assert load_data(pa.Table.from_pandas(plain), label="income").y.tolist() == [1, 0, 0, 1]


def test_pairs_of_arrays() -> None:
    table = load_data((np.array([[1.0, 5.0], [2.0, 7.0]]), [0, 1]))
    assert [(c.name, c.low, c.high) for c in table.space.columns] == [("x0", 1, 2), ("x1", 5, 7)]
    assert any("a matrix, read as a table" in note for note in table.notes)
    vector = load_data((np.array([[1.0, 5.0], [2.0, 7.0]]), [0, 1]), box=(0, 10))
    assert (vector.space.kind, vector.space.high) == ("vector", 10)
    images = load_data((IMAGES, LABELS))
    assert images.take(slice(None)).x.shape == (4, 1, 8, 8)
    assert float(images.take(slice(None)).x.max()) == 1.0
    frame = load_data((PEOPLE[["age"]], PEOPLE["income"]))
    assert frame.class_names == ("high", "low")
    numbers = load_data((PEOPLE[["age"]], [0.5, 1.25, 2.0, 3.0]))
    assert numbers.y.tolist() == [0.5, 1.25, 2.0, 3.0]
    assert load_data((["a", "b"], [0, 1])).space.kind == "text"


@pytest.mark.parametrize(
    "given", [Pairs(), Mappings(), DataLoader(Pairs(), batch_size=2, shuffle=True)], ids=["pairs", "mappings", "loader"]
)
def test_torch_data_sets_in_their_own_order(given: Dataset[Any] | DataLoader[Any]) -> None:
    source = load_data(given)
    assert source.class_names == ("cat", "dog")
    assert source.y.tolist() == [0, 1, 0, 1]
    assert source.take(slice(None)).x[:, 0, 0, 0].tolist() == [0, 0.25, 0.5, 0.75]


def test_no_more_of_a_data_set_is_read_than_used() -> None:
    source = load_data(Pairs(), limit=3)
    assert len(source) == 3
    assert any("Only the first 3 of 4 examples of the data set are read" in note for note in source.notes)
    assert len(load_data(Stream(), limit=2)) == 2
    assert load_data(TensorDataset(torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 0, 1, 1]))).y.tolist() == [0, 1, 0, 1, 1]


def test_mappings_of_inputs_are_fields() -> None:
    batch = load_data(Named()).take(slice(None))
    assert list(batch.x.columns) == ["left", "right"]
    assert batch.space.kind == "vector+vector"


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({"a": 1}, {}, "must be data that can be read, got 'dict'.*pandas or polars frame with label=COLUMN"),
        (PEOPLE, {}, "needs its column of labels"),
        (PEOPLE, {"label": "incom"}, "Unknown column of the data frame 'incom'. Did you mean: income"),
        (PEOPLE, {"label": "income", "lable": "x"}, "Unknown option of source 'frame' 'lable'"),
        (pd.concat([PEOPLE, PEOPLE], axis=1), {"label": "income"}, "several columns 'age'"),
        ((IMAGES, LABELS), {"groups": ["a"]}, "The option 'groups' names columns of a table"),
        ((PEOPLE, LABELS), {"label": "income"}, "The label is given twice"),
        ((PEOPLE[["age"]], [0, 1]), {}, r"have one label per row of X \(4\), got 2"),
        (([[1, 2], [3]], [0, 1]), {}, "its rows differ in shape"),
        (TensorDataset(torch.rand(2, 2)), {}, "hold inputs and labels, got '1 tensors'"),
    ],
)
def test_data_that_cannot_be_read(given: object, options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_data(given, **options)


class Odd(Pairs):
    def __init__(self, one: object) -> None:
        self.one = one

    def __getitem__(self, place: int) -> Any:
        return self.one if place else (torch.zeros(1, 2, 2), 0)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        ((torch.zeros(1, 3, 3), 0), "differ in shape"),
        (3, "be a pair .input, label. or a mapping, got 'int'"),
        ({"picture": 1, "label": 0}, "have one of image, img"),
    ],
)
def test_data_sets_that_cannot_be_read(one: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_data(Odd(one))


def test_options_of_data_that_have_their_columns_are_refused() -> None:
    source = load_data(PEOPLE, label="income")
    with pytest.raises(UsageError, match="The option 'label' is for data that are read here"):
        load_data(source, label="income")


def test_paths_and_plain_names(tmp_path: Path) -> None:
    PEOPLE.to_csv(tmp_path / "people.csv", index=False)
    PEOPLE.to_csv(tmp_path / "people.tsv.gz", index=False, sep="\t")
    for given in (tmp_path / "people.csv", str(tmp_path / "people.csv"), tmp_path / "people.tsv.gz"):
        assert load_data(given, label="income").class_names == ("high", "low")
    with pytest.raises(UsageError, match="The option 'label' is in '.*' and given beside it"):
        load_data(f"{tmp_path}/people.csv?label=income", label="income")


def test_polars_frames() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.DataFrame({"age": [1, 2], "y": ["a", "b"]})
    assert load_data(frame, label="y").class_names == ("a", "b")
    assert load_data(frame.lazy(), label="y").y.tolist() == [0, 1]


def test_hugging_face_data_sets_in_memory() -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    table = datasets.Dataset.from_dict({"age": [1, 2], "y": ["a", "b"]})
    assert load_data(table, label="y").space.kind == "table"
    vectors = datasets.Dataset.from_dict({"x": [[0.0, 1.0], [0.5, 0.25]], "label": [0, 1]})
    source = load_data(vectors)
    assert (source.space.kind, source.y.tolist()) == ("vector", [0, 1])
    assert pickle.loads(pickle.dumps(source)).fingerprint() == source.fingerprint()
    with pytest.raises(UsageError, match="The option 'split' finds a data set"):
        load_data(vectors, x="x", split="test")


def test_ranges_categories_and_classes_of_another_table() -> None:
    train = pd.DataFrame({"age": [18.0, 70.0, 30.0], "job": ["nurse", "clerk", "cook"]})
    new, y = train.iloc[2:].assign(job="clerk").reset_index(drop=True), ["yes"]
    before = ["no", "yes", "maybe"]
    labelled = new.assign(y=y)
    for source in (
        load_data((new, y), like=(train, before)),
        load_data(labelled, label="y", like=train.assign(y=before)),
        load_data(labelled.assign(z=0), label="y", drop=["z"], like=train.assign(y=before)),
    ):
        age, job = source.space.columns
        assert (source.class_names, age.low, age.high, job.categories) == (("maybe", "no", "yes"), 18, 70, ("clerk", "cook", "nurse"))
        assert "Legal ranges cover this table and that of like=." in source.notes
        assert pickle.loads(pickle.dumps(source)).fingerprint() == source.fingerprint()
    assert load_data((new, y), like=(train, before)).fingerprint() != load_data((new, y)).fingerprint()
    named = load_data(labelled.assign(who="a"), label="y", id="who", like=train.assign(y=before, who=["a", "b", "c"]))
    assert [column.name for column in named.space.columns] == ["age", "job"]
    numbers = load_data((np.array([[1.0], [2.0]]), [0, 1]), like=(np.array([[0.0], [9.0]]), [0, 2]))
    assert isinstance(numbers.space.columns, tuple)
    assert numbers.space.columns[0].high == 9


def test_a_file_as_the_other_table(tmp_path: Path) -> None:
    PEOPLE.drop(columns="sex").to_csv(tmp_path / "train.csv", index=False)
    source = load_data(PEOPLE.iloc[:2].drop(columns=["sex", "age"]), label="income", like=tmp_path / "train.csv")
    with pytest.raises(UsageError, match="must name a table with the columns since, got 'age, since'"):
        source.space  # noqa: B018  # the columns are read when they are asked for


@pytest.mark.parametrize(
    ("given", "like", "message"),
    [
        ((PEOPLE, LABELS), PEOPLE, "'like' of .X, y. must be a pair .X, y. as well, got 'DataFrame'"),
        ((PEOPLE, LABELS), "train.csv", "as well, got 'train.csv'. Or give the data as a frame with label=COLUMN"),
        ((PEOPLE, LABELS), 3, "'like' of the data must be a table, as the data are, got 'int'"),
        ((IMAGES, LABELS), (PEOPLE, LABELS), "The option 'like' is another table, and these data are none"),
        ("people.csv?label=income", PEOPLE, "'like' of people.csv.label=income must be a file, as the data are, got 'DataFrame'"),
        (load_data((PEOPLE, LABELS)), PEOPLE, "The option 'like' is for data that are read here"),
    ],
)
def test_what_is_no_other_table(given: Any, like: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_data(given, like=like)
