"""Rows that are no tensor are taken as a tensor's are."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from shiftproof._errors import UsageError
from shiftproof.data.rows import Fields, Items, KeptText, rows_of

PLACES: list[Any] = [
    slice(1, 3),
    np.array([2, 0]),
    torch.tensor([3, 3, 1]),
    torch.tensor([True, False, False, True]),
    np.array([False, True, True, False]),
    [0],
]


@pytest.mark.parametrize("places", PLACES)
def test_items_are_taken_as_a_tensor_is(places: Any) -> None:
    numbers = torch.arange(4)
    taken = numbers[places if isinstance(places, slice | torch.Tensor) else torch.as_tensor(places)].tolist()
    assert [*Items("abcd")[places]] == ["abcd"[place] for place in taken]
    both = Fields(number=numbers, letter=[*"abcd"])[places]
    assert (both["number"].tolist(), [*both["letter"]]) == (taken, ["abcd"[place] for place in taken])


def test_tuples_of_one_length_stay_objects() -> None:
    assert [*Items([("a", "b"), ("c", "d")])] == [("a", "b"), ("c", "d")]
    assert isinstance(rows_of(np.array(["a"])), Items)
    assert isinstance(rows_of(np.zeros(2)), torch.Tensor)


def test_fields_change_by_name_and_have_one_length() -> None:
    both = Fields(a=[1, 2], b=["x", "y"])
    assert [*both.but(b=["z", "w"])["b"]] == ["z", "w"]
    assert len(both.to("cpu")) == 2
    with pytest.raises(UsageError, match=r"The 'columns' of Fields must have one length, got \{'a': 1, 'b': 2\}"):
        Fields(a=[1], b=["x", "y"])
    with pytest.raises(UsageError, match="Unknown field 'c'"):
        both["c"]
    with pytest.raises(UsageError, match="The 'columns' of Fields must be at least one"):
        Fields()


def test_kept_parts_travel() -> None:
    text = pickle.loads(pickle.dumps(KeptText("The cat", [(4, 7)])))
    assert (text, text.kept, len(text)) == ("The cat", ((4, 7),), 7)
