"""Searches over words on models whose importances are known, against the papers' formulas computed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import shiftproof as sp
from golden_edits import rewrite
from shiftproof import outcomes
from shiftproof._errors import UsageError
from shiftproof.finding import Finding
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.searches.word_importance import _drawn
from shiftproof.shifts import shifts
from word_models import Decides, WordSums

WORTH = {
    "good": 1.0,
    "fine": 0.6,
    "great": 1.4,
    "terrific": -0.3,
    "superb": 1.3,
    "decent": 0.2,
    "dull": -1.0,
    "film": 0.1,
    "movie": -0.4,
    "picture": 0.1,
}
WORTH |= {"story": 0.3, "tale": -0.1, "narrative": 0.25, "smart": 0.5, "clever": -0.6, "bright": 0.4, "cast": 0.05}


class Sums(WordSums):
    """A word that it does not know is worth nothing."""

    scale = 0.5

    def weight(self, word: str) -> float:
        return WORTH.get(word, 0.0)


TEXTS = [
    "a great story and a smart film",
    "good cast , smart story",
    "a film",
    "smart film with a great cast and a great story",
    "fine",
    "the story is good",
]


def given() -> sp.Examples:
    return sp.examples(TEXTS * 4, [1] * (4 * len(TEXTS)), ids=[f"t{row}" for row in range(4 * len(TEXTS))])


def run(spec: str, shift: str, *, model: Any = None, size: int = 64) -> Finding:
    return sp.confront(model or Sums(), shifts.build(shift), search=searches.build(spec), examples=given(), batch_size=size)


ENCODER = "shiftproof.searches.textfooler:letter_counts"
RUNS = [
    ("word_importance(queries=60)", "common_synonyms(edits=3)"),
    ("word_importance(queries=60, order=dropped, tries=2)", "word_bugs(edits=2)"),
    ("word_importance(queries=60, order=head_tail)", "common_synonyms(edits=2)"),
    ("word_importance(queries=30, order=chance)", "homoglyphs(edits=3)"),
    ("deepwordbug(queries=60)", "word_bugs(edits=3)"),
    ("pwws(queries=60)", "common_synonyms(edits=3)"),
    (f"textfooler(queries=60, similarity='{ENCODER}', least=0.5)", "common_synonyms(edits=3)"),
    (f"bae(queries=60, similarity='{ENCODER}', least=0.2)", "masked_words(edits=2, by='shiftproof.shifts.text.words.masked_words:always')"),
    ("hard_label(queries=60)", "common_synonyms(edits=3)"),
]


@pytest.mark.parametrize(("search", "shift"), RUNS)
def test_failures_replay_budgets_are_kept_and_batches_change_nothing(search: str, shift: str) -> None:
    model = Sums()
    whole = run(search, shift, model=model)
    assert whole.sent == model.seen
    assert whole.forwards.max() <= int(searches.build(search).options()["queries"]) + 2
    broken = whole.outcome == outcomes.BROKEN
    moved = shifts.build(shift).apply(given().x, torch.from_numpy(np.nan_to_num(whole.params, nan=-1.0)))
    assert (Sums().labels(moved).numpy()[broken] == 0).all()
    for size in (1, 5):
        other = run(search, shift, size=size)
        for column in ("outcome", "params", "forwards", "loss"):
            assert np.array_equal(getattr(whole, column), getattr(other, column), equal_nan=column in ("params", "loss")), column
    exact = run("exhaustive(queries=100000)", shift) if "synonyms" in shift else whole
    assert not (broken & (exact.outcome == outcomes.CERTIFIED)).any()


@pytest.mark.parametrize("tries", [1, 2, 3, 4, 6, 9])
def test_kinds_of_choices_take_turns(tries: int) -> None:
    ends = (5, 5 + 250, 5 + 250 + 10, 5 + 250 + 10 + 286)
    draws = np.random.default_rng(0).uniform(size=(4000, tries))
    found = np.array([_drawn(chance.tolist(), ends) for chance in draws])
    assert all(len({*row}) == tries for row in found.tolist())
    kinds = np.searchsorted(ends, found, side="right")
    counts = np.stack([(kinds == kind).sum(1) for kind in range(4)], 1)
    assert counts.max() <= -(-tries // 4)
    assert counts.min() >= tries // 4
    first = found[:, 0]
    share = [((first >= start) & (first < end)).mean() for start, end in zip((0, *ends[:-1]), ends, strict=True)]
    assert np.allclose(share, 0.25, atol=0.04)
    assert {*first[first < 5].tolist()} == {0, 1, 2, 3, 4}, "each place within a kind"


def test_few_choices_of_a_kind_are_not_drawn_twice() -> None:
    assert sorted(_drawn([0.1, 0.2, 0.3, 0.4], (1, 2, 5))) == sorted({*_drawn([0.1, 0.2, 0.3, 0.4], (1, 2, 5))})
    assert sorted(_drawn([0.9] * 4, (5,))) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "search", ["word_importance(queries=200)", "pwws(queries=200)", f"textfooler(queries=200, similarity='{ENCODER}', least=-1)"]
)
def test_on_a_sum_the_greedy_order_is_exact(search: str) -> None:
    """Worths add up, so the best choices of the best places are the worst case: what exhaustive finds."""
    for edits in (1, 2, 3):
        exact = run("exhaustive(queries=100000)", f"common_synonyms(edits={edits})")
        found = run(search.replace("200", "4000"), f"common_synonyms(edits={edits})")
        broken, breakable = found.outcome == outcomes.BROKEN, exact.outcome == outcomes.BROKEN
        assert not (broken & ~breakable).any()
        if edits == 3 or "pwws" in search:  # with fewer edits than words the others' order need not begin with the best place
            assert (broken == breakable).all()


class Seen(Sums):
    """Writes down what it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def scores(self, x: Any) -> torch.Tensor:
        self.texts += [*x]
        return super().scores(x)


def p(text: str) -> float:
    total = sum(WORTH.get(word, 0.0) for word in text.split())
    return 1 / (1 + math.exp(-total))


def asked(search: Search, shift: str, text: str) -> list[str]:
    model = Seen()
    one = sp.examples([text], [1])
    sp.confront(model, shifts.build(shift), search=search, examples=one, flags=[])
    return model.texts


def test_pwws_replaces_in_the_order_of_saliency_times_gain() -> None:
    text = "great superb good film story"
    found = asked(searches.build("pwws"), "common_synonyms(edits=3)", text)
    words = text.split()
    shift = rewrite("common_synonyms(edits=1)")
    choices = {at: shift.found(word).at[0][1] for at, word in enumerate(words) if shift.found(word).places}

    def swapped(at: int, new: str) -> str:
        return " ".join([*words[:at], new, *words[at + 1 :]])

    best = {at: min(mine, key=lambda new: p(swapped(at, new))) for at, mine in choices.items()}
    saliency = {at: p(text) - p(swapped(at, "[UNK]")) for at in choices}
    softmax = {at: math.exp(saliency[at]) / sum(map(math.exp, saliency.values())) for at in choices}
    order = sorted(choices, key=lambda at: -softmax[at] * (p(text) - p(swapped(at, best[at]))))
    moved = [*words]
    for at in order[:2]:
        moved[at] = best[at]
    assert " ".join(moved) in found


def test_heads_and_tails_rank_as_the_combined_score() -> None:
    text = "a film dull great story"
    words = text.split()
    found = asked(searches.build("word_importance(order=head_tail, queries=14)"), "word_bugs(edits=1)", text)
    places = range(1, 5)  # one letter cannot be misspelled
    head = {at: p(" ".join(words[: at + 1])) - p(" ".join(words[:at])) for at in places}
    tail = {at: p(" ".join([words[0], *words[at:]])) - p(" ".join([words[0], *words[at + 1 :]])) for at in places}
    first = max(places, key=lambda at: head[at] + tail[at])
    edited = found[-1].split()
    assert [at for at, word in enumerate(words) if edited[at] != word] == [first]


def test_textfooler_asks_about_similar_texts_only() -> None:
    search = searches.build(f"textfooler(similarity='{ENCODER}', least=0.95)")
    text = "a great story and a smart film"
    found = asked(search, "common_synonyms(edits=1)", text)
    swaps = [one for one in found if one != text and len(one.split()) == len(text.split())]
    vectors = search.vectors([text, *swaps])  # type: ignore[attr-defined]
    assert swaps
    assert (vectors[1:] @ vectors[0] >= 0.95).all()
    every = asked(searches.build(f"textfooler(similarity='{ENCODER}', least=-1)"), "common_synonyms(edits=1)", text)
    assert len(every) > len(found)


def test_hard_label_needs_decisions_only_and_takes_edits_back() -> None:
    found = run("hard_label(queries=400)", "common_synonyms(edits=4)", model=Decides(Sums()))
    exact = run("exhaustive(queries=100000)", "common_synonyms(edits=4)")
    assert ((found.outcome == outcomes.BROKEN) == (exact.outcome == outcomes.BROKEN)).all()
    shift = shifts.build("common_synonyms(edits=4)")
    for row in np.flatnonzero(found.outcome == outcomes.BROKEN):
        move = found.params[row : row + 1]
        for slot in np.flatnonzero(move[0, :, 0] >= 0):
            fewer = move.copy()
            fewer[0, slot] = -1
            after = shift.apply(given().x[[int(row)]], shift.project(given().x[[int(row)]], torch.from_numpy(fewer)))
            assert Decides(Sums()).labels(after).tolist() == [1], "an edit that could be taken back was not"


BAD = {
    "word_importance(order=random)": "The 'order' of word_importance must be unknown, dropped, head_tail or chance, got 'random'",
    "textfooler": "The 'similarity' of textfooler must be FILE.py:NAME .* The paper's encoder cannot be had offline",
    "textfooler(similarity='math:pi')": "must name a function, got 'math:pi'",
    f"textfooler(similarity='{ENCODER}', code=x)": "The 'code' of textfooler must be .* as it is, got 'x'",
    "hard_label(share=1)": r"The 'share' of hard_label must be in \(0, 1\)",
    "pwws(queries=1)": "The 'queries' of pwws must be at least 2",
}


@pytest.mark.parametrize("spec", BAD)
def test_bad_options_are_one_line(spec: str) -> None:
    with pytest.raises(UsageError, match=BAD[spec]) as found:
        searches.build(spec)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("search", "shift", "message"),
    [
        ("deepwordbug", "common_synonyms(edits=1)", "the paper misspells words, and common_synonyms does not"),
        (f"bae(similarity='{ENCODER}')", "common_synonyms(edits=1)", "the words that a masked language model proposes"),
        ("word_importance", "typos(edits=1)", "typos cannot leave a piece out: use greedy, beam or genetic"),
        ("pwws", "typos(edits=1)", "typos cannot leave a piece out"),
        ("textfooler(similarity='builtins:len')", "common_synonyms(edits=1)", "has no|must have shape|object of type"),
    ],
)
def test_what_cannot_be_searched_is_said(search: str, shift: str, message: str) -> None:
    with pytest.raises((UsageError, TypeError), match=message):
        run(search, shift)


def test_decisions_cannot_be_weighed_by_probability() -> None:
    with pytest.raises(UsageError, match="pwws needs scores, and the model 'decides' gives labels only"):
        run("pwws", "common_synonyms(edits=1)", model=Decides(Sums()))
    assert (run("word_importance", "common_synonyms(edits=4)", model=Decides(Sums())).outcome == outcomes.BROKEN).any()
