"""Groups: columns crossed into one, and groups that a function says."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from shiftproof import UsageError, examples, load_data
from shiftproof.data import ExampleInfo, crossed


def test_crossed_names_every_column_in_order() -> None:
    columns = {"sex": np.array(["F", "M", "F"]), "race": np.array(["B", "W", "B"])}
    assert crossed(columns, 3).tolist() == ["sex=F & race=B", "sex=M & race=W", "sex=F & race=B"]
    assert crossed({"sex": columns["sex"]}, 3).tolist() == ["sex=F", "sex=M", "sex=F"]
    assert crossed({}, 2).tolist() == ["all", "all"]
    assert crossed({"g": np.array([], dtype=np.str_)}, 0).tolist() == []


def test_crossed_refuses_other_lengths() -> None:
    with pytest.raises(UsageError, match=r"The 'groups\[sex\]' of the examples must have one entry per example \(3\), got 2"):
        crossed({"sex": np.array(["F", "M"])}, 3)


def _batch_groups() -> dict[str, list[str]]:
    return {"sex": ["F", "M", "F", "M"]}


def test_group_by_sees_id_label_class_and_groups_but_no_input() -> None:
    seen: list[ExampleInfo] = []

    def side(info: ExampleInfo) -> str:
        seen.append(info)
        return "left" if info.label == 0 else f"right {info.groups['sex']}"

    batch = examples(np.zeros((4, 2)), [0, 1, 0, 1], ids=list("abcd"), groups=_batch_groups())
    source = load_data(batch, group_by=side)
    assert source.groups["side"].tolist() == ["left", "right M", "left", "right M"]
    assert seen[1] == ExampleInfo("b", 1, None, {"sex": "M"})
    assert source.take(np.array([3, 0])).groups["side"].tolist() == ["right M", "left"]
    assert source.fingerprint() != load_data(batch).fingerprint()


def test_group_by_knows_class_names_and_travels_without_its_function() -> None:
    source = load_data("digits:", limit=12, group_by=lambda info: f"the {info.class_name}")
    assert source.groups["group"][0] == f"the {source.y[0]}"
    again = pickle.loads(pickle.dumps(source))
    assert again.groups["group"].tolist() == source.groups["group"].tolist()


def test_other_groups_under_one_name_are_another_sample() -> None:
    batch = examples(np.zeros((4, 2)), [0, 1, 0, 1])
    prints = {load_data(batch, group_by=lambda info, k=k: f"{info.label * k}").fingerprint() for k in (1, 2)}  # type: ignore[misc]
    assert len(prints) == 2


def test_group_by_refusals() -> None:
    batch = examples(np.zeros((4, 2)), [0, 1, 0, 1], groups=_batch_groups())
    with pytest.raises(UsageError, match=r"The 'group_by' of example '0' must return a name \(str\), got 3"):
        load_data(batch, group_by=lambda info: 3)  # type: ignore[arg-type,return-value]  # wrong on purpose

    def sex(info: ExampleInfo) -> str:
        return "x"

    with pytest.raises(UsageError, match="have a group column 'sex' already. Give the function of group_by another name"):
        load_data(batch, group_by=sex)
