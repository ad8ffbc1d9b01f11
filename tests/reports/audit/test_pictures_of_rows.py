"""Pictures of rows of tables, of vectors and of texts: values as people read them, gaps among them, and how to read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shiftproof as sp
from outline import Outline
from sample_audit import sample_audit, write_run
from shiftproof.data.space import Column, InputSpace
from shiftproof.records.audit import Audit
from shiftproof.reports.audit.page import page
from shiftproof.reports.audit.pictures import how_to_read, tiles

PRICE = (221900.0, 1278890.0)
HOUSES = InputSpace(
    kind="table",
    columns=(
        Column("area", "integer", 0, 2_000_000, quantiles=tuple(np.linspace(0, 2_000_000, 101))),
        Column("lat", "real", 47, 48, quantiles=tuple(np.linspace(47, 48, 101))),
        Column("heating", "categorical", 0, 1, ("gas", "oil"), values=("gas", "oil"), shares=(0.5, 0.5)),
    ),
)


def dear(x: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> list[float]:
    """The price of a house by its heating, dear where anything is missing."""
    return [PRICE[1] if np.isnan(row).any() or row[2] == 1 else PRICE[0] for row in x]


def houses(shift: str, search: str, folder: Path) -> Audit:
    x = np.array([[98134.0, 47.51123, 0.0], [4704.0, 47.7, 0.0]])
    data = replace(sp.examples(x, np.full(2, PRICE[0]), truth="numbers"), space=HOUSES)
    given: dict[str, Any] = {
        "judge": "within(relative=0.1)",
        "shifts": [shift],
        "searches": [search],
        "out": str(folder),
        "progress": False,
    }
    return sp.audit(dear, data, **given).record


@pytest.mark.parametrize(
    ("shift", "search", "row"),
    [
        ("missing(column='lat')", "one_draw", ["lat", "47.5112", "missing"]),
        ("missing(column='area')", "one_draw", ["area", "98134", "missing"]),
        ("category_costs(budget=1)", "best_first(queries=20)", ["heating", "gas", "oil"]),
    ],
)
def test_values_stand_as_the_table_has_them(shift: str, search: str, row: list[str], tmp_path: Path) -> None:
    record = houses(shift, search, tmp_path)
    shown = {tile.picture.id: tile for tile in tiles(record, tmp_path)}
    assert [[c.feature, c.before, c.after] for c in shown["0"].changes] == [row]
    assert (shown["0"].changed, shown["0"].features) == (1, 3)
    assert (shown["0"].clean_prediction, shown["0"].prediction, shown["0"].label) == ("221900", "1278890", "221900")
    text = "".join(Outline(page(record, tmp_path)).text)
    assert "Rows of a table show the columns that changed." in text
    for other in ("accuracy", "surest", "grey", "In texts", "cannot be shown"):
        assert other not in text


def test_what_went_missing_comes_before_what_moved(tmp_path: Path) -> None:
    audit = sample_audit()
    folder = write_run(tmp_path, audit.model_copy(update={"gallery": []}))
    np.savez(folder / "gallery" / "row.npz", clean=np.array([1.0, 2.0, np.nan]), moved=np.array([9.0, np.nan, np.nan]))
    picture = audit.gallery[0].model_copy(update={"file": "row.npz"})
    (tile,) = tiles(audit.model_copy(update={"gallery": [picture]}), folder)
    assert [(c.before, c.after) for c in tile.changes] == [("2", "missing"), ("1", "9")]
    assert tile.changed == 2


@pytest.mark.parametrize("words", [np.array(["a"]), np.array([1.0, 2.0])])
def test_words_of_another_row_are_refused(words: np.ndarray[tuple[int], np.dtype[np.generic]], tmp_path: Path) -> None:
    audit = sample_audit()
    folder = write_run(tmp_path, audit.model_copy(update={"gallery": []}))
    np.savez(folder / "gallery" / "row.npz", clean=np.zeros(2), moved=np.ones(2), clean_words=words)
    picture = audit.gallery[0].model_copy(update={"file": "row.npz"})
    (tile,) = tiles(audit.model_copy(update={"gallery": [picture]}), folder)
    assert "cannot be shown: its words have shape" in tile.missing


def test_texts_are_not_explained_by_grey(tmp_path: Path) -> None:
    texts = sp.examples(["a good film", "a poor film"], [("yes",), ("no",)])
    given: dict[str, Any] = {
        "judge": "exact_match",
        "shifts": ["typos(edits=1)"],
        "searches": ["exhaustive"],
        "out": str(tmp_path),
        "progress": False,
    }
    record = sp.audit(lambda texts: ["yes" if "good" in text else "no" for text in texts], texts, **given).record
    said = how_to_read(tiles(record, tmp_path))
    assert (
        said == "Examples that only the move made wrong. In texts, words that went are struck through, and those that came are underlined."
    )
