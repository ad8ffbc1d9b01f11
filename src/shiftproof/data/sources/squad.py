"""Questions about paragraphs, as files of SQuAD hold them."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Ids
from shiftproof.data.labels import check_ids
from shiftproof.data.rows import Fields, Items, KeptText, as_objects
from shiftproof.data.sources.abstract import AddressedSource
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import hash_file, reading, the_file
from shiftproof.data.space import FieldsSpace, TextSpace, ValueRange


class _Question(NamedTuple):
    id: str
    question: str
    context: KeptText
    answers: tuple[str, ...]


class Squad(AddressedSource):
    """Questions with their paragraphs and accepted answers, in SQuAD's JSON (versions 1.1 and 2.0).

    Inputs have the fields `question` and `context`. The answers in a paragraph are kept: no edit changes them. Questions that version 2.0
    calls impossible are left out, and counted in a note. Each answer must stand in its paragraph where the file says.
    """

    scheme: ClassVar[str] = "squad"
    what: ClassVar[str] = "questions about paragraphs in SQuAD's JSON"

    def __init__(self, address: Address, *, box: ValueRange | None = None) -> None:
        super().__init__(address, box=box)
        if box is not None:
            raise must("box", self.uri, "be left out", list(box), "Texts have none.")
        self._path = the_file(address)

    @cached_property
    def _read(self) -> tuple[list[_Question], int]:
        """The questions, and how many are left out as impossible."""
        found: list[_Question] = []
        impossible = 0
        hint = "It must be JSON with data, paragraphs, context and qas, as SQuAD has them."
        with reading(f"'{self._path}' as SQuAD", hint):
            content: Any = json.loads(self._path.read_text(encoding="utf-8"))
            for paragraph in (paragraph for article in content["data"] for paragraph in article["paragraphs"]):
                for asked in paragraph["qas"]:
                    if asked.get("is_impossible", False):
                        impossible += 1
                    else:
                        found.append(self._question(asked, paragraph["context"]))
        if not found:
            raise UsageError(f"The file '{self._path}' holds no question that has an answer.")
        check_ids(np.array([question.id for question in found]), owner=f"'{self._path}'")
        return found, impossible

    def _question(self, asked: dict[str, Any], context: str) -> _Question:
        name = str(asked["id"])
        if not asked["answers"]:
            raise UsageError(f"The question '{name}' of '{self._path}' has no answer, and is not called impossible. Mend or drop it.")
        spans: list[tuple[int, int]] = []
        for answer in asked["answers"]:
            text, start = answer["text"], answer["answer_start"]
            end = start + len(text)
            if not text.strip() or context[start:end] != text:
                rule = f"stand in its paragraph at {start}, where there is {context[max(0, start) : max(0, end)]!r}"
                raise must("answer", f"the question '{name}'", rule, text, "Mend answer_start, or drop the question.")
            spans.append((start, end))
        accepted = tuple(dict.fromkeys(answer["text"] for answer in asked["answers"]))
        return _Question(name, asked["question"], KeptText(context, spans), accepted)

    @property
    def space(self) -> FieldsSpace:
        return FieldsSpace((("question", TextSpace()), ("context", TextSpace())))

    @cached_property
    def ids(self) -> Ids:
        return np.array([question.id for question in self._read[0]])

    @cached_property
    def y(self) -> npt.NDArray[Any]:
        return as_objects(question.answers for question in self._read[0])

    @property
    def notes(self) -> tuple[str, ...]:
        left = self._read[1]
        return (f"{left} questions without an answer (is_impossible) are left out.",) if left else ()

    def content(self) -> str:
        return hash_file(self._path)

    def inputs(self, rows: slice | npt.NDArray[np.intp]) -> Fields:
        chosen = [self._read[0][place] for place in np.arange(len(self))[rows].tolist()]
        return Fields(question=Items(one.question for one in chosen), context=Items(one.context for one in chosen))
