"""Another model as the judge of a run: its errors are measured on answers that people have labelled, and corrected for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof._secrets import url_without_secrets
from shiftproof.data.chats import as_transcript
from shiftproof.data.rows import Fields, Items, one_by_one
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import json_lines, reading, the_file
from shiftproof.judges.abstract import Judge
from shiftproof.judges.graded_share import CorrectedShare, JudgeQuality, corrected_share, judge_quality
from shiftproof.judges.grader import RUBRIC, Grader
from shiftproof.models.abstract import Answers
from shiftproof.models.answer_cache import AnswerCache, remembering
from shiftproof.models.unanswered import Refusal, Unanswered


class Questioned(str):
    """An answer that knows what was asked, so that a grader can be told."""

    __slots__ = ("question",)
    question: str

    def __new__(cls, text: str, question: str) -> Questioned:
        made = super().__new__(cls, text)
        made.question = question
        return made

    def __reduce__(self) -> tuple[type[Questioned], tuple[str, str]]:
        return Questioned, (str(self), self.question)


class LabelledAnswer(NamedTuple):
    """An answer, and whether people call it right."""

    question: str
    answer: str
    accepted: str
    right: bool


@dataclass(frozen=True)
class GradedBy(Judge):
    """Right where another model says so. `corrected_share` of each estimate is the share that is right, with an interval.

    Args:
        model: who grades, a model of texts as --model takes it, in quotes: 'chat:URL#MODEL'. The key comes from the environment.
        pairs: a file of JSON Lines with `question`, `answer`, `accepted` (a text or several) and `right` (true or false): answers that
            people have labelled, drawn as those of the run are, on which the grader's sensitivity and specificity are measured.
        rubric: a text file with the slots {answer}, {question} and {accepted}, which asks for CORRECT or INCORRECT; ours where absent.
        version: what you call the grader's state.
        state: of the two files, and of a grader that is here and not behind a URL, the start of their hash; filled in.

    What is measured is the share that the grader calls right. A refusal of the model is wrong, and not asked about; a reply of the grader
    without a verdict counts as wrong called, on labelled answers too. Under a search for the worst case nothing is corrected, as it looks
    for the grader's errors as well. Replies are stored in the run's folder, and asked for once.

    Cost: one question to the grader for each different answer, and one for each labelled one.

    Example:
        >>> (judge,) = GradedBy.examples_for_check()
        >>> judge.score(["It is Paris.", "Rome"], [("Paris",), ("Paris",)]).tolist()
        [1.0, 0.0]
        >>> judge.quality.sensitivity, judge.quality.specificity
        (1.0, 0.5)

    Reference: Rogan & Gladen 1978 [rogan1978estimating], "Estimating prevalence from the results of a screening test".
    """

    name: ClassVar[str] = "graded_by"
    measure: ClassVar[str] = "called_right"
    word: ClassVar[str] = "share called right"
    asks: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("rogan1978estimating",)

    model: str
    pairs: str
    rubric: str = ""
    version: str = ""
    state: str = ""
    cache: AnswerCache = dataclasses.field(default_factory=AnswerCache, kw_only=True, repr=False, compare=False)
    """Where the grader's replies are stored. Set by the library, not by users."""

    @classmethod
    def examples_for_check(cls) -> list[GradedBy]:
        """One with a grader that looks for the accepted words."""
        return [cls(model=f"{__name__}:same_words", pairs=str(Path(__file__).parent / "graded_by_model.jsonl"))]

    def check(self) -> None:
        url = self.model.partition(":")[2].rpartition("#")[0]
        if url.startswith("http") and url_without_secrets(url) != url:
            hint = "Name the key with an environment variable, as of --model."
            raise must("model", self.name, "have no user, password or query in its URL", url_without_secrets(url), hint)
        words, pairs = self._rubric_bytes, the_file(Address(self.name, self.pairs)).read_bytes()
        known = sha256(words + b"\0" + pairs + self._grader_known).hexdigest()
        self.pin("state", known, "its files as they are", "They have changed since; leave it out.")
        if {one.right for one in self.labelled} != {True, False}:
            raise must("pairs", self.name, "have answers that are right and answers that are wrong", self.pairs)
        Grader.check_rubric(words.decode("utf-8"))

    @property
    def _rubric_bytes(self) -> bytes:
        return the_file(Address(self.name, self.rubric)).read_bytes() if self.rubric else RUBRIC.encode()

    @property
    def _grader_known(self) -> bytes:
        """What a grader that is here is known by; nothing of one behind a URL, whose state is called `version`."""
        from shiftproof.models.load_language_model import is_language_model  # late, as in `grader`

        if is_language_model(self.model) or self.model.lower().startswith(("http:", "https:")):
            return b""
        known = self._loaded().identity()
        if known.gaps:
            hint = "Give it a name for its state, version='1', and another whenever it changes."
            raise must("model", self.name, "be known by its code and weights, or have a version", self.model, f"{known.gaps[0]} {hint}")
        return f"\0{known.text}".encode()

    def _loaded(self) -> Answers:
        from shiftproof.models.load import load_answers  # late: few judges need a model

        found: Answers = load_answers(self.model, said="texts", version=self.version or None)
        return found

    @cached_property
    def labelled(self) -> list[LabelledAnswer]:
        """The labelled answers."""
        path = the_file(Address(self.name, self.pairs))
        with reading(f"'{path}' as JSON Lines", "Each line must be an object in JSON, as UTF-8 text."):
            return [_labelled(row, f"line {number} of '{path}'") for number, row in json_lines(path)]

    @cached_property
    def grader(self) -> Grader:
        """Who grades."""
        return Grader(remembering(self._loaded(), self.cache), self._rubric_bytes.decode("utf-8"))

    @cached_property
    def quality(self) -> JudgeQuality:
        """How often the grader is right on the labelled answers."""
        with self._replies():
            columns = ([str(one[place]) for one in self.labelled] for place in range(3))
            questions, answers, accepted = columns
            return judge_quality(self.grader.verdicts(questions, answers, accepted), [float(one.right) for one in self.labelled])

    def remembering(self, cache: AnswerCache) -> GradedBy:
        return replace(self, cache=cache)

    def corrected(self, score: Any, confidence: float) -> CorrectedShare:
        """The share that is right, from verdicts of shape (n,)."""
        return corrected_share(score, self.quality, confidence=confidence)

    def ask(self, model: Answers, x: Any) -> Any:
        questions = [_question(one) for one in one_by_one(x)]
        try:
            said = super().ask(model, x)
        except Unanswered as missing:
            if missing.said is None:
                raise
            there = [question for question, came in zip(questions, missing.came.tolist(), strict=True) if came]
            raise Unanswered(str(missing), missing.came, _questioned(missing.said, there)) from missing
        return _questioned(said, questions)

    def score(self, said: Any, y: Any) -> Tensor:
        answers = [*said]
        for one in answers:
            if not isinstance(one, str):
                raise must("answers", "the model", "be texts under this judge", type(one).__name__)
        questions = [one.question if isinstance(one, Questioned) else "" for one in answers]
        with self._replies():
            verdicts = self.grader.verdicts(questions, answers, [" or ".join(accepted) for accepted in y])
        return torch.from_numpy(np.nan_to_num(verdicts, nan=0.0))

    @contextmanager
    def _replies(self) -> Iterator[None]:
        try:
            yield
        except Unanswered as missing:
            count = int((~missing.came).sum())
            fix = "Run again: the replies that came are stored."
            raise UsageError(
                f"The grader '{self.model}' gave no reply to {count} of {len(missing.came)} questions. {missing} {fix}"
            ) from None


def same_words(prompts: Sequence[str]) -> list[str]:
    """A grader for examples: it calls right what has the accepted words in it."""

    def part(prompt: str, name: str) -> str:
        return prompt.partition(f"{name}: ")[2].partition("\n")[0].lower()

    accepted = [part(prompt, "Accepted answer").split(" or ") for prompt in prompts]
    right = [any(one in part(prompt, "Answer to grade") for one in words) for prompt, words in zip(prompts, accepted, strict=True)]
    return ["CORRECT" if one else "INCORRECT" for one in right]


def _questioned(said: Any, questions: Sequence[str]) -> Items[Any]:
    pairs = zip(said, questions, strict=True)
    return Items(one if isinstance(one, Refusal) or not isinstance(one, str) else Questioned(one, question) for one, question in pairs)


def _question(one: Any) -> str:
    """An input for the grader: of fields the texts, each with its name."""
    if not isinstance(one, Fields):
        return as_transcript(one)
    texts = {name: str(next(iter(column))) for name, column in one.columns.items() if isinstance(column, Items)}
    return next(iter(texts.values())) if len(texts) == 1 else "\n".join(f"{name}: {text}" for name, text in texts.items())


def _labelled(row: Any, owner: str) -> LabelledAnswer:
    given = row if isinstance(row, dict) else {}
    accepted = given.get("accepted")
    accepted = [accepted] if isinstance(accepted, str) else accepted
    texts = [given.get("question"), given.get("answer"), *(accepted if isinstance(accepted, list) else [None])]
    if not all(isinstance(text, str) for text in texts) or given.get("right") not in (True, False):
        raise must("labelled answer", owner, "have `question`, `answer`, `accepted` and `right`, true or false", sorted(given))
    return LabelledAnswer(str(texts[0]), str(texts[1]), " or ".join(map(str, texts[2:])), bool(given["right"]))
