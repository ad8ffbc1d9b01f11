"""The contract of judges: scores in [0, 1] that depend on the answer and the truth alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from shiftproof.conformance.probes import noise, same_bits
from shiftproof.conformance.report import NotApplicable, expect
from shiftproof.data.rows import Items
from shiftproof.judges.abstract import Judge
from shiftproof.judges.choice import Choice
from shiftproof.judges.number_with_unit import NumberWithUnit

_SAID = ("B", "the cat", "A cat!", "a black cat and a dog", "I do not know", "", "(c)", "cat cat")
_TRUE = (("A",), ("B", "C"), ("D",))
_NUMBERS = (("3",), ("1.5 km", "2"), ("75%",))


@dataclass(frozen=True)
class JudgeCase:
    """A judge with answers that it reads, and their truths: n rows each."""

    judge: Judge
    said: Any
    y: Any
    right: Any
    """Answers that are the truths themselves."""


def judge_case(judge: Judge) -> JudgeCase:
    """Answers and truths of the kind that the judge reads."""
    if judge.said == "classes":
        scores, y = noise("scores", 24, 3).double(), (noise("labels", 24) * 3).long()
        return JudgeCase(judge, scores, y, torch.nn.functional.one_hot(y, 3).double())
    if judge.said == "numbers":
        y = noise("targets", 24).double() + 1
        return JudgeCase(judge, y + noise("errors", 24).double() - 0.5, y, y.clone())
    true = (
        [(option,) for option in judge.choices] if isinstance(judge, Choice) else _NUMBERS if isinstance(judge, NumberWithUnit) else _TRUE
    )
    accepted = [true[place % len(true)] for place in range(24)]
    said = Items(_SAID[place % 8] for place in range(24))
    return JudgeCase(judge, said, Items(accepted), Items(one[0] for one in accepted))


def scores_are_shares(case: JudgeCase) -> None:
    """`score` gives one float64 in [0, 1] per answer."""
    score = case.judge.score(case.said, case.y)
    expect(
        tuple(score.shape) == (24,) and score.dtype is torch.float64, f"`score` gave {tuple(score.shape)} {score.dtype}, not (n,) float64."
    )
    expect(bool(((score >= 0) & (score <= 1)).all()), f"`score` left [0, 1]: {float(score.min()):.3g} to {float(score.max()):.3g}.")
    between = bool(((score > 0) & (score < 1)).any())
    expect(case.judge.graded or not between, "`score` gave values between 0 and 1, and `graded` is False: its mean is no share then.")


def the_truth_is_right(case: JudgeCase) -> None:
    """An answer that is the truth has the score 1 and is not wrong; a score of 0 is wrong."""
    score = case.judge.score(case.right, case.y)
    expect(bool((score == 1).all()), f"The truth itself has a score of {float(score.min()):.3g}.")
    verdict = case.judge.wrong(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
    expect(verdict == [False, True], "A score of 1 must be right and one of 0 wrong.")


def rows_do_not_depend_on_each_other(case: JudgeCase) -> None:
    """The score of an answer is the same whatever stands beside it, and each time."""
    whole = case.judge.score(case.said, case.y)
    for rows in ([5], [3, 2, 1], list(range(24))[::-1]):
        expect(same_bits(whole[rows], case.judge.score(case.said[rows], case.y[rows])), "A score changed with the other rows.")


def climbing_leads_to_failures(case: JudgeCase) -> None:
    """Of two answers the worse one does not have the smaller margin."""
    if not case.judge.climbs:
        raise NotApplicable("It knows right and wrong only.")
    score, margin = case.judge.score(case.said, case.y), case.judge.margin(case.said, case.y)
    order = margin.argsort()
    expect(
        bool((score[order].diff() <= 1e-9).all()), "A larger `margin` came with a larger score: searches would climb away from failures."
    )


def says_what_it_measures(case: JudgeCase) -> None:
    """`measure` is a name for results and conditions, and `word` one for sentences."""
    measure = case.judge.measure
    good = measure.isidentifier() and measure == measure.lower() and not measure.startswith(("robust_", "certified_"))
    expect(good and not measure.endswith("_loss"), f"`measure` must be snake_case without robust_, certified_ and _loss, got {measure!r}.")
    expect(bool(case.judge.word.strip()), "`word` must name the mean score in a sentence, such as 'mean F1'.")


JUDGE_CHECKS = (
    scores_are_shares,
    the_truth_is_right,
    rows_do_not_depend_on_each_other,
    climbing_leads_to_failures,
    says_what_it_measures,
)
