"""VNN-LIB files: what they mean, and every message with its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from shiftproof._errors import UsageError
from shiftproof.certificates.bounds.vnnlib import parse_vnnlib, read_vnnlib

HEAD = """; a comment (with a bracket
(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real) (declare-const Y_1 Real)
(assert (>= X_0 -1)) (assert (<= X_0 1.5e0))
"""


def test_conjunctions_and_linear_terms() -> None:
    found = parse_vnnlib(
        f"""{HEAD}
(assert (and (<= 0.25 X_1) (<= X_1 (+ 0.5 0.5))))
(assert (<= (- (* 2 Y_0) Y_1 1) (* 3.0 Y_1)))
(assert (>= Y_1 (- 4)))"""
    )
    (case,) = found.cases
    assert (found.inputs, found.outputs) == (2, 2)
    assert (case.low, case.high) == ((-1.0, 0.25), (1.5, 1.0))
    assert case.weights == ((2.0, -4.0), (0.0, -1.0))
    assert case.bounds == (1.0, 4.0)


def test_disjunctions_are_multiplied_out() -> None:
    found = parse_vnnlib(
        f"""{HEAD}
(assert (or (and (>= X_1 0) (<= X_1 1)) (and (>= X_1 5) (<= X_1 6))))
(assert (or (<= Y_0 Y_1) (and (<= Y_1 3) (>= Y_0 2))))"""
    )
    assert [(case.low[1], len(case.bounds)) for case in found.cases] == [(0.0, 1), (0.0, 2), (5.0, 1), (5.0, 2)]


def test_equality_fixes_and_boxes_without_points_drop_out() -> None:
    found = parse_vnnlib(f"{HEAD}(assert (= X_1 0.5)) (assert (or (<= X_0 0) (>= X_0 7))) (assert (<= Y_0 0))")
    (case,) = found.cases
    assert (case.low, case.high) == ((-1.0, 0.5), (0.0, 0.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(assert (<= X_9 1))", r"line 6, column 13: 'X_9' is neither a number nor a declared variable"),
        ("(assert (<= X_1 1)", r"line 6, column 1: this '\(' is never closed"),
        (")", r"line 6, column 1: a '\)' without its '\('"),
        ("  assert", r"line 6, column 3: 'assert' is outside brackets"),
        ("(push 1)", r"line 6, column 2: 'push' is not a supported command"),
        ("((x))", r"line 6, column 2: '\(' is not a supported command"),
        ("(assert (<= X_1 1) (<= X_1 1))", r"line 6, column 1: an assert takes one term"),
        ("(assert (not (<= X_1 1)))", r"line 6, column 10: 'not' is not supported"),
        ("(assert true)", r"line 6, column 9: expected \(and"),
        ("(assert (<= X_1 1 2))", r"line 6, column 9: an inequality has two sides"),
        ("(assert (<= (* X_1 Y_0) 1))", r"line 6, column 13: a product of two variables is not linear"),
        ("(assert (<= (max X_1 Y_0) 1))", r"line 6, column 13: expected a number"),
        ("(assert\n  (<= (+ X_1 Y_0) 1))", r"line 7, column 3: inputs may be bounded one by one only"),
        ("(assert (<= (+ X_0 X_1) 1))", r"line 6, column 9: inputs may be bounded one by one only"),
        ("(declare-const X_0 Real)", r"line 6, column 16: 'X_0' is declared twice"),
        ("(declare-const Z_0 Real)", r"line 6, column 16: the variable 'Z_0' must be called X_0"),
        ("(declare-const X_2 Int)", r"line 6, column 1: a declaration is written"),
        ("(declare-const X_3 Real)", "does not declare X_2"),
        ("", "gives the input X_1 no lower or no upper bound"),
        ("(assert (or " + "(<= X_1 1) " * 400 + "))" * 1 + "(assert (or " + "(<= Y_1 1) " * 400 + "))", r"more than 100000 cases"),
    ],
)
def test_errors_say_where(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_vnnlib(HEAD + text, name="p.vnnlib")


def test_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no VNN-LIB file"):
        read_vnnlib(tmp_path / "none.vnnlib")
    (tmp_path / "p.vnnlib.gz").write_bytes(b"\x1f\x8b\x08\xff")
    with pytest.raises(UsageError, match="is not a text file.*Unpack it first"):
        read_vnnlib(tmp_path / "p.vnnlib.gz")
    (tmp_path / "p.vnnlib").write_text(f"{HEAD}(assert (= X_1 0)) (assert (<= Y_0 0))")
    assert read_vnnlib(tmp_path / "p.vnnlib").name == "p.vnnlib"
