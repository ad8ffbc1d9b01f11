"""Properties that nothing could violate, or that say something else than their author meant: refused or said, never a proof."""

from __future__ import annotations

import pytest
from torch import nn

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.certificates.bounds.verify import VerificationResult
from shiftproof.certificates.bounds.vnnlib import Property, parse_vnnlib

HEAD = "(declare-const X_0 Real) (declare-const Y_0 Real) (declare-const Y_1 Real)"
BOX = "(assert (<= X_0 1)) (assert (>= X_0 -1))"


def verdict(text: str) -> VerificationResult:
    net = nn.Sequential(nn.Linear(1, 2))
    nn.init.ones_(net[0].weight)  # type: ignore[arg-type]  # a layer's weight
    nn.init.zeros_(net[0].bias)  # type: ignore[arg-type]
    return sp.verify(net, parse_vnnlib(text), shape=(1,))


NOTHING = {
    "an empty box": ("(assert (<= X_0 -1)) (assert (>= X_0 1)) (assert (>= Y_0 2))", "X_0 must be at least 1 and at most -1"),
    "an empty open interval": ("(assert (< X_0 1)) (assert (> X_0 1)) (assert (>= Y_0 2))", "X_0 must be at least 1"),
    "every box of an or": (
        "(assert (>= X_0 0)) (assert (<= X_0 9)) (assert (or (and (<= X_0 -2) (>= Y_0 0)) (and (<= X_0 -1) (>= Y_0 0))))",
        "X_0 must be at least 0 and at most -2",
    ),
    "scores that contradict": (BOX + "(assert (>= Y_0 2)) (assert (<= Y_0 1))", "what it asserts of the scores contradicts itself"),
    "scores that contradict in a circle": (BOX + "(assert (>= Y_0 (+ Y_1 1))) (assert (>= Y_1 Y_0))", "contradicts itself"),
    "a false number": (BOX + "(assert (<= 2 1)) (assert (>= Y_0 2))", "the inequality of line 1 is false"),
    "a score less than itself": (BOX + "(assert (< Y_0 Y_0))", "the inequality of line 1 is false"),
    "an or of nothing": (BOX + "(assert (or))", "an 'or' of nothing"),
}


@pytest.mark.parametrize(("text", "why"), NOTHING.values(), ids=list(NOTHING))
def test_what_nothing_could_violate_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match="describes nothing that could happen: .*It would hold for every network") as caught:
        verdict(HEAD + text)
    assert why in str(caught.value)


UNREADABLE = {
    "nan": "(assert (>= Y_0 nan))",
    "inf": "(assert (<= X_0 inf))",
    "Infinity": "(assert (<= X_0 -Infinity))",
    "more than a float holds": "(assert (>= Y_0 1e999))",
    "a product that is too large": "(assert (>= Y_0 (* 1e300 1e300)))",
    "Python's underscores": "(assert (>= Y_0 1_000))",
    "brackets without end": "(assert " + "(and " * 5000 + "(>= Y_0 2)" + ")" * 5000 + ")",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=list(UNREADABLE))
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="The property 'property'") as caught:
        verdict(HEAD + BOX + text)
    assert len(str(caught.value)) < 300


def test_a_property_without_cases_is_no_proof() -> None:
    with pytest.raises(UsageError, match="The 'cases' of the property 'none' must be at least one"):
        sp.verify(nn.Linear(1, 2), Property((), 1, 2, "none"), shape=(1,))


def test_what_asserts_nothing_of_the_scores_says_so() -> None:
    found = verdict(HEAD + BOX + "(assert (<= 1 2))")
    assert found.answer == "violated"
    assert found.reason == "a case of the property asserts nothing of the scores, so every input in its box violates it"


def test_an_or_with_one_empty_box_is_decided_on_the_other() -> None:
    text = HEAD + "(assert (>= X_0 -1)) (assert (or (and (<= X_0 -2) (>= Y_0 0)) (and (<= X_0 1) (>= Y_0 {}))))"
    assert verdict(text.format(2)).answer == "holds"
    assert verdict(text.format(0.5)).answer == "violated"


def test_huge_numbers_are_not_called_a_contradiction() -> None:
    assert verdict(HEAD + BOX + "(assert (>= Y_0 1e30)) (assert (<= Y_0 2e30))").answer == "holds"
