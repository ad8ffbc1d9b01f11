"""Verdicts on a record whose numbers are known: which number is read, what is said of it, what cannot be judged, and the exit code."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Literal

import pytest

from shiftproof import UsageError
from shiftproof.gate import GateVerdict, available_in, check_against, exit_code, judge, junit, table, verdicts
from shiftproof.records.audit import (
    Audit,
    CellRecord,
    ClaimKind,
    Clean,
    DataCard,
    GateRecord,
    ModelCard,
    NaturalShift,
    Provenance,
    Result,
)

GA, BEST = "gradient_ascent(steps=20)", "best_of_n(n=20)"
NOISE = "gaussian_noise(severity=3)"


def result(
    shift: str,
    search: str,
    measure: str,
    value: float | None,
    kind: ClaimKind,
    *,
    risk: str = "mean",
    group: str | None = None,
    data: str = "own",
    half: float = 0.04,
    flags: tuple[str, ...] = (),
) -> Result:
    return Result(
        cell=f"{shift}/{search}",
        data=data,
        shift=shift,
        family=shift.partition("(")[0],
        search=search,
        risk=risk,
        measure=measure,
        group=group,
        value=value,
        kind=kind,
        interval=None if value is None else (value - half, value + half),
        confidence=0.95,
        n=500,
        forwards_per_example=1,
        backwards_per_example=0,
        seconds=1.5,
        flags=list(flags),
    )


State = Literal["done", "failed", "missing"]


def cell(shift: str, search: str, kind: ClaimKind, state: State, *, data: str = "own", error: str | None = None) -> CellRecord:
    return CellRecord(
        key=f"{shift}/{search}",
        data=data,
        shift=shift,
        shift_full=shift,
        search=search,
        search_full=search,
        access="scores",
        claim="",
        kind=kind,
        state=state,
        error=error,
        n=500,
        seconds=1.5,
        seed=0,
        batch_size=10,
    )


RESULTS = [
    result("identity", "one_draw", "accuracy", 0.95, "estimate"),
    result("identity", "one_draw", "accuracy", 0.70, "estimate", risk="worst_group", group="sex=F & race=B"),
    result("identity", "one_draw", "accuracy", 0.70, "estimate", risk="group", group="sex=F & race=B"),
    result("identity", "one_draw", "accuracy", 0.97, "estimate", risk="group", group="sex=M & race=B"),
    result("identity", "one_draw", "accuracy", None, "estimate", risk="group", group="sex=M & race=W"),
    result("identity", "one_draw", "error_probability", 0.6, "estimate", risk="cvar(alpha=0.1)"),
    result("linf(eps=0.1)", GA, "robust_accuracy", 0.52, "at_most", flags=("zero_gradients",)),
    result("linf(eps=0.1)", BEST, "robust_accuracy", 0.80, "at_most"),
    result("linf(eps=0.1)", "union", "robust_accuracy", 0.51, "at_most"),
    result("linf(eps=0.1)", "mypkg/loose", "certified_accuracy", 0.2, "at_least"),
    result("linf(eps=0.1)", "mypkg/tight(width=3)", "certified_accuracy", 0.4, "at_least"),
    result(NOISE, "one_draw", "accuracy", 0.85, "estimate"),
    result(NOISE, "one_draw", "drop", 0.10, "estimate"),
    result(NOISE, BEST, "robust_accuracy", 0.65, "at_most"),
    result(NOISE, BEST, "drop", 0.30, "at_least"),
    result("l2(eps=1)", GA, "drop", 0.40, "at_least"),
    result("l2(eps=1)", BEST, "drop", 0.20, "at_least"),
    result("identity", "one_draw", "accuracy", 0.78, "estimate", data="far"),
    result("identity", "one_draw", "accuracy", 0.5, "estimate", data="far", risk="worst_group", group="sex=F & race=B"),
]
NATURAL = [
    NaturalShift(source="far", n=300, accuracy=0.78, interval=(0.73, 0.82), difference=-0.17, difference_interval=(-0.22, -0.12)),
    NaturalShift(source="near", n=300, accuracy=0.94, interval=(0.91, 0.96), difference=-0.01, difference_interval=(-0.03, 0.01)),
]


def audit(results: list[Result] | None = None, cells: list[CellRecord] | None = None, natural: list[NaturalShift] | None = None) -> Audit:
    where = Provenance(
        shiftproof="0",
        python="3",
        platform="p",
        versions={},
        device="cpu",
        started="2024-01-02T03:04:05+00:00",
        finished="2024-01-02T03:04:06+00:00",
        seed=0,
        confidence=0.95,
        suite=None,
        command=[],
    )
    cells = cells or []
    return Audit(
        complete=all(c.state == "done" for c in cells),
        model=ModelCard(name="tiny <net>", spec="m.py:tiny", fingerprint="f", access="scores"),
        data=DataCard(uri="own", fingerprint="d", n=500, kind="image", units="[0, 1]", classes=10),
        clean=Clean(accuracy=0.95, interval=(0.93, 0.97), n=500),
        results=RESULTS if results is None else results,
        natural=NATURAL if natural is None else natural,
        cells=cells,
        provenance=where,
    )


def one(condition: str, record: Audit | None = None) -> GateVerdict:
    (found,) = verdicts(record or audit(), [condition])
    return found


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        ("accuracy", 0.95),
        ("accuracy.low", 0.91),
        ("accuracy.high", 0.99),
        ("worst_group.accuracy", 0.70),
        ("accuracy[race=B & sex=F]", 0.70),
        ("cvar(alpha=0.1).error_probability", 0.6),
        ("cvar.error_probability.high", 0.64),
        ("linf(eps=0.1).robust_accuracy", 0.51),  # the least of three upper bounds
        ("linf(eps=0.1).robust_accuracy.high", 0.55),
        ("linf(eps=0.1).pgd.robust_accuracy", 0.52),
        ("linf(eps=0.1).best_of_n(n=20).robust_accuracy", 0.80),
        ("linf(eps=0.1).union.robust_accuracy", 0.51),
        ("linf(eps=0.1).certified_accuracy", 0.4),  # the greatest of two lower bounds
        (f"{NOISE}.accuracy.low", 0.81),
        (f"{NOISE}.drop", 0.10),  # the average case, where both are there
        (f"{NOISE}.best_of_n.drop", 0.30),
        ("l2(eps=1).drop", 0.40),  # the greatest of two lower bounds
        ("natural.accuracy", 0.78),  # the worse of two samples
        ("natural(source='near').accuracy", 0.94),
        ("natural.worst_group.accuracy", 0.5),
    ],
)
def test_which_number_is_read(subject: str, value: float) -> None:
    below, above = one(f"{subject} < {value + 0.005}"), one(f"{subject} < {value - 0.005}")
    assert (below.state, above.state) == ("failed", "held")
    assert below.value == above.value == pytest.approx(value)


EDGES = {"< 0.95": "held", "<= 0.95": "failed", "> 0.95": "held", ">= 0.95": "failed", "< 0.96": "failed", "> 0.94": "failed"}


@pytest.mark.parametrize(("op", "state"), EDGES.items())
def test_operators_at_their_edge(op: str, state: str) -> None:
    assert one(f"accuracy {op}").state == state


def test_a_natural_drop_is_the_difference_turned_round() -> None:
    found = one("natural.drop.high > 0.2")
    assert (found.state, found.value) == ("failed", 0.22)
    assert found.number is not None
    assert (found.number.value, found.number.interval, found.number.label) == (0.17, (0.12, 0.22), "far")
    assert one("natural('near').drop.high > 0.2").state == "held"


def test_for_greater_than_the_worst_sample_is_the_greatest() -> None:
    assert one("natural.accuracy > 0.9").value == 0.94


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("linf(eps=0.1).pgd.robust_accuracy < 0.6", "At most: the truth is this or less. Flags: zero_gradients."),
        ("linf(eps=0.1).pgd.robust_accuracy < 0.5", "At most: the truth is this or less, so it holds as far as was searched."),
        ("linf(eps=0.1).pgd.robust_accuracy > 0.5", "At most: the truth is this or less, so the truth itself may not fail."),
        ("linf(eps=0.1).pgd.robust_accuracy > 0.6", "At most: the truth is this or less. Flags"),
        ("linf(eps=0.1).certified_accuracy < 0.5", "At least: the truth is this or more, so the truth itself may not fail."),
        ("linf(eps=0.1).certified_accuracy < 0.3", "At least: the truth is this or more. It is"),
        ("l2(eps=1).drop > 0.1", "At least: the truth is this or more. It is the greatest of 2"),
        ("l2(eps=1).drop > 0.5", "At least: the truth is this or more, so it holds as far as was searched."),
        ("accuracy < 0.5", "0.95 by one_draw, 95% interval [0.91, 0.99], 500 examples. An estimate: a sample mean."),
        (
            "linf(eps=0.1).robust_accuracy < 0.6",
            "0.51 by union, 95% interval [0.47, 0.55], 500 examples. At most: the truth is this or less. It is the least of 3: ",
        ),
        (
            "linf(eps=0.1).robust_accuracy < 0.6",
            " It is the least of 3: gradient_ascent(steps=20) 0.52, best_of_n(n=20) 0.8, union 0.51.",
        ),
        (f"{NOISE}.drop > 0.5", "This is the average case; name a search for its worst case."),
        ("natural.accuracy < 0.8", "It is the nearest to failing of 2: far 0.78, near 0.94."),
        ("worst_group.accuracy < 0.8", "0.7 by one_draw on sex=F & race=B, 95% interval"),
    ],
)
def test_the_detail_says(condition: str, words: str) -> None:
    assert words in one(condition).detail


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("accuracy[sex=M & race=W] < 0.1", "Could not be judged: nothing was measured there (no examples, or no interval)."),
        ("accuracy[sex=M] < 0.1", "matches no number of this run"),
        ("linf(eps=0.2).robust_accuracy < 0.1", "Nearest: linf(eps=0.1)"),
    ],
)
def test_a_number_that_is_not_there_is_never_held(condition: str, words: str) -> None:
    found = one(condition)
    assert (found.state, found.value, found.number) == ("unjudged", None, None)
    assert words in found.detail
    assert found.record().failed is True
    assert exit_code([found.record()], complete=True) == 2


def test_an_unclear_name_is_not_judged() -> None:
    found = one(
        "linf(eps=0.1).best_of_n.robust_accuracy < 0.1",
        audit([result("linf(eps=0.1)", f"best_of_n(n={n})", "robust_accuracy", 0.5, "at_most") for n in (5, 6)]),
    )
    assert found.state == "unjudged"
    assert "fits several of this run" in found.detail


def test_an_interval_that_is_not_there() -> None:
    bare = RESULTS[0].model_copy(update={"interval": None})
    assert one("accuracy < 0.5", audit([bare])).state == "held"
    assert one("accuracy.low < 0.5", audit([bare])).state == "unjudged"


def test_clean_accuracy_is_read_from_the_card_where_no_result_has_it() -> None:
    found = one("clean.accuracy.low < 0.94", audit([]))
    assert (found.state, found.value) == ("failed", 0.93)


UNFINISHED = [
    cell("linf(eps=0.1)", GA, "at_most", "done"),
    cell("linf(eps=0.1)", BEST, "at_most", "failed", error="Traceback\n\x1b[31mBoom <&>\x1b[0m"),
]


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ("linf(eps=0.1).robust_accuracy < 0.5", "unjudged"),  # the missing search may find less
        ("linf(eps=0.1).robust_accuracy < 0.6", "failed"),  # and can only find less
        ("linf(eps=0.1).robust_accuracy > 0.5", "unjudged"),
        ("linf(eps=0.1).best_of_n.robust_accuracy < 0.9", "unjudged"),
        ("linf(eps=0.1).pgd.robust_accuracy < 0.5", "held"),
        ("linf(eps=0.1).union.robust_accuracy < 0.5", "unjudged"),
        ("linf(eps=0.1).certified_accuracy < 0.3", "held"),
        ("accuracy < 0.5", "held"),
    ],
)
def test_unfinished_cells(condition: str, state: str) -> None:
    results = [r for r in RESULTS if (r.shift, r.search) != ("linf(eps=0.1)", BEST) and r.search != "union"]
    found = one(condition, audit(results, UNFINISHED))
    assert found.state == state
    if state == "unjudged":
        assert "Could not be judged: linf(eps=0.1) under best_of_n(n=20) is failed. Run again" in found.detail
    if state == "failed":
        assert "Other numbers that it is about are missing, and could not excuse it." in found.detail


def test_numbers_of_part_of_a_cell_are_not_used() -> None:
    part = [cell("identity", "one_draw", "estimate", "missing")]
    found = one("accuracy < 0.99", audit(cells=part))
    assert found.state == "unjudged"
    assert "identity under one_draw is unfinished" in found.detail


def test_an_unfinished_worst_case_does_not_stop_the_average() -> None:
    record = audit([r for r in RESULTS if r.search != BEST], [cell(NOISE, BEST, "at_most", "missing")])
    assert one(f"{NOISE}.drop > 0.2", record).state == "held"


def test_a_worst_case_does_not_stand_in_for_an_unfinished_average() -> None:
    record = audit([r for r in RESULTS if r.search == BEST], [cell(NOISE, "one_draw", "estimate", "missing")])
    assert one(f"{NOISE}.drop > 0.2", record).state == "unjudged"
    assert one(f"{NOISE}.best_of_n.drop > 0.2", record).state == "failed"


@pytest.mark.parametrize(("data", "states"), [("far", ("unjudged", "unjudged", "held")), ("own", ("held", "unjudged", "held"))])
def test_unfinished_samples(data: str, states: tuple[str, ...]) -> None:
    """A drop needs both samples."""
    record = audit(cells=[cell("identity", "one_draw", "estimate", "missing", data=data)])
    conditions = ("natural('far').accuracy < 0.5", "natural('far').drop > 0.5", "natural('near').accuracy < 0.5")
    assert tuple(v.state for v in verdicts(record, conditions)) == states


def gate(failed: bool, value: float | None) -> GateRecord:
    return GateRecord(condition="accuracy < 0.5", failed=failed, value=value, detail="")


@pytest.mark.parametrize(
    ("records", "complete", "code"),
    [
        ([], True, 0),
        ([], False, 2),
        ([gate(False, 0.6)], True, 0),
        ([gate(False, 0.6)], False, 2),
        ([gate(False, 0.6), gate(True, 0.4)], True, 1),
        ([gate(True, 0.4)], False, 1),
        ([gate(False, 0.6), gate(True, None)], True, 2),
        ([gate(True, 0.4), gate(True, None)], True, 1),
    ],
)
def test_exit_codes(records: list[GateRecord], complete: bool, code: int) -> None:
    assert exit_code(records, complete) == code


def test_records_keep_the_order_and_the_canonical_form() -> None:
    found = judge(audit(), ["linf(0.1).pgd.robust_accuracy<60%", "accuracy < 0.9"])
    assert [(r.condition, r.failed, r.value) for r in found] == [
        ("linf(eps=0.1).gradient_ascent.robust_accuracy < 0.6", True, 0.52),
        ("accuracy < 0.9", False, 0.95),
    ]


def test_a_condition_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(UsageError, match="Unknown measure"):
        judge(audit(), ["accurracy < 0.5"])


def test_a_run_says_what_it_has() -> None:
    record = audit()
    check_against(
        ["linf(eps=0.1).pgd.robust_accuracy < 0.6", "natural('far').drop > 0.1", "accuracy[sex=M & race=B] < 0.5"], available_in(record)
    )
    with pytest.raises(UsageError, match="matches no number"):
        check_against(["natural('fat').drop > 0.1"], available_in(record))


def test_the_table() -> None:
    lines = table(verdicts(audit(), ["accuracy < 0.9", "linf(eps=0.1).pgd.robust_accuracy < 0.6", "accuracy[sex=X] < 0.5"])).splitlines()
    assert lines[0].split() == ["fails", "if", "state", "value", "interval", "kind", "n"]
    assert lines[1].split()[3:] == ["held", "0.95", "[0.91,", "0.99]", "estimate", "500"]
    assert lines[2].split()[3:] == ["failed", "0.52", "[0.48,", "0.56]", "at_most", "500"]
    assert lines[3].split()[3:] == ["unjudged", "-", "-", "-", "-"]
    assert len({line.index(word) for line, word in zip(lines[1:4], ("held", "failed", "unjudged"), strict=True)}) == 1
    assert lines[4].startswith("linf(eps=0.1).gradient_ascent.robust_accuracy < 0.6: 0.52 by")
    assert len(lines) == 6


ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "properties": set[str](),
    "property": {"name", "value"},
    "system-out": set[str](),
}
"""What the usual JUnit schemas allow, by element."""


def test_junit() -> None:
    record = audit([r for r in RESULTS if r.search != BEST], UNFINISHED)
    gates = judge(record, ["accuracy < 0.9", "worst_group.accuracy < 0.8", 'accuracy[name="<&\\"é"] < 0.5'])
    text = junit(record, gates)
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n')
    root = ET.fromstring(text.encode())
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
    (suite,) = root
    assert [child.tag for child in suite] == ["properties", "testcase", "testcase", "testcase", "testcase"]
    assert root.attrib == {"name": "shiftproof", "tests": "4", "failures": "1", "errors": "2", "time": "3.000"}
    assert (suite.get("name"), suite.get("timestamp"), suite.get("tests")) == ("tiny <net>", "2024-01-02T03:04:05", "4")
    held, failed, unjudged, broken = suite.findall("testcase")
    assert [child.tag for child in held] == ["system-out"]
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == "worst_group.accuracy < 0.8: it is 0.7"
    assert failure.text is not None
    assert "0.7 by one_draw on sex=F & race=B" in failure.text
    assert unjudged.get("name") == 'accuracy[name="<&\\"é"] < 0.5'
    assert [child.tag for child in unjudged] == ["error"]
    error = broken.find("error")
    assert error is not None
    assert (broken.get("classname"), broken.get("time"), error.get("type")) == ("shiftproof.cell", "1.500", "failed")
    assert error.text == "Traceback\n\ufffd[31mBoom <&>\ufffd[0m"


def test_junit_of_a_run_without_conditions() -> None:
    root = ET.fromstring(junit(audit(cells=[cell("identity", "one_draw", "estimate", "done")]), []))
    assert root.attrib == {"name": "shiftproof", "tests": "0", "failures": "0", "errors": "0", "time": "1.500"}
