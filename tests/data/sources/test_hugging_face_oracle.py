"""Hugging Face data sets: against a stand-in for the library here, and against the library itself where it is installed."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shiftproof import UsageError, load_data
from shiftproof._errors import MissingExtra

PICTURES = [Image.fromarray(np.full((2, 3, 3), level, dtype=np.uint8)) for level in (0, 51, 255)]


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class ClassLabel:
    names: list[str]


@dataclass
class FakeDataset:
    """The methods of `datasets.Dataset` that are used, over lists."""

    columns: dict[str, list[object]]
    features: Mapping[str, object] = field(default_factory=dict)

    @property
    def column_names(self) -> list[str]:
        return list(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, rows: slice | list[int]) -> Mapping[str, Sequence[object]]:
        return {name: values[rows] if isinstance(rows, slice) else [values[row] for row in rows] for name, values in self.columns.items()}

    def select_columns(self, column_names: list[str]) -> FakeDataset:
        return FakeDataset({name: self.columns[name] for name in column_names}, self.features)

    def cast_column(self, column: str, feature: object) -> FakeDataset:
        assert feature == "stored"
        raw = [{"bytes": encoded(value), "path": None} for value in self.columns[column] if isinstance(value, Image.Image)]
        return FakeDataset({**self.columns, column: list(raw)}, self.features)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeDataset]:
    """A stand-in for the package `datasets` that knows the data sets put into this dictionary; calls are checked by its signature."""
    shelf: dict[str, FakeDataset] = {}
    module = types.ModuleType("datasets")

    def load_dataset(path: str, name: str | None = None, *, split: str, revision: str | None = None) -> FakeDataset:
        key = "/".join(filter(None, [path, name, split, revision]))
        if key not in shelf:
            raise FileNotFoundError(f"no {key}\nwith a long story")
        return shelf[key]

    def picture_feature(*, decode: bool) -> str:
        assert not decode
        return "stored"

    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    module.load_from_disk = lambda path: {"test": shelf["saved"]} if path.endswith("dict") else shelf["saved"]  # type: ignore[attr-defined]
    module.Image = picture_feature  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return shelf


def pictures() -> FakeDataset:
    columns: dict[str, list[object]] = {"image": list(PICTURES), "label": [0, 1, 1], "who": ["a", "b", "c"], "site": [1, 1, 2]}
    return FakeDataset(columns, {"label": ClassLabel(["cat", "dog"])})


def test_pictures_with_class_names_ids_and_groups(library: dict[str, FakeDataset]) -> None:
    library["pets/test"] = pictures()
    source = load_data("hf:pets?id=who&groups=site")
    batch = source.take(slice(None))
    assert tuple(batch.x.shape) == (3, 3, 2, 3)
    assert batch.x[:, 0, 0, 0].tolist() == [0.0, pytest.approx(0.2), 1.0]
    assert (source.y.tolist(), source.class_names, source.named) == ([0, 1, 1], ("cat", "dog"), True)
    assert (source.ids.tolist(), source.groups["site"].tolist()) == (["a", "b", "c"], ["1", "1", "2"])
    assert source.take(np.array([2, 0])).x[:, 0, 0, 0].tolist() == [1.0, 0.0]
    assert source.space.kind == "image"
    assert source.notes == (
        "Inputs are the column 'image', labels the column 'label'.",
        "Pictures are read as RGB; levels 0 to 255 are mapped onto the box [0, 1].",
    )


def test_options_reach_the_library(library: dict[str, FakeDataset]) -> None:
    library["pets/small/train/v1"] = pictures()
    source = load_data("hf:pets?split=train&config=small&revision=v1&mode=L&size=4", box=(0, 255))
    assert tuple(source.take(slice(1, 2)).x.shape) == (1, 1, 4, 4)
    assert set(source.take(slice(1, 2)).x.flatten().tolist()) == {51.0}
    assert not source.named
    assert source.notes[-2:] == ("Pictures are resized to 4 x 4 (bilinear).", "No ids were given: examples are named by row number.")


def test_numbers_follow_the_rules_of_arrays(library: dict[str, FakeDataset]) -> None:
    library["numbers/test"] = FakeDataset({"x": [[0.0, 0.5], [1.0, 0.25]], "y": ["no", "yes"]})
    source = load_data("hf:numbers")
    assert source.take(slice(None)).x.tolist() == [[0.0, 0.5], [1.0, 0.25]]
    assert (source.class_names, source.space.kind) == (("no", "yes"), "vector")
    assert "The box [0, 1] was taken because all values lie there." in source.notes


def test_fingerprint_follows_the_content(library: dict[str, FakeDataset]) -> None:
    library["a/test"], library["b/test"] = pictures(), pictures()
    before = load_data("hf:a").fingerprint()
    assert load_data("hf:b").fingerprint() == before
    library["b/test"].columns["image"][0] = PICTURES[1]
    assert load_data("hf:b").fingerprint() != before
    library["n/test"] = FakeDataset({"x": [[0.5]], "y": [0]})
    first = load_data("hf:n").fingerprint()
    library["n/test"] = FakeDataset({"x": [[0.75]], "y": [0]})
    assert load_data("hf:n").fingerprint() != first


def test_folders_that_were_saved(library: dict[str, FakeDataset], tmp_path: Path) -> None:
    library["saved"] = pictures()
    for name, mark in [("one", "state.json"), ("dict", "dataset_dict.json")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / mark).touch()
        assert len(load_data(f"hf:{tmp_path / name}")) == 3
    with pytest.raises(UsageError, match="Unknown split of '.*dict' 'tets'. Did you mean: test"):
        len(load_data(f"hf:{tmp_path / 'dict'}?split=tets"))
    with pytest.raises(UsageError, match="was saved as one data set without splits. Leave split= out"):
        len(load_data(f"hf:{tmp_path / 'one'}?split=test"))


@pytest.mark.parametrize(
    ("columns", "query", "message"),
    [
        (
            {"pic": [1], "label": [0]},
            "",
            "'odd' has no column image or img or x or text or sentence. Say which with .x=NAME. Columns: pic, label",
        ),
        ({"image": list(PICTURES), "cat": [0, 1, 1]}, "", "'odd' has no column label or labels or y. Say which with .y=NAME"),
        ({"image": list(PICTURES), "label": [0, 1, 1]}, "?x=imag", "Unknown column of 'odd' 'imag'. Did you mean: image"),
        ({"image": list(PICTURES), "label": [0, 1, 1]}, "?groups=g", "Unknown column of 'odd' 'g'"),
        ({"image": list(PICTURES), "label": [0, 1, -1]}, "", "must be whole numbers 0, 1, 2, ..., got -1"),
        (
            {"image": [*PICTURES[:2], PICTURES[2].resize((9, 9))], "label": [0, 1, 1]},
            "",
            "Images differ in size: 'row 0' is 3x2 and 'row 2' is 9x9",
        ),
        ({"x": ["some text", None], "label": [0, 1]}, "", "The text 'x' of .* is missing in 1 of 2 rows, first in row 1"),
        ({"x": [[1.0], [1.0, 2.0]], "label": [0, 1]}, "", "has inputs of different lengths. Pad or cut them first"),
        ({"x": [[3.0]], "label": [0]}, "", "values run from 3 to 3, not within"),
        ({"x": [], "label": []}, "", "The split 'test' of 'odd' holds no examples"),
    ],
)
def test_refusals(library: dict[str, FakeDataset], columns: dict[str, list[object]], query: str, message: str) -> None:
    library["odd/test"] = FakeDataset(columns)
    with pytest.raises(UsageError, match=message) as caught:
        load_data(f"hf:odd{query}").take(slice(None))
    assert "\n" not in str(caught.value)


def test_places_that_are_none(library: dict[str, FakeDataset]) -> None:
    with pytest.raises(
        UsageError, match=r"Cannot read the data set 'pts' \(FileNotFoundError: no pts/test\). Check its name, split= and config="
    ):
        len(load_data("hf:pts"))
    with pytest.raises(UsageError, match="hf: needs a data set: write hf:NAME.split=test"):
        load_data("hf:")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'shiftproof\[hf\]'"):
        load_data("hf:mnist")


def test_the_library_itself(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    made = datasets.Dataset.from_dict({"image": PICTURES, "label": [0, 1, 1]}, features=features)
    made.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict({"test": made}).save_to_disk(str(tmp_path / "dict"))
    source, split = load_data(f"hf:{tmp_path / 'saved'}"), load_data(f"hf:{tmp_path / 'dict'}?split=test")
    assert source.take(slice(None)).x[:, 0, 0, 0].tolist() == [0.0, pytest.approx(0.2), 1.0]
    assert (source.y.tolist(), source.class_names) == ([0, 1, 1], ("cat", "dog"))
    assert source.fingerprint() == split.fingerprint()
