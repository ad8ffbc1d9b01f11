"""Rows by their values: every operator against pandas, missing values, dates, words, and conditions that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shiftproof import UsageError, load_data
from shiftproof.data.sources.dates import as_numbers, date_format
from shiftproof.data.sources.where import parse_where

ROWS = pd.DataFrame(
    {
        "age": [20, 35, None, 50, 50],
        "state": ["CA", " NY", "CA", None, "a,b&c"],
        "seen": ["2020-01-01", "2020-06-30", "2021-01-01", None, "2020-06-30"],
        "member": [True, False, True, True, False],
        "y": [0, 1, 0, 1, 1],
    }
)


def ids(folder: Path, where: str) -> list[str]:
    ROWS.to_csv(folder / "rows.csv", index=False)
    found: list[str] = load_data(f"{folder}/rows.csv?label=y&where={where}").ids.tolist()
    return found


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("age<50", "01"),
        ("age<=50", "0134"),
        ("age>20", "134"),
        ("age>=50", "34"),
        ("age=50", "34"),
        ("age!=50", "01"),  # a missing value matches nothing
        ("state=NY", "1"),
        ("state!=CA", "14"),
        ("state=a%2Cb%26c", "4"),
        ("age>20,state=NY", "1"),
        ("seen<2020-07-01", "014"),
        ("seen=2020-06-30", "14"),
        ("member=True", "023"),
    ],
)
def test_every_operator(tmp_path: Path, where: str, rows: str) -> None:
    assert ids(tmp_path, where) == list(rows)


def test_what_was_left_out_is_counted(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    notes = load_data(f"{tmp_path}/rows.csv?label=y&where=age<50").notes
    assert "where=age<50 keeps 2 of 5 rows." in notes
    assert "1 rows have no value in 'age', which matches nothing." in notes


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("age", "be conditions, got 'age'. Write COLUMN OP VALUE"),
        ("age>", "be conditions, got 'age>'"),
        ("agee>3", "Unknown column of '.*' 'agee'. Did you mean: age"),
        ("age>old", "compare 'age', which holds numbers, with a number, got 'old'"),
        ("state>CA", "compare 'state', which holds words, by = or !="),
        ("seen>soon", "compare 'seen', which holds dates, with a date such as 2020-12-31, got 'soon'"),
        ("age>99", "No row of '.*' matches where=age>99"),
    ],
)
def test_conditions_that_cannot_be_used(tmp_path: Path, where: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        len(load_data_where(tmp_path, where))


def load_data_where(folder: Path, where: str) -> list[str]:
    return ids(folder, where)


def test_both_halves_have_the_whole_tables_codes(tmp_path: Path) -> None:
    ROWS.drop(columns="seen").to_csv(tmp_path / "rows.csv", index=False)
    halves = [load_data(f"{tmp_path}/rows.csv?label=y&where={where}") for where in ("age<40", "age>=40")]
    assert halves[0].space.columns == halves[1].space.columns
    assert halves[0].class_names == halves[1].class_names
    assert halves[0].fingerprint() != halves[1].fingerprint()


def test_a_label_may_be_missing_in_rows_that_are_left_out(tmp_path: Path) -> None:
    ROWS.assign(y=["a", None, "b", "a", "c"]).to_csv(tmp_path / "rows.csv", index=False)
    source = load_data(f"{tmp_path}/rows.csv?label=y&where=age!=35")
    assert (source.class_names, source.y.tolist()) == (("a", "b", "c"), [0, 0, 2])
    with pytest.raises(UsageError, match="missing in 1 of 2 rows"):
        len(load_data(f"{tmp_path}/rows.csv?label=y&where=age<40"))


def test_days_first_are_read_day_first(tmp_path: Path) -> None:
    pd.DataFrame({"a": range(4), "day": ["01.02.2020", "02.01.2020", "03.02.2020", "31.12.2019"], "y": [0, 1, 0, 1]}).to_csv(
        tmp_path / "days.csv", index=False
    )
    kept = load_data(f"{tmp_path}/days.csv?label=y&where=day>=01.02.2020")
    assert kept.take(slice(None)).x[:, 0].tolist() == [0, 2]
    assert len(load_data(f"{tmp_path}/days.csv?label=y&where=day>=2020-02-01")) == 2
    cut = load_data(f"{tmp_path}/days.csv?label=y&groups=day:02.01.2020").groups["day"]
    assert cut.tolist() == ["from 02.01.2020"] * 3 + ["before 02.01.2020"]


def test_names_with_operators_are_encoded() -> None:
    (condition,) = parse_where("a%3Cb>=3", owner="t")
    assert (condition.column, condition.operator, condition.value) == ("a<b", ">=", "3")


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"])
def test_dates_come_back_as_they_were(form: str) -> None:
    said = pd.Series(pd.to_datetime(["2020-02-29 10:11:12", "1969-12-31 23:59:59", None, "2038-01-19 03:14:08"])).dt.strftime(form)
    assert date_format(said) == form
    numbers, dates = as_numbers(said, form)
    back = dates.restored(np.nan_to_num(numbers), np.isnan(numbers))
    assert [x for x in back if isinstance(x, str)] == [x for x in said if isinstance(x, str)]
    assert dates.unit == ("days" if "%H" not in form else "seconds")


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_moments_come_back_in_their_zone(zone: str | None) -> None:
    said = pd.Series(pd.to_datetime(["2020-02-29 10:11:12.123456", "2021-07-01 00:00:00.000001"])).dt.tz_localize(zone)
    numbers, dates = as_numbers(said, "")
    assert dates.restored(numbers, np.isnan(numbers)).tolist() == said.tolist()


@pytest.mark.parametrize("words", [["2020-13-01"], ["1/2/2020"], ["today"], [], ["2020-01-01", "soon"]])
def test_other_words_are_no_dates(words: list[str]) -> None:
    assert date_format(pd.Series(words, dtype=object)) is None


def test_free_text_is_refused_by_column(tmp_path: Path) -> None:
    notes = [f"customer number {i} called about a late parcel" for i in range(30)]
    pd.DataFrame({"note": notes, "name": [f"n{i}" for i in range(30)], "y": [0, 1] * 15}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(
        UsageError, match="hold free text, which is not a feature: note. Leave them out with drop=note, read one as .* text=note"
    ):
        load_data(f"{tmp_path}/t.csv?label=y").take(slice(None))
    assert len(load_data(f"{tmp_path}/t.csv?label=y&categorical=note").space.columns) == 2
    assert [c.name for c in load_data(f"{tmp_path}/t.csv?label=y&drop=note").space.columns] == ["name"]


def test_like_where_one_table_lacks_a_column(tmp_path: Path) -> None:
    ROWS[["age", "state", "y"]].to_csv(tmp_path / "train.csv", index=False)
    ROWS[["age", "state", "member", "y"]].to_csv(tmp_path / "new.csv", index=False)
    more = load_data(f"{tmp_path}/new.csv?label=y&like={tmp_path}/train.csv&drop=member")
    fewer = load_data(f"{tmp_path}/train.csv?label=y&like={tmp_path}/new.csv&drop=member")
    assert [c.name for c in more.space.columns] == [c.name for c in fewer.space.columns] == ["age", "state", "age is missing"]
    with pytest.raises(UsageError, match="Unknown column of '.*train.csv' 'membr'"):
        load_data(f"{tmp_path}/train.csv?label=y&like={tmp_path}/new.csv&drop=membr")
