"""No sentence of a report says more than its numbers: planted records at the corners (ties, improvements, 0 and 100 %, nothing at all)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sample_audit import sample_audit
from shiftproof.evaluation.curves.stress_curve import stress_curve
from shiftproof.evaluation.transfer.transfer import _verdict
from shiftproof.records.audit import Audit, ClaimKind, Clean, GateRecord, NaturalShift, Result
from shiftproof.records.transfer import TransferPair, TransferVerdict
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.page import page
from shiftproof.reports.audit.summary import summary
from shiftproof.reports.number_format import in_words
from shiftproof.reports.stress import breaking_line
from shiftproof.reports.stress import verdict as stress_verdict
from shiftproof.reports.transfer import sentence
from shiftproof.risks.intervals import clopper_pearson


def of(k: int, n: int) -> tuple[float | None, tuple[float, float] | None]:
    """A share with its interval, as records have it."""
    return (k / n, tuple(clopper_pearson(k, n).one())) if n else (None, None)  # type: ignore[return-value]  # an interval has two ends


def result(shift: str, k: int, n: int, *, kind: ClaimKind = "estimate", **more: Any) -> Result:
    value, interval = of(k, n)
    measure = {"estimate": "accuracy", "at_most": "robust_accuracy", "at_least": "certified_accuracy"}[kind]
    given: dict[str, Any] = {
        "cell": shift,
        "data": "planted:",
        "shift": shift,
        "family": shift.partition("(")[0],
        "search": "one_draw" if kind == "estimate" else "gradient_ascent",
        "risk": "mean",
        "measure": measure,
        "value": value,
        "kind": kind,
        "interval": interval,
        "confidence": 0.95,
        "n": n,
        "forwards_per_example": 1.0,
        "backwards_per_example": 0.0,
        "seconds": 0.1,
        **more,
    }
    return Result(**given)


def audit_of(clean: int, n: int, results: Sequence[Result], natural: Sequence[NaturalShift] = ()) -> Audit:
    value, interval = of(clean, n)
    whole = sample_audit(gallery=False)
    return whole.model_copy(
        update={
            "clean": Clean(accuracy=value, interval=interval, n=n),
            "data": whole.data.model_copy(update={"uri": "planted:", "n": n}),
            "results": list(results),
            "natural": list(natural),
            "curves": [],
            "proven": [],
            "diagnoses": [],
            "gates": [],
        }
    )


@given(clean=st.integers(0, 40), moved=st.lists(st.integers(0, 40), min_size=1, max_size=4), attacked=st.integers(0, 40), n=st.just(40))
@settings(max_examples=60, deadline=None)
def test_nothing_is_called_worst_that_is_not_below_clean(clean: int, moved: list[int], attacked: int, n: int) -> None:
    chance = [result(f"fog{place}(severity=1)", k, n) for place, k in enumerate(moved)]
    audit = audit_of(clean, n, [*chance, result("linf(eps=0.1)", min(attacked, clean), n, kind="at_most")])
    said = " ".join(digest.sentences(audit))
    if min(moved) >= clean:
        assert "worst" not in said
        assert "nothing measured is below clean accuracy" in said
    if "measurably below clean accuracy" in said:
        assert clopper_pearson(min(moved), n).one().high < clean / n
    assert ("no failure was found" in said) == (min(attacked, clean) == clean)


@pytest.mark.parametrize(("there", "worst"), [(30, True), (88, False), (90, False), (95, False)])
def test_another_sample_is_worst_only_beyond_chance(there: int, worst: bool) -> None:
    value, interval = of(there, 100)
    difference = there / 100 - 0.9
    natural = NaturalShift(
        source="elsewhere:",
        n=100,
        accuracy=value,
        interval=interval,
        difference=difference,
        difference_interval=(difference - 0.1, difference + 0.1),
    )
    said = " ".join(digest.sentences(audit_of(90, 100, [], [natural])))
    assert ("lowest on elsewhere:" in said and "measurably below clean accuracy" in said) is worst


def test_the_interval_of_the_difference_decides_where_there_is_one() -> None:
    moved = result("fog(severity=1)", 84, 100)
    drop = result("fog(severity=1)", 6, 100, measure="drop", value=0.06)
    for ends, word in (((0.01, 0.1), "measurably below"), ((-0.01, 0.1), "may be chance")):
        said = " ".join(digest.sentences(audit_of(90, 100, [moved, drop.model_copy(update={"interval": ends})])))
        assert word in said


def test_nothing_measured_is_said_so() -> None:
    said = " ".join(digest.sentences(audit_of(0, 0, [result("fog(severity=1)", 0, 0)])))
    assert "clean accuracy was not measured" in said
    assert "worst" not in said
    assert "nan" not in said


def test_the_page_calls_nothing_worst_that_is_better(tmp_path: Path) -> None:
    better = audit_of(50, 100, [result("fog(severity=1)", 70, 100), result("linf(eps=0.1)", 50, 100, kind="at_most")])
    text = page(better, tmp_path)
    assert "Lowest without attack" in text
    assert "Lowest under attack" in text
    assert "Worst without attack" not in text
    assert "Worst under attack" not in text
    worse = audit_of(90, 100, [result("fog(severity=1)", 20, 100), result("linf(eps=0.1)", 10, 100, kind="at_most")])
    text = page(worse, tmp_path)
    assert "Worst without attack" in text
    assert "Worst under attack" in text


def test_a_proof_of_nothing_is_not_called_a_proof() -> None:
    attacked = result("linf(eps=0.1)", 10, 100, kind="at_most")
    for proven, words in ((0, "nothing is proven there."), (5, "at least 5.0% is proven.")):
        found = result("linf(eps=0.1)", proven, 100, kind="at_least")
        assert summary(audit_of(90, 100, [attacked, found])).split("\n")[1].endswith(words)


def test_a_condition_that_was_not_judged_has_not_failed(tmp_path: Path) -> None:
    gates = [GateRecord(condition="accuracy < 0.9", failed=True, value=None, detail="missing")]
    audit = audit_of(90, 100, []).model_copy(update={"gates": gates})
    assert "Not judged: accuracy < 0.9: missing" in summary(audit)
    assert "Failed" not in summary(audit)
    text = page(audit, tmp_path)
    assert "1 of 1 condition not judged" in text
    assert "1 of 1 condition failed" not in text


@pytest.mark.parametrize("value", [-0.2, -1e-9, 0.0, 1e-9, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["estimate", "at_least"])
def test_a_drop_falls_only_where_it_falls(value: float, kind: ClaimKind) -> None:
    said = in_words(result("fog(severity=1)", 1, 2, measure="drop", value=value).model_copy(update={"kind": kind}))
    assert ("falls below" in said) == (value > 0)
    assert ("lies above" in said) == (value < 0)
    assert "−−" not in said
    assert "by −" not in said


def test_a_search_that_found_nothing_did_not_find_failures() -> None:
    said = in_words(result("linf(eps=0.1)", 40, 40, kind="at_most"))
    assert said.startswith("No failure was found inside linf(eps=0.1) by gradient_ascent")
    assert "found a failure for each" not in said
    assert "found a failure for each of the others that was right" in in_words(result("linf(eps=0.1)", 0, 40, kind="at_most"))


@given(drop=st.floats(-1, 1), own=st.floats(-1, 1))
@settings(max_examples=80, deadline=None)
def test_moves_take_nothing_where_accuracy_rises(drop: float, own: float) -> None:
    gap = 0.02
    transfers: TransferVerdict = _verdict(drop, own, gap)
    share = drop / own if own > 0 else None
    pair = TransferPair(
        made_on="a", tried_on="b", accuracy=0.5, drop=drop, own_drop=own, share=share, transfers=transfers, beats_own=drop > own + gap
    )
    said = sentence(pair)
    assert "take +" not in said
    assert "take −" not in said
    assert "nan" not in said
    if drop <= 0 and transfers != "nothing to compare":
        assert "they take nothing." in said


@given(right=st.lists(st.sampled_from([0, 1]), min_size=1, max_size=60), floor=st.sampled_from([0.05, 0.5, 0.8, 0.99]))
@settings(max_examples=80, deadline=None)
@example(right=[0, 1, 1, 1, 1], floor=0.8)
def test_a_stress_verdict_reads_at_every_corner(right: list[int], floor: float) -> None:
    curve = stress_curve(right, floor=floor)
    said = stress_verdict(curve)
    assert "between none" not in said
    assert "and none" not in said
    assert "inf" not in said
    assert "nan" not in said
    assert ("%, below the " in said) == (np.mean(right) < floor - 1e-9)
    assert ("%, no higher than the " in said) == (abs(np.mean(right) - floor) < 1e-9)
    assert ("no other mix of these examples" in said) == math.isinf(curve.breaking)
    both = said + breaking_line(curve)
    assert "between none" not in both
    assert "nan" not in both
    assert abs(float(curve.weights.sum()) - 1) < 1e-9
