"""Another model as the judge of answers, by a rubric; how good a judge it is must be measured on labelled answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import must
from shiftproof.data.rows import Items
from shiftproof.models.abstract import Answers
from shiftproof.models.unanswered import Refusal

SLOTS = ("question", "accepted", "answer")
RUBRIC = """You grade answers.
Question: {question}
Accepted answer: {accepted}
Answer to grade: {answer}
Is the answer right? Reply with CORRECT or INCORRECT."""
_VERDICT = re.compile(r"\b(IN)?CORRECT\b")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Grader:
    """A model that grades answers.

    Args:
        model: of texts, asked once for each answer.
        rubric: a text with the slots {answer}, and {question} and {accepted} where they help; it asks for CORRECT or INCORRECT.
    """

    model: Answers
    rubric: str = RUBRIC

    def __post_init__(self) -> None:
        self.check_rubric(self.rubric)

    @staticmethod
    def check_rubric(rubric: str) -> None:
        """Raises `UsageError` where a rubric lacks its slot or has others."""
        slots = _SLOT.findall(rubric)
        if "answer" not in slots or not set(slots) <= set(SLOTS):
            raise must("rubric", "graded_by", "have the slot {answer}, and of others only {question} and {accepted}", slots)

    def verdicts(self, questions: Sequence[str], answers: Sequence[str], accepted: Sequence[str]) -> npt.NDArray[np.float64]:
        """1 for right, 0 for wrong and NaN where the grader said neither, shape (n,); the last verdict of a reply counts.

        A refusal of the graded model is wrong, and not asked about. Cost: one question to the grader for each other answer.

        Raises:
            UsageError: the lists differ in length.
            Unanswered: no reply came to some.
        """
        if not len(questions) == len(answers) == len(accepted):
            lengths = f"{len(questions)}, {len(answers)} and {len(accepted)}"
            raise must("questions, answers and accepted", "graded_by", "be of one length", lengths)
        found = np.zeros(len(answers))
        asked = [place for place, answer in enumerate(answers) if not isinstance(answer, Refusal)]
        if asked:
            replies = self.model.answers(Items(self._prompt(questions[at], accepted[at], answers[at]) for at in asked))
            found[asked] = [verdict_of(str(reply)) for reply in replies]
        return found

    def _prompt(self, question: str, accepted: str, answer: str) -> str:
        given = {"question": question, "accepted": accepted, "answer": answer}
        return _SLOT.sub(lambda slot: given[slot[1]], self.rubric)  # in one pass: a slot inside an answer is no slot


def graded_by(model: Answers, rubric: str = RUBRIC) -> Grader:
    """A model as the judge of answers. What its verdicts are worth is measured with `judge_quality`, and corrected by `corrected_share`.

    Example:
        >>> import shiftproof as sp
        >>> kind = sp.as_answers(lambda prompts: ["CORRECT" for _ in prompts], said="texts")
        >>> graded_by(kind).verdicts(["1 + 1?"], ["3"], ["2"]).tolist()
        [1.0]
    """
    return Grader(model, rubric)


def verdict_of(reply: str) -> float:
    """The last verdict of a reply: 1, 0, or NaN where it has none.

    >>> verdict_of("It says CORRECT, but is INCORRECT."), verdict_of("Hm.")
    (0.0, nan)
    """
    found = [*_VERDICT.finditer(reply)]
    return float(found[-1][1] is None) if found else float("nan")
