"""Groups cut from numbers and dates, against comparing row by row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from shiftproof import UsageError, load_data

ROWS = pd.DataFrame(
    {
        "age": [29.0, 30.0, 50.0, None],
        "hired": ["2019-12-31", "2020-01-01", "2020-01-02", None],
        "a:b": ["x", "y", "x", "y"],
        "y": ["no", "yes", "no", "yes"],
    }
)


def groups_of(groups: list[str], frame: pd.DataFrame = ROWS) -> dict[str, list[str]]:
    return {name: values.tolist() for name, values in load_data(frame, label="y", groups=groups).groups.items()}


def test_numbers_and_dates_are_cut() -> None:
    assert groups_of(["age:30:50"]) == {"age": ["below 30", "30 to below 50", "from 50", "(missing)"]}
    dated = {"hired": ["before 2020-01-01", "from 2020-01-01", "from 2020-01-01", "(missing)"]}
    assert groups_of(["hired:2020-01-01"]) == dated
    assert groups_of(["hired:2020-01-01"], ROWS.assign(hired=pd.to_datetime(ROWS["hired"]))) == dated
    assert groups_of(["hired:2020-01-01"], ROWS.assign(hired=pd.to_datetime(ROWS["hired"], utc=True))) == dated


def test_a_name_with_a_colon_is_a_column() -> None:
    assert groups_of(["a:b"]) == {"a:b": ["x", "y", "x", "y"]}


def test_in_a_file_with_where(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    source = load_data(f"{tmp_path}/rows.csv?label=y&groups=age:40,a:b&where=a:b=x&exclude_groups=true")
    assert {name: values.tolist() for name, values in source.groups.items()} == {"age": ["below 40", "from 40"], "a:b": ["x", "x"]}
    assert [column.name for column in source.space.columns] == ["hired", "hired is missing"]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["age:x"], r"'groups=age' of the data frame must be cut at numbers, got 'x'. Write groups=age:VALUE"),
        (["hired:soon"], "be cut at dates such as 2020-12-31, got 'soon'"),
        (["age:50:30"], "must be cut at rising values, got '50:30'"),
        (["a:b:3"], "Unknown column"),
        (["y:3"], "'y' of the data frame holds words, which cannot be cut at 3. Write groups=y"),
        (["age:30", "age:50"], "must name each column once, got 'age:30, age:50'. Cut a column as in age:30:50"),
    ],
)
def test_cuts_that_cannot_be(groups: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        groups_of(groups)
