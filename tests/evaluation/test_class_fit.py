"""Classes of several samples and of the model are matched by name, wherever two of them meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

import shiftproof as sp
from shiftproof.evaluation.compare import compare_runs
from shiftproof.evaluation.defend import defend
from shiftproof.models.class_codes import match_classes

LEVELS = {"ant": 0, "bee": 40, "cat": 80, "dog": 120}
Folder = Callable[..., str]


class ByLevel(torch.nn.Module):
    """Right on every picture: ant 0, bee 40, cat 80, dog 120 are classes 0 to k-1."""

    def __init__(self, k: int = 4) -> None:
        super().__init__()
        self.k = k

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -(((x.mean((1, 2, 3)) * 255 / 40)[:, None] - torch.arange(float(self.k))) ** 2)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes a folder of pictures of these classes and gives its URI."""
    made = iter(range(99))

    def write(*names: str, levels: Mapping[str, int] = LEVELS) -> str:
        where = tmp_path / f"pictures{next(made)}"
        for name in names:
            (where / name).mkdir(parents=True)
            for i in range(3):
                Image.fromarray(np.full((8, 8, 3), levels[name] + i, np.uint8)).save(where / name / f"{i}.png")
        return f"imagefolder:{where}"

    return write


def npz(folder: Path, y: list[int] | list[str], levels: list[int]) -> str:
    np.savez(folder / "data.npz", x=np.stack([np.full((8, 8, 3), level, np.uint8) for level in levels]), y=y)
    return f"npz:{folder / 'data.npz'}"


def run(model: object, data: object, *others: object, out: Path | None = None) -> sp.Report:
    options: dict[str, Any] = {"shifts": ("linf(eps=0.001)",), "searches": ("one_draw",), "diagnose": False}
    return sp.audit(model, data, shift_from=others, progress=False, out=str(out) if out else None, **options)


def accuracies(report: sp.Report) -> list[float | None]:
    return [report.record.clean.accuracy, *(natural.accuracy for natural in report.record.natural)]


@pytest.mark.parametrize(
    "other",
    [("bee", "cat", "dog"), ("dog",), ("cat", "ant"), ("ant", "bee", "cat", "dog")],
    ids=["no first", "last", "two", "all, in another order"],
)
def test_a_sample_with_other_classes_is_numbered_as_the_first(folder: Folder, other: tuple[str, ...]) -> None:
    query = "?classes=dog,cat,bee,ant" if len(other) == 4 else ""
    near = {name: level + 8 for name, level in LEVELS.items()}  # other pictures of the same classes
    assert accuracies(run(ByLevel(), folder(*LEVELS), f"{folder(*other, levels=near)}{query}")) == [1.0, 1.0]


def test_the_sample_that_names_all_classes_says_their_order(folder: Folder) -> None:
    whole = folder(*LEVELS)
    report = run(ByLevel(), folder("bee", "dog"), whole)
    assert accuracies(report) == [1.0, 1.0]
    assert f"Classes are numbered as in '{whole}', which names those of all samples: ant, bee, cat, dog." in report.record.data.notes
    assert report.record.data.class_names == ["ant", "bee", "cat", "dog"]


def test_words_and_numbers_in_other_formats_meet_names(folder: Folder, tmp_path: Path) -> None:
    whole = folder(*LEVELS)
    assert accuracies(run(ByLevel(), whole, npz(tmp_path, ["dog", "bee"], [120, 40]))) == [1.0, 1.0]
    report = run(ByLevel(), whole, npz(tmp_path, [3, 1], [120, 40]))
    assert accuracies(report) == [1.0, 1.0]
    assert any("data.npz' are numbers, taken as indices into the classes of" in note for note in report.record.data.notes)
    with pytest.raises(sp.UsageError, match="must be below 4, the number of its classes .ant, bee, cat, dog., got 7"):
        run(ByLevel(), whole, npz(tmp_path, [7, 1], [120, 40]))


def test_numbers_as_folder_names_meet_numbers_as_labels(folder: Folder, tmp_path: Path) -> None:
    """Text sorts 10 before 2, so the folder's own codes are not its numbers."""
    levels = {"0": 0, "1": 20, "2": 40, "10": 200}
    named = folder(*levels, levels=levels)

    class ByTwenty(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return -(((x.mean((1, 2, 3)) * 255 / 20)[:, None] - torch.arange(11.0)) ** 2)

    assert accuracies(run(ByTwenty(), npz(tmp_path, [0, 2, 10], [0, 40, 200]), named)) == [1.0, 1.0]
    (note,) = [note for note in sp.load_data(named).notes if "Class names are numbers" in note]
    assert "class '10' has code 2 (order: 0, 1, 10, 2). Where the model's order is another" in note
    assert note.endswith("?classes=FILE.")
    listed = sp.load_data(f"{named}?classes=0,1,2,3,4,5,6,7,8,9,10")
    assert sorted(set(listed.y.tolist())) == [0, 1, 2, 10]
    assert not any("Class names are numbers" in note for note in listed.notes)
    assert accuracies(run(ByTwenty(), listed)) == [1.0]


def test_words_of_arrays_in_memory_are_names(folder: Folder) -> None:
    def arrays(*names: str) -> sp.Examples:
        return sp.examples(np.stack([np.full((3, 8, 8), LEVELS[name] / 255, np.float32) for name in names]), list(names))

    assert accuracies(run(ByLevel(), arrays(*LEVELS), arrays("dog", "bee"))) == [1.0, 1.0]
    assert accuracies(run(ByLevel(), arrays(*LEVELS), folder("cat", "dog"))) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("strange", "near"), [("Dog", "'Dog' is near 'dog'"), ("dog.", "'dog.' is near 'dog'"), ("dogs", "'dogs' is near 'dog'"), ("yak", "")]
)
def test_names_that_nobody_knows_are_refused(folder: Folder, strange: str, near: str) -> None:
    other = folder("ant", strange, levels={**LEVELS, strange: 120})
    with pytest.raises(sp.UsageError) as caught:
        run(ByLevel(), folder(*LEVELS), other)
    said = str(caught.value)
    assert f"({', '.join(sorted(['ant', strange]))}) are not those of" in said
    assert f"(ant, bee, cat, dog): neither the latter nor the model knows '{strange}'." in said
    assert near in said
    assert "?rename=OLD:NEW" in said
    assert accuracies(run(ByLevel(), folder(*LEVELS), f"{other}?rename={strange}:dog")) == [1.0, 1.0]


def test_fewer_classes_than_the_model_has_are_flagged(folder: Folder) -> None:
    report = run(ByLevel(), folder("bee", "dog"))
    (flag,) = [flag for flag in report.record.model.flags if flag.name == "fewer_classes"]
    assert flag.detail.startswith("The model 'ByLevel' has 4 classes, and the data name 2: bee, dog, numbered in this order from 0.")
    assert flag.detail.endswith("?classes=FILE.")
    whole = run(ByLevel(), f"{folder('bee', 'dog')}?classes=ant,bee,cat,dog")
    assert (accuracies(whole), whole.record.model.flags) == ([1.0], [])


def table(path: Path, frame: pd.DataFrame, query: str = "") -> str:
    frame.to_csv(path, index=False)
    return f"csv:{path}?label=y{query}"


def people(n: int, jobs: str, *, yes: str = "yes", no: str = "no", seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"job": rng.choice(list(jobs), n), "age": rng.integers(18, 60, n)})
    return frame.assign(y=np.where(frame.job == "b", yes, no))


def fitted(frame: pd.DataFrame) -> object:
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job"]), remainder="passthrough")
    return make_pipeline(encode, DecisionTreeClassifier(random_state=0)).fit(frame[["job", "age"]], frame.y)


def test_tables_are_coded_together(tmp_path: Path) -> None:
    """Other categories, another order of columns, halves where there were whole numbers, and missing values: no like= is needed."""
    june, july = people(60, "abc"), people(40, "bcd", seed=1)[["age", "job", "y"]].assign(age=lambda f: f.age + 0.5)
    gaps = july.assign(age=july.age.where(july.age > 30), job=july.job.where(july.index > 3))
    model = fitted(june)
    uris = [table(tmp_path / f"{name}.csv", frame) for name, frame in {"june": june, "july": july, "gaps": gaps}.items()]
    report = run(model, *uris)
    truth = [float(model.score(frame[["job", "age"]], frame.y)) for frame in (june, july, gaps)]  # type: ignore[attr-defined]
    assert accuracies(report) == pytest.approx(truth, abs=0)
    with pytest.raises(sp.UsageError, match="must have the same columns: only one of the two has age. Choose with features= or drop="):
        run(model, uris[0], table(tmp_path / "less.csv", july.drop(columns="age")))
    with pytest.raises(sp.UsageError, match="The column 'age' holds numbers in .* and words in .*categorical=age"):
        run(model, uris[0], table(tmp_path / "worded.csv", july.assign(age="old")))


def test_labels_of_the_test_file_with_a_dot_are_renamed_or_refused(tmp_path: Path) -> None:
    train, dotted = people(60, "abc", yes=">50K", no="<=50K"), people(40, "abc", yes=">50K.", no="<=50K.", seed=1)
    model, home = fitted(train), table(tmp_path / "train.csv", train)
    away = table(tmp_path / "test.csv", dotted)
    with pytest.raises(sp.UsageError, match=r"knows '<=50K\.', '>50K\.'. '<=50K\.' is near '<=50K'; '>50K\.' is near '>50K'"):
        run(model, home, away)
    with pytest.raises(sp.UsageError, match=r"data lack <=50K, >50K, and the model lacks <=50K\., >50K\.|must be among the data's"):
        run(model, away)
    assert accuracies(run(model, home, f"{away}&rename=<=50K.:<=50K,>50K.:>50K")) == [1.0, 1.0]
    assert accuracies(run(model, home, table(tmp_path / "one.csv", train[train.y == ">50K"]))) == [1.0, 1.0]
    like = f"{away}&like={tmp_path / 'train.csv'}&rename=<=50K.:<=50K,>50K.:>50K"
    assert sp.load_data(like).class_names == ("<=50K", ">50K")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("&rename=yes", "The 'rename' of .* must be OLD:NEW, split at commas, got 'yes'"),
        ("&rename=yess:1", "Unknown class in rename= of .* 'yess'. Did you mean: yes"),
        ("&classes=no,maybe", "Unknown class of .* 'yes'. Did you mean: maybe. Change names with .rename=OLD:NEW"),
        ("&classes=no,yes,no", "The 'classes' of .* must name each class once, got 'no'"),
        ("&classes=none.txt", "There is no file 'none.txt'"),
    ],
)
def test_options_of_classes_that_do_not_fit(tmp_path: Path, query: str, message: str) -> None:
    with pytest.raises(sp.UsageError, match=message):
        len(sp.load_data(table(tmp_path / "t.csv", people(20, "ab"), query)).y)


def test_classes_of_tables_can_be_listed_and_renamed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "y": [2, 1, 3]})
    for query, codes, names in [
        ("&classes=1,2,3", [1, 0, 2], ("1", "2", "3")),
        ("&classes=zero,one,two,three", [2, 1, 3], ("zero", "one", "two", "three")),
        ("&rename=2:two", [2, 1, 3], ("0", "1", "two", "3")),
    ]:
        source = sp.load_data(table(tmp_path / "t.csv", frame, query))
        assert (source.y.tolist(), source.class_names) == (codes, names)
    merged = sp.load_data(table(tmp_path / "m.csv", frame.assign(y=["cat", "dog", "car"]), "&rename=cat:pet,dog:pet"))
    assert (merged.y.tolist(), merged.class_names) == ([1, 1, 0], ("car", "pet"))


def test_labels_of_minus_one_and_one_are_two_classes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "y": [-1, -1, 1, 1]})
    uri = table(tmp_path / "t.csv", frame)
    source = sp.load_data(uri)
    assert (source.y.tolist(), source.class_names) == ([0, 0, 1, 1], ("-1", "1"))
    assert any("class '-1' has code 0 (order: -1, 1)" in note for note in source.notes)
    tree = DecisionTreeClassifier().fit(frame[["a"]], frame.y)
    assert accuracies(run(tree, uri, table(tmp_path / "plus.csv", frame[frame.y == 1]))) == [1.0, 1.0]
    says = sp.as_model(lambda x: np.where(x[:, 0] > 2.5, 1, -1), name="f", gives="labels", class_names=source.class_names)
    assert says.labels(source.take(slice(None)).x).tolist() == [0, 0, 1, 1]
    with pytest.raises(sp.UsageError, match="must be among the data's|are not those of the data"):
        run(tree, table(tmp_path / "zero.csv", frame.assign(y=[0, 0, 1, 1])))


def test_numbers_that_the_model_does_not_say(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "y": [1, 2, 3]})
    tree = DecisionTreeClassifier().fit(frame[["a"]], frame.y)
    assert accuracies(run(tree, table(tmp_path / "t.csv", frame))) == [1.0]
    with pytest.raises(
        sp.UsageError, match=r"\(1, 2, 3\) are not the labels of the data \(0, 1, 2\): the data lack 3, and the model lacks 0"
    ):
        run(tree, table(tmp_path / "less.csv", frame.assign(y=frame.y - 1)))
    report = run(tree, table(tmp_path / "more.csv", pd.concat([frame, frame.assign(y=0)])))
    assert "The model 'DecisionTreeClassifier' never predicts the labels 0: it is wrong on all their examples." in report.record.data.notes


@pytest.mark.parametrize(
    ("classes", "names", "codes"),
    [
        ([" no", " yes"], ("no", "yes"), (0, 1)),
        ([b"no", b"yes"], ("no", "yes"), (0, 1)),
        (["1.0", "2.0"], ("1", "2"), (0, 1)),
        ([1, 2], ("01", "02"), (0, 1)),
        (["1", "01"], ("01", "1"), (1, 0)),
        (["1e3", "1000"], ("1000", "1e3"), (1, 0)),
        (["nan", "inf"], ("inf", "nan"), (1, 0)),
    ],
)
def test_names_are_the_same_whatever_they_are_written_like(classes: list[object], names: tuple[str, ...], codes: tuple[int, ...]) -> None:
    assert match_classes(classes, names, name="m").codes == codes


def test_trained_networks_and_measured_data_share_one_numbering(folder: Folder) -> None:
    options: dict[str, Any] = {"threat": "linf(eps=0.01)", "unseen": "l2(eps=0.1)", "defences": ("jpeg",), "out": "unused"}
    loaded = defend._loaded(defend.DefendConfig(model="nets.py:net", data=folder("cat", "dog"), train_data=folder(*LEVELS), **options))
    assert sorted(set(loaded.examples.y.tolist())) == [2, 3]
    assert loaded.data.class_names == tuple(LEVELS)
    with pytest.raises(sp.UsageError, match="neither the latter nor the model knows 'dog'"):
        defend._loaded(defend.DefendConfig(model="nets.py:net", data=folder("dog"), train_data=folder("ant", "cat"), **options))


def test_compared_runs_pair_by_the_names_of_classes(folder: Folder, tmp_path: Path) -> None:
    whole = folder("bee", "cat")
    runs = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    run(ByLevel(), f"{whole}?classes=ant,bee,cat,dog", out=runs[0])
    run(ByLevel(), f"{whole}?classes=dog,cat,bee,ant", out=runs[1])
    run(ByLevel(), f"{whole}?rename=bee:wasp,cat:lion", out=runs[2])
    rows = compare_runs(runs).rows
    tests = next(row.paired for row in rows if row.shift == "identity" and row.risk == "mean" and row.measure == "accuracy")
    assert tests[1] is not None
    assert tests[1].n == 6
    assert tests[2] is None  # the same pictures, but other classes
