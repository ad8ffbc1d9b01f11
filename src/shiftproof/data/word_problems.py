"""Arithmetic word problems as templates with an equation, and interventions on them whose answers are computed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from shiftproof._errors import UsageError, must

INTERVENTIONS = ("operands", "operands_same_result", "template", "template_and_result")
"""Other numbers and another result; other numbers and the same result; the same numbers and result in other words; the same numbers in
a problem of another equation, and so another result."""
_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
_SLOT = re.compile(r"number(\d+)")
_TRIES, _SAME_TRIES = 2000, 60


@dataclass(frozen=True)
class WordProblem:
    """A problem with slots for its numbers.

    Args:
        text: with number0, number1, ... where its numbers go.
        equation: of the answer, operators first: "- number0 number1". Plain numbers may stand in it.
        numbers: of the problem as it is.
    """

    text: str
    equation: str
    numbers: tuple[int, ...]

    def __post_init__(self) -> None:
        slots = {int(place) for place in _SLOT.findall(self.text)}
        if slots != set(range(len(self.numbers))):
            raise must("text", "a word problem", f"have each slot of number0 to number{len(self.numbers) - 1}", self.text)
        solved(self.equation, self.numbers)

    @property
    def answer(self) -> Fraction:
        """The result of the equation."""
        return solved(self.equation, self.numbers)

    @property
    def question(self) -> str:
        """The text with its numbers."""
        return _SLOT.sub(lambda slot: str(self.numbers[int(slot[1])]), self.text)

    def filled(self, numbers: Sequence[int]) -> WordProblem:
        """The same with other numbers."""
        return WordProblem(self.text, self.equation, tuple(int(number) for number in numbers))


def solved(equation: str, numbers: Sequence[int]) -> Fraction:
    """The result of an equation with operators first; nothing but + - * / is evaluated.

    >>> solved("/ - number0 number1 number2", [10, 4, 4])
    Fraction(3, 2)

    Raises:
        UsageError: it cannot be read, or divides by 0.
    """
    stack: list[Fraction] = []
    try:
        for word in reversed(equation.split()):
            if word in _OPERATIONS:
                stack.append(_OPERATIONS[word](stack.pop(), stack.pop()))
            else:
                slot = _SLOT.fullmatch(word)
                stack.append(Fraction(numbers[int(slot[1])]) if slot else Fraction(word))
        (result,) = stack
    except (IndexError, ValueError, ZeroDivisionError) as error:
        rule = "be + - * / before two operands each, without a division by 0"
        raise must("equation", f"a problem with the numbers {', '.join(map(str, numbers))}", rule, equation) from error
    return result


def read_word_problems(path: Path) -> list[WordProblem]:
    """The problems of a CSV file with columns Question, Numbers and Equation, as SVAMP's; those with other than whole numbers are left out.

    Raises:
        UsageError: it cannot be read or holds none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        given = [(row["Question"], row["Equation"], [float(number) for number in row["Numbers"].split()]) for row in rows]
    except (OSError, UnicodeDecodeError, KeyError, ValueError, TypeError) as error:
        raise UsageError(f"The word problems '{path}' cannot be read ({error}). Columns: Question, Numbers, Equation.") from error
    found = [
        WordProblem(text, equation, tuple(int(number) for number in numbers))
        for text, equation, numbers in given
        if all(number.is_integer() for number in numbers)
    ]
    if not found:
        raise UsageError(f"The file '{path}' holds no word problem with whole numbers. Columns: Question, Numbers, Equation.")
    return found


def intervened(
    problem: WordProblem, kind: str, others: Sequence[WordProblem], rng: np.random.Generator, *, largest: int = 300
) -> WordProblem | None:
    """A problem after an intervention, with a whole answer of 0 or more; None where none is found.

    Args:
        problem: with whole numbers.
        kind: one of `INTERVENTIONS`.
        others: templates of which those of "template" are drawn.
        rng: of the draws.
        largest: number, at least 2.

    Reference: Stolfo et al. 2023 [stolfo2023causal], "A causal framework to quantify the robustness of mathematical reasoning with language
    models".
    """
    if kind not in INTERVENTIONS:
        raise must("kind", "intervened", f"be {', '.join(INTERVENTIONS)}", kind)
    if kind.startswith("operands"):
        numbers = _other_numbers(problem, rng, largest) if kind == "operands" else _same_result(problem, rng, largest)
        return None if numbers is None else problem.filled(numbers)
    for place in rng.permutation(len(others)).tolist():
        other: WordProblem = others[place]
        result = _whole(other.equation, problem.numbers) if len(other.numbers) == len(problem.numbers) else None
        if result is None or other.text == problem.text:
            continue
        same = other.equation == problem.equation
        if same if kind == "template" else (not same and result != problem.answer):
            return other.filled(problem.numbers)
    return None


def _other_numbers(problem: WordProblem, rng: np.random.Generator, largest: int) -> list[int] | None:
    for _ in range(_TRIES):
        numbers = [int(number) for number in rng.integers(1, largest + 1, len(problem.numbers))]
        result = _whole(problem.equation, numbers)
        if result is not None and result != problem.answer:
            return numbers
    return None


def _same_result(problem: WordProblem, rng: np.random.Generator, largest: int) -> list[int] | None:
    """All numbers but one are drawn, by turns up to the largest and near those of the problem, and the one is looked for."""
    near = min(largest, 2 * max(problem.numbers))
    for turn in range(_SAME_TRIES):
        numbers = [int(number) for number in rng.integers(1, (largest if turn % 2 else near) + 1, len(problem.numbers))]
        place = int(rng.integers(len(numbers)))
        fit = [one for one in range(1, largest + 1) if _whole(problem.equation, _with(numbers, place, one)) == problem.answer]
        found = [changed for one in fit if (changed := _with(numbers, place, one)) != list(problem.numbers)]
        if found:
            return found[int(rng.integers(len(found)))]
    return None


def _with(numbers: list[int], place: int, number: int) -> list[int]:
    return [*numbers[:place], number, *numbers[place + 1 :]]


def _whole(equation: str, numbers: Sequence[int]) -> Fraction | None:
    """The result where it is a whole number of 0 or more."""
    try:
        result = solved(equation, numbers)
    except UsageError:
        return None
    return result if result >= 0 and result.denominator == 1 else None
