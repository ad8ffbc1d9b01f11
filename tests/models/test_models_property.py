"""What holds for every order of classes and columns, and for every way to cut a batch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from shiftproof import InputSpace, as_model
from shiftproof.data.space import Column
from shiftproof.models.abstract import Scores
from shiftproof.models.class_codes import match_classes
from shiftproof.models.estimator_input import plan_input_format

NAMES = [chr(ord("a") + i) for i in range(6)]
X = np.random.default_rng(0).random((40, 6))
KINDS = (Column("a", "real", 0, 1), Column("b", "integer", 0, 9), Column("c", "categorical", 0, 2, ("x", "y", "z")))
SPACE = InputSpace(kind="table", columns=(*KINDS, *(Column(name, "real", 0, 1) for name in NAMES[3:])))
quick = settings(deadline=None, max_examples=25)


@quick
@given(st.permutations(NAMES), st.permutations(NAMES))
def test_a_class_keeps_its_name(said: list[str], known: list[str]) -> None:
    classes = match_classes(said, known, name="m")
    assert [known[code] for code in classes.codes] == said
    assert [known[code] for code in classes.code_of(np.array(said)).tolist()] == said
    assert classes.notes == ()


@quick
@given(st.permutations(NAMES), st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_column_keeps_its_name(order: list[str], kept: set[str]) -> None:
    wanted = [name for name in order if name in kept]
    tree = DecisionTreeClassifier().fit(pd.DataFrame(np.eye(2, len(wanted)), columns=wanted), [0, 1])
    x = torch.from_numpy(np.arange(2 * 6).reshape(2, 6) % 3).double()
    table = plan_input_format(tree, SPACE, name="m")(x)
    assert isinstance(table, pd.DataFrame)
    assert table.columns.tolist() == wanted
    for name in wanted:
        column = x[:, NAMES.index(name)].long().tolist()
        expected = [KINDS[2].categories[code] for code in column] if name == "c" else column
        assert table[name].tolist() == expected


MODELS = {
    "linear": as_model(LogisticRegression().fit(X, np.arange(40) % 3)),
    "function": as_model(lambda x: np.stack([x.sum(1), x[:, 0]], axis=1), gives="scores", name="f"),
    "torch": as_model(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double()),
}


@quick
@given(st.sampled_from(sorted(MODELS)), st.lists(st.integers(1, 40), max_size=4))
def test_a_row_does_not_depend_on_its_batch(kind: str, cuts: list[int]) -> None:
    model, x = MODELS[kind], torch.from_numpy(X)
    assert isinstance(model, Scores)
    edges = [0, *sorted(cuts), 40]
    parts = [model.scores(x[low:high]) for low, high in pairwise(edges) if low < high]
    assert torch.equal(torch.cat(parts), model.scores(x))
