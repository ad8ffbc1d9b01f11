"""Options: typed, frozen, and a spec says them all."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftproof._errors import UsageError
from shiftproof._part import Part, option_types, required_options, show
from shiftproof.registry import parse_spec
from shiftproof.searches import GradientAscent, searches
from shiftproof.searches.abstract import Search
from shiftproof.shifts import L2, Linf, Rotation, shifts


@dataclass(frozen=True)
class Sample(Part):
    name: ClassVar[str] = "sample"
    ratio: float
    count: int = 3
    mode: str = "plain"
    on: bool = False
    extra: tuple[int, ...] = ()


words = st.sampled_from(["plain", "true", "False", "None", "lambda", "8", "a b", "it's", "x)"]) | st.text(
    st.characters(exclude_categories=["Cs"])
)
ratios = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-255, 510).map(lambda k: k / 255) | st.integers(-(10**6), 10**6)


@given(ratio=ratios, count=st.integers(-(10**12), 10**12), mode=words, on=st.booleans())
def test_spec_reads_back(ratio: float, count: int, mode: str, on: bool) -> None:
    part = Sample(ratio, count, mode, on)
    for spec in (part.spec(), part.full_spec()):
        name, positional, named = parse_spec(spec)
        assert (name, positional) == ("sample", [])
        assert Sample(**named) == part  # type: ignore[arg-type]


@given(eps=st.floats(1e-6, 1.0))
def test_registered_shifts_read_back(eps: float) -> None:
    for shift in (Linf(eps), L2(eps)):
        assert shifts.build(shift.spec()) == shift
        assert shifts.build(shift.full_spec()) == shift
    turned = Rotation(eps * 90)
    assert shifts.build(turned.spec()) == turned


@given(
    steps=st.integers(1, 500),
    restarts=st.integers(1, 9),
    step_size=st.floats(0, 10),
    momentum=st.floats(0, 2),
    schedule=st.sampled_from(["constant", "linear", "cosine"]),
    loss=st.sampled_from(["cross_entropy", "margin"]),
    random_start=st.booleans(),
    drop=st.booleans(),
)
def test_registered_search_reads_back(
    steps: int, restarts: int, step_size: float, momentum: float, schedule: str, loss: str, random_start: bool, drop: bool
) -> None:
    search: Search = GradientAscent(
        steps=steps,
        restarts=restarts,
        step_size=step_size,
        momentum=momentum,
        schedule=schedule,
        loss=loss,
        random_start=random_start,
        drop=drop,
    )
    assert searches.build(search.spec()) == search
    assert searches.build(search.full_spec()) == search


def test_spec_shows_what_people_must_know() -> None:
    assert Sample(8 / 255).spec() == "sample(ratio=8/255)"
    assert Sample(0.1, on=True).spec() == "sample(ratio=0.1, on=True)"
    assert Sample(2.0, 4, "bold").spec() == "sample(ratio=2, count=4, mode=bold)"
    assert Sample(0.5).full_spec() == "sample(ratio=0.5, count=3, mode='plain', on=False)"
    assert GradientAscent().spec() == "gradient_ascent"


@pytest.mark.parametrize("same", [3, 3.0, np.float64(3.0)])
def test_one_number_has_one_spec(same: float) -> None:
    """Else the same cell of a run would have two keys."""
    assert Sample(same).full_spec() == "sample(ratio=3.0, count=3, mode='plain', on=False)"
    assert hash(Sample(same)) == hash(Sample(3.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": "0.1"}, "The 'ratio' of sample must be a float, got '0.1'."),
        ({"ratio": True}, "The 'ratio' of sample must be a float, got True."),
        ({"ratio": 1.0, "count": 2.0}, "The 'count' of sample must be a int, got 2.0."),
        ({"ratio": 1.0, "count": True}, "The 'count' of sample must be a int, got True."),
        ({"ratio": 1.0, "mode": 3}, "The 'mode' of sample must be a str, got 3."),
        ({"ratio": 1.0, "on": 1}, "The 'on' of sample must be a bool, got 1."),
        ({"ratio": None}, "The 'ratio' of sample must be a float, got None."),
    ],
)
def test_wrong_types(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as error:
        Sample(**options)  # type: ignore[arg-type]
    assert str(error.value) == message


def test_options_of_a_part() -> None:
    assert option_types(Sample) == {"ratio": float, "count": int, "mode": str, "on": bool}  # what the library sets is none
    assert required_options(Sample) == ("ratio",)
    assert Sample(1.0).options() == {"ratio": 1.0, "count": 3, "mode": "plain", "on": False}
    assert required_options(Linf) == ("eps",)
    assert "space" not in option_types(Linf)


def test_frozen_and_abstract() -> None:
    part = Sample(1.0)
    with pytest.raises(FrozenInstanceError):
        part.ratio = 2.0  # type: ignore[misc]
    with pytest.raises(TypeError, match="abstract"):
        Search()  # type: ignore[abstract]


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_shown_as_people_write_them_and_lose_nothing(value: float) -> None:
    _, (read,), _ = parse_spec(f"x({show(value)})")
    assert read == value


def test_show() -> None:
    assert [show(v) for v in (8 / 255, 0.1, 20.0, 20, 1e-7, True, "cosine", 1e300, 0.25)] == [
        "8/255", "0.1", "20", "20", "1e-07", "True", "cosine", "1e+300", "0.25",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("within", "least", "inside", "outside", "rule"),
    [
        ("(0, 1]", None, (1e-9, 1.0), (0.0, 1.1, float("nan")), r"be in \(0, 1\]"),
        ("[0, inf)", None, (0.0, 1e300), (-1e-9, float("inf")), r"be in \[0, inf\)"),
        ("[0, inf]", None, (0.0, float("inf")), (-1.0,), r"be in \[0, inf\]"),
        ("", 2, (2.0, 1e9), (1.9, float("inf"), float("nan")), "be at least 2"),
    ],
)
def test_a_required_range_holds_its_ends_and_says_itself(
    within: str, least: float | None, inside: tuple[float, ...], outside: tuple[float, ...], rule: str
) -> None:
    for ratio in inside:
        Sample(ratio).require("ratio", within=within, least=least)
    for ratio in outside:
        with pytest.raises(UsageError, match=rf"The 'ratio' of sample must {rule}, got .*\. It is a ratio\."):
            Sample(ratio).require("ratio", within=within, least=least, hint="It is a ratio.")
