"""Arrays in .npz files: layouts, boxes, names, and everything that may be wrong with such a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from shiftproof import UsageError, load_data

LEVELS = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)


def save(folder: Path, **arrays: npt.ArrayLike) -> str:
    path = folder / "data.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]  # its stub takes allow_pickle for one of them
    return f"npz:{path}"


def test_channels_last_bytes_become_channels_first_in_the_unit_box(tmp_path: Path) -> None:
    source = load_data(save(tmp_path, x=LEVELS, y=[1, 0]))
    x = source.take(slice(None)).x
    assert (x.dtype, tuple(x.shape), source.space.kind) == (torch.float32, (2, 3, 4, 5), "image")
    assert torch.equal(x[1, 2, 3, 4], torch.tensor(119 / 255))
    assert any("channels last" in note for note in source.notes)
    assert "Levels 0 to 255 (uint8) are mapped onto the box [0, 1]." in source.notes


def test_bytes_are_mapped_onto_a_declared_box_exactly(tmp_path: Path) -> None:
    levels = np.array([[0, 51, 255]], dtype=np.uint8)
    uri = save(tmp_path, x=levels, y=[0])
    assert load_data(uri, box=(0, 255)).take(slice(None)).x.tolist() == [[0, 51, 255]]
    assert load_data(uri, box=(-1, 1)).take(slice(None)).x.tolist() == [[-1.0, pytest.approx(-0.6), 1.0]]
    assert load_data(uri).fingerprint() != load_data(uri, box=(0, 255)).fingerprint()


@pytest.mark.parametrize(
    ("shape", "expected", "note"),
    [
        ((2, 4, 5), (2, 1, 4, 5), "grey images"),
        ((2, 4, 5, 1), (2, 1, 4, 5), "channels last"),
        ((2, 3, 4, 5), (2, 3, 4, 5), ""),
        ((2, 3, 4, 3), (2, 3, 4, 3), "are taken as (n, channels, height, width)"),
        ((2, 7, 4, 5), (2, 7, 4, 5), "are taken as (n, channels, height, width)"),
        ((2, 6), (2, 6), ""),
        ((2, 6, 1, 1, 2), (2, 6, 1, 1, 2), ""),
    ],
)
def test_layouts(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...], note: str) -> None:
    source = load_data(save(tmp_path, x=np.zeros(shape), y=[0, 1]))
    assert tuple(source.take(slice(None)).x.shape) == expected
    assert source.space.kind == ("image" if len(expected) == 4 else "vector")
    said = [text for text in source.notes if text.startswith("Inputs of shape")]
    assert len(said) == bool(note)
    assert all(note in text for text in said)


def test_kind_overrides_the_layout(tmp_path: Path) -> None:
    uri = save(tmp_path, x=np.zeros((2, 4, 5)), y=[0, 1])
    source = load_data(f"{uri}?kind=vector")
    assert (source.space.kind, tuple(source.take(slice(None)).x.shape)) == ("vector", (2, 4, 5))
    flat = save(tmp_path, x=np.zeros((2, 4)), y=[0, 1])
    with pytest.raises(UsageError, match=r"have three or four dimensions for images, got \(2, 4\)"):
        load_data(f"{flat}?kind=image").take(slice(None))


def test_the_box_of_floats(tmp_path: Path) -> None:
    inside = load_data(save(tmp_path, x=np.array([[0.0, 1.0]]), y=[0]))
    assert inside.space.units == "[0, 1]"
    assert "The box [0, 1] was taken because all values lie there." in inside.notes
    outside = save(tmp_path, x=np.array([[-2.0, 7.5]]), y=[0])
    with pytest.raises(UsageError, match=r"values run from -2 to 7.5, not within \[0, 1\]. Declare the box .* --box 0,255"):
        load_data(outside).take(slice(None))
    declared = load_data(outside, box=(-8, 8))
    assert (declared.space.units, declared.take(slice(None)).x.tolist()) == ("[-8, 8]", [[-2.0, 7.5]])
    assert not any("box" in note for note in declared.notes)


def test_whole_numbers_other_than_bytes_need_a_box(tmp_path: Path) -> None:
    uri = save(tmp_path, x=np.array([[0, 300]]), y=[0])
    with pytest.raises(UsageError, match="values run from 0 to 300"):
        load_data(uri).take(slice(None))
    assert load_data(uri, box=(0, 300)).take(slice(None)).x.dtype == torch.float64


def test_bytes_that_are_no_levels_are_noted(tmp_path: Path) -> None:
    notes = load_data(save(tmp_path, x=np.array([[0, 1]], dtype=np.uint8), y=[0])).notes
    assert any(note.startswith("The greatest level is 1 of 255") for note in notes)


@pytest.mark.parametrize(
    ("names", "query", "x", "y"),
    [
        (("images", "labels"), "", "images", "labels"),
        (("x_test", "y_test"), "", "x_test", "y_test"),
        (("X_test", "y_test"), "", "X_test", "y_test"),
        (("x_test", "y_test", "x_train", "y_train"), "?split=train", "x_train", "y_train"),
        (("train_images", "train_labels", "test_images", "test_labels"), "?split=train", "train_images", "train_labels"),
        (("train_images", "train_labels", "test_images", "test_labels"), "", "test_images", "test_labels"),
        (("x", "y", "x_test", "y_test"), "", "x", "y"),
        (("a", "labels"), "?x=a", "a", "labels"),
        (("x", "b", "y"), "?y=b", "x", "b"),
        (("a", "b"), "?x=a&y=b", "a", "b"),
    ],
)
def test_names_of_arrays(tmp_path: Path, names: tuple[str, ...], query: str, x: str, y: str) -> None:
    arrays: dict[str, Any] = {
        name: np.zeros((3, 2)) if name.lower()[0] in "xait" and "label" not in name else np.zeros(3) for name in names
    }
    arrays[x] = np.full((3, 2), 0.25)
    arrays[y] = np.array([1, 1, 0])
    source = load_data(save(tmp_path, **arrays) + query)
    assert source.take(slice(None)).x.tolist() == [[0.25, 0.25]] * 3
    assert source.y.tolist() == [1, 1, 0]
    assert source.notes[0] == f"Inputs are the array '{x}', labels the array '{y}'."


def test_ids_and_groups(tmp_path: Path) -> None:
    x = np.zeros((2, 2))
    uri = save(tmp_path, x=x, y=[0, 1], ids=["a", "b"], site=[4, 5], sex=[b"F", b"M"])
    source = load_data(f"{uri}?groups=site,sex")
    assert (source.ids.tolist(), source.named) == (["a", "b"], True)
    assert {name: values.tolist() for name, values in source.groups.items()} == {"site": ["4", "5"], "sex": ["F", "M"]}
    assert load_data(f"{uri}?ids=site").ids.tolist() == ["4", "5"]
    rows = load_data(save(tmp_path, x=x, y=[0, 1]))
    assert (rows.ids.tolist(), rows.named) == (["0", "1"], False)
    assert rows.notes[-1] == "The file has no ids: examples are named by row number."


def test_labels_may_be_words(tmp_path: Path) -> None:
    source = load_data(save(tmp_path, x=np.zeros((3, 2)), y=["dog", "cat", "dog"]))
    assert (source.y.tolist(), source.class_names) == ([1, 0, 1], ("cat", "dog"))


def test_pickled_objects_are_refused_and_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "sprung"),)

    uri = save(tmp_path, x=np.zeros((2, 2)), y=np.array([Trap(), Trap()], dtype=object))
    with pytest.raises(UsageError, match=r"The array 'y' of '.*' holds Python objects and is refused: reading it would run code") as caught:
        load_data(uri)
    assert "np.array(values.tolist())" in str(caught.value)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("arrays", "query", "message"),
    [
        (
            {"foo": np.zeros((2, 2)), "bar": [0, 1]},
            "",
            r"no inputs and labels under a usual name. Say which with .x=NAME&y=NAME. Arrays: foo \(2, 2\)",
        ),
        ({"x": np.zeros((2, 2)), "y": [0, 1]}, "?split=val", "no inputs and labels of the split 'val'"),
        ({"x": np.zeros((2, 2)), "y": [0, 1]}, "?x=xx", "Unknown array of '.*' 'xx'. Did you mean: x"),
        ({"x": np.zeros((2, 2)), "y": [0, 1]}, "?groups=z", "Unknown array of '.*' 'z'"),
        ({"x": np.zeros((2, 2)), "y": [0, 1, 2]}, "", r"The 'y' of '.*' must have one entry per input of 'x' \(2,\), got \(3,\)"),
        ({"x": np.zeros((2, 2)), "y": [0, 1], "ids": ["a"]}, "", r"The 'ids' of '.*' must have one entry per input"),
        ({"x": np.zeros((2, 2)), "y": [0, 1], "g": ["a"]}, "?groups=g", r"The 'g' of '.*' must have one entry per input"),
        ({"x": np.zeros((0, 2)), "y": []}, "", r"The array 'x' of '.*' holds no examples: its shape is \(0, 2\)"),
        ({"x": 3.0, "y": 1}, "", r"The array 'x' of '.*' holds no examples: its shape is \(\)"),
        ({"x": [1.0, 0.5], "y": [0, 1]}, "", r"must have shape \(n, ...\), one input per row, got \(2,\)"),
        ({"x": [["a"], ["b"]], "y": [0, 1]}, "", r"must hold numbers, got '<U1'"),
        ({"x": np.zeros((2, 2)), "y": [0, 1], "ids": ["a", "a"]}, "", "must be unique"),
        ({"x": np.zeros((2, 2)), "y": [0, -1]}, "", "must be whole numbers"),
        ({}, "", "Arrays: none"),
    ],
)
def test_refusals(tmp_path: Path, arrays: dict[str, Any], query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_data(save(tmp_path, **arrays) + query).take(slice(None))
    assert "\n" not in str(caught.value)


def test_an_unused_array_of_objects_does_not_matter(tmp_path: Path) -> None:
    source = load_data(save(tmp_path, x=np.zeros((2, 2)), y=[0, 1], extra=np.array([{}, None], dtype=object)))
    assert len(source.take(slice(None))) == 2


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a zip")
    (tmp_path / "empty.npz").touch()
    for name, message in [
        ("text.npz", r"Cannot read '.*text.npz' as an .npz file \(BadZipFile: File is not a zip file\). Save it with np.savez"),
        ("empty.npz", r"The file '.*empty.npz' is empty. Make or copy it again"),
        ("texst.npz", r"There is no file '.*texst.npz'. Did you mean: text.npz"),
        ("zzzzzzzzzzz", r"There is no file '.*zzzzzzzzzzz'. Paths start at '"),
        ("no/where.npz", r"Its folder '.*no' does not exist either; paths start at '"),
    ]:
        with pytest.raises(UsageError, match=message):
            load_data(f"npz:{tmp_path / name}")
    with pytest.raises(UsageError, match="npz: needs a file, and '.*' is a folder"):
        load_data(f"npz:{tmp_path}")
    with pytest.raises(UsageError, match="npz: needs a place: write npz:PATH"):
        load_data("npz:")


def test_damaged_files(tmp_path: Path) -> None:
    save(tmp_path, x=np.random.default_rng(0).random((50, 40)), y=np.zeros(50))
    good = (tmp_path / "data.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(good[: len(good) // 2])
    with pytest.raises(UsageError, match="Cannot read '.*cut.npz' as an .npz file"):
        load_data(f"npz:{tmp_path / 'cut.npz'}")
    flipped = bytearray(good)
    flipped[2000] ^= 0xFF  # within the numbers of x: only the checksum can tell
    (tmp_path / "flipped.npz").write_bytes(bytes(flipped))
    with pytest.raises(UsageError, match=r"Cannot read the array 'x' of '.*flipped.npz' \(BadZipFile: Bad CRC-32.*The file seems damaged"):
        load_data(f"npz:{tmp_path / 'flipped.npz'}").take(slice(None))


def test_inputs_are_read_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = load_data(save(tmp_path, x=LEVELS, y=[0, 1]))
    loaded: list[str] = []
    load = np.lib.npyio.NpzFile.__getitem__

    def noted(archive: np.lib.npyio.NpzFile, key: str) -> npt.NDArray[np.generic]:
        loaded.append(key)
        array: npt.NDArray[np.generic] = load(archive, key)
        return array

    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", noted)
    assert (source.y.tolist(), len(source)) == ([0, 1], 2)
    assert loaded == ["y"]
    source.take(slice(0, 1))
    source.take(slice(1, 2))
    assert loaded == ["y", "x"]
