"""Smoothing over words: on models whose smoothed probabilities are known, false claims are as rare as they say."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import binomtest

import shiftproof as sp
from shiftproof.certificates import WordDeletion, WordSubstitution
from shiftproof.certificates.smoothing.word_deletion import WordsLeftOut, words_changed
from shiftproof.certificates.smoothing.word_substitution import WordsReplaced, overlaps
from shiftproof.data.rows import Items
from shiftproof.models.abstract import Scores
from shiftproof.randomness import Rng
from shiftproof.shifts import Neighbours, shifts
from shiftproof.shifts.text.words.common_synonyms import CommonSynonyms


class Says(Scores):
    """Class 1 exactly where one of these words stands in the text."""

    def __init__(self, *words: str) -> None:
        self.words = words

    @property
    def name(self) -> str:
        return "says"

    def fingerprint(self) -> str:
        return "says"

    def scores(self, x: Any) -> torch.Tensor:
        there = torch.tensor([[float(any(word in text.split() for word in self.words))] for text in x])
        return torch.cat([1 - there, there], dim=1)


def test_deletion_claims_hold_at_the_edge() -> None:
    """The answer is the presence of one of two words: its probability under deletion is 1 - rate^2, and one change of both ends it.

    With rate^2 just below a half the smoothed answer is 1, and a change of one of the two words leaves 1 - rate below a half: whoever
    claims a radius of 1 is wrong.
    """
    rate, n, alpha = 0.7, 300, 0.05
    proof = WordDeletion(rate=rate, alpha=alpha, draws=60, selection=20).certify(
        Says("great", "good"), CommonSynonyms(edits=1), Items(["great good"] * n), Rng.for_ids(3, [str(row) for row in range(n)])
    )
    true = 1 - rate**2
    assert 0.5 < true < 0.52
    assert 1 - rate < 0.5
    false = int(((proof.prediction == 1) & (proof.radius >= 1)).sum())
    assert binomtest(false, n, alpha, alternative="greater").pvalue > 1e-3
    clear = WordDeletion(rate=0.3, alpha=alpha, draws=400).certify(
        Says("great", "good", "fine", "smart"), CommonSynonyms(edits=2), Items(["great good fine smart"]), Rng.for_ids(0, ["a"])
    )
    assert clear.radius.tolist() == [0.0] or clear.prediction.tolist() == [1]


def test_deletion_bound_by_enumeration() -> None:
    """Of every text of two letters and every change of up to two words the smoothed probability falls by no more than stated."""
    rate, noise = 0.6, WordsLeftOut(0.6)
    says = Says("a")

    def probability(text: str) -> float:
        words = text.split()
        total = 0.0
        for kept in itertools.product((False, True), repeat=len(words)):
            left = " ".join(word for word, keep in zip(words, kept, strict=True) if keep)
            weight = 1.0
            for keep in kept:
                weight *= 1 - rate if keep else rate
            total += weight * float(says.scores([left])[0, 1])
        return total

    texts = [" ".join(words) for size in (2, 3) for words in itertools.product("ab", repeat=size)]
    worst = 0.0
    for one, two in itertools.product(texts, texts):
        if len(one) == len(two):
            changed = sum(a != b for a, b in zip(one.split(), two.split(), strict=True))
            fall = probability(one) - probability(two)
            assert fall <= noise.needed(changed, 0) - 0.5 + 1e-12
            worst = max(worst, fall / max(1e-9, noise.needed(changed, 0) - 0.5))
    assert worst > 0.9, "it is tight"


def test_deletion_keeps_words_at_the_stated_rate() -> None:
    text = "a b c d e f g h i j"
    rng = Rng.for_ids(0, [str(row) for row in range(400)])
    kept = sum(len(one.split()) for one in WordsLeftOut(0.7).add(Items([text] * 400), rng))
    assert binomtest(kept, 4000, 0.3).pvalue > 1e-4
    assert [*WordsLeftOut(0.7).add(Items([text]), rng[[3]])] == [[*WordsLeftOut(0.7).add(Items([text] * 400), rng)][3]]


@pytest.mark.parametrize(
    ("spec", "text", "words"),
    [
        ("common_synonyms(edits=1)", "a lot", 2),
        ("typos2", "a lot", 1),
        ("split_words(edits=1)", "cheap wine", 2),
        ("joined_words(edits=1)", "a b", 2),
    ],
)
def test_words_that_an_edit_changes(spec: str, text: str, words: int) -> None:
    shift = shifts.build("dropped_letters(edits=1)" if spec == "typos2" else spec)
    assert words_changed(shift, text) == words  # type: ignore[arg-type]


def table(folder: Path, **near: list[str]) -> Neighbours:
    (folder / "near.json").write_text(json.dumps(near))
    return Neighbours(edits=2, file=str(folder / "near.json"))


def test_substitution_bound_by_enumeration(tmp_path: Path) -> None:
    """Chains of neighbours: the fall of every smoothed probability under every change is within the product of the overlaps."""
    shift = table(tmp_path, aa=["bb", "cc"], bb=["aa"], cc=["aa", "dd"], dd=["cc"], xx=["yy"], yy=["xx", "zz"], zz=["yy"])

    def law(text: str) -> dict[str, float]:
        found = shift.found(text)
        sets = [[text[p : found.at[p][0]], *found.at[p][1]] for p in found.places]
        weight = 1.0
        for each in sets:
            weight /= len(each)
        return {" ".join(words): weight for words in itertools.product(*sets)}

    tight = 0.0
    for text in ("aa xx", "cc yy", "bb zz", "dd xx"):
        least = overlaps(shift, text)
        assert least is not None
        assert least == sorted(least)
        before = law(text)
        for move in shift.every(text):
            after = law(shift.edited(text, move))
            product = 1.0
            for overlap in least[: len(move)]:
                product *= overlap
            distance = sum(max(0.0, p - after.get(words, 0.0)) for words, p in before.items())
            assert distance <= 1 - product + 1e-12
            tight = max(tight, distance / max(1e-9, 1 - product))
    assert tight > 0.99


def test_substitution_claims_hold_at_the_edge(tmp_path: Path) -> None:
    """A word with two neighbours of which one, too, is answered with 1: probability 2/3, and 1/2 after the change to the lone one."""
    shift = table(tmp_path, aa=["bb", "cc"], bb=["aa"], cc=["aa", "dd", "ee"])
    n, alpha = 300, 0.05
    part = WordSubstitution(alpha=alpha, draws=60, selection=20)
    proof = part.certify(Says("aa", "bb"), shift, Items(["aa"] * n), Rng.for_ids(5, [str(row) for row in range(n)]))
    # S(cc) = {cc, aa, dd, ee}: only one of four is answered with 1, so the smoothed answer changes there, and no radius may be claimed.
    assert binomtest(int((proof.radius >= 1).sum()), n, alpha, alternative="greater").pvalue > 1e-3
    alike = table(tmp_path, aa=["bb"], bb=["aa"])
    sure = WordSubstitution(draws=200).certify(Says("aa", "bb"), alike, Items(["aa"]), Rng.for_ids(0, ["a"]))
    assert (sure.radius.tolist(), sure.prediction.tolist()) == ([2.0], [1])
    assert overlaps(table(tmp_path, aa=["two words"]), "aa") is None
    rng = Rng.for_ids(0, [str(row) for row in range(900)])
    said = [*WordsReplaced(shift=shift).add(Items(["aa"] * 900), rng)]
    assert all(binomtest(said.count(word), 900, 1 / 3).pvalue > 1e-4 for word in ("aa", "bb", "cc"))


def test_what_they_cannot_prove_is_said() -> None:
    model = Says("a")
    assert "not typos" in str(WordDeletion().objection(model, sp.Typos(edits=1)))
    assert "not common_synonyms" in str(WordSubstitution().objection(model, CommonSynonyms(edits=1)))
    assert WordDeletion(rate=0.9).subject == "the model smoothed by leaving out each word with probability 0.9"
