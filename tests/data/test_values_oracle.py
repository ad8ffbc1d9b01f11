"""Labels, groups and ids as people hold them: numbers stay numbers, missing ones are told, nothing is rounded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from shiftproof import UsageError, examples, load_data
from shiftproof.data.arrays import ArraySource
from shiftproof.data.examples import Examples

BIG = 2**53 + 1


def made(y: Any, **options: Any) -> Examples:
    return examples(np.zeros((len(y), 2)), y, **options)


def objects(*values: object) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


NUMBERS = [
    objects(10, 2, 11),
    objects(np.int64(10), np.uint8(2), 11),
    objects(10.0, 2.0, 11),
    objects(Decimal("10"), Decimal("2.00"), Decimal(11)),
    objects(np.array(10), torch.tensor(2), 11),
    pd.Series([10, 2, 11], dtype="Int64"),
    pd.Series([10, 2, 11], dtype="object"),
    pd.Categorical([10, 2, 11]),
    pd.array([10, 2, 11], dtype="UInt8"),
    pd.DataFrame({"name": ["a", "b", "c"], "y": [10, 2, 11]}).to_numpy()[:, 1],
    pd.Index([10, 2, 11]),
    np.ma.masked_array([10, 2, 11]),
    torch.tensor([10, 2, 11]),
    [10, 2.0, np.int8(11)],
    pa.array([10, 2, 11]),
    pa.chunked_array([[10, 2], [11]]),
    (10, 2, 11),
]


@pytest.mark.parametrize("y", NUMBERS, ids=range(len(NUMBERS)))
def test_numbers_stay_numbers_in_whatever_holds_them(y: Any) -> None:
    batch = made(y)
    assert (batch.y.tolist(), batch.class_names) == ([10, 2, 11], ())


@pytest.mark.parametrize(
    "y", [objects("b", "a"), pd.Series(["b", "a"], dtype="string"), pd.Categorical(["b", "a"]), objects(np.str_("b"), b"a"), ["b", "a"]]
)
def test_words_stay_words_and_keep_their_names(y: Any) -> None:
    batch = made(y)
    assert (batch.y.tolist(), batch.class_names) == ([1, 0], ("a", "b"))
    assert ArraySource(batch).class_names == ("a", "b")
    assert batch[0:1].class_names == ("a", "b")


def test_truth_values_are_classes_of_their_own() -> None:
    for y in (objects(True, False), pd.array([True, False], dtype="boolean"), [np.True_, False]):
        assert (made(y).y.tolist(), made(y).class_names) == ([1, 0], ("False", "True"))


MISSING = [
    pd.Series(["a", None, "b"]),
    pd.Series(["a", pd.NA, "b"], dtype="string"),
    objects("a", float("nan"), "b"),
    objects(1, None, 0),
    pd.array([1, None, 0], dtype="Int64"),
    pd.array([True, None, False], dtype="boolean"),
    pd.Categorical(["a", None, "b"]),
    objects(1, pd.NaT, 0),
    objects(1, Decimal("nan"), 0),
    np.ma.masked_array([1, 7, 0], mask=[False, True, False]),
    ["a", "", "b"],
    [1, None, 0],
    pa.array(["a", None, "b"]),
]


@pytest.mark.parametrize("y", MISSING, ids=range(len(MISSING)))
def test_missing_labels_and_ids_are_refused_and_missing_groups_are_one(y: Any) -> None:
    with pytest.raises(UsageError, match="missing in 1 of 3 rows, first in row 1"):
        made(y)
    with pytest.raises(UsageError, match="The 'ids' of the examples are missing in 1 of 3 rows, first in row 1. Fill them or drop"):
        made([0, 1, 1], ids=y)
    batch = made([0, 1, 1], groups={"g": y})
    assert batch.groups["g"][1] == "(missing)"
    assert "(missing)" not in batch.groups["g"][[0, 2]]
    assert ArraySource(batch).notes == ("The group 'g' is missing in 1 of 3 examples: they are a group of their own, '(missing)'.",)


@pytest.mark.parametrize("y", [objects(1, "1"), [1, "a"], objects(True, "True"), objects(True, 3)])
def test_kinds_that_are_mixed_are_refused(y: Any) -> None:
    with pytest.raises(UsageError, match="The 'labels' of the examples mix .* and .*, such as .*. Make them all of one kind"):
        made(y)


@pytest.mark.parametrize(
    "y", [objects(0.5, 1), objects(Decimal("0.5"), 1), pd.array([0.5, 1.0], dtype="Float64"), [BIG, 0], objects(2**70, 0)]
)
def test_numbers_that_are_no_classes_are_refused(y: Any) -> None:
    with pytest.raises(UsageError, match="must be whole numbers 0, 1, 2, ..., got"):
        made(y)


@pytest.mark.parametrize(
    "ids",
    [
        np.array([BIG, BIG - 1]),
        objects(BIG, BIG - 1),
        pd.array([BIG, BIG - 1], dtype="Int64"),
        np.array([BIG, BIG - 1], dtype=np.uint64),
        [BIG, BIG - 1],
        objects(Decimal(BIG), Decimal(BIG - 1)),
    ],
)
def test_large_integers_name_examples_and_groups_exactly(ids: Any) -> None:
    batch = made([0, 1], ids=ids, groups={"g": ids})
    assert batch.ids.tolist() == batch.groups["g"].tolist() == [str(BIG), str(BIG - 1)]


def test_integers_beyond_every_machine_word_are_names_too() -> None:
    assert made([0, 1], ids=[2**70, 2**70 + 1]).ids.tolist() == [str(2**70), str(2**70 + 1)]
    batch = made([0, 1, 1], groups={"g": pd.array([BIG, None, BIG - 1], dtype="Int64")})
    assert batch.groups["g"].tolist() == [str(BIG), "(missing)", str(BIG - 1)]


def test_floats_that_cannot_name_are_refused_and_whole_ones_are_written_whole() -> None:
    with pytest.raises(UsageError, match=r"The 'ids' of the examples must be exact, and floats from 2\*\*53 on are not.*type is Int64"):
        made([0, 1], ids=np.array([2.0**60, 1.0]))
    assert made([0, 1, 1], groups={"age": [30.0, float("nan"), 41.0]}).groups["age"].tolist() == ["30", "(missing)", "41"]
    assert made([0, 1], groups={"age": [0.5, 1.0]}).groups["age"].tolist() == ["0.5", "1.0"]


def test_days_name_examples_and_groups() -> None:
    days = pd.Series(pd.to_datetime(["2020-01-01", None, "2021-01-01"]))
    for given in (days, days.to_numpy()):
        assert [name[:10] for name in made([0, 1, 1], groups={"day": given}).groups["day"]] == ["2020-01-01", "(missing)", "2021-01-01"]
        with pytest.raises(UsageError, match="The 'ids' of the examples are missing in 1 of 3 rows"):
            made([0, 1, 1], ids=given)


def test_what_is_neither_number_nor_word_is_refused() -> None:
    for y in (objects([1], 2), objects({}, 1), pd.to_datetime(["2020-01-01", "2021-01-01"])):
        with pytest.raises(UsageError, match="must be words or numbers|must be numbers or words"):
            made(y)


def test_inputs_that_are_integers_lose_nothing() -> None:
    stamps = np.array([[1_700_000_001], [1_700_000_002]])
    assert examples(stamps, [0, 1], box=(0, 2e9)).x[:, 0].tolist() == stamps[:, 0].tolist()
    assert examples(torch.tensor(stamps).to(torch.uint32), [0, 1]).x[:, 0].tolist() == stamps[:, 0].tolist()
    with pytest.raises(UsageError, match=r"The 'x' of the examples must hold integers of at most 2\*\*53"):
        examples(np.array([[BIG], [0]]), [0, 1])


def test_inputs_that_numpy_holds_as_objects_are_numbers() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "n": [1, 2], "r": [0.5, 0.25]})
    assert examples(frame.to_numpy()[:, 1:], [0, 1], box=(0, 9)).x.tolist() == [[1.0, 0.5], [2.0, 0.25]]
    assert examples(pd.DataFrame({"n": pd.array([1, 2], dtype="Int64"), "r": [0.5, 0.25]}), [0, 1]).x.tolist() == [[1.0, 0.5], [2.0, 0.25]]
    assert bool(examples(objects([1], [None]).tolist(), [0, 1]).x[1].isnan().all())
    with pytest.raises(UsageError, match="The 'x' of the examples must hold numbers, got 'object'. Encode words as numbers"):
        examples(frame.to_numpy()[:, :1], [0, 1])


def test_tables_name_and_group_exactly(tmp_path: Any) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"who,g,n,y\n{BIG},1e3,1,0\n{BIG - 1},,2,1\n007,01,3,1\n")
    source = load_data(f"csv:{path}?label=y&id=who&groups=g&drop=g")
    assert source.ids.tolist() == [str(BIG), str(BIG - 1), "007"]
    assert source.groups["g"].tolist() == ["1e3", "(missing)", "01"]
    assert "The group 'g' is missing in 1 of 3 examples: they are a group of their own, '(missing)'." in source.notes
    frame = pd.DataFrame({"who": pd.array([BIG, BIG - 1], dtype="Int64"), "n": [1, 2], "y": [0, 1]})
    frame.to_parquet(tmp_path / "t.parquet")
    assert load_data(f"parquet:{tmp_path / 't.parquet'}?label=y&id=who").ids.tolist() == [str(BIG), str(BIG - 1)]
