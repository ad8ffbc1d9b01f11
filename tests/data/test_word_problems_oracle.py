from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.word_problems import INTERVENTIONS, WordProblem, intervened, read_word_problems, solved
from shiftproof.evaluation.word_problems import word_problem_effects

ADD = [
    WordProblem(f"{who} has number0 nuts and finds number1 . How many now ?", "+ number0 number1", (9, 3)) for who in ("Ann", "Bo", "Cy")
]
TAKE = [WordProblem(f"{who} had number0 figs and ate number1 . How many are left ?", "- number0 number1", (9, 3)) for who in ("Di", "Ed")]
PROBLEMS = [*ADD, *TAKE]


@pytest.mark.parametrize(
    ("equation", "expected"),
    [("+ number0 number1", 12), ("- number1 number0", -6), ("/ number0 number1", 3), ("* - number0 number1 2", 12), ("number0", 9)],
)
def test_equations_are_evaluated(equation: str, expected: int) -> None:
    assert solved(equation, [9, 3]) == expected
    infix = {"+": "+", "-": "-", "*": "*", "/": "/"}
    if equation.count(" ") == 2:
        operator, left, right = equation.split()
        a, b = (Fraction([9, 3][int(word[-1])]) for word in (left, right))
        assert expected == {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[infix[operator]]


@pytest.mark.parametrize("equation", ["+ number0", "number0 number1", "/ number0 0", "+ number0 number5", "__import__ number0"])
def test_what_is_no_equation_is_refused(equation: str) -> None:
    with pytest.raises(UsageError, match="before two operands each"):
        solved(equation, [9, 3])


@pytest.mark.parametrize("kind", INTERVENTIONS)
def test_interventions_change_what_they_say_and_nothing_else(kind: str) -> None:
    rng = np.random.default_rng(0)
    for problem in PROBLEMS:
        for _ in range(20):
            found = intervened(problem, kind, PROBLEMS, rng)
            assert found is not None
            assert found.answer >= 0
            assert found.answer.denominator == 1
            assert (found.answer == problem.answer) == (kind in ("operands_same_result", "template"))
            assert (found.numbers == problem.numbers) == kind.startswith("template")
            assert (found.text == problem.text) == kind.startswith("operands")
            assert (found.equation == problem.equation) == (kind != "template_and_result")


def numbers_in(text: str) -> list[int]:
    return [int(word) for word in re.findall(r"\b\d+\b", text)]


def solver(texts: list[str]) -> list[str]:
    pairs = [(text, numbers_in(text)) for text in texts]
    return [str(a + b) if "nuts" in text else str(a - b) for text, (a, b) in pairs]


def effects(answer: object) -> dict[str, tuple[float, float]]:
    found = word_problem_effects(sp.as_answers(answer, said="texts"), PROBLEMS, seed=1)
    assert [one.kind for one in found] == list(INTERVENTIONS)
    return {one.kind: (one.changed, one.accuracy.difference) for one in found}


def test_a_solver_changes_exactly_where_it_should() -> None:
    assert effects(solver) == {
        "operands": (1.0, 0.0),
        "operands_same_result": (0.0, 0.0),
        "template": (0.0, 0.0),
        "template_and_result": (1.0, 0.0),
    }


def test_one_who_always_adds_is_found_by_the_template() -> None:
    found = effects(lambda texts: [str(sum(numbers_in(text))) for text in texts])
    assert found["template_and_result"][0] == 0.0  # it does not see that the question is another
    assert found["operands"][0] == 1.0


def test_one_who_looks_at_the_words_is_found_by_the_operands() -> None:
    found = effects(lambda texts: ["12" if "nuts" in text else "6" for text in texts])
    assert found["operands"] == (0.0, -1.0)
    assert found["template"][0] == 0.0


def test_svamp_files_are_read_and_others_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        "Question,Numbers,Equation\nHas number0 of number1 ?,9.0 3.0,- number0 number1\nA number0 ?,0.5,number0\n", encoding="utf-8"
    )
    assert [one.question for one in read_word_problems(path)] == ["Has 9 of 3 ?"]
    path.write_text("Question,Numbers\nx,1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="Columns: Question, Numbers, Equation"):
        read_word_problems(path)
    with pytest.raises(UsageError, match="have each slot"):
        WordProblem("number0 ?", "+ number0 number1", (1, 2))
