"""Reads a property from a VNN-LIB file: a set of inputs, and what the scores must not do there.

The part of the format that verification benchmarks use: `(declare-const X_0 Real)`, and `(assert TERM)` with `and`, `or`, `<=`, `>=` (and
`<`, `>`, `=`) between sums of variables and numbers. The file describes the *violations*: the property holds where no input satisfies it.
Reference: Demarchi et al. 2023 [demarchi2023supporting], "Supporting standardization of neural networks verification with VNNLIB and
CoCoNet".
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shiftproof._errors import UsageError

_TOKEN = re.compile(r"""\s+|;[^\n]*|(?P<open>\()|(?P<close>\))|(?P<word>[^\s();]+)""")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$", re.ASCII)
_VARIABLE = re.compile(r"([XY])_(\d+)$")
_LARGE, _INFEASIBLE = 1e12, 2
_CASES = 100_000
"""Cases that a file may come to when its `or`s are multiplied out."""


class Word(NamedTuple):
    """A word of the file and where it stands, counted from 1."""

    text: str
    line: int
    column: int


class Group(NamedTuple):
    """What stands between brackets, and where the opening one does."""

    parts: tuple[Word | Group, ...]
    line: int
    column: int


Term = Word | Group


class Inequality(NamedTuple):
    """sum of weights[variable] * variable <= bound, or < where it is strict."""

    weights: Mapping[str, float]
    bound: float
    at: Term
    strict: bool = False


@dataclass(frozen=True)
class Case:
    """One way to violate: inputs in a box, and every row w of `weights` with w scores <= its bound."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    bounds: tuple[float, ...]


@dataclass(frozen=True)
class Property:
    """Holds where none of its cases does."""

    cases: tuple[Case, ...]
    inputs: int
    outputs: int
    name: str = "property"


def read_vnnlib(path: str | Path) -> Property:
    """The property in a file.

    Raises:
        UsageError: the file is not there, or cannot be read; with the line and column.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"There is no VNN-LIB file '{file}'. Paths are relative to {Path.cwd()}.")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"The VNN-LIB file '{file}' is not a text file: {error}. Unpack it first if it is compressed.") from None
    return parse_vnnlib(text, name=file.name)


def parse_vnnlib(text: str, *, name: str = "property") -> Property:
    """The property that a text describes.

    Example:
        >>> parse_vnnlib('''
        ... (declare-const X_0 Real) (declare-const Y_0 Real)
        ... (assert (<= X_0 1.0)) (assert (>= X_0 -1.0)) (assert (>= Y_0 3.5))
        ... ''').cases[0]
        Case(low=(-1.0,), high=(1.0,), weights=((-1.0,),), bounds=(-3.5,))
    """
    try:
        return _VnnlibReader(name).read(text)
    except RecursionError:
        raise UsageError(f"The property '{name}' nests its brackets too deeply to be read.") from None


class _VnnlibReader:
    """One file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.declared: dict[str, int] = {}

    def fail(self, where: Term | tuple[int, int], what: str) -> UsageError:
        """The message, with the place."""
        line, column = where if isinstance(where, tuple) and not isinstance(where, Word | Group) else where[1:]
        return UsageError(f"The property '{self.name}', line {line}, column {column}: {what}")

    def read(self, text: str) -> Property:
        asserted: list[list[list[Inequality]]] = []
        for command in self._groups(text):
            head = command.parts[0] if command.parts else command
            match head:
                case Word(text="declare-const" | "declare-fun"):
                    self._declare(command)
                case Word(text="assert"):
                    if len(command.parts) != 2:
                        raise self.fail(command, "an assert takes one term.")
                    asserted.append(self._cases(command.parts[1]))
                case Word(text="set-logic" | "set-info" | "set-option" | "check-sat" | "exit" | "vnnlib-version"):
                    pass
                case _:
                    said = head.text if isinstance(head, Word) else "("
                    raise self.fail(head, f"'{said}' is not a supported command. Supported: declare-const and assert.")
        counts = {kind: self._count(kind) for kind in "XY"}
        return self._property(asserted, counts["X"], counts["Y"])

    def _groups(self, text: str) -> Iterator[Group]:
        stack: list[tuple[list[Term], int, int]] = []
        line, begin = 1, 0
        for token in _TOKEN.finditer(text):
            column = token.start() - begin + 1
            kind = token.lastgroup
            if kind == "open":
                stack.append(([], line, column))
            elif kind == "close":
                if not stack:
                    raise self.fail((line, column), "a ')' without its '('.")
                parts, *where = stack.pop()
                group = Group(tuple(parts), *where)
                if not stack:
                    yield group
                else:
                    stack[-1][0].append(group)
            elif kind == "word":
                if not stack:
                    raise self.fail((line, column), f"'{token[0]}' is outside brackets.")
                stack[-1][0].append(Word(token[0], line, column))
            newlines = token[0].count("\n")
            if newlines:
                line, begin = line + newlines, token.start() + token[0].rindex("\n") + 1
        if stack:
            raise self.fail((stack[-1][1], stack[-1][2]), "this '(' is never closed.")

    def _declare(self, command: Group) -> None:
        words = [part.text for part in command.parts if isinstance(part, Word)]
        if len(words) < 3 or words[-1] != "Real":
            raise self.fail(command, "a declaration is written (declare-const X_0 Real).")
        match = _VARIABLE.match(words[1])
        if not match:
            raise self.fail(command.parts[1], f"the variable '{words[1]}' must be called X_0, X_1, ... (inputs) or Y_0, Y_1, ... (scores).")
        if words[1] in self.declared:
            raise self.fail(command.parts[1], f"'{words[1]}' is declared twice.")
        self.declared[words[1]] = int(match[2])

    def _count(self, kind: str) -> int:
        places = sorted(place for variable, place in self.declared.items() if variable.startswith(kind))
        if places != list(range(len(places))) or not places:
            missing = next((i for i, place in enumerate(places) if i != place), len(places))
            raise UsageError(
                f"The property '{self.name}' does not declare {kind}_{missing}. Inputs are X_0, X_1, ... and scores Y_0, Y_1, ..."
            )
        return len(places)

    def _cases(self, term: Term) -> list[list[Inequality]]:
        """A term as an `or` of `and`s."""
        if isinstance(term, Word) or not term.parts or not isinstance(term.parts[0], Word):
            raise self.fail(term, "expected (and ...), (or ...), (<= ...) or (>= ...).")
        head, rest = term.parts[0], term.parts[1:]
        match head.text:
            case "and":
                return self._product([self._cases(part) for part in rest], term)
            case "or":
                return [case for part in rest for case in self._cases(part)]
            case "<=" | "<":
                return [[self._inequality(rest, term, strict=head.text == "<")]]
            case ">=" | ">":
                return [[self._inequality(rest[::-1], term, strict=head.text == ">")]]
            case "=":
                return [[self._inequality(rest, term), self._inequality(rest[::-1], term)]]
            case _:
                raise self.fail(head, f"'{head.text}' is not supported. Supported: and, or, <=, >=, <, > and =.")

    def _product(self, factors: Sequence[list[list[Inequality]]], at: Term) -> list[list[Inequality]]:
        if math.prod(len(factor) for factor in factors) > _CASES:
            raise self.fail(at, f"this comes to more than {_CASES} cases.")
        return [list(itertools.chain(*choice)) for choice in itertools.product(*factors)]

    def _inequality(self, sides: Sequence[Term], at: Term, *, strict: bool = False) -> Inequality:
        if len(sides) != 2:
            raise self.fail(at, "an inequality has two sides.")
        left, right = (self._linear(side) for side in sides)
        weights = {v: left.get(v, 0.0) - right.get(v, 0.0) for v in {**left, **right} if v}
        bound = right.get("", 0.0) - left.get("", 0.0)
        if not all(map(math.isfinite, (*weights.values(), bound))):
            raise self.fail(at, "its numbers must be finite, and so must their sums and products.")
        return Inequality({v: w for v, w in weights.items() if w}, bound, at, strict)

    def _linear(self, term: Term) -> dict[str, float]:
        """Weights by variable, and the constant under the empty name."""
        if isinstance(term, Word):
            if term.text in self.declared:
                return {term.text: 1.0}
            if not _NUMBER.match(term.text):
                raise self.fail(term, f"'{term.text}' is neither a number nor a declared variable.")
            return {"": float(term.text)}
        head = term.parts[0] if term.parts else term
        parts = [self._linear(part) for part in term.parts[1:]]
        if not isinstance(head, Word) or head.text not in ("+", "-", "*") or not parts:
            raise self.fail(term, "expected a number, a variable, (+ ...), (- ...) or (* number variable).")
        if head.text == "*":
            numbers = [part[""] for part in parts if set(part) <= {""}]
            rest = [part for part in parts if not set(part) <= {""}]
            if len(rest) > 1:
                raise self.fail(term, "a product of two variables is not linear.")
            return {v: w * math.prod(numbers) for v, w in (rest[0] if rest else {"": 1.0}).items()}
        signs = [1.0, *[1.0 if head.text == "+" else -1.0] * (len(parts) - 1)] if len(parts) > 1 or head.text == "+" else [-1.0]
        total: dict[str, float] = {}
        for sign, part in zip(signs, parts, strict=True):
            for v, w in part.items():
                total[v] = total.get(v, 0.0) + sign * w
        return total

    def _property(self, asserted: list[list[list[Inequality]]], inputs: int, outputs: int) -> Property:
        every = Group((), 1, 1)
        read = [self._case(case, inputs, outputs) for case in self._product(asserted, every)]
        cases = [case for case in read if isinstance(case, Case)]
        if not any(map(_possible, cases)):
            why = "what it asserts of the scores contradicts itself" if cases else next(iter(map(str, read)), "an 'or' of nothing")
            raise UsageError(f"The property '{self.name}' describes nothing that could happen: {why}. It would hold for every network.")
        return Property(tuple(cases), inputs, outputs, self.name)

    def _case(self, rows: Sequence[Inequality], inputs: int, outputs: int) -> Case | str:
        """A way to violate; or in words why no input and no scores fit it."""
        low, high = [-math.inf] * inputs, [math.inf] * inputs
        scores: list[Inequality] = []
        for row in rows:
            kinds = {v[0] for v in row.weights}
            if not kinds:
                if row.bound < 0 or (row.strict and row.bound == 0):
                    return f"the inequality of line {row.at.line} is false"
            elif kinds == {"X"} and len(row.weights) == 1:
                self._narrow(row, low, high)
            elif kinds == {"Y"}:
                scores.append(row)
            else:
                raise self.fail(row.at, "inputs may be bounded one by one only, and not be mixed with scores.")
        open_ = next((i for i in range(inputs) if math.isinf(low[i]) or math.isinf(high[i])), None)
        if open_ is not None:
            raise UsageError(f"The property '{self.name}' gives the input X_{open_} no lower or no upper bound.")
        empty = next((i for i in range(inputs) if low[i] > high[i]), None)
        if empty is not None:
            return f"X_{empty} must be at least {low[empty] + 0.0:.9g} and at most {high[empty] + 0.0:.9g}"
        weights = tuple(tuple(row.weights.get(f"Y_{i}", 0.0) for i in range(outputs)) for row in scores)
        bounds = tuple(row.bound for row in scores)
        return Case(tuple(low), tuple(high), weights, bounds)

    def _narrow(self, row: Inequality, low: list[float], high: list[float]) -> None:
        ((variable, weight),) = row.weights.items()
        place, end = self.declared[variable], row.bound / weight
        if weight > 0:
            high[place] = min(high[place], math.nextafter(end, -math.inf) if row.strict else end)
        else:
            low[place] = max(low[place], math.nextafter(end, math.inf) if row.strict else end)


def _possible(case: Case) -> bool:
    """Whether some scores y have weights @ y <= bounds; True where numbers are too large for a solver to say."""
    largest = max((abs(number) for row in (*case.weights, case.bounds) for number in row), default=0.0)
    if len(case.bounds) < 2 or largest > _LARGE:  # a single row that is not zero has a solution
        return True
    from scipy.optimize import linprog

    found = linprog([0.0] * len(case.weights[0]), A_ub=case.weights, b_ub=case.bounds, bounds=(None, None), method="highs")
    return bool(found.status != _INFEASIBLE)
