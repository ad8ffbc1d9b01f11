"""Judges: when an answer is wrong, and how right it is, against definitions written out here."""

from __future__ import annotations

import math
import re
import string
from collections import Counter

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.rows import Items
from shiftproof.data.space import TextSpace
from shiftproof.judges import Choice, Classify, Contains, ExactMatch, Judge, TokenF1, Within, judges
from shiftproof.models.abstract import Answers, Graded, Gradients
from shiftproof.models.torch_module import TorchModule

WORDS = ["The", "cat", "sat,", "a", "mat.", "U.S.", "an", "dog's", "42", ""]


def texts(y: list[tuple[str, ...]]) -> Examples:
    return Examples(Items(["?"] * len(y)), Items(y), np.arange(len(y)).astype(str), space=TextSpace())


def squad_normal(text: str) -> str:
    """The steps of SQuAD's evaluation script, as its paper's appendix lists them."""
    lowered = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", lowered).split())


def squad_f1(said: str, truth: str) -> float:
    one, two = squad_normal(said).split(), squad_normal(truth).split()
    if not one or not two:
        return float(one == two)
    same = sum((Counter(one) & Counter(two)).values())
    if not same:
        return 0.0
    precision, recall = same / len(one), same / len(two)
    return 2 * precision * recall / (precision + recall)


def test_texts_are_compared_as_squad_does() -> None:
    numbers = np.random.default_rng(0)
    said = [" ".join(numbers.choice(WORDS, size=numbers.integers(0, 6))) for _ in range(200)]
    truth = [tuple(" ".join(numbers.choice(WORDS, size=numbers.integers(1, 5))) for _ in range(2)) for _ in said]
    f1 = TokenF1().score(Items(said), Items(truth)).tolist()
    assert f1 == pytest.approx([max(squad_f1(s, one) for one in t) for s, t in zip(said, truth, strict=True)])
    match = ExactMatch().score(Items(said), Items(truth)).tolist()
    assert match == [max(float(squad_normal(s) == squad_normal(one)) for one in t) for s, t in zip(said, truth, strict=True)]
    assert 0 < sum(match) < len(match)
    assert len({round(value, 3) for value in f1}) > 5


@pytest.mark.parametrize(
    ("judge", "said", "accepted", "score"),
    [
        (Contains(), "It was the Black cat!", ("black cat",), 1.0),
        (Contains(), "blackcat", ("black cat", "cat"), 0.0),
        (Choice(), "I think (b).", ("B",), 1.0),
        (Choice(), "A, no, C", ("C",), 1.0),
        (Choice(), "a cat", ("A",), 0.0),
        (Choice(), "", ("A",), 0.0),
        (Choice("ABCDE"), "e", ("E",), 1.0),
        (TokenF1(), "the", ("a",), 1.0),
        (TokenF1(), "", ("cat",), 0.0),
    ],
)
def test_answers_by_hand(judge: Judge, said: str, accepted: tuple[str, ...], score: float) -> None:
    assert judge.score([said], [accepted]).tolist() == [score]


def test_a_judge_of_degree_is_wrong_below_its_least() -> None:
    score = torch.tensor([0.49, 0.5, 1.0])
    assert TokenF1().wrong(score).tolist() == [True, False, False]
    assert TokenF1(least=1.0).wrong(score).tolist() == [True, True, False]
    assert ExactMatch().wrong(torch.tensor([0.0, 1.0])).tolist() == [True, False]


def test_within_is_the_larger_of_two_allowances() -> None:
    said, y = torch.tensor([1.0, 11.0, 12.1, 0.4, math.nan, -math.inf]), torch.tensor([1.5, 10.0, 10.0, 0.0, 1.0, 1.0])
    assert Within(absolute=0.5, relative=0.2).score(said, y).tolist() == [1, 1, 0, 1, 0, 0]
    assert Within(absolute=0.5).score(said, y).tolist() == [1, 0, 0, 1, 0, 0]
    assert Within(relative=0.2).margin(said, y)[:3].tolist() == pytest.approx([0.5 / 0.3 - 1, -0.5, 2.1 / 2 - 1], abs=1e-6)
    several = torch.tensor([[1.0, 2.0], [1.0, 3.0]])
    assert Within(absolute=0.5).score(several, torch.tensor([[1.0, 2.5], [1.0, 2.0]])).tolist() == [1.0, 0.0]


def test_what_a_search_may_see() -> None:
    module = TorchModule(torch.nn.Linear(2, 1), name="net")

    class Says(Answers):
        name = "says"

        def fingerprint(self) -> str:
            return "says"

        def answers(self, x: Items[str]) -> list[str]:
            return [*x]

    assert Classify().gives(module) is TorchModule
    assert Within(absolute=1.0).gives(module) is Gradients
    assert Within(absolute=1.0).gives(Says()) is Graded
    assert TokenF1().gives(Says()) is Graded
    assert ExactMatch().gives(Says()) is Answers


def test_names_of_classes_are_answers() -> None:
    both = sp.examples(np.zeros((2, 3)), ["yes", "no"])
    assert [*ExactMatch().truth(both)] == [("yes",), ("no",)]
    with pytest.raises(UsageError, match="The judge within compares numbers, and the truth of these data is words. Name the column"):
        Within(absolute=1.0).truth(both)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Within(), "The judge within needs the error that is allowed: write within\\(absolute=0.5\\)"),
        (lambda: Within(relative=-1.0), "The 'relative' of within must be in \\[0, inf\\), got -1.0"),
        (lambda: TokenF1(least=0.0), "The 'least' of token_f1 must be in \\(0, 1\\], got 0.0"),
        (lambda: Choice("AA"), "The 'letters' of choice must be two or more different capital letters, got 'AA'"),
        (lambda: Choice().truth(texts([("X",)])), "The 'answer' of the example '0' must be one of A, B, C, D, got 'X'"),
        (
            lambda: Classify().truth(texts([("X",)])),
            "The judge classify compares classes, and the truth of these data is texts. Name another",
        ),
        (
            lambda: ExactMatch().truth(sp.examples(np.zeros((2, 3)), [0, 1])),
            "The judge exact_match compares texts, and the truth of these data is numbers. Judge them with within",
        ),
        (
            lambda: Within(relative=0.1).truth(sp.examples(np.zeros((2, 3)), [0.0, 1.5], truth="numbers")),
            "The target of '0' is 0, where a relative error allows none. Allow an absolute error",
        ),
        (lambda: ExactMatch().score([3], [("a",)]), "The 'answers' of the model must be texts under this judge, got 'int'"),
        (lambda: Within(absolute=1.0).score(torch.zeros(2, 2, 2), torch.zeros(2)), "must be numbers of shape \\(2,\\) or \\(2, k\\)"),
    ],
)
def test_bad_truth_and_options_are_one_line(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(UsageError, match=message) as found:
        make()
    assert "\n" not in str(found.value)


def test_every_judge_says_what_it_measures() -> None:
    found = [judges.get(name) for name in judges.names()]
    measures = [judge.measure for judge in found]
    assert len(set(measures)) == len(measures)
    assert all(measure.isidentifier() and judge.word for measure, judge in zip(measures, found, strict=True))
