"""Values that are missing, swapped or misspelled: how many, which, what a model is handed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from shiftproof import UsageError, load_data
from shiftproof.data.misspelling import VARIANTS, misspelt
from shiftproof.data.space import Column, InputSpace
from shiftproof.models.estimator_input import plan_input_format
from shiftproof.randomness import Rng
from shiftproof.shifts import Missing, Misspelled, Shift, Swapped

FRAME = pd.DataFrame(
    {
        "age": [30, 41, 25, 60],
        "height": [1.5, np.nan, 1.25, 2.0],
        "sex": ["F", "M", None, "F"],
        "job": pd.Categorical(["nurse", "clerk", "nurse", "cook"]),
        "member": [True, False, True, True],
        "since": pd.to_datetime(["2020-01-01", "2020-01-03", "2020-02-01", "2020-01-01"]),
        "y": [0, 1, 0, 1],
    }
)


class Seen(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that keeps what it is handed."""

    feature_names_in_ = np.array([c for c in FRAME if c != "y"], dtype=object)
    n_features_in_ = 6


def handed(shift: Shift, params: torch.Tensor) -> pd.DataFrame:
    source = load_data(FRAME, label="y")
    x = source.take(slice(None)).x
    moved = shift.within(source.space).apply(x, params)
    assert shift.within(source.space).landing(source.space).holds(x, moved)
    frame = plan_input_format(Seen(), source.space, name="seen")(moved)
    assert isinstance(frame, pd.DataFrame)
    return frame


def one_edit(place: int, choice: int = 0) -> torch.Tensor:
    return torch.tensor([[[place, choice]]], dtype=torch.float64).expand(4, 1, 2)


@pytest.mark.parametrize("column", [c for c in FRAME if c != "y"])
def test_a_missing_value_reaches_a_model_as_missing(column: str) -> None:
    place = list(FRAME).index(column)
    frame = handed(Missing(column=column), one_edit(place))
    assert bool(frame[column].isna().all())
    others = frame.drop(columns=column)
    want = FRAME.drop(columns=["y", column])
    assert others.isna().equals(want.isna())
    for name in others:
        assert others[name].dtype == want[name].dtype
        assert [x for x in others[name] if not pd.isna(x)] == [x for x in want[name] if not pd.isna(x)]


def test_a_share_of_each_row_is_rounded_up() -> None:
    source = load_data(FRAME, label="y")
    x = source.take(slice(None)).x
    for share, count in ((0.01, 1), (1 / 6, 1), (0.34, 3), (1.0, 6)):
        shift = Missing(share=share).within(source.space)
        params = shift.sample(x, Rng.for_ids(0, source.ids))
        assert (params[:, :, 0] >= 0).sum(1).tolist() == [count] * 4


def test_each_column_is_missing_as_often_as_another() -> None:
    columns = tuple(Column(name, "real", 0, 1) for name in "abcde")
    shift = Missing(share=0.4).within(InputSpace(kind="table", columns=columns))
    params = shift.sample(torch.zeros(4000, 5), Rng.for_ids(0, [str(i) for i in range(4000)]))
    counts = np.bincount(params[:, :, 0].flatten().long().numpy(), minlength=5)
    assert counts.sum() == 8000
    assert abs(counts / 8000 - 0.2).max() < 0.02  # five standard deviations


def test_misspelled_words_are_handed_out_and_categories_become_missing() -> None:
    edits = one_edit(2, 3).clone()
    edits[2] = -1  # there is no word to misspell
    frame = handed(Misspelled(column="sex"), edits)
    assert frame["sex"].fillna("none").tolist() == ["f", "m", "none", "f"]
    jobs = handed(Misspelled(column="job"), one_edit(3, 0))
    assert bool(jobs["job"].isna().all())
    assert jobs["job"].dtype == FRAME["job"].dtype


def test_a_missing_word_is_not_misspelled() -> None:
    source = load_data(FRAME, label="y")
    shift = Misspelled(column="sex").within(source.space)
    x = source.take(slice(None)).x
    assert [len(shift.free(one)) for one in x] == [1, 1, 0, 1]
    params = shift.sample(x, Rng.for_ids(0, source.ids))
    assert (params[2] == -1).all()


@pytest.mark.parametrize("word", ["Private", "a", "x y", "é", "1", "United-States"])
def test_a_misspelling_is_another_word(word: str) -> None:
    said = [misspelt(word, variant) for variant in range(VARIANTS)]
    assert all(each.strip() and each != word for each in said)
    assert said == [misspelt(word, variant) for variant in range(VARIANTS)]


def test_swapped_categories_come_as_often_as_in_the_table() -> None:
    column = Column("c", "categorical", 0, 2, ("a", "b", "c"), shares=(0.5, 0.4, 0.1))
    shift = Swapped().within(InputSpace(kind="table", columns=(column,)))
    x = torch.zeros(3000, 1)
    moved = shift.apply(x, shift.sample(x, Rng.for_ids(0, [str(i) for i in range(3000)])))
    assert not bool((moved == 0).any())
    assert abs(float((moved == 1).double().mean()) - 0.8) < 0.04


def test_no_value_is_swapped_for_a_missing_one() -> None:
    source = load_data(FRAME, label="y")
    shift = Swapped(column="sex").within(source.space)
    x = source.take(slice(None)).x
    for seed in range(5):
        moved = shift.apply(x, shift.sample(x, Rng.for_ids(seed, source.ids)))
        assert set(moved[:, 2].tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (Missing(column="agee"), "Unknown column in missing 'agee'. Did you mean: age"),
        (Misspelled(column="age"), "misspelled changes words, and the column 'age' is none"),
        (Swapped(column="height"), "swapped changes categories, and the column 'height' is none"),
    ],
)
def test_columns_that_cannot_change(shift: Shift, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        shift.within(load_data(FRAME, label="y").space)


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_shares_out_of_range(share: float) -> None:
    with pytest.raises(UsageError, match=r"The 'share' of missing must be in \(0, 1\]"):
        Missing(share)


def test_columns_with_other_names_stand_in_quotes(tmp_path: Path) -> None:
    from shiftproof.shifts import shifts

    assert shifts.build("drift(column='education-num')").spec() == "drift(column='education-num')"
    assert Missing(column="marital status").spec() == "missing(column='marital status')"
