from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.judges import NumberWithUnit, graded_by
from shiftproof.judges.graded_share import JudgeQuality, corrected_share, judge_quality
from shiftproof.judges.number_with_unit import UNITS, Amount, amount_of
from shiftproof.models import Refusal
from validity import assert_interval


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is 42.", Amount(42.0, "")),
        ("3 + 4 = 7", Amount(7.0, "")),
        ("12 apples and then #### 1,234", Amount(1234.0, "")),
        ("It costs $3.50", Amount(3.5, "dollars")),
        ("-$3.50", Amount(-3.5, "dollars")),
        ("A loss of −€ 2", Amount(-2.0, "euros")),
        ("between $2-$3", Amount(3.0, "dollars")),
        ("-2.5e3 m", Amount(-2500.0, "length")),
        ("about 45 min", Amount(2700.0, "time")),
        ("1/4", Amount(0.25, "")),
        ("3 1/2", Amount(3.5, "")),
        ("The answer is -2 3/4 m.", Amount(-2.75, "length")),
        ("about 1 1/2 hours", Amount(5400.0, "time")),
        ("3 12", Amount(12.0, "")),
        ("80 %", Amount(0.8, "")),
        ("5 Miles", Amount(8046.72, "length")),
        ("no number", None),
        ("Room A5b", None),
    ],
)
def test_the_number_that_an_answer_gives(text: str, expected: Amount | None) -> None:
    found = amount_of(text)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.value == pytest.approx(expected.value)
        assert found.of == expected.of


@pytest.mark.parametrize(
    ("said", "accepted", "right"),
    [
        ("1500 m", "1.5 km", True),
        ("1.5", "1.5 km", True),
        ("1.5 kg", "1.5 km", False),
        ("75%", "3/4", True),
        ("75", "75%", False),
        ("90 minutes", "1.5 h", True),
        ("150 cents", "$1.50", True),
        ("$5", "-$5", False),
        ("-5 dollars", "-$5", True),
        ("12 apples", "12", True),
        ("13", "12", False),
    ],
)
def test_units_are_converted(said: str, accepted: str, right: bool) -> None:
    assert NumberWithUnit().score([said], [(accepted,)]).tolist() == [float(right)]


def test_prefixes_have_their_sizes() -> None:
    assert UNITS["km"][1] / UNITS["mm"][1] == pytest.approx(1e6)
    assert UNITS["MW"][1] / UNITS["mW"][1] == pytest.approx(1e9)


def test_errors_are_allowed_in_the_unit_of_the_truth_and_no_number_cannot_be_read() -> None:
    assert NumberWithUnit(absolute=0.1).score(["1550 m", "1650 m"], [("1.5 km",)] * 2).tolist() == [1.0, 0.0]
    assert NumberWithUnit(relative=0.1).score(["110", "112"], [("100",)] * 2).tolist() == [1.0, 0.0]
    assert NumberWithUnit().unreadable(["so many", "7", Refusal("7")]).tolist() == [True, False, True]
    with pytest.raises(UsageError, match="have a number"):
        NumberWithUnit().truth(sp.examples(["How many?"], [("many",)]))


def by_word(prompts: list[str]) -> list[str]:
    """A grader that calls right what says "yes", and says nothing of what says "hm"."""
    answers = [re.search(r"Answer to grade: (.*)", prompt) for prompt in prompts]
    return ["" if "hm" in found[1] else "CORRECT" if "yes" in found[1] else "INCORRECT" for found in answers if found]


def test_a_grader_is_asked_about_answers_and_never_about_refusals() -> None:
    grader = graded_by(sp.as_answers(by_word, said="texts"))
    found = grader.verdicts(["q"] * 4, ["yes", "no", "hm", Refusal("yes")], ["x"] * 4)
    np.testing.assert_array_equal(found, [1.0, 0.0, np.nan, 0.0])
    sly = grader.verdicts(["q"], ["no {accepted}"], ["yes"])  # a slot in an answer is no slot
    assert sly.tolist() == [0.0]
    with pytest.raises(UsageError, match="be of one length"):
        grader.verdicts(["q"], [], [])
    with pytest.raises(UsageError, match=r"have the slot \{answer\}"):
        graded_by(sp.as_answers(by_word, said="texts"), "Is it right?")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
@pytest.mark.parametrize(("n", "labelled"), [(30, 40), (400, 100)])
def test_a_judge_of_sensitivity_8_and_specificity_9_is_corrected_to_the_truth(share: float, n: int, labelled: int) -> None:
    rng = np.random.default_rng(7)
    runs = 400

    def judged(true: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.asarray(rng.random(len(true)) < np.where(true, 0.8, 0.1))

    intervals, raw = [], []
    for _ in range(runs):
        known = np.arange(labelled) % 2 == 0
        quality = judge_quality(judged(known), known)
        found = corrected_share(judged(rng.random(n) < share), quality)
        intervals.append(found.interval)
        raw.append(found.called)
    assert_interval(intervals, share, 0.95)
    assert abs(np.mean(raw) - (share * 0.8 + (1 - share) * 0.1)) < 0.02  # what is called right is not what is right


def test_a_perfect_judge_needs_no_correction_and_a_useless_one_says_nothing() -> None:
    verdicts = np.arange(100) < 30
    assert corrected_share(verdicts, JudgeQuality(1000, 1000, 1000, 1000)).value == pytest.approx(0.3)
    useless = corrected_share(verdicts, JudgeQuality(100, 50, 100, 50))
    assert np.isnan(useless.value)
    assert useless.interval == (0.0, 1.0)
    assert corrected_share([1.0, float("nan")], JudgeQuality(9, 9, 9, 9)).called == 0.5


def test_no_row_depends_on_another() -> None:
    said, accepted = ["3 km", "4", "x"], [("3000 m",), ("5",), ("1",)]
    whole = NumberWithUnit().score(said, accepted)
    assert torch.equal(whole, torch.cat([NumberWithUnit().score([a], [b]) for a, b in zip(said, accepted, strict=True)]))
