"""Moves of texts: what each edit does, and that every set of edits is counted, drawn, refused and replayed as it should be."""

from __future__ import annotations

import itertools
from typing import Any, cast

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.rows import Fields, Items, KeptText
from shiftproof.data.space import FieldsSpace, TextSpace, boxed
from shiftproof.randomness import Rng
from shiftproof.shifts import Casing, Edits, Homoglyphs, Linf, On, Typos
from shiftproof.shifts.text.lexicon import ALIKE
from shiftproof.shifts.text.typos import NEAR

TEXTS = ["Really cheap wine, of COURSE!", "no", "a", "Tea at 5 o'clock", "Αλφα mixed ıİ ßtraße ǆ", "word " * 5]
SHIFTS: list[Edits] = [Typos(edits=1), Typos(edits=3), Homoglyphs(edits=2), Casing(edits=2)]


def moved(shift: Edits, text: str, edits: list[tuple[int, int]]) -> str:
    found: str = next(iter(shift.apply(Items([text]), shift.params([edits]))))
    return found


@pytest.mark.parametrize(
    ("shift", "text", "edits", "after"),
    [
        (Typos(edits=1), "cheap", [(2, 0)], "chap"),
        (Typos(edits=1), "cheap", [(2, 1)], "cheeap"),
        (Typos(edits=1), "cheap", [(2, 2)], "chaep"),
        (Typos(edits=1), "CHEAP", [(2, 3)], "CHWAP"),
        (Typos(edits=2), "cheap wine", [(7, 0), (1, 1)], "chheap wne"),
        (Homoglyphs(edits=2), "cat", [(0, 0), (1, 0)], "саt"),
        (Casing(edits=2), "good Wine", [(0, 1), (5, 1)], "Good WINE"),
    ],
)
def test_edits_by_hand(shift: Edits, text: str, edits: list[tuple[int, int]], after: str) -> None:
    assert moved(shift, text, edits) == after


def test_keys_around_a_letter() -> None:
    assert set(NEAR["g"]) == set("tyfhvb")
    assert set(NEAR["q"]) == set("wa")
    assert all(letter in NEAR[other] for letter, near in NEAR.items() for other in near)


def test_look_alikes_are_other_letters_of_other_scripts() -> None:
    for letter, others in ALIKE.items():
        assert letter.isascii()
        assert all(not other.isascii() and other.isalpha() for other in others)


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_every_move_is_another_text_and_counted(shift: Edits) -> None:
    for text in TEXTS:
        every = list(shift.every(text))
        places = {place: shift.choices(text, place) for place in shift.places(text)}
        by_hand = sum(
            int(np.prod([places[place] for place in chosen])) if chosen else 1
            for size in range(shift.edits + 1)
            for chosen in itertools.combinations(places, size)
        )
        assert len(every) == shift.count(text) == by_hand
        assert every[0] == []
        singles = [edits for edits in every if len(edits) == 1]
        assert singles == list(shift.neighbours(text, [])), "growing from none is every move of one edit"
        if not isinstance(shift, Typos):  # two letters that are the same swap to the same word
            assert all(moved(shift, text, edits) != text for edits in singles)


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_draws_are_legal_whole_and_each_its_own(shift: Edits) -> None:
    x = Items(TEXTS * 20)
    rng = Rng.for_ids(0, np.arange(len(x)).astype(str))
    params = shift.sample(x, rng)
    assert params.shape == (len(x), shift.edits, 2)
    assert (shift.excess(x, params) == 0).all()
    assert torch.equal(shift.project(x, params), params)
    for row in (3, 40, 119):
        assert torch.equal(shift.sample(x[[row]], rng[[row]])[0], params[row])
    used = (params[:, :, 0] >= 0).sum(1)
    assert used.tolist() == [min(shift.edits, len(shift.places(text))) for text in x]


def test_draws_are_uniform_over_places_and_choices() -> None:
    shift, text, n = Typos(edits=1), "cheap", 6000
    drawn = shift.sample(Items([text] * n), Rng.for_ids(1, np.arange(n).astype(str)))[:, 0]
    counts = {place: int((drawn[:, 0] == place).sum()) for place in shift.places(text)}
    assert all(abs(count - n / len(counts)) < 5 * (n / len(counts)) ** 0.5 for count in counts.values())
    of_one = drawn[drawn[:, 0] == 2][:, 1]
    each = [int((of_one == choice).sum()) for choice in range(shift.choices(text, 2))]
    assert all(abs(count - len(of_one) / len(each)) < 5 * (len(of_one) / len(each)) ** 0.5 for count in each)


NAN, INF = float("nan"), float("inf")
IMPOSSIBLE = [[(0.0, 0.0)], [(2.0, 99.0)], [(2.5, 0.0)], [(2.0, 0.0), (2.0, 1.0)], [(NAN, 0.0)], [(INF, 0.0)], [(-1.0, 3.0)], [(-2.0, 0.0)]]


@pytest.mark.parametrize("edits", IMPOSSIBLE)
def test_impossible_edits_are_outside_the_budget_and_projected_away(edits: list[tuple[float, float]]) -> None:
    shift = Typos(edits=2)
    params = torch.tensor([[*edits, *[(-1.0, -1.0)] * (2 - len(edits))]], dtype=torch.float64)
    x = Items(["cheap"])
    assert shift.excess(x, params).tolist() == [1.0]
    assert shift.excess(x, shift.project(x, params)).tolist() == [0.0]
    assert shift.excess(x, torch.zeros(1, 3, 2)).tolist() == [1.0]


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_what_is_kept_is_never_changed(shift: Edits) -> None:
    text = "the quick brown fox Jumps over"
    start = text.index("brown")
    kept = KeptText(text, [(start, start + 5)])
    tried = 0
    for edits in shift.every(kept):
        assert "brown" in shift.edited(kept, edits), edits
        tried += 1
    assert 1 < tried < shift.count(text)


def test_on_moves_one_field_and_no_other() -> None:
    space = FieldsSpace((("question", TextSpace()), ("image", boxed((0, 1), "image"))))
    x = Fields(question=["cheap wine", "good film"], image=torch.full((2, 1, 4, 4), 0.5))
    words: Any = On("question", Typos(edits=1)).within(space)
    rng = Rng.for_ids(0, np.array(["a", "b"]))
    after = words.apply(x, words.sample(x, rng))
    assert torch.equal(after["image"], x["image"])
    assert [*after["question"]] != [*x["question"]]
    assert words.spec() == "on(field=question, inner=typos(edits=1))"
    pixels: Any = On("image", "linf(eps=0.1)").within(space)
    after = pixels.apply(x, pixels.sample(x, rng))
    assert [*after["question"]] == [*x["question"]]
    assert 0 < float((after["image"] - x["image"]).abs().max()) <= 0.1 + 1e-6
    assert space.holds(x, after)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Typos(edits=0), "The 'edits' of typos must be at least 1, got 0"),
        (lambda: Typos(edits=1).within(boxed((0, 1))), "typos moves text data, and these inputs are of kind 'vector'"),
        (
            lambda: cast("Any", Linf(0.1)).within(TextSpace()),
            "linf moves image or table or vector data, and these inputs are of kind 'text'",
        ),
        (lambda: On("q", "typos(edits=1)").within(TextSpace()), "on moves one of several fields, and these inputs have none: use typos"),
        (lambda: On("x", "typos(edits=1)").within(FieldsSpace((("question", TextSpace()),))), "Unknown field of the inputs 'x'"),
        (lambda: On("q", "on(field=q, inner=typos(edits=1))"), "The inner shift of on must move one field itself"),
    ],
)
def test_bad_use_is_one_line(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as found:
        make()
    assert "\n" not in str(found.value)


def test_fog_on_the_image_of_a_question() -> None:
    """Image and question: the model says what it sees, and fog, not a typo, makes it see less."""

    def sees(asked: dict[str, Any]) -> list[str]:
        return ["dark" if image.mean() < 0.3 and "what" in question else "light" for question, image in zip(*asked.values(), strict=True)]

    image = torch.full((6, 1, 32, 32), 0.2)
    image[:, :, 0, 0] = 1.0  # fog keeps an image's brightest level
    x = Fields(question=["what is it"] * 6, image=image)
    given = sp.examples(x, [("dark",)] * 6)
    model = sp.as_answers(sees, said="texts")
    foggy = sp.confront(model, On("image", "fog(severity=5)"), search=sp.OneDraw(), examples=given, judge=sp.ExactMatch())
    assert foggy.accuracy == 0
    assert sp.confront(model, On("question", Casing(edits=1)), search=sp.OneDraw(), examples=given, judge=sp.ExactMatch()).accuracy < 1
    assert sp.confront(model, On("question", Typos(edits=1)), search=sp.Exhaustive(), examples=given, judge=sp.ExactMatch()).accuracy == 0
    still = sp.confront(model, On("image", "linf(eps=0.01)"), search=sp.BestOfN(3), examples=given, judge=sp.ExactMatch())
    assert still.accuracy == 1
