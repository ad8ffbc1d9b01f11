"""Shifts in words: every shift of every suite has some, and what cannot be read stays as it is."""

from __future__ import annotations

import pytest

from shiftproof.data.space import Column, InputSpace
from shiftproof.evaluation.audit.suites import GENERAL, suite_named
from shiftproof.models.abstract import Gradients
from shiftproof.reports.shift_words import in_shift_words

TABLE = InputSpace(
    kind="table",
    columns=(
        Column("hours-per-week", "integer", 0, 100, quantiles=tuple(map(float, range(101)))),
        Column("sex", "categorical", 0, 1, ("f", "m"), values=("f", "m"), shares=(0.5, 0.5)),
    ),
)


@pytest.mark.parametrize("name", GENERAL)
@pytest.mark.parametrize(("space", "shape"), [(TABLE, (2,)), (InputSpace(kind="image"), (3, 32, 32))], ids=["table", "image"])
def test_no_shift_of_a_suite_is_left_as_a_spec(name: str, space: InputSpace, shape: tuple[int, ...]) -> None:
    for shift, _ in suite_named(name, space, Gradients, shape).pairs:
        said = in_shift_words(shift.spec())
        assert "(" not in said
        assert "_" not in said
        assert "None" not in said


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("linf(eps=8/255)", "Any change of every value up to 8/255"),
        ("drift(column='hours-per-week', by=-1)", "hours-per-week lower by 1 standard deviation"),
        ("missing", "Missing values: 10% of the values of each row"),
        ("within_quantiles(share=0.02)", "Every number moved by up to 2% in rank"),
        ("fog(severity=2)", "Fog, severity 2"),
        ("typos(edits=1)", "Up to 1 typing error"),
        ("homoglyphs(edits=2)", "Up to 2 letters replaced by one that looks alike"),
        ("casing(edits=1)", "Up to 1 word in another case"),
        ("on(field=text, inner=typos(edits=2))", "Up to 2 typing errors, in text"),
        ("on(field=image, inner=fog(severity=3))", "Fog, severity 3, in image"),
        ("a b", "a b"),
        ("linf(0.1)", "linf(0.1)"),
    ],
)
def test_words(spec: str, words: str) -> None:
    assert in_shift_words(spec) == words
