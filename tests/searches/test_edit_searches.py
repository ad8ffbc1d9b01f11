"""Searches by edits: exhaustive is brute force, the others find no more and spend no more, and nothing depends on the batch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof import outcomes
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.rows import Items
from shiftproof.finding import Finding
from shiftproof.models.abstract import Answers
from shiftproof.searches import Beam, BestOfN, Exhaustive, Genetic, Greedy, OneDraw, Search
from shiftproof.shifts import Casing, Edits, Typos
from word_models import Decides, WordSums

WORDS = ["good", "fine", "great", "poor", "awful", "plot", "story", "music", "very", "not"]
WEIGHT = {"good": 2.0, "fine": 1.0, "great": 3.0, "poor": -2.0, "awful": -3.0}


class Lexicon(WordSums):
    """A word that it does not know weighs a little, by its letters."""

    def weight(self, word: str) -> float:
        return WEIGHT.get(word, 0.01 * (len(word) - 4))


class Echo(Answers):
    @property
    def name(self) -> str:
        return "echo"

    def fingerprint(self) -> str:
        return "echo"

    def answers(self, x: Any) -> list[str]:
        return [*x]


def reviews(n: int = 120, words: int = 3) -> Examples:
    numbers = np.random.default_rng(0)
    texts = [" ".join(numbers.choice(WORDS, size=words)) for _ in range(n)]
    y = Lexicon().scores(texts).argmax(1).numpy()
    y[:5] = 1 - y[:5]
    return sp.examples(texts, y, ids=[f"r{i}" for i in range(n)])


def breaks(shift: Edits, text: str, label: int) -> bool:
    """Brute force, written without the library's own enumeration."""
    options = [(place, choice) for place in shift.places(text) for choice in range(shift.choices(text, place))]
    moves: list[list[tuple[int, int]]] = [[]] + [
        list(chosen) for size in range(1, shift.edits + 1) for chosen in itertools.combinations(options, size)
    ]
    moves = [move for move in moves if len({place for place, _ in move}) == len(move)]
    texts = [shift.edited(text, sorted(move)) for move in moves]
    return bool((Lexicon().scores(texts).argmax(1) != label).any())


@pytest.mark.parametrize("shift", [Typos(edits=1), Typos(edits=2), Casing(edits=2)], ids=str)
def test_exhaustive_is_brute_force(shift: Edits) -> None:
    given = reviews(120 if shift.edits == 1 else 30)
    finding = sp.confront(Lexicon(), shift, search=Exhaustive(queries=100_000), examples=given)
    want = [breaks(shift, text, int(label)) for text, label in zip(given.x, given.y, strict=True)]
    assert (finding.outcome != outcomes.CERTIFIED).tolist() == want
    assert set(finding.outcome) == {outcomes.SKIPPED, outcomes.BROKEN, outcomes.CERTIFIED}
    assert (finding.radius[finding.outcome == outcomes.CERTIFIED] == shift.edits).all()


def test_what_does_not_fit_the_budget_is_not_certified() -> None:
    given = reviews(60)
    small = sp.confront(Lexicon(), Typos(edits=1), search=Exhaustive(queries=30), examples=given)
    counts = np.array([Typos(edits=1).count(text) for text in given.x])
    certified = small.outcome == outcomes.CERTIFIED
    assert certified.any()
    assert (counts[certified] <= 30).all()
    assert (small.outcome[counts > 30] != outcomes.CERTIFIED).all()
    assert small.forwards.max() <= 30 + 2


SEARCHES: list[Search] = [
    OneDraw(),
    BestOfN(10),
    Greedy(queries=60),
    Beam(queries=90, width=3),
    Genetic(queries=60),
    Exhaustive(queries=80),
]


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_no_search_finds_what_is_not_there_and_each_keeps_its_budget(search: Search) -> None:
    shift, given = Typos(edits=2), reviews(20, 2)
    exact = sp.confront(Lexicon(), shift, search=Exhaustive(queries=10**6), examples=given)
    finding = sp.confront(Lexicon(), shift, search=search, examples=given)
    held = exact.outcome == outcomes.CERTIFIED
    assert not (finding.outcome[held] == outcomes.BROKEN).any()
    assert finding.forwards.max() <= search.most_passes(shift) + 2
    moved = shift.apply(given.x, torch.from_numpy(np.nan_to_num(finding.params, nan=-1.0)))
    wrong = (Lexicon().scores(moved).argmax(1) != given.y).numpy()
    assert (wrong[finding.outcome == outcomes.BROKEN]).all(), "every failure replays"


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_verdicts_and_costs_do_not_depend_on_the_batch(search: Search) -> None:
    given = reviews(40)

    def run(size: int) -> Finding:
        return sp.confront(Lexicon(), Typos(edits=2), search=search, examples=given, batch_size=size)

    whole = run(64)
    for size in (1, 7):
        other = run(size)
        for column in ("outcome", "params", "forwards", "prediction", "loss"):
            assert np.array_equal(getattr(whole, column), getattr(other, column), equal_nan=column in ("params", "loss")), column


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_sent_is_what_the_model_saw(search: Search) -> None:
    model = Lexicon()
    finding = sp.confront(model, Typos(edits=2), search=search, examples=reviews(30), batch_size=7)
    assert finding.sent == model.seen
    assert finding.asked <= model.seen


def test_the_greedy_search_climbs() -> None:
    """Two edits that break only together: the first is the one that lowers the score most."""
    given = sp.examples(["great good plot"] * 6, [1] * 6, ids=[f"g{i}" for i in range(6)])
    one = sp.confront(Lexicon(), Typos(edits=1), search=Greedy(), examples=given)
    assert not (one.outcome == outcomes.BROKEN).any()
    two = sp.confront(Lexicon(), Typos(edits=2), search=Greedy(), examples=given)
    exact = sp.confront(Lexicon(), Typos(edits=2), search=Exhaustive(), examples=given)
    assert (two.outcome == outcomes.BROKEN).all() == (exact.outcome == outcomes.BROKEN).all()


def test_beam_of_one_is_greedy() -> None:
    given = reviews(40)
    one = sp.confront(Lexicon(), Typos(edits=2), search=Beam(queries=200, width=1), examples=given)
    other = sp.confront(Lexicon(), Typos(edits=2), search=Greedy(queries=200), examples=given)
    assert np.array_equal(one.params, other.params, equal_nan=True)


def test_decisions_and_answers_are_enough() -> None:
    given = reviews(20)
    decided = sp.confront(Decides(Lexicon()), Typos(edits=1), search=Greedy(queries=500), examples=given)
    scored = sp.confront(Lexicon(), Typos(edits=1), search=Exhaustive(), examples=given)
    assert ((decided.outcome == outcomes.BROKEN) == (scored.outcome == outcomes.BROKEN)).all(), "of one edit all are tried"
    said = sp.examples(["cheap wine"], [("cheap wine",)])
    found = sp.confront(Echo(), Typos(edits=1), search=Greedy(), examples=said, judge=sp.ExactMatch())
    assert found.outcome.tolist() == [outcomes.BROKEN]
    assert found.prediction[0] != "cheap wine"


def test_a_random_model_certifies_nothing() -> None:
    class Shaky(Lexicon):
        def scores(self, x: Any) -> torch.Tensor:
            return super().scores(x) + 0.1 * torch.randn(len(x), 2, dtype=torch.float64)

    finding = sp.confront(Shaky(), Typos(edits=1), search=Exhaustive(), examples=reviews(20))
    assert not (finding.outcome == outcomes.CERTIFIED).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sp.confront(Lexicon(), Typos(edits=1), search=sp.GradientAscent(), examples=reviews(4)), "needs gradients, and the model"),
        (lambda: sp.confront(Lexicon(), Typos(edits=1), search=sp.Grid(), examples=reviews(4)), "typos has too many parameters for a grid"),
        (
            lambda: sp.confront(
                sp.as_model(torch.nn.Linear(2, 2)), sp.Linf(0.1), search=Greedy(), examples=sp.examples(np.zeros((2, 2)), [0, 1])
            ),
            "The search greedy cannot be used: linf makes no edits: use best_of_n or evolution",
        ),
        (
            lambda: sp.confront(Echo(), Typos(edits=1), search=Genetic(), examples=sp.examples(["a b"], [("x",)]), judge=sp.ExactMatch()),
            "The search genetic needs scores, and the model 'echo' gives answers only under the judge exact_match. Use greedy or best_of_n",
        ),
        (lambda: sp.confront(Echo(), Typos(edits=1), search=Greedy(), examples=reviews(4)), "gives answers and no classes. Name the judge"),
    ],
)
def test_what_cannot_be_searched_is_one_line(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as found:
        call()
    assert "\n" not in str(found.value)


def test_items_of_no_text_have_no_space_of_ours() -> None:
    given = sp.examples(Items([1, 2]), [0, 1])
    with pytest.raises(UsageError, match="The 'text' of the example '0' must be a text, got 'int'"):
        given.space.check(given.x, given.ids)
